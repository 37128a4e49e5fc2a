/** The history of a namespace: a log to which every run adds a row in the transaction of what it ran; the last row of an id says where it stands. */
import type { Connection } from '../postgres/connection.ts';
import { KeelsonError } from '../errors.ts';
import { databaseError } from './failure.ts';
import { quoteName, sql, type Sql, Statements } from '../schema/sql.ts';
import type { Direction } from './revision.ts';

/** A row of the history. */
export interface HistoryEntry {
  readonly id: string;
  readonly slug: string;
  /** Of the whole file, or, while parts are missing, of the parts that were run. */
  readonly checksum: string;
  readonly direction: Direction;
  /** How many of its parts had been run. Fewer than `parts`: the revision stands half-way. */
  readonly part: number;
  readonly parts: number;
  /** RFC 3339 in UTC. */
  readonly appliedAt: string;
  /** How long this part took; null when it was run by hand from `migrate sql`. */
  readonly durationMs: number | null;
  readonly keelsonVersion: string;
}

/** What is written of a part that has been run. */
export type NewEntry = Omit<HistoryEntry, 'appliedAt'>;

/** The table of the history, in the app's namespace. */
export const HISTORY_TABLE = 'keelson_migrations';

/** PostgreSQL cuts longer names, and two namespaces would become one. */
const NAME_BYTES_MAX = 63;

const statements = new Statements('public', { named: false });

const columns = sql.raw(`id, slug, checksum, direction, part::text, parts::text,
  to_char(applied_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), duration_ms::text, keelson_version`);

/**
 * The name of a namespace, when it can be one.
 *
 * @throws MISUSE
 */
export function checkedNamespace(namespace: string): string {
  const size = Buffer.byteLength(namespace);
  if (size > 0 && size <= NAME_BYTES_MAX && !/^pg_|\0/.test(namespace) && namespace !== '$user' && namespace.isWellFormed())
    return namespace;
  throw new KeelsonError('MISUSE', {
    message: `${JSON.stringify(namespace)} cannot be the namespace of an app.`,
    hint: `A namespace is a name of 1 to ${NAME_BYTES_MAX} bytes that does not begin with pg_ and is not $user.`,
  });
}

/** The statements that make the namespace and the table of the history; `unless` is `if not exists ` or nothing. */
export function historyDdl(namespace: string, unless = ''): { readonly schema: string; readonly table: string } {
  const place = quoteName(namespace);
  return {
    schema: `create schema ${unless}${place};`,
    table: `create table ${unless}${place}.${HISTORY_TABLE} (
  seq bigint generated always as identity constraint ${HISTORY_TABLE}_pkey primary key,
  id text not null,
  slug text not null,
  checksum text not null,
  direction text not null constraint ${HISTORY_TABLE}_direction_check check (direction in ('up', 'down')),
  part integer not null,
  parts integer not null,
  applied_at timestamptz not null default clock_timestamp(),
  duration_ms integer,
  keelson_version text not null,
  constraint ${HISTORY_TABLE}_part_check check (part between 1 and parts)
);`,
  };
}

/**
 * Makes the namespace and the history where they are missing. To ask first matters: `if not exists` wants the right to create even where nothing is to do.
 *
 * @throws MIGRATION_FAILED when the user may not
 */
export async function ensureHistory(connection: Connection, namespace: string): Promise<void> {
  const { schema, table } = await existing(connection, namespace);
  const ddl = historyDdl(namespace);
  try {
    if (!schema) await connection.command(ddl.schema);
    if (!table) await connection.command(ddl.table);
  } catch (cause) {
    throw new KeelsonError('MIGRATION_FAILED', {
      message: `The ${schema ? 'history of the migrations' : 'namespace'} could not be made: ${databaseError(cause)?.message ?? 'the connection was lost'}.`,
      hint: `Let someone with the right run it once: create schema if not exists ${quoteName(namespace)} authorization <the user of the connection>.`,
      cause,
    });
  }
}

/** Where each revision that was ever run stands: the last row of each id, in the order of the ids. */
export async function listLast(connection: Connection, namespace: string): Promise<readonly HistoryEntry[]> {
  if (!(await existing(connection, namespace)).table) return [];
  return entries(connection, sql`select distinct on (id) ${columns} from ${tableOf(namespace)} order by id, seq desc`);
}

/** The newest rows, newest first. */
export async function listHistory(connection: Connection, namespace: string, limit: number): Promise<readonly HistoryEntry[]> {
  if (!(await existing(connection, namespace)).table) return [];
  return entries(connection, sql`select ${columns} from ${tableOf(namespace)} order by seq desc limit ${limit}`);
}

/** Adds a row, in the transaction that is open. */
export async function addEntry(connection: Connection, namespace: string, entry: NewEntry): Promise<void> {
  const { id, slug, checksum, direction, part, parts, durationMs, keelsonVersion } = entry;
  await connection.query(
    statements.compile(sql`
      insert into ${tableOf(namespace)} (id, slug, checksum, direction, part, parts, duration_ms, keelson_version)
      values (${id}, ${slug}, ${checksum}, ${direction}, ${part}, ${parts}, ${durationMs}, ${keelsonVersion})`),
  );
}

/** Adds rows, all or none, in a transaction of their own. */
export async function addEntries(connection: Connection, namespace: string, rows: readonly NewEntry[]): Promise<void> {
  if (rows.length === 0) return;
  await connection.command('begin');
  try {
    for (const row of rows) await addEntry(connection, namespace, row);
    await connection.command('commit');
  } catch (error) {
    if (!connection.broken) await connection.command('rollback');
    throw error;
  }
}

function tableOf(namespace: string): Sql {
  return sql`${sql.identifier(namespace)}.${sql.raw(HISTORY_TABLE)}`;
}

async function existing(connection: Connection, namespace: string): Promise<{ schema: boolean; table: boolean }> {
  const { rows } = await connection.query(
    statements.compile(sql`
      select c.relname
      from pg_catalog.pg_namespace as n
      left join pg_catalog.pg_class as c on c.relnamespace = n.oid and c.relname = ${HISTORY_TABLE}
      where n.nspname = ${namespace}`),
  );
  return { schema: rows.length > 0, table: typeof rows[0]?.[0] === 'string' };
}

async function entries(connection: Connection, piece: Sql): Promise<readonly HistoryEntry[]> {
  const { rows } = await connection.query(statements.compile(piece));
  return rows.map(([id, slug, checksum, direction, part, parts, appliedAt, durationMs, keelsonVersion]) => ({
    id: id ?? '',
    slug: slug ?? '',
    checksum: checksum ?? '',
    direction: direction === 'down' ? 'down' : 'up',
    part: Number(part),
    parts: Number(parts),
    appliedAt: appliedAt ?? '',
    durationMs: durationMs === null || durationMs === undefined ? null : Number(durationMs),
    keelsonVersion: keelsonVersion ?? '',
  }));
}
