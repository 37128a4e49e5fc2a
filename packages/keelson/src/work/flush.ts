/** Changes as statements: one for each group of rows, whatever their number, in chunks whose order the planner keeps. */
import { columnType } from '../schema/ddl.ts';
import { encodeArray, type Encoded } from '../schema/encode.ts';
import { quoteName, type Statement, type Statements } from '../schema/sql.ts';
import type { ColumnInfo } from '../schema/table.ts';
import type { Change, ChangeGroup } from './changes.ts';
import type { WriteShape } from './write-shape.ts';

/** Beyond so many rows one statement holds too much at once. */
const ROWS_PER_STATEMENT_MAX = 1_000;

/** A statement of a flush, with the rows that it writes. */
export interface FlushStatement {
  readonly statement: Statement;
  readonly group: ChangeGroup;
  readonly changes: readonly Change[];
}

/** The statements of a flush. */
export function renderFlush(groups: readonly ChangeGroup[], statements: Statements): FlushStatement[] {
  return groups.flatMap((group) => {
    const [only, second] = group.changes;
    if (only !== undefined && second === undefined)
      return { statement: statementForOne(group.shape, only, statements), group, changes: group.changes };
    return chunked(group.changes).map((changes) => ({ statement: statementForMany(group.shape, changes, statements), group, changes }));
  });
}

function chunked(changes: readonly Change[]): (readonly Change[])[] {
  const chunks: (readonly Change[])[] = [];
  for (let start = 0; start < changes.length; start += ROWS_PER_STATEMENT_MAX)
    chunks.push(changes.slice(start, start + ROWS_PER_STATEMENT_MAX));
  return chunks;
}

function statementForOne(shape: WriteShape, { row, tracked }: Change, statements: Statements): Statement {
  const text = textOf(oneTexts, shape, statements.namespace, renderOne);
  return { text, name: statements.name(text), values: shape.inputs.map(({ index, isOld }) => cell(isOld ? tracked.row : row, index)) };
}

function statementForMany(shape: WriteShape, changes: readonly Change[], statements: Statements): Statement {
  const text = textOf(manyTexts, shape, statements.namespace, renderMany);
  const values: Encoded[] = shape.inputs.map(({ index, isOld }) =>
    encodeArray(
      changes.map(({ row, tracked }) => cell(isOld ? tracked.row : row, index)),
      asText,
    ),
  );
  if (shape.guard !== 'none') values.push(String(changes.length));
  return { text, name: statements.name(text), values };
}

/** The texts of a shape by namespace. */
type Texts = WeakMap<WriteShape, Map<string, string>>;

const oneTexts: Texts = new WeakMap();
const manyTexts: Texts = new WeakMap();

function textOf(texts: Texts, shape: WriteShape, namespace: string, render: (shape: WriteShape, namespace: string) => string): string {
  const byNamespace = texts.get(shape) ?? new Map<string, string>();
  texts.set(shape, byNamespace);
  const text = byNamespace.get(namespace) ?? render(shape, namespace);
  byNamespace.set(namespace, text);
  return text;
}

function renderOne(shape: WriteShape, namespace: string): string {
  const { table } = shape.meta;
  const target = `${quoteName(namespace)}.${quoteName(table.name)}`;
  if (shape.action === 'insert') {
    const names = shape.columns.map((column) => quoteName(column.name));
    return `insert into ${target} (${names.join(', ')}) values (${names.map((_, index) => `$${index + 1}`).join(', ')})${returning(shape)}`;
  }
  let position = 0;
  const next = (): string => `$${(position += 1)}`;
  const keys = table.primaryKey.map((column) => `${quoteName(column.name)} = ${next()}`);
  const sets = shape.columns.map((column) => `${quoteName(column.name)} = ${next()}`);
  const guards = shape.guarded.map((column) => `${quoteName(column.name)} is not distinct from ${next()}`);
  const where = [...keys, ...guards].join(' and ');
  const statement =
    shape.action === 'delete' ? `delete from ${target} where ${where}` : `update ${target} set ${sets.join(', ')} where ${where}`;
  return shape.guard === 'none' ? `${statement}${returning(shape)}` : guarded(shape, statement, { proof: '1 / count(*)::int' });
}

