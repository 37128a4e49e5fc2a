/** Changes as statements: one for each group of rows, whatever their number, in chunks whose order the planner keeps. */
import { KeelsonError } from '../errors.ts';
import { columnType } from '../schema/ddl.ts';
import { encodeArray, type Encoded } from '../schema/encode.ts';
import { quoteName, type Statement, type Statements } from '../schema/sql.ts';
import type { ColumnInfo } from '../schema/table.ts';
import type { Change, ChangeGroup } from './changes.ts';

/** Beyond so many rows the planner joins by hashing, and the order that keeps us from deadlocks is gone. */
export const ROWS_PER_STATEMENT_MAX = 1_000;

/** A statement of a flush, with the rows that it writes. */
export interface FlushStatement {
  readonly statement: Statement;
  readonly group: ChangeGroup;
  readonly changes: readonly Change[];
}

/** The statements of a flush. */
export function renderFlush(groups: readonly ChangeGroup[], statements: Statements): FlushStatement[] {
  return groups.flatMap((group) => {
    const chunks: FlushStatement[] = [];
    for (let start = 0; start < group.changes.length; start += ROWS_PER_STATEMENT_MAX) {
      const changes =
        group.changes.length <= ROWS_PER_STATEMENT_MAX ? group.changes : group.changes.slice(start, start + ROWS_PER_STATEMENT_MAX);
      chunks.push({ statement: renderGroup(group, changes, statements), group, changes });
    }
    return chunks;
  });
}

function renderGroup(group: ChangeGroup, changes: readonly Change[], statements: Statements): Statement {
  const isOne = changes.length === 1;
  const text = textOf(group, isOne, statements.namespace);
  const inputs = inputsOf(group);
  const [first] = changes;
  if (first === undefined) throw new KeelsonError('MISUSE', { message: 'A flush has no rows to write.' });
  const values: Encoded[] = isOne
    ? inputs.map(({ index, isOld }) => cell(isOld ? first.tracked.row : first.row, index))
    : inputs.map(({ index, isOld }) =>
        encodeArray(
          changes.map((change) => cell(isOld ? change.tracked.row : change.row, index)),
          asText,
        ),
      );
  if (!isOne && group.guard !== 'none') values.push(String(changes.length));
  return { text, name: statements.name(text), values };
}

interface Input {
  readonly column: ColumnInfo;
  /** Its position in the row. */
  readonly index: number;
  readonly isOld: boolean;
}

/** What a statement is given for each row: the key, the new values, the old values that guard it. */
function inputsOf(group: ChangeGroup): Input[] {
  const { table } = group.map.meta;
  const input = (column: ColumnInfo, isOld: boolean): Input => ({ column, index: table.columns.indexOf(column), isOld });
  if (group.action === 'insert') return group.columns.map((column) => input(column, false));
  return [
    ...table.primaryKey.map((column) => input(column, true)),
    ...group.columns.map((column) => input(column, false)),
    ...group.guarded.map((column) => input(column, true)),
  ];
}

const texts = new WeakMap<ChangeGroup['map']['meta'], Map<string, string>>();

function textOf(group: ChangeGroup, isOne: boolean, namespace: string): string {
  const { meta } = group.map;
  const byShape = texts.get(meta) ?? new Map<string, string>();
  texts.set(meta, byShape);
  const shape = [namespace, group.action, group.guard, isOne, ...group.columns.map((column) => column.name)].join();
  let text = byShape.get(shape);
  if (text === undefined) {
    text = isOne ? renderOne(group, namespace) : renderMany(group, namespace);
    byShape.set(shape, text);
  }
  return text;
}

function renderOne(group: ChangeGroup, namespace: string): string {
  const { table } = group.map.meta;
  const target = `${quoteName(namespace)}.${quoteName(table.name)}`;
  if (group.action === 'insert') {
    const names = group.columns.map((column) => quoteName(column.name));
    return `insert into ${target} (${names.join(', ')}) values (${names.map((_, index) => `$${index + 1}`).join(', ')})${returning(group)}`;
  }
  let position = 0;
  const next = (): string => `$${(position += 1)}`;
  const keys = table.primaryKey.map((column) => `${quoteName(column.name)} = ${next()}`);
  const sets = group.columns.map((column) => `${quoteName(column.name)} = ${next()}`);
  const guards = group.guarded.map((column) => `${quoteName(column.name)} is not distinct from ${next()}`);
  const where = [...keys, ...guards].join(' and ');
  const statement =
    group.action === 'delete' ? `delete from ${target} where ${where}` : `update ${target} set ${sets.join(', ')} where ${where}`;
  return group.guard === 'none' ? `${statement}${returning(group)}` : guarded(group, statement, '1 / count(*)::int');
}

function renderMany(group: ChangeGroup, namespace: string): string {
  const { table } = group.map.meta;
  const target = `${quoteName(namespace)}.${quoteName(table.name)}`;
  const inputs = inputsOf(group);
  const aliases = inputs.map((_, index) => `c${index}`);
  const source = `unnest(${inputs.map(({ column }, index) => `$${index + 1}::${transportType(column, namespace)}[]`).join(', ')}) as v(${aliases.join(', ')})`;
  const value = (index: number): string => {
    const column = inputs[index]?.column;
    return column?.isArray === true ? `v.c${index}::${columnType(column, namespace)}` : `v.c${index}`;
  };
  if (group.action === 'insert') {
    const names = group.columns.map((column) => quoteName(column.name)).join(', ');
    return `insert into ${target} (${names}) select ${group.columns.map((_, index) => value(index)).join(', ')} from ${source}${returning(group)}`;
  }
  const keyCount = table.primaryKey.length;
  const keys = table.primaryKey.map((column, index) => `t.${quoteName(column.name)} = ${value(index)}`);
  const sets = group.columns.map((column, index) => `${quoteName(column.name)} = ${value(keyCount + index)}`);
  const offset = keyCount + group.columns.length;
  const guards = group.guarded.map((column, index) => `t.${quoteName(column.name)} is not distinct from ${value(offset + index)}`);
  const where = [...keys, ...guards].join(' and ');
  const statement =
    group.action === 'delete'
      ? `delete from ${target} as t using ${source} where ${where}`
      : `update ${target} as t set ${sets.join(', ')} from ${source} where ${where}`;
  if (group.guard === 'none') return `${statement}${returning(group, 't.')}`;
  return guarded(group, statement, `1 / (count(*) = $${inputs.length + 1}::int)::int`, 't.');
}

/** A statement that fails with a division by zero when a row was not there as it was read, so that COMMIT may follow blind. */
function guarded(group: ChangeGroup, statement: string, proof: string, prefix = ''): string {
  const made = returning(group, prefix);
  if (made === '') return `with u as (${statement} returning 1) select ${proof} from u`;
  return `with u as (${statement}${made}) select u.*, g.proof from (select ${proof} as proof from u) as g left join u on true`;
}

/** Only what the database makes needs to be read back; the key tells which row is which. */
function returning(group: ChangeGroup, prefix = ''): string {
  const { meta } = group.map;
  if (group.action === 'delete' || !meta.hasDatabaseMade) return '';
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
