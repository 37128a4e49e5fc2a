/** What a unit of work has to write: found by comparing entities with their rows, grouped, and put into an order that never deadlocks. */
import { KeelsonError } from '../errors.ts';
import { encodeColumn } from '../schema/codec.ts';
import type { Encoded } from '../schema/encode.ts';
import type { ColumnInfo } from '../schema/table.ts';
import type { EntityMeta } from './entity.ts';
import type { IdentityMap, Tracked } from './identity-map.ts';
import type { RowText } from './mapper.ts';

/** How the statement makes sure that nobody else changed the row: see docs/decisions/guarded-writes.md. */
export type Guard = 'none' | 'version' | 'state' | 'values';

/** One row to write. */
export interface Change {
  readonly tracked: Tracked;
  /** The row as it will be; the same object for a deletion. */
  readonly row: RowText;
}

/** Rows of one table that are written in the same way, by one statement. */
export interface ChangeGroup {
  readonly action: 'insert' | 'update' | 'delete';
  readonly map: IdentityMap;
  /** The columns that the statement writes. */
  readonly columns: readonly ColumnInfo[];
  readonly guard: Guard;
  /** The columns whose old values the statement compares. */
  readonly guarded: readonly ColumnInfo[];
  readonly changes: Change[];
}

/** Times of a flush: all rows of one unit carry the same. */
export type TimeOfUnit = () => Date;

/**
 * All that is to be written, in the order of writing: inserts along the foreign keys, updates, deletes against them.
 *
 * @throws MISUSE when a key was changed
 * @throws VALIDATION_ERROR when a column cannot hold its value
 */
export function collectChanges(maps: readonly IdentityMap[], now: TimeOfUnit): ChangeGroup[] {
  const inserts: ChangeGroup[] = [];
  const updates: ChangeGroup[] = [];
  const deletes: ChangeGroup[] = [];
  for (const map of maps) collectTable(map, now, { inserts, updates, deletes });
  for (const group of [...updates, ...deletes]) {
    if (group.changes.length > 1) group.changes.sort(byKey);
  }
  return [...inserts, ...updates, ...deletes.toReversed()];
}

interface Groups {
  readonly inserts: ChangeGroup[];
  readonly updates: ChangeGroup[];
  readonly deletes: ChangeGroup[];
}

function collectTable(map: IdentityMap, now: TimeOfUnit, groups: Groups): void {
  const open = new Map<string, ChangeGroup>();
  for (const tracked of map.values()) {
    const group = groupOf(map, tracked, now);
    if (group === undefined) continue;
    const shape = `${group.action} ${group.guard} ${group.columns.map((column) => column.key).join()}`;
    const known = open.get(shape);
    if (known !== undefined) {
      known.changes.push(...group.changes);
      continue;
    }
    open.set(shape, group);
    if (group.action === 'insert') groups.inserts.push(group);
    else (group.action === 'update' ? groups.updates : groups.deletes).push(group);
  }
}

function groupOf(map: IdentityMap, tracked: Tracked, now: TimeOfUnit): ChangeGroup | undefined {
  if (tracked.row === undefined) return insertOf(map, tracked, now);
  if (tracked.isRemoved) return deleteOf(map, tracked, tracked.row);
  const changed = map.mapper.changed(tracked.entity, tracked.row);
  return changed === undefined ? undefined : updateOf(map, { tracked, row: tracked.row }, changed, now);
}

function insertOf(map: IdentityMap, tracked: Tracked, now: TimeOfUnit): ChangeGroup {
  const { table, writable } = map.meta;
  for (const column of writable) {
    if ((column.role === 'createdAt' || column.role === 'updatedAt') && tracked.entity[column.key] === undefined)
      tracked.entity[column.key] = now();
  }
  const columns = writable.filter((column) => column.defaultSql === undefined || tracked.entity[column.key] !== undefined);
  const written = new Set(columns);
  const row = table.columns.map((column) => (written.has(column) ? textOf(column, tracked.entity[column.key]) : null));
  return { action: 'insert', map, columns, guard: 'none', guarded: [], changes: [{ tracked, row }] };
}

function deleteOf(map: IdentityMap, tracked: Tracked, row: RowText): ChangeGroup {
  const { guard, guarded } = guardOf(map.meta, tracked, []);
  return { action: 'delete', map, columns: [], guard, guarded, changes: [{ tracked, row }] };
}

function updateOf(map: IdentityMap, before: Change, changed: readonly number[], now: TimeOfUnit): ChangeGroup {
  const { table, versionColumn, updatedAtColumn } = map.meta;
  const { tracked } = before;
  const columns = changed.flatMap((index) => table.columns[index] ?? []);
  const key = columns.find((column) => table.primaryKey.includes(column));
  if (key !== undefined)
    throw new KeelsonError('MISUSE', {
      message: `The key ${key.key} of a ${table.name} row was changed.`,
      hint: 'Remove the row and add another.',
    });
  const { guard, guarded } = guardOf(map.meta, tracked, columns);
  if (versionColumn !== undefined) {
    if (columns.includes(versionColumn))
      throw new KeelsonError('MISUSE', { message: `The version of a ${table.name} row was assigned; it counts by itself.` });
    tracked.entity[versionColumn.key] = Number(before.row[table.columns.indexOf(versionColumn)]) + 1;
    columns.push(versionColumn);
  }
  if (updatedAtColumn !== undefined && !columns.includes(updatedAtColumn)) {
    tracked.entity[updatedAtColumn.key] = now();
    columns.push(updatedAtColumn);
  }
  const row = [...before.row];
  for (const column of columns) row[table.columns.indexOf(column)] = textOf(column, tracked.entity[column.key]);
  return { action: 'update', map, columns, guard, guarded, changes: [{ tracked, row }] };
}

function guardOf(meta: EntityMeta, tracked: Tracked, written: readonly ColumnInfo[]): { guard: Guard; guarded: readonly ColumnInfo[] } {
  if (tracked.isLocked) return { guard: 'none', guarded: [] };
  if (meta.versionColumn !== undefined) return { guard: 'version', guarded: [meta.versionColumn] };
  if (meta.stateColumn !== undefined) return { guard: 'state', guarded: [meta.stateColumn] };
  return { guard: 'values', guarded: [...written] };
}

function textOf(column: ColumnInfo, value: unknown): string | null {
  const encoded: Encoded = encodeColumn(column, value);
  return typeof encoded === 'string' || encoded === null ? encoded : `\\x${encoded.toString('hex')}`;
}

// Code units, as PostgreSQL's C collation: the same order in every process is what matters, not which.
function byKey(left: Change, right: Change): number {
  return left.tracked.key < right.tracked.key ? -1 : 1;
}
