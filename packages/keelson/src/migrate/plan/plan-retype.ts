/** Changes of type without a needless `using`: its cast is an explicit one, which cuts a text that is too long without a word. */
import type { Connection } from '../../postgres/connection.ts';
import { quoteName } from '../../schema/sql.ts';
import type { Change } from './differ.ts';
import type { ColumnItem, Inventory } from './inventory.ts';

const NAME = '"((?:[^"]|"")+)"';
const RETYPE = new RegExp(`^(ALTER TABLE ${NAME}\\.${NAME} ALTER COLUMN ${NAME} TYPE (.*)) USING "(?:[^"]|"")+"::(.*)$`);

/** The changes, with `using` only where PostgreSQL knows no cast of its own for an assignment, and from one enum to another by way of text. */
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
    if (isPlain && isOtherEnum(before, after)) {
      // PostgreSQL has no cast from one enum to another; a value that the new one lacks is refused.
      kept.push({ ...change, sql: `${plain} USING ${quoteName(name)}::text${after.isArray ? '[]' : ''}::${cast}` });
    } else kept.push(isPlain && (await canAssign(connection, before.definition, after.definition)) ? { ...change, sql: plain } : change);
  }
  return kept;
}

function isOtherEnum(before: ColumnItem, after: ColumnItem): boolean {
  if (before.enumName === '' || after.enumName === '') return false;
  return before.enumName !== after.enumName || before.enumSchema !== after.enumSchema;
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

/** A foreign key, taken off and put on again. */
interface Key {
  readonly drop: Change;
  readonly add: Change;
}

/** The foreign keys that stay as they are while the type of their columns changes. */
export function keysOfRetyped(from: Inventory, to: Inventory): readonly Key[] {
  return from.list('constraint').flatMap((item) => {
    const { schema, table, name, definition, parts } = item;
    const isRetyped = parts.some((part) => {
      const column = { schema, table, name: part };
      const after = to.findColumn(column);
      return after !== undefined && after.definition !== from.findColumn(column)?.definition;
    });
    if (!isRetyped || !definition.startsWith('FOREIGN KEY') || to.find(item)?.definition !== definition) return [];
    const start = `ALTER TABLE ${quoteName(schema)}.${quoteName(table)}`;
    const change = { makes: [], uses: [], drops: [], commitAfter: false, isDestructive: false, isOwnRight: false };
    return [
      {
        drop: { ...change, verb: 'drop', sql: `${start} DROP CONSTRAINT ${quoteName(name)}` },
        add: { ...change, verb: 'create', sql: `${start} ADD CONSTRAINT ${quoteName(name)} ${definition}` },
      },
    ];
  });
}
