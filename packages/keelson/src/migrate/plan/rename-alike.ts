/** What changed nothing but its name although nobody said so: constraints, indexes, triggers, policies and sequences, whose names follow those of their tables. */
import { quoteName } from '../../schema/sql.ts';
import type { Inventory, Item } from './inventory.ts';
import { type Move, ordered, type Step } from './rename-steps.ts';

const KINDS = ['constraint', 'index', 'part constraint', 'part index', 'sequence', 'trigger', 'policy'] as const;

interface OwnMove extends Move {
  readonly kind: (typeof KINDS)[number];
  readonly schema: string;
  readonly table: string;
}

/** Statements that rename what is the same under another name, instead of building it anew. */
export function renameAlike(from: Inventory, to: Inventory): readonly Step[] {
  const moves = KINDS.flatMap((kind) => movesOf(kind, from, to));
  // Constraints have indexes behind them, and those share the names of a schema with sequences; the others have names of a table.
  const places = Map.groupBy(moves, ({ kind, schema, table }) =>
    JSON.stringify(kind === 'trigger' || kind === 'policy' ? [kind, schema, table] : [schema]),
  );
  return [...places.values()].flatMap((group) =>
    ordered(group).map((move) => ({ up: statement(move, move.from, move.to), down: statement(move, move.to, move.from) })),
  );
}

function movesOf(kind: (typeof KINDS)[number], from: Inventory, to: Inventory): readonly OwnMove[] {
  const wanted = new Set(to.list(kind).filter((item) => from.find(item)?.definition !== item.definition));
  const moves = from.list(kind).flatMap((item) => {
    // A sequence that no column owns has a life of its own.
    if (to.find(item)?.definition === item.definition || (kind === 'sequence' && item.table === '')) return [];
    const same = wanted.values().find((other) => isSame(item, other));
    if (same === undefined) return [];
    wanted.delete(same);
    return [{ kind, schema: item.schema, table: item.table, from: item.name, to: same.name }];
  });
  return possible(moves, from);
}

/** A name that another has, and keeps, cannot be had. */
function possible(moves: readonly OwnMove[], from: Inventory): readonly OwnMove[] {
  const kept = moves.filter(
    ({ kind, schema, table, to }) =>
      from.find({ kind, schema, table, name: to }) === undefined || moves.some((other) => other.table === table && other.from === to),
  );
  return kept.length === moves.length ? kept : possible(kept, from);
}

function isSame(a: Item, b: Item): boolean {
  const samePlace = a.schema === b.schema && a.table === b.table && a.name !== b.name;
  return samePlace && a.definition === b.definition && (a.kind !== 'sequence' || a.parts.join(',') === b.parts.join(','));
}

function statement({ kind, schema, table }: OwnMove, from: string, to: string): string {
  const place = quoteName(schema);
  const owner = `${place}.${quoteName(table)}`;
  if (kind === 'constraint' || kind === 'part constraint')
    return `alter table ${owner} rename constraint ${quoteName(from)} to ${quoteName(to)};`;
  if (kind === 'trigger' || kind === 'policy') return `alter ${kind} ${quoteName(from)} on ${owner} rename to ${quoteName(to)};`;
  return `alter ${kind === 'sequence' ? 'sequence' : 'index'} ${place}.${quoteName(from)} rename to ${quoteName(to)};`;
}