function renderMany(shape: WriteShape, namespace: string): string {
  const { table } = shape.meta;
  const target = `${quoteName(namespace)}.${quoteName(table.name)}`;
  const { inputs } = shape;
  const aliases = inputs.map((_, index) => `c${index}`);
  const source = `unnest(${inputs.map(({ column }, index) => `$${index + 1}::${transportType(column, namespace)}[]`).join(', ')}) as v(${aliases.join(', ')})`;
  const value = (index: number): string => {
    const column = inputs[index]?.column;
    return column?.isArray === true ? `v.c${index}::${columnType(column, namespace)}` : `v.c${index}`;
  };
  if (shape.action === 'insert') {
    const names = shape.columns.map((column) => quoteName(column.name)).join(', ');
    return `insert into ${target} (${names}) select ${shape.columns.map((_, index) => value(index)).join(', ')} from ${source}${returning(shape)}`;
  }
  const keyCount = table.primaryKey.length;
  const keys = table.primaryKey.map((column, index) => `t.${quoteName(column.name)} = ${value(index)}`);
  const sets = shape.columns.map((column, index) => `${quoteName(column.name)} = ${value(keyCount + index)}`);
  const offset = keyCount + shape.columns.length;
  const guards = shape.guarded.map((column, index) => `t.${quoteName(column.name)} is not distinct from ${value(offset + index)}`);
  const isHeld = shape.guard === 'none';
  const where = [...keys, ...guards, ...(isHeld ? [] : [`(${keyNames(shape, 't.')}) in (select ${keyNames(shape)} from l)`])].join(' and ');
  const statement =
    shape.action === 'delete'
      ? `delete from ${target} as t using ${source} where ${where}`
      : `update ${target} as t set ${sets.join(', ')} from ${source} where ${where}`;
  if (isHeld) return `${statement}${returning(shape, 't.')}`;
  const locks = `l as (${lockInOrder(shape, target, namespace)}), `;
  return guarded(shape, statement, { proof: `1 / (count(*) = $${inputs.length + 1}::int)::int`, prefix: 't.', locks });
}

/**
 * Locks the rows in the order of their keys before any is written: the planner may join a small table by hashing, and would then write
 * in the order of the table, where two units of work deadlock.
 */
function lockInOrder(shape: WriteShape, target: string, namespace: string): string {
  const arrays = shape.meta.table.primaryKey.map((column, index) => `$${index + 1}::${transportType(column, namespace)}[]`);
  const names = keyNames(shape);
  return `select ${names} from ${target} where (${names}) in (select * from unnest(${arrays.join(', ')})) order by ${names} for update`;
}

function keyNames(shape: WriteShape, prefix = ''): string {
  return shape.meta.table.primaryKey.map((column) => `${prefix}${quoteName(column.name)}`).join(', ');
}

interface Guarding {
  readonly proof: string;
  readonly prefix?: string;
  /** A common table expression that comes first. */
  readonly locks?: string;
}

/** A statement that fails with a division by zero when a row was not there as it was read, so that COMMIT may follow blind. */
function guarded(shape: WriteShape, statement: string, { proof, prefix = '', locks = '' }: Guarding): string {
  const made = returning(shape, prefix);
  if (made === '') return `with ${locks}u as (${statement} returning 1) select ${proof} from u`;
  return `with ${locks}u as (${statement}${made}) select u.*, g.proof from (select ${proof} as proof from u) as g left join u on true`;
}

/** Only what the database makes needs to be read back; the key tells which row is which. */
function returning(shape: WriteShape, prefix = ''): string {
  const { meta } = shape;
  if (shape.action === 'delete' || !meta.hasDatabaseMade) return '';
  return ` returning ${meta.table.columns.map((column) => `${prefix}${quoteName(column.name)}`).join(', ')}`;
}

/** Arrays cannot nest in unnest, so they travel as text; and a cast to varchar(n) would cut silently. */
function transportType(column: ColumnInfo, namespace: string): string {
  if (column.isArray) return 'text';
  if (column.lengthMax !== undefined) return 'varchar';
  return column.sqlType.startsWith('numeric') ? 'numeric' : columnType(column, namespace);
}

function cell(row: readonly (string | null)[] | undefined, index: number): string | null {
  return row?.[index] ?? null;
}

function asText(value: unknown): Encoded {
  return typeof value === 'string' ? value : null;
}
