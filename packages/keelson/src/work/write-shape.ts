/** The shapes of writes: which columns of a table a statement writes, and what guards it; worked out once each. */
import { KeelsonError } from '../errors.ts';
import type { ColumnInfo } from '../schema/table.ts';
import type { EntityMeta } from './entity.ts';

/** What a write does. */
export type WriteAction = 'insert' | 'update' | 'delete';

/** What makes sure that nobody else changed the row since it was read: see docs/decisions/guarded-writes.md. */
export type Guard = 'none' | 'version' | 'state' | 'values';

/** One parameter of a statement: a column of the row as it will be, or as it was. */
export interface Input {
  readonly column: ColumnInfo;
  /** Its position in the row. */
  readonly index: number;
  readonly isOld: boolean;
}

/** All writes of one shape are written by one statement. */
export interface WriteShape {
  readonly meta: EntityMeta;
  readonly action: WriteAction;
  readonly guard: Guard;
  /** The columns that the statement writes, the version and the time of change among them. */
  readonly columns: readonly ColumnInfo[];
  /** The columns whose old values the statement compares. */
  readonly guarded: readonly ColumnInfo[];
  /** The columns that the unit of work sets by itself: times and the version. */
  readonly automatic: readonly Input[];
  /** What the statement is given for each row: the key, the new values, the old values that guard it. */
  readonly inputs: readonly Input[];
}

/** How many shapes of one table are kept; a program has few, since they come from its code. */
const SHAPES_MAX = 1_000;

const known = new WeakMap<EntityMeta, Map<string, WriteShape>>();

/**
 * The shape of a write; `changed` are the positions of the columns to write, in the order of the table.
 *
 * @throws MISUSE when a key or a version was changed
 */
export function shapeOf(meta: EntityMeta, action: WriteAction, changed: readonly number[], guard: Guard): WriteShape {
  const shapes = known.get(meta) ?? new Map<string, WriteShape>();
  known.set(meta, shapes);
  const key = `${action} ${guard} ${changed.join()}`;
  let shape = shapes.get(key);
  if (shape === undefined) {
    if (shapes.size >= SHAPES_MAX) shapes.clear();
    shape = createShape(meta, action, changed, guard);
    shapes.set(key, shape);
  }
  return shape;
}

/** What guards a write to a row that this unit of work does not hold. */
export function guardOf(meta: EntityMeta): Guard {
  if (meta.versionColumn !== undefined) return 'version';
  return meta.stateColumn === undefined ? 'values' : 'state';
}

function createShape(meta: EntityMeta, action: WriteAction, changed: readonly number[], guard: Guard): WriteShape {
  const { table } = meta;
  const named = changed.flatMap((index) => table.columns[index] ?? []);
  if (action === 'update') refuseUnwritable(meta, named);
  const input = (column: ColumnInfo, isOld: boolean): Input => ({ column, index: table.columns.indexOf(column), isOld });
  const added =
    action === 'update'
      ? [meta.versionColumn, meta.updatedAtColumn].filter((column) => column !== undefined && !named.includes(column))
      : [];
  const columns = [...named, ...added.flatMap((column) => column ?? [])];
  const automatic =
    action === 'insert' ? named.filter(({ role }) => role === 'createdAt' || role === 'updatedAt') : columns.slice(named.length);
  const guarded = guardedColumns(meta, named, guard);
  const inputs = [
    ...(action === 'insert' ? [] : table.primaryKey.map((column) => input(column, true))),
    ...columns.map((column) => input(column, false)),
    ...guarded.map((column) => input(column, true)),
  ];
  return { meta, action, guard, columns, guarded, inputs, automatic: automatic.map((column) => input(column, false)) };
}

function refuseUnwritable(meta: EntityMeta, changed: readonly ColumnInfo[]): void {
  const { name, primaryKey } = meta.table;
  const key = changed.find((column) => primaryKey.includes(column));
  if (key !== undefined) {
    throw new KeelsonError('MISUSE', {
      message: `The key ${key.key} of a ${name} row was changed.`,
      hint: 'Remove the row and add another.',
    });
  }
  if (meta.versionColumn !== undefined && changed.includes(meta.versionColumn)) {
    throw new KeelsonError('MISUSE', { message: `The version of a ${name} row was assigned; it counts by itself.` });
  }
}

function guardedColumns(meta: EntityMeta, written: readonly ColumnInfo[], guard: Guard): readonly ColumnInfo[] {
  switch (guard) {
    case 'none':
      return [];
    case 'version':
      return meta.versionColumn === undefined ? [] : [meta.versionColumn];
    case 'state':
      return meta.stateColumn === undefined ? [] : [meta.stateColumn];
    case 'values':
      return [...written];
  }
}
