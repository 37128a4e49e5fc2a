/** The session in which revisions run: its settings, what is undone after each, and trying again when a lock was not free. */
import { randomInt } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { Connection } from '../postgres/connection.ts';
import { sqlState } from '../postgres/sqlstate.ts';
import { quoteName } from '../schema/sql.ts';
import { concurrentIndex, removeLeftover } from './leftover.ts';
import { checkLock } from './lock.ts';
import type { SqlStatement } from './statements.ts';

/** What a run needs. */
export interface RunOptions {
  readonly connection: Connection;
  readonly namespace: string;
  readonly log: Log;
  readonly clock: Clock;
  /** How long a statement may wait for a lock, since everybody else queues behind it. */
  readonly lockTimeoutMs: number;
  /** How often a step is tried when a lock was not free. */
  readonly attemptsMax: number;
}

const BACKOFF_FIRST_MS = 200;
const BACKOFF_MAX_MS = 5_000;
/** How soon the server notices that the client is gone, and ends the statement that still runs for it. */
const CLIENT_CHECK_MS = 2_000;

/** SQLSTATE of a lock that was not free, and of a deadlock. */
const LOCK_STATES: ReadonlySet<string> = new Set(['55P03', '40P01']);

/** The settings under which a revision runs, for its transaction or, outside one, for the session. */
export function settingsFor(namespace: string, where: 'local' | 'session', lockTimeoutMs: number): string {
  const set = where === 'local' ? 'set local' : 'set';
  const path = namespace === 'public' ? 'public' : `${quoteName(namespace)}, public`;
  return `${set} search_path to ${path}; ${set} lock_timeout = ${lockTimeoutMs}; ${set} statement_timeout = 0`;
}

/** Makes the server end a statement soon after its client is gone. */
export async function prepareSession(connection: Connection): Promise<void> {
  try {
    await connection.command(`set client_connection_check_interval = ${CLIENT_CHECK_MS}`);
  } catch (error) {
    // Not every platform can tell (22023), and PostgreSQL 13 did not know the setting (42704).
    if (!['22023', '42704'].includes(sqlState(error) ?? '')) throw error;
  }
}

/** Undoes what a revision set for the session or made in it, which may not reach the next one. */
export async function resetSession(connection: Connection): Promise<void> {
  if (!connection.broken) await connection.command('discard temp; reset all');
}

/**
 * Opens a transaction for a part. Each row of the history is written under the lock, or not at all.
 *
 * @throws MIGRATION_FAILED when the lock is lost
 */
export async function beginPart({ connection, namespace, lockTimeoutMs }: RunOptions): Promise<void> {
  const major = Number.parseInt(connection.parameters.get('server_version') ?? '', 10);
  const timeouts = ['idle_in_transaction_session_timeout', ...(major >= 17 ? ['transaction_timeout'] : [])];
  const settings = [settingsFor(namespace, 'local', lockTimeoutMs), ...timeouts.map((name) => `set local ${name} = 0`)].join('; ');
  // Both leave in one packet; when the first fails nothing has been done yet.
  const begun = connection.command(`begin; ${settings}`);
  const checked = checkLock(connection, namespace);
  await Promise.all([begun, checked]);
}

/** Prepares for a statement outside a transaction, and removes what an interrupted one of its kind left. */
export async function beginAlone({ connection, namespace, lockTimeoutMs, log }: RunOptions, statement: SqlStatement): Promise<void> {
  // What runs concurrently waits for old transactions to end, and nobody queues behind it.
  const patient = statement.words.includes('concurrently');
  const set = connection.command(settingsFor(namespace, 'session', patient ? 0 : lockTimeoutMs));
  const checked = checkLock(connection, namespace);
  await Promise.all([set, checked]);
  const made = concurrentIndex(statement);
  if (made !== undefined) await removeLeftover(connection, made, log);
}

/** Takes back the open transaction, where there is one. */
export async function rollBack({ connection, log }: RunOptions): Promise<void> {
  if (connection.broken || (connection.transactionStatus === 'I' && connection.pending === 0)) return;
  try {
    await connection.command('rollback');
  } catch (error) {
    // The failure to report is the one before; the server rolls back by itself when the connection ends.
    log.debug('migration.rollback_failed', { error });
  }
}

/** Runs a block, and again from its beginning, after a pause that grows, when a lock was not free. */
export async function withAttempts<T>(options: RunOptions, id: string, block: () => Promise<T>): Promise<T> {
  const { attemptsMax, clock, log } = options;
  // bounded by: attemptsMax
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await block();
    } catch (error) {
      const state = sqlState(error) ?? '';
      await rollBack(options);
      if (attempt >= attemptsMax || !LOCK_STATES.has(state)) throw error;
      const backoffMs = Math.min(BACKOFF_FIRST_MS * 2 ** attempt, BACKOFF_MAX_MS);
      const waitMs = backoffMs / 2 + randomInt(backoffMs / 2);
      log.warn('migration.retried', { id, sql_state: state, attempt, wait_ms: waitMs });
      await clock.sleep(waitMs);
    }
  }
}
