/** The probe: one question to the database at a time, on a connection of its own, with a deadline. */
import type { Clock } from '../clock.ts';
import { catalogue, KeelsonError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Connection } from '../postgres/connection.ts';
import { sqlState } from '../postgres/sqlstate.ts';

/** Where the migrations stand. */
export type MigrationState = 'up_to_date' | 'pending' | 'unknown';

/** What a probe needs. */
export interface ProbeOptions {
  /** Opens the probe's connection: not one of the pool, so that a full pool is reported and not waited for. */
  readonly connect: () => Promise<Connection>;
  /** Asks where the migrations stand. */
  readonly migrations: (connection: Connection) => Promise<MigrationState>;
  readonly clock: Clock;
  /** How long the database may take to answer; 1,000. */
  readonly deadlineMs?: number | undefined;
  /** Told once when looks begin to fail, and once when they succeed again: `database.error` and `database.recovered`. */
  readonly log?: Log | undefined;
}

/** What a probe found. */
export type Finding =
  | { readonly isConnected: true; readonly responseTimeMs: number; readonly migrations: MigrationState }
  | { readonly isConnected: false; readonly problem: string };

const DEADLINE_MS = 1_000;

/** Asks the database how it is. */
export class Probe {
  readonly #options: ProbeOptions;
  readonly #deadlineMs: number;
  #connection: Promise<Connection> | undefined;
  #looking: Promise<Finding> | undefined;
  #isClosed = false;
  #isFailing = false;

  constructor(options: ProbeOptions) {
    this.#options = options;
    this.#deadlineMs = options.deadlineMs ?? DEADLINE_MS;
  }

  /** Looks; those who ask while somebody looks get the same finding. */
  look(): Promise<Finding> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#looking;
    this.#drop();
  }

  async #look(): Promise<Finding> {
    if (this.#isClosed) return unreachable();
    const { clock } = this.#options;
    const deadline = new AbortController();
    const late = clock.sleep(this.#deadlineMs, deadline.signal).then(() => this.#late(), unreachable);
    try {
      return await Promise.race([this.#ask(), late]);
    } finally {
      deadline.abort();
    }
  }

  async #ask(): Promise<Finding> {
    const { clock, migrations } = this.#options;
    const opening = this.#open();
    try {
      const connection = await opening;
      const startedMs = clock.monotonicMs();
      await connection.command('select 1');
      const responseTimeMs = clock.monotonicMs() - startedMs;
      this.#succeeded();
      // The database answers; that its history cannot be read is no reason to call it away.
      return { isConnected: true, responseTimeMs, migrations: await migrations(connection).catch(() => 'unknown' as const) };
    } catch (error) {
      // What went wrong may name the host and the user: it is for the log, not for an answer.
      this.#drop(opening);
      this.#failed(error);
      return unreachable();
    }
  }

  /** Probes come every few seconds: the log has the beginning of a failure and its end, not each look. */
  #failed(error: unknown): void {
    if (this.#isFailing || this.#isClosed) return;
    this.#isFailing = true;
    this.#options.log?.error('database.error', { during: 'probe', sqlstate: sqlState(error) ?? null, error });
  }

  #succeeded(): void {
    if (this.#isFailing) this.#options.log?.info('database.recovered', { during: 'probe' });
    this.#isFailing = false;
  }

  /** A connection that does not answer in time is left: the next look begins anew. */
  #late(): Finding {
    this.#drop();
    const problem = `The database did not answer within ${this.#deadlineMs} ms.`;
    this.#failed(new KeelsonError('DATABASE_TIMEOUT', { message: problem }));
    return { isConnected: false, problem };
  }

  #open(): Promise<Connection> {
    this.#connection ??= this.#reopen(this.#options.connect());
    return this.#connection;
  }

  /** A connection that is lost between two looks says nothing of the database: it is replaced before it is asked. */
  #reopen(opening: Promise<Connection>): Promise<Connection> {
    opening.then(
      (connection) => {
        connection.onEnd = () => this.#drop(opening);
      },
      () => undefined,
    );
    return opening;
  }

  #drop(dropped = this.#connection): void {
    if (dropped === this.#connection) this.#connection = undefined;
    dropped?.then(
      (connection) => connection.destroy(),
      () => undefined,
    );
  }
}

/** Each time anew: whoever counts looks tells them apart. */
function unreachable(): Finding {
  return { isConnected: false, problem: catalogue.DATABASE_CONNECTION_FAILED.message };
}
