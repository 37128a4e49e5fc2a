/** The way from one state to another as statements: what the comparer says, without its noise, guarded, and in an order that was run. */
import type { Change } from './differ.ts';
import { difference } from './differ.ts';
import { countersOf, guardsOf } from './guard.ts';
import type { Inventory } from './inventory.ts';
import { runInOrder } from './order.ts';
import type { State } from './plan-state.ts';

/** Statements, cut where a transaction must end. */
export type Parts = readonly (readonly string[])[];

/** The statements from one state to another; `first` run before the comparison is valid and are already part of `from`. */
export async function wayBetween(from: State, to: State): Promise<Parts> {
  const changes = clean(difference(await from.catalog(), await to.catalog()), from);
  const guards = guardsOf(from.inventory, to.inventory);
  const counters = countersOf(from.inventory, to.inventory);
  if (changes.length === 0) return [];
  const statements = changes.map(({ sql }) => sql);
  const boundaries = new Set(changes.filter(({ commitAfter }) => commitAfter).map(({ sql }) => sql));
  const ordered = await tried(from, statements, boundaries.size > 0);
  // A value that was added can be used after a commit; all that are added go together, first.
  const added = ordered.filter((sql) => boundaries.has(sql));
  const others = ordered.filter((sql) => !boundaries.has(sql));
  return [
    [...guards, ...added],
    [...(added.length === 0 ? guards : []), ...others, ...counters],
  ]
    .map((part, index) => (index === 0 && added.length === 0 ? [] : part))
    .filter((part) => part.length > 0);
}

/** Tries the statements, and gives the order that runs. What is undone by a rollback needs no copy of the database. */
async function tried(from: State, statements: readonly string[], needsCommits: boolean): Promise<readonly string[]> {
  if (needsCommits) {
    const copy = await from.shadow.clone();
    const connection = await copy.connect();
    const ordered = await runInOrder(connection, statements);
    await copy.drop();
    return ordered;
  }
  const connection = await from.shadow.connect();
  await connection.command('begin');
  try {
    return await runInOrder(connection, statements);
  } finally {
    await connection.command('rollback');
    await connection.close();
  }
}

/** Takes out what says nothing: rights of the owner, which he has, twice the same, and defaults taken from columns that have none. */
export function clean(changes: readonly Change[], from: { readonly inventory: Inventory; readonly owner?: string }): readonly Change[] {
  const seen = new Set<string>();
  return changes
    .map((change) => ({ ...change, sql: change.sql.trim().replace(/;$/, '') }))
    .filter((change) => {
      if (seen.has(change.sql) || change.isOwnRight || isNoDefault(change, from.inventory)) return false;
      seen.add(change.sql);
      return true;
    });
}

const NAME = '"((?:[^"]|"")+)"';
const DROP_DEFAULT = new RegExp(`^ALTER TABLE ${NAME}\\.${NAME} ALTER COLUMN ${NAME} DROP DEFAULT$`);

function isNoDefault({ sql }: Change, inventory: Inventory): boolean {
  const found = DROP_DEFAULT.exec(sql);
  if (found === null) return false;
  const [schema = '', table = '', name = ''] = found.slice(1).map((part) => part.replaceAll('""', '"'));
  const column = inventory.findColumn({ schema, table, name });
  return column !== undefined && column.fallback === undefined && !column.isGenerated;
}
