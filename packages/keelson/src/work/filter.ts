/** Finder objects: conditions on columns, made into SQL whose text depends on the shape alone. */
import { KeelsonError } from '../errors.ts';
import { encodeColumn } from '../schema/codec.ts';
import { encode, encodeArray, type Encoded } from '../schema/encode.ts';
import { quoteName } from '../schema/sql.ts';
import type { ColumnInfo, TableInfo } from '../schema/table.ts';
import type { KeysOf } from './entity.ts';

/** Comparisons of one column; several must all hold. */
export interface Comparison<T> {
  readonly gt?: T;
  readonly gte?: T;
  readonly lt?: T;
  readonly lte?: T;
  readonly not?: T | null;
  /** A pattern of SQL's LIKE; `%` and `_` are its wild cards. */
  readonly like?: string;
  /** An element of an array column. */
  readonly has?: T extends readonly (infer I)[] ? I : never;
}

/** A value, null, a list of values of which one must match, or comparisons. */
export type Condition<T> = T | readonly NonNullable<T>[] | Comparison<NonNullable<T>>;

/** Conditions on the columns of an entity; all must hold. `undefined` is refused: it would mean everything. */
export type Filter<E> = { readonly [K in KeysOf<E>]?: Condition<E[K]> };

/** A column to order by; with a minus in front the greatest first. */
export type OrderBy<E> = KeysOf<E> | `-${KeysOf<E> & string}`;

/** Which rows of those that match, and in which order. */
export interface ListOptions<E> {
  readonly orderBy?: OrderBy<E> | readonly OrderBy<E>[] | undefined;
  /** How many at the most: 100 when not said, never more than 1,000. */
  readonly limit?: number | undefined;
  readonly offset?: number | undefined;
}

/** A `where` clause and its parameters; `shape` is the same for the same text. */
export interface Where {
  readonly shape: string;
  readonly text: string;
  readonly values: Encoded[];
}

/** How many rows one call lists when it does not say. */
const LIST_LIMIT_DEFAULT = 100;
/** How many rows one call may list. */
const LIST_LIMIT_MAX = 1_000;
/** How far a list may skip; beyond it, filter by a key instead. */
const OFFSET_MAX = 1_000_000;

const operators = { gt: '>', gte: '>=', lt: '<', lte: '<=', not: 'is distinct from', like: 'like' } as const;

/**
 * The `where` clause of a filter.
 *
 * @throws MISUSE for an unknown column, `undefined`, or a comparison that the column cannot have
 */
export function whereOf(table: TableInfo, filter: Readonly<Record<string, unknown>>): Where {
  const clauses: string[] = [];
  const values: Encoded[] = [];
  for (const [key, condition] of Object.entries(filter)) {
    const column = table.byKey.get(key);
    if (column === undefined) throw new KeelsonError('MISUSE', { message: `${table.name} has no column ${key} to filter by.` });
    if (condition === undefined)
      throw new KeelsonError('MISUSE', {
        message: `The filter of ${table.name} has no value for ${key}.`,
        hint: 'Leave the column out, or filter by null.',
      });
    addCondition(column, condition, clauses, values);
  }
  const text = clauses.length === 0 ? '' : ` where ${clauses.join(' and ')}`;
  return { shape: text, text, values };
}

/** The `order by` clause; lists end with the key, so that pages never overlap. */
export function orderOf(table: TableInfo, orderBy: string | readonly string[] | undefined, endsWithKey: boolean): string {
  const wanted = orderBy === undefined ? [] : typeof orderBy === 'string' ? [orderBy] : orderBy;
  const parts = wanted.map((entry) => {
    const isDescending = entry.startsWith('-');
    const column = table.byKey.get(isDescending ? entry.slice(1) : entry);
    if (column === undefined) throw new KeelsonError('MISUSE', { message: `${table.name} has no column ${entry} to order by.` });
    return { column, suffix: isDescending ? ' desc' : '' };
  });
  const suffix = parts.at(-1)?.suffix ?? '';
  const missing = endsWithKey ? table.primaryKey.filter((key) => parts.every(({ column }) => column !== key)) : [];
  const all = [...parts, ...missing.map((column) => ({ column, suffix }))];
  return all.length === 0
    ? ''
    : ` order by ${all.map(({ column, suffix: direction }) => `${quoteName(column.name)}${direction}`).join(', ')}`;
}

