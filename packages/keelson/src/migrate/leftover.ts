/** What an interrupted CREATE INDEX CONCURRENTLY leaves behind: an invalid index, which the next attempt removes first. */
import type { Log } from '../log.ts';
import type { Connection } from '../postgres/connection.ts';
import { quoteName, sql, Statements } from '../schema/sql.ts';
import type { SqlStatement } from './statements.ts';

const CREATE_INDEX =
  /^create\s+(?:unique\s+)?index\s+concurrently\s+(?:if\s+not\s+exists\s+)?(?:"((?:[^"]|"")+)"|([A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*))\s+on\s/i;

const statements = new Statements('public', { named: false });

/** The name of the index that a statement makes concurrently; undefined for every other statement and for an index without a name. */
export function concurrentIndex(statement: SqlStatement): string | undefined {
  const [, quoted, plain] = CREATE_INDEX.exec(statement.text) ?? [];
  return quoted?.replaceAll('""', '"') ?? plain?.toLowerCase();
}

/**
 * Removes the invalid index of this name. `if not exists` would take it for the index that is wanted, and it serves no query.
 * Only while holding the lock: an index that another runner is building looks the same.
 */
export async function removeLeftover(connection: Connection, index: string, log: Log): Promise<void> {
  const { rows } = await connection.query(
    statements.compile(sql`
      select n.nspname
      from pg_catalog.pg_index as i
      join pg_catalog.pg_class as c on c.oid = i.indexrelid
      join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
      where not i.indisvalid and c.relname = ${index} and n.nspname = any (current_schemas(false))`),
  );
  for (const [namespace] of rows) {
    await connection.command(`drop index concurrently ${quoteName(namespace ?? '')}.${quoteName(index)}`);
    log.warn('migration.leftover_removed', { namespace, index });
  }
}
