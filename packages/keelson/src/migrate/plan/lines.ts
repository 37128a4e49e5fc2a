/** A plan as lines for a person: what comes, what goes, what changes, and in which table. */
import type { ColumnItem, Inventory, Item } from './inventory.ts';
import { shownName } from './names.ts';
import type { Rename } from './rename.ts';
import { readableName, readableSql } from '../sql-text.ts';

/** One line of a plan. */
export interface PlanLine {
  readonly sign: '+' | '-' | '~';
  /** The table, or the object where there is no table. */
  readonly table: string;
  readonly text: string;
}

/** The lines of a plan: the renames that were said, then what differs after them. */
export function linesOf(renames: readonly Rename[], from: Inventory, to: Inventory, namespace: string): readonly PlanLine[] {
  const renamed = renames.map((rename) => renameLine(rename, namespace));
  const gone = from.items.filter((item) => to.find(item) === undefined && isWorthALine(item, to, from));
  const come = to.items.filter((item) => from.find(item) === undefined && isWorthALine(item, from, to));
  const changed = to.items.flatMap((item) => changeLines(item, from, namespace));
  const line =
    (sign: '+' | '-') =>
    (item: Item): PlanLine => ({ sign, table: placeOf(item, namespace), text: textOf(item) });
  return [...renamed, ...come.map(line('+')), ...changed, ...gone.map(line('-'))];
}

/** What lies in a table that comes or goes as a whole is not told one by one, nor what only serves a column. */
function isWorthALine(item: Item, other: Inventory, own: Inventory): boolean {
  if (item.kind === 'sequence' && item.table !== '') return false;
  if (item.table === '') return true;
  const table = { kind: 'table', schema: item.schema, table: '', name: item.table } as const;
  return own.find(table) === undefined || other.find(table) !== undefined;
}

function changeLines(item: Item, from: Inventory, namespace: string): readonly PlanLine[] {
  const before = from.find(item);
  if (before === undefined || (item.kind === 'sequence' && item.table !== '')) return [];
  const what = item.kind === 'column' ? columnChanges(from.findColumn(item), item) : otherChanges(before, item);
  return what.map((text) => ({ sign: '~', table: placeOf(item, namespace), text: `${item.kind} ${nameOf(item)}${text}` }));
}

function columnChanges(before: ColumnItem | undefined, after: Item): readonly string[] {
  if (before === undefined || !isColumn(after)) return [];
  const now = after.fallback === undefined ? 'no default' : `default ${readableSql(after.fallback)}`;
  return [
    ...(before.definition === after.definition ? [] : [`: ${before.definition} → ${after.definition}`]),
    ...(before.isNullable === after.isNullable ? [] : [after.isNullable ? ': may be null' : ': not null']),
    ...(before.fallback === after.fallback || after.identity !== before.identity ? [] : [`: ${now}`]),
    ...(before.identity === after.identity ? [] : [after.identity === '' ? ': no identity' : `: generated ${after.identity} as identity`]),
  ];
}

function otherChanges(before: Item, after: Item): readonly string[] {
  if (before.definition === after.definition) return [];
  if (after.kind === 'enum') {
    const added = after.parts.filter((value) => !before.parts.includes(value)).map((value) => `: + ${value}`);
    const lost = before.parts.filter((value) => !after.parts.includes(value)).map((value) => `: - ${value}`);
    return added.length + lost.length === 0 ? [': in another order'] : [...added, ...lost];
  }
  return after.kind === 'constraint' || after.kind === 'index' ? [`: ${readableSql(after.definition)}`] : [''];
}

function isColumn(item: Item): item is ColumnItem {
  return item.kind === 'column';
}

function placeOf(item: Item, namespace: string): string {
  return item.table === '' ? shownName(item, namespace) : shownName({ ...item, kind: 'table', table: '', name: item.table }, namespace);
}

function nameOf(item: Item): string {
  return item.kind === 'function' ? item.name : readableName(item.name);
}

function textOf(item: Item): string {
  if (isColumn(item)) {
    const fallback = item.fallback === undefined ? '' : ` default ${readableSql(item.fallback)}`;
    return `column ${nameOf(item)} ${item.definition}${item.isNullable ? '' : ' not null'}${item.isGenerated ? ' generated' : fallback}`;
  }
  if (item.kind === 'constraint' || item.kind === 'index') return `${item.kind} ${nameOf(item)}: ${readableSql(item.definition)}`;
  if (item.kind === 'enum') return `enum (${item.parts.join(', ')})`;
  return item.table === '' ? item.kind : `${item.kind} ${nameOf(item)}`;
}

function renameLine(rename: Rename, namespace: string): PlanLine {
  const { kind, schema, toSchema, owner, from, to } = rename;
  const place = { schema, table: '', name: owner === '' ? from : owner };
  const table = kind === 'schema' ? readableName(from) : shownName({ ...place, kind: 'table' }, namespace);
  const target = toSchema === schema ? readableName(to) : `${readableName(toSchema)}.${readableName(to)}`;
  const text = owner === '' ? `${kind}, renamed to ${target}` : `${kind} ${readableName(from)}, renamed to ${target}`;
  return { sign: '~', table, text };
}
