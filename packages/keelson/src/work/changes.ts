/** What a unit of work has to write: found by comparing entities with their rows, grouped, and put into an order that never deadlocks. */
import { encodeColumn } from '../schema/codec.ts';
import type { ColumnInfo } from '../schema/table.ts';
import type { EntityMeta } from './entity.ts';
import type { IdentityMap, Tracked } from './identity-map.ts';
import type { Fields, RowText } from './mapper.ts';
import { guardOf, shapeOf, type WriteShape } from './write-shape.ts';

/** One row to write. */
export interface Change {
  readonly tracked: Tracked;
  /** The row as it will be; the row as it was for a deletion. */
  readonly row: RowText;
}

/** Rows of one table that are written in the same way, by one statement. */
export interface ChangeGroup {
  readonly shape: WriteShape;
  readonly map: IdentityMap;
  readonly changes: Change[];
}

/** The time of a flush: all rows of one unit carry the same. */
export type TimeOfUnit = () => Date;

/**
 * All that is to be written, in the order of writing: inserts along the foreign keys, updates, deletes against them.
 *
 * @throws MISUSE when a key or a version was changed
 * @throws VALIDATION_ERROR when a column cannot hold its value
 */
export function collectChanges(maps: readonly IdentityMap[], now: TimeOfUnit): ChangeGroup[] {
  const groups = maps.flatMap((map) => groupTable(map, now));
  const of = (action: WriteShape['action']): ChangeGroup[] => groups.filter(({ shape }) => shape.action === action);
  if (groups.length === 1 && groups[0]?.changes.length === 1) return groups;
  for (const { shape, changes } of groups) {
    if (shape.action !== 'insert') changes.sort(byKey);
  }
  return [...of('insert'), ...of('update'), ...of('delete').toReversed()];
}

function groupTable(map: IdentityMap, now: TimeOfUnit): ChangeGroup[] {
  const groups = new Map<WriteShape, ChangeGroup>();
  for (const tracked of map.values()) {
    const shape = shapeNeeded(map, tracked);
    if (shape === undefined) continue;
    const change = { tracked, row: rowAfter(shape, tracked, now) };
    const group = groups.get(shape);
    if (group === undefined) groups.set(shape, { shape, map, changes: [change] });
    else group.changes.push(change);
  }
  return [...groups.values()];
}

/** How a tracked entity has to be written, if at all. */
function shapeNeeded({ meta, mapper }: IdentityMap, { entity, row, isRemoved, isLocked }: Tracked): WriteShape | undefined {
  if (row === undefined) return shapeOf(meta, 'insert', insertedColumns(meta, entity), 'none');
  const guard = isLocked ? 'none' : guardOf(meta);
  if (isRemoved) return shapeOf(meta, 'delete', [], guard);
  const changed = mapper.changed(entity, row);
  return changed === undefined ? undefined : shapeOf(meta, 'update', changed, guard);
}

/** The positions of the columns that a new row says itself; what only the database can make is left to it. */
function insertedColumns(meta: EntityMeta, entity: Fields): readonly number[] {
  if (!meta.hasDatabaseMade) return meta.allPositions;
  return meta.table.columns.flatMap((column, index) => {
    const isLeftOut =
      column.generatedSql !== undefined || ((column.defaultSql !== undefined || column.isIdentity) && entity[column.key] === undefined);
    return isLeftOut ? [] : [index];
  });
}

/** The row as it will be; what the unit of work sets by itself is set on the entity too. */
function rowAfter(shape: WriteShape, { entity, row }: Tracked, now: TimeOfUnit): RowText {
  if (shape.action === 'delete') return row ?? [];
  for (const { column, index } of shape.automatic) {
    if (column.role === 'version') entity[column.key] = Number(row?.[index]) + 1;
    else if (row !== undefined || entity[column.key] === undefined) entity[column.key] = now();
  }
  const after: RowText = row === undefined ? shape.meta.table.columns.map(() => null) : [...row];
  for (const { column, index, isOld } of shape.inputs) {
    if (!isOld) after[index] = textOf(column, entity[column.key]);
  }
  return after;
}

function textOf(column: ColumnInfo, value: unknown): string | null {
  const encoded = encodeColumn(column, value);
  return typeof encoded === 'string' || encoded === null ? encoded : `\\x${encoded.toString('hex')}`;
}

// Code units, as PostgreSQL's C collation: the same order in every process is what matters, not which.
function byKey(left: Change, right: Change): number {
  return left.tracked.key < right.tracked.key ? -1 : 1;
}
