/** One migrates, the others wait: an advisory lock for each namespace, asked for again and again and never waited in. */
import { createHash, randomInt } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { KeelsonError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Connection } from '../postgres/connection.ts';
import { sql, Statements } from '../schema/sql.ts';

/** How to wait for the lock. */
export interface LockOptions {
  readonly connection: Connection;
  readonly namespace: string;
  readonly waitMs: number;
  readonly log: Log;
  readonly clock: Clock;
}

const POLL_FIRST_MS = 10;
const POLL_MAX_MS = 500;

const statements = new Statements('public', { named: false });

/** The key of a namespace's lock; advisory locks are apart by database already. */
export function lockKey(namespace: string): bigint {
  return createHash('sha256').update(`keelson.migrate:${namespace}`).digest().readBigInt64BE();
}

/**
 * Runs a block while holding the lock of a namespace.
 *
 * Waiting inside `pg_advisory_lock` would deadlock with CREATE INDEX CONCURRENTLY, which waits for every open snapshot,
 * that of the waiting statement too; each question here is a statement of its own that ends at once.
 *
 * @throws MIGRATIONS_LOCKED naming who holds it
 */
export async function withLock<T>(options: LockOptions, block: () => Promise<T>): Promise<T> {
  await takeLock(options);
  try {
    return await block();
  } finally {
    const { connection, namespace } = options;
    if (!connection.broken) await connection.query(statements.compile(sql`select pg_advisory_unlock(${lockKey(namespace)}::bigint)`));
  }
}

/**
 * Asks whether this very server process still holds the lock; behind a transaction pooler it may not be the one that took it.
 *
 * @throws MIGRATION_FAILED
 */
export async function checkLock(connection: Connection, namespace: string): Promise<void> {
  const { rows } = await connection.query(
    statements.compile(sql`select 1 from pg_catalog.pg_locks as l where l.pid = pg_backend_pid() and ${ofNamespace(namespace)}`),
  );
  if (rows.length > 0) return;
  throw new KeelsonError('MIGRATION_FAILED', {
    message: 'The lock of the migrations was lost: the connection changes its server process, or a revision released the lock.',
    hint: 'Migrate over a direct connection, not through a transaction pooler: set DIRECT_DATABASE_URL.',
  });
}

async function takeLock({ connection, namespace, waitMs, log, clock }: LockOptions): Promise<void> {
  const beganMs = clock.monotonicMs();
  const attempt = statements.compile(sql`select pg_try_advisory_lock(${lockKey(namespace)}::bigint)::text`);
  // bounded by: waitMs
  for (let pollMs = POLL_FIRST_MS; ; pollMs = Math.min(pollMs * 2, POLL_MAX_MS)) {
    const { rows } = await connection.query(attempt);
    if (rows[0]?.[0] === 'true') return;
    const waitedMs = Math.round(clock.monotonicMs() - beganMs);
    if (waitedMs >= waitMs) throw await lockedBy(connection, namespace, waitedMs);
    if (pollMs === POLL_FIRST_MS) log.info('migration.waiting', { namespace, wait_max_ms: waitMs });
    // Jitter, so that replicas that started together do not ask together.
    await clock.sleep(Math.min(pollMs + randomInt(pollMs), waitMs - waitedMs));
  }
}

async function lockedBy(connection: Connection, namespace: string, waitedMs: number): Promise<KeelsonError> {
  const { rows } = await connection.query(
    statements.compile(sql`
      select l.pid::text, a.usename, a.application_name, a.client_addr::text, a.backend_start::text
      from pg_catalog.pg_locks as l
      left join pg_catalog.pg_stat_activity as a on a.pid = l.pid
      where l.granted and ${ofNamespace(namespace)}`),
  );
  const [pid, user, application, address, since] = rows[0] ?? [];
  const who =
    pid === undefined
      ? 'a process that has ended just now'
      : `server process ${pid} (user ${user ?? '?'}, application ${JSON.stringify(application ?? '')}, from ${address ?? 'the same machine'}, connected ${since ?? '?'})`;
  return new KeelsonError('MIGRATIONS_LOCKED', {
    message: `The migrations of ${JSON.stringify(namespace)} are held by ${who}; waited ${waitedMs} ms.`,
    hint: `Wait until it is done and run this again; if it hangs, end it: select pg_terminate_backend(${pid ?? '…'}).`,
    data: { namespace, pid, user, application, address, since, waitedMs },
  });
}

function ofNamespace(namespace: string) {
  const key = BigInt.asUintN(64, lockKey(namespace));
  return sql`l.locktype = 'advisory' and l.objsubid = 1
    and l.database = (select d.oid from pg_catalog.pg_database as d where d.datname = current_database())
    and l.classid::bigint = ${key >> 32n}::bigint and l.objid::bigint = ${key & 0xffffffffn}::bigint`;
}
