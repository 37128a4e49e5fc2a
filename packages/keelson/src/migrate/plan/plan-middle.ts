/** The state in the middle: all that is new is there, and nothing that running code may still use is gone. */
import { quoteName, quoteText } from '../../schema/sql.ts';
import { type Change, type ChangedObject, difference } from './differ.ts';
import { lostValues } from './guard.ts';
import type { ColumnItem, Inventory, Item } from './inventory.ts';
import { clean } from './plan-way.ts';
import { type State, stateAfter } from './plan-state.ts';

/** What goes away for good, data and all. */
export interface Losses {
  readonly schemas: readonly Item[];
  readonly tables: readonly Item[];
  /** Of tables that stay. */
  readonly columns: readonly ColumnItem[];
  /** That stay by name, but become generated, so that what they hold is gone. */
  readonly turned: readonly ColumnItem[];
  readonly values: readonly { readonly type: Item; readonly value: string }[];
  /** That nothing owns. */
  readonly sequences: readonly Item[];
}

/** What one state has, and the other has not. */
export function lossesBetween(from: Inventory, to: Inventory): Losses {
  const gone = (item: Item): boolean => to.find(item) === undefined;
  return {
    schemas: from.list('schema').filter(gone),
    tables: from.list('table').filter(gone),
    columns: from.columns.filter(
      (column) => gone(column) && to.find({ kind: 'table', schema: column.schema, table: '', name: column.table }) !== undefined,
    ),
    turned: from.columns.filter((column) => !column.isGenerated && to.findColumn(column)?.isGenerated === true),
    values: from.list('enum').flatMap((type) => lostValues(type, to).map((value) => ({ type, value }))),
    sequences: from.list('sequence').filter((item) => item.table === '' && gone(item)),
  };
}

/** Whether nothing is lost. */
export function isLossless(losses: Losses): boolean {
  return Object.values(losses).every((list: readonly unknown[]) => list.length === 0);
}

/** The target with everything that would be lost given back to it; a column that must be filled need not be any more, since new code does not know it. */
export async function middleState(from: State, target: State, losses: Losses, namespace: string): Promise<State> {
  const changes = clean(difference(await target.catalog(), await from.catalog()), target.inventory);
  const restoring = restoringOf(changes, [from.inventory, target.inventory], losses);
  const values = losses.values.map(({ type, value }) => addValue(type, value, target.inventory));
  const nullable = relaxedColumns(losses, from.inventory).map(
    (column) => `alter table ${quoteName(column.schema)}.${quoteName(column.table)} alter column ${quoteName(column.name)} drop not null`,
  );
  const plain = losses.turned.map(
    ({ schema, table, name }) => `alter table ${quoteName(schema)}.${quoteName(table)} alter column ${quoteName(name)} drop expression`,
  );
  return stateAfter(target, [...plain, ...values, ...restoring.map(({ sql }) => sql), ...nullable], namespace);
}

/** The columns that go and could not be left out until then. */
export function relaxedColumns(losses: Losses, from: Inventory): readonly ColumnItem[] {
  return losses.columns.filter(
    (column) =>
      !column.isNullable && column.fallback === undefined && column.identity === '' && !column.isGenerated && !isInKey(column, from),
  );
}

function restoringOf(changes: readonly Change[], [from, target]: readonly [Inventory, Inventory], losses: Losses): readonly Change[] {
  const lost = new Set([
    ...losses.schemas.map(({ name }) => textOf({ kind: 'schema', schema: '', table: '', name })),
    ...losses.tables.map(textOf),
    ...losses.columns.map(textOf),
    ...losses.sequences.map(textOf),
  ]);
  const isLost = (object: ChangedObject): boolean =>
    lost.has(textOf(object)) ||
    (object.table !== '' && lost.has(textOf({ ...object, kind: 'table', table: '', name: object.table }))) ||
    (object.kind === 'default' && lost.has(textOf({ ...object, kind: 'column' }))) ||
    from.items.some((item) => isOf(item, object) && item.parts.some((name) => lost.has(textOf({ ...item, kind: 'column', name }))));
  const chosen = new Set<Change>();
  for (const change of changes) {
    if (change.verb === 'drop' || change.drops.length > 0) continue;
    const made = change.makes.some((object) => isLost(object) || !isThere(object, target));
    // A column that goes may be of a type that goes with it.
    if (change.verb === 'create' && change.makes.some((object) => TYPES.has(object.kind) && !isThere(object, target))) chosen.add(change);
    if (change.makes.some(isLost) || ((made || change.makes.length === 0) && change.uses.some(isLost))) chosen.add(change);
  }
  addNeeded(chosen, changes);
  return changes.filter((change) => chosen.has(change));
}

/** What is given back may need types and functions that go as well. */
function addNeeded(chosen: Set<Change>, changes: readonly Change[]): void {
  // A set visits what is added to it on the way.
  for (const change of chosen) {
    const needed = new Set(change.uses.map(textOf));
    for (const other of changes) if (other.verb === 'create' && other.makes.some((object) => needed.has(textOf(object)))) chosen.add(other);
  }
}

/** Whether it is this constraint or this index, of which we know the columns. */
function isOf(item: Item, object: ChangedObject): boolean {
  return (item.kind === 'constraint' || item.kind === 'index') && textOf(item) === textOf(object);
}

function isThere(object: ChangedObject, target: Inventory): boolean {
  const kind = KINDS[object.kind];
  return (
    kind !== undefined && target.items.some((item) => kind.includes(item.kind) && textOf({ ...item, kind: object.kind }) === textOf(object))
  );
}

const TYPES: ReadonlySet<string> = new Set(['type', 'domain']);

/** What the comparer calls what we call otherwise. */
const KINDS: Readonly<Record<string, readonly Item['kind'][]>> = {
  schema: ['schema'],
  table: ['table'],
  column: ['column'],
  view: ['view'],
  materializedView: ['view'],
  sequence: ['sequence'],
  type: ['enum', 'type'],
  domain: ['type'],
  constraint: ['constraint'],
  index: ['index'],
  trigger: ['trigger'],
  policy: ['policy'],
  extension: ['extension'],
  default: ['column'],
};

function textOf({ kind, schema, table, name }: ChangedObject): string {
  const owner = kind === 'index' || kind === 'sequence' ? '' : table;
  return JSON.stringify([kind, kind === 'schema' ? '' : schema, owner, name]);
}

function isInKey(column: ColumnItem, inventory: Inventory): boolean {
  return inventory
    .list('constraint')
    .some(
      (item) =>
        item.schema === column.schema &&
        item.table === column.table &&
        item.definition.startsWith('PRIMARY KEY') &&
        item.parts.includes(column.name),
    );
}

/** A value at the place that it had: behind the one before it, which is there by then, or before the first that stays. */
function addValue(type: Item, value: string, target: Inventory): string {
  const place = type.parts.indexOf(value);
  const before = type.parts[place - 1];
  const staying = target.find(type)?.parts ?? [];
  const after = type.parts.slice(place + 1).find((next) => staying.includes(next));
  const where = before !== undefined ? ` after ${quoteText(before)}` : after !== undefined ? ` before ${quoteText(after)}` : '';
  return `alter type ${quoteName(type.schema)}.${quoteName(type.name)} add value ${quoteText(value)}${where}`;
}