/**
 * How many rows, as a parameter.
 *
 * @throws MISUSE when it is no whole number from 1 to 1,000
 */
export function limitOf(limit: number = LIST_LIMIT_DEFAULT): string {
  if (Number.isInteger(limit) && limit >= 1 && limit <= LIST_LIMIT_MAX) return String(limit);
  throw new KeelsonError('MISUSE', { message: `A limit of ${limit} rows is not between 1 and ${LIST_LIMIT_MAX}.` });
}

/**
 * How many rows to skip, as a parameter.
 *
 * @throws MISUSE when it is no whole number from 0 to 1,000,000
 */
export function offsetOf(offset: number): string {
  if (Number.isInteger(offset) && offset >= 0 && offset <= OFFSET_MAX) return String(offset);
  throw new KeelsonError('MISUSE', { message: `An offset of ${offset} rows is not between 0 and ${OFFSET_MAX}.` });
}

function addCondition(column: ColumnInfo, condition: unknown, clauses: string[], values: Encoded[]): void {
  const name = quoteName(column.name);
  if (condition === null) {
    clauses.push(`${name} is null`);
  } else if (Array.isArray(condition) && !column.isArray) {
    clauses.push(`${name} = any($${values.push(encodeList(column, condition))})`);
  } else if (isComparison(column, condition)) {
    for (const [operator, operand] of Object.entries(condition)) clauses.push(compare(column, operator, operand, values));
  } else if (column.kind === 'json') {
    throw new KeelsonError('MISUSE', {
      message: `${column.key} holds JSON, which a finder object cannot compare.`,
      hint: 'Write the condition with sql`…`.',
    });
  } else {
    clauses.push(`${name} = $${values.push(encodeColumn(column, condition))}`);
  }
}

function isComparison(column: ColumnInfo, condition: unknown): condition is Readonly<Record<string, unknown>> {
  if (
    typeof condition !== 'object' ||
    condition === null ||
    condition instanceof Date ||
    condition instanceof Uint8Array ||
    Array.isArray(condition)
  )
    return false;
  return column.kind !== 'json' || Object.keys(condition).every((key) => Object.hasOwn(operators, key));
}

function compare(column: ColumnInfo, operator: string, operand: unknown, values: Encoded[]): string {
  const name = quoteName(column.name);
  if (operand === undefined) throw new KeelsonError('MISUSE', { message: `The filter has no value for ${operator} of ${column.key}.` });
  if (operator === 'has' && column.isArray) return `${name} @> $${values.push(encodeColumn(column, [operand]))}`;
  if (operator === 'not' && operand === null) return `${name} is not null`;
  if (!Object.hasOwn(operators, operator))
    throw new KeelsonError('MISUSE', {
      message: `A filter of ${column.key} knows no ${operator}.`,
      hint: `It knows ${Object.keys(operators).join(', ')}.`,
    });
  const encoded = operator === 'like' ? encode(operand) : encodeColumn(column, operand);
  return `${name} ${operators[parseOperator(operator)]} $${values.push(encoded)}`;
}

function encodeList(column: ColumnInfo, items: readonly unknown[]): Encoded {
  return encodeArray(items, (item) => {
    if (item === null || item === undefined)
      throw new KeelsonError('MISUSE', { message: `A list of values for ${column.key} has an empty one.` });
    return encodeColumn(column, item);
  });
}

function parseOperator(operator: string): keyof typeof operators {
  return operator as keyof typeof operators;
}
