/** Runs one revision in one direction: every step with its row of the history, again when a lock was not free, and with a clear word when it fails. */
import { randomInt } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { isKeelsonError, KeelsonError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Connection } from '../postgres/connection.ts';
import { isConnectionLost, sqlState } from '../postgres/sqlstate.ts';
import { quoteName } from '../schema/sql.ts';
import { migrationFailed } from './failure.ts';
import { addEntry } from './history.ts';
import { concurrentIndex, removeLeftover } from './leftover.ts';
import { holdsLock } from './lock.ts';
import type { Direction, Revision } from './revision.ts';
import type { SqlStatement } from './statements.ts';
import { checksumAfter, type Step, stepsOf } from './steps.ts';
import { keelsonVersion } from './version.ts';

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

/**
 * Runs a revision from the step after `done` on; gives how long that took.
 *
 * @throws MIGRATION_FAILED naming file and line
 */
export async function runRevision(options: RunOptions, revision: Revision, direction: Direction, done: number): Promise<number> {
  const beganMs = options.clock.monotonicMs();
  await prepareSession(options.connection);
  try {
    const run = new RevisionRun(options, revision, direction);
    for (let index = done; index < run.steps.length; index += 1) await run.step(index);
  } finally {
    // What a revision set for the session or made in it may not reach the next one.
    if (!options.connection.broken) await options.connection.command('discard temp; reset all');
  }
  return Math.round(options.clock.monotonicMs() - beganMs);
}

/** The settings under which a revision runs, for its transaction or, outside one, for the session. */
export function settingsFor(namespace: string, where: 'local' | 'session', lockTimeoutMs: number): string {
  const set = where === 'local' ? 'set local' : 'set';
  const path = namespace === 'public' ? 'public' : `${quoteName(namespace)}, public`;
  return `${set} search_path to ${path}; ${set} lock_timeout = ${lockTimeoutMs}; ${set} statement_timeout = 0`;
}

class RevisionRun {
  readonly steps: readonly Step[];
  readonly #options: RunOptions;
  readonly #revision: Revision;
  readonly #direction: Direction;
  /** The statement under way. */
  #statement: SqlStatement | undefined;
  #committing = false;

  constructor(options: RunOptions, revision: Revision, direction: Direction) {
    this.#options = options;
    this.#revision = revision;
    this.#direction = direction;
    this.steps = stepsOf(revision, direction);
  }

  async step(index: number): Promise<void> {
    const step = this.steps[index];
    if (step === undefined) return;
    const { attemptsMax, clock, log } = this.#options;
    // bounded by: attemptsMax
    for (let attempt = 1; ; attempt += 1) {
      try {
        await (this.#revision.transaction ? this.#inTransaction(step, index) : this.#alone(step, index));
        return;
      } catch (error) {
        const state = sqlState(error) ?? '';
        await this.#rollBack();
        if (attempt >= attemptsMax || !LOCK_STATES.has(state)) throw this.#failure(error, step, index);
        const backoffMs = Math.min(BACKOFF_FIRST_MS * 2 ** attempt, BACKOFF_MAX_MS);
        const waitMs = backoffMs / 2 + randomInt(backoffMs / 2);
        log.warn('migration.retried', { id: this.#revision.id, sql_state: state, attempt, wait_ms: waitMs });
        await clock.sleep(waitMs);
      }
    }
  }

  async #inTransaction(step: Step, index: number): Promise<void> {
    const { connection, namespace, clock, lockTimeoutMs } = this.#options;
    const beganMs = clock.monotonicMs();
    this.#committing = false;
    await connection.command(`begin; ${settingsFor(namespace, 'local', lockTimeoutMs)}${this.#noTransactionTimeout()}`);
    await this.#checkLock();
    for (const statement of step.statements) {
      this.#statement = statement;
      await connection.command(statement.text);
    }
    this.#statement = undefined;
    await this.#record(index, beganMs);
    this.#committing = true;
    const { tag } = await connection.command('commit');
    if (tag !== 'COMMIT') throw new KeelsonError('TRANSACTION_ABORTED', { message: `the server answered ${tag} to the commit` });
  }

  async #alone(step: Step, index: number): Promise<void> {
    const { connection, namespace, clock, lockTimeoutMs, log } = this.#options;
    const beganMs = clock.monotonicMs();
    for (const statement of step.statements) {
      // What runs concurrently waits for old transactions to end, and nobody queues behind it.
      const patient = statement.words.includes('concurrently');
      await connection.command(settingsFor(namespace, 'session', patient ? 0 : lockTimeoutMs));
      await this.#checkLock();
      const made = concurrentIndex(statement);
      if (made !== undefined) await removeLeftover(connection, made, log);
      this.#statement = statement;
      await connection.command(statement.text);
    }
    this.#statement = undefined;
    await this.#record(index, beganMs);
  }

  async #record(index: number, beganMs: number): Promise<void> {
    const { connection, namespace, clock } = this.#options;
    const { id, slug } = this.#revision;
    await addEntry(connection, namespace, {
      id,
      slug,
      checksum: checksumAfter(this.#revision, this.steps, index + 1),
      direction: this.#direction,
      part: index + 1,
      parts: this.steps.length,
      durationMs: Math.round(clock.monotonicMs() - beganMs),
      keelsonVersion,
    });
  }

  /** Each row of the history is written under the lock, or not at all. */
  async #checkLock(): Promise<void> {
    const { connection, namespace } = this.#options;
    if (await holdsLock(connection, namespace)) return;
    throw new KeelsonError('MIGRATION_FAILED', {
      message: 'The lock of the migrations was lost: the connection changes its server process, or a revision released the lock.',
      hint: 'Migrate over a direct connection, not through a transaction pooler: set DIRECT_DATABASE_URL.',
    });
  }

  async #rollBack(): Promise<void> {
    const { connection, log } = this.#options;
    if (connection.broken || connection.transactionStatus === 'I') return;
    try {
      await connection.command('rollback');
    } catch (error) {
      // The failure to report is the one before; the server rolls back by itself when the connection ends.
      log.debug('migration.rollback_failed', { error });
    }
  }

  #failure(error: unknown, step: Step, index: number): KeelsonError {
    if (isKeelsonError(error, 'MIGRATION_FAILED')) return error;
    const { file } = this.#revision;
    return migrationFailed(error, { file, statement: this.#statement, line: step.line, kept: this.#kept(index, error) });
  }

  #kept(index: number, error: unknown): string {
    if (this.#committing && isConnectionLost(error)) return 'Whether this part was committed, the history tells: run it again.';
    if (index === 0) return this.#revision.transaction ? 'Nothing of the revision was kept.' : '';
    return `Of its ${this.steps.length} parts the first ${index} are kept; the next run goes on after them.`;
  }

  #noTransactionTimeout(): string {
    const major = Number.parseInt(this.#options.connection.parameters.get('server_version') ?? '', 10);
    return major >= 17 ? '; set local transaction_timeout = 0' : '';
  }
}

async function prepareSession(connection: Connection): Promise<void> {
  try {
    await connection.command(`set client_connection_check_interval = ${CLIENT_CHECK_MS}`);
  } catch (error) {
    // Not every platform can tell (22023), and PostgreSQL 13 did not know the setting (42704).
    if (!['22023', '42704'].includes(sqlState(error) ?? '')) throw error;
  }
}
