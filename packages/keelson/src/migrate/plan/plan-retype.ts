/** Changes of type without a needless `using`: its cast is an explicit one, which cuts a text that is too long without a word. */
import type { Connection } from '../../postgres/connection.ts';
import type { Change } from './differ.ts';
import type { Inventory } from './inventory.ts';

const NAME = '"((?:[^"]|"")+)"';
const RETYPE = new RegExp(`^(ALTER TABLE ${NAME}\\.${NAME} ALTER COLUMN ${NAME} TYPE (.*)) USING "(?:[^"]|"")+"::(.*)$`);

/** The changes, with `using` only where PostgreSQL knows no cast of its own for an assignment. */
export async function withoutNeedlessUsing(
  connection: Connection,
  changes: readonly Change[],
  [from, to]: readonly [Inventory, Inventory],
): Promise<readonly Change[]> {
  const kept: Change[] = [];
  for (const change of changes) {
    const [, plain = '', schema = '', table = '', name = '', type, cast] =
      RETYPE.exec(change.sql)?.map((part, index) => (index > 1 && index < 5 ? part.replaceAll('""', '"') : part)) ?? [];
    const before = from.findColumn({ schema, table, name });
    const after = to.findColumn({ schema, table, name });
    const isPlain = type !== undefined && type === cast && before !== undefined && after !== undefined;
    kept.push(isPlain && (await canAssign(connection, before.definition, after.definition)) ? { ...change, sql: plain } : change);
  }
  return kept;
}

/** Asks the server itself, on a table that is gone at once. */
async function canAssign(connection: Connection, from: string, to: string): Promise<boolean> {
  await connection.command('begin');
  const [outcome] = await Promise.allSettled([
    connection.command(`create temporary table retyped (value ${from}); alter table retyped alter column value type ${to}`),
  ]);
  await connection.command('rollback');
  return outcome.status === 'fulfilled';
}
