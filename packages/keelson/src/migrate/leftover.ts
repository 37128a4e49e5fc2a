/** What an interrupted CREATE INDEX CONCURRENTLY leaves behind: an invalid index, which the next attempt removes first. */
import type { Log } from '../log.ts';
import type { Connection } from '../postgres/connection.ts';
import { quoteName, sql, Statements } from '../schema/sql.ts';
import type { SqlStatement } from './statements.ts';

const NAME = String.raw`(?:"(?:[^"]|"")+"|[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)`;
const CREATE_INDEX = new RegExp(
  String.raw`^create\s+(?:unique\s+)?index\s+concurrently\s+(?:if\s+not\s+exists\s+)?(${NAME})\s+on\s+(?:only\s+)?(${NAME}(?:\s*\.\s*${NAME})?)`,
  'i',
);

const statements = new Statements('public', { named: false });

/** An index that a statement makes, and its table, both as they stand in SQL. */
interface MadeIndex {
  readonly index: string;
  readonly table: string;
}

/** The index that a statement makes concurrently; undefined for every other statement and for an index without a name. */
export function concurrentIndex(statement: SqlStatement): MadeIndex | undefined {
  const [, index, table] = CREATE_INDEX.exec(statement.text) ?? [];
  return index === undefined || table === undefined ? undefined : { index, table };
}

/**
 * Removes the invalid index of this name on this table. `if not exists` would take it for the index that is wanted, and it serves no query.
 * Only while holding the lock: an index that another runner is building looks the same.
 */
export async function removeLeftover(connection: Connection, { index, table }: MadeIndex, log: Log): Promise<void> {
  const { rows } = await connection.query(
    statements.compile(sql`
      select n.nspname, c.relname
      from pg_catalog.pg_index as i
      join pg_catalog.pg_class as c on c.oid = i.indexrelid
      join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
      where not i.indisvalid and i.indrelid = to_regclass(${table}) and c.relname = (parse_ident(${index}))[1]`),
  );
  for (const [namespace, name] of rows) {
    await connection.command(`drop index concurrently ${quoteName(namespace ?? '')}.${quoteName(name ?? '')}`);
    log.warn('migration.leftover_removed', { namespace, index: name });
  }
}
