/** Rows to objects and back: compiled once per table, so that a column costs a few nanoseconds. */
import { parse as parseArray } from 'postgres-array';
import { KeelsonError } from '../errors.ts';
import type { ColumnInfo, TableInfo } from '../schema/table.ts';
import { parseTime, toRfc3339 } from '../schema/time.ts';

/** A row as PostgreSQL sent it, in the order of the table's columns; kept as the snapshot of its entity. */
export type RowText = (string | null)[];

/** An entity as the mappers see it. */
export type Fields = Record<string, unknown>;

/** The compiled mappers of one table. */
export interface Mapper {
  /** A new object of the prototype, filled from a row, without running any constructor. */
  readonly hydrate: (row: RowText) => Fields;
  /** Writes a row over an object. */
  readonly restore: (target: Fields, row: RowText) => void;
  /** The positions of the columns in which an object differs from a row; undefined when it does not. */
  readonly changed: (entity: Fields, row: RowText) => number[] | undefined;
  /** A row as a plain object whose times are RFC 3339 text, ready for JSON. */
  readonly plain: (row: RowText) => Fields;
}

const readers = {
  safe: parseSafeInteger,
  json: (text: string): unknown => JSON.parse(text),
  time: parseTime,
  iso: toRfc3339,
  bytes: (text: string): Buffer => Buffer.from(text.slice(2), 'hex'),
  list: (text: string, element: (item: string) => unknown): unknown[] => parseArray(text, element),
  sameTime: (value: unknown, text: string): boolean => value instanceof Date && Object.is(value.getTime(), parseTime(text).getTime()),
  sameJson: (value: unknown, text: string): boolean => JSON.stringify(value) === JSON.stringify(JSON.parse(text)),
  sameBytes: (value: unknown, text: string): boolean => value instanceof Uint8Array && Buffer.from(text.slice(2), 'hex').equals(value),
  sameList: (value: unknown, stored: unknown[]): boolean => JSON.stringify(value) === JSON.stringify(stored),
};

/** Compiles the mappers of a table; `prototype` is what its entities inherit from. */
export function compileMapper(table: TableInfo, prototype: object): Mapper {
  const fill = table.columns.map((column, index) => `t.${column.key} = ${readerOf(column, index, 'time')};`).join('\n');
  const Shape = build('r', `const t = this;\n${fill}`);
  Shape.prototype = prototype;
  const create = parseConstructor(Shape);
  const literal = table.columns.map((column, index) => `${column.key}: ${readerOf(column, index, 'iso')}`).join(', ');
  return {
    hydrate: (row) => new create(row),
    restore: parseMapper<Mapper['restore']>(build('t', 'r', fill)),
    changed: parseMapper<Mapper['changed']>(build('e', 'r', `let c;\n${table.columns.map(comparison).join('\n')}\nreturn c;`)),
    plain: parseMapper<Mapper['plain']>(build('r', `return { ${literal} };`)),
  };
}

/**
 * Danger: makes code from text. All that stands in it are column keys, which `table()` lets through only as plain
 * identifiers, and positions.
 */
function build(...parts: readonly string[]): Function {
  const body = parts.at(-1) ?? '';
  const names = Object.keys(readers);
  // oxlint-disable-next-line no-new-func, typescript/no-implied-eval -- measured: 21 against 121 ns for a row of 11 columns
  const outer = new Function(...names, `return function (${parts.slice(0, -1).join(', ')}) {\n${body}\n}`);
  return parseMapper<() => Function>(outer)(...parseMapper<[]>(Object.values(readers)));
}

function readerOf(column: ColumnInfo, index: number, time: 'time' | 'iso'): string {
  const cell = `r[${index}]`;
  const value = column.isArray ? `list(${cell}, (x) => ${one(column, 'x', time)})` : one(column, cell, time);
  return value === cell || !column.isNullable ? value : `${cell} === null ? null : ${value}`;
}

function one(column: ColumnInfo, cell: string, time: 'time' | 'iso'): string {
  switch (column.kind) {
    case 'text':
      return cell;
    case 'integer':
    case 'float':
      return `+${cell}`;
    case 'bigint':
      return `safe(${cell})`;
    case 'boolean':
      return `(${cell} === 't')`;
    case 'time':
      return `${time}(${cell})`;
    case 'json':
      return `json(${cell})`;
    case 'bytes':
      return `bytes(${cell})`;
  }
}

function comparison(column: ColumnInfo, index: number): string {
  if (column.generatedSql !== undefined) return '';
  const cell = `r[${index}]`;
  const value = `e.${column.key}`;
  const same = sameAs(column, value, cell, index);
  const differs = same === `${value} === ${cell}` ? `${value} !== ${cell}` : `${cell} === null ? ${value} !== null : !(${same})`;
  return `if (${differs}) (c ??= []).push(${index});`;
}

function sameAs(column: ColumnInfo, value: string, cell: string, index: number): string {
  if (column.isArray) return `sameList(${value}, ${readerOf({ ...column, isNullable: false }, index, 'time')})`;
  switch (column.kind) {
    case 'time':
      return `sameTime(${value}, ${cell})`;
    case 'json':
      return `sameJson(${value}, ${cell})`;
    case 'bytes':
      return `sameBytes(${value}, ${cell})`;
    case 'float':
      return `Object.is(${value}, +${cell})`;
    default:
      return `${value} === ${one(column, cell, 'time')}`;
  }
}

function parseSafeInteger(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value)) return value;
  throw new KeelsonError('DATABASE_ERROR', {
    message: `The number ${text} of a bigint column is too large to be carried exactly.`,
    hint: 'Declare the column as numeric(20, 0), which is carried as text.',
  });
}

// Compiled functions have the type of what they were compiled for.
function parseMapper<T>(compiled: unknown): T {
  return compiled as T;
}

function parseConstructor(shape: unknown): new (row: RowText) => Fields {
  return shape as new (row: RowText) => Fields;
}
