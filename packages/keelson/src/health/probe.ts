/** The probe: one question to the database at a time, on a connection of its own, with a deadline. */
import type { Clock } from '../clock.ts';
import { catalogue } from '../errors.ts';
import type { Connection } from '../postgres/connection.ts';

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
    if (this.#isClosed) return unreachable;
    const { clock } = this.#options;
    const deadline = new AbortController();
    const late = clock.sleep(this.#deadlineMs, deadline.signal).then(
      () => this.#late(),
      () => unreachable,
    );
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
      // The database answers; that its history cannot be read is no reason to call it away.
      return { isConnected: true, responseTimeMs, migrations: await migrations(connection).catch(() => 'unknown' as const) };
    } catch {
      // What went wrong may name the host and the user: it is in the log of whoever connects, not in an answer.
      this.#drop(opening);
      return unreachable;
    }
  }

  /** A connection that does not answer in time is left: the next look begins anew. */
  #late(): Finding {
    this.#drop();
    return { isConnected: false, problem: `The database did not answer within ${this.#deadlineMs} ms.` };
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

const unreachable: Finding = { isConnected: false, problem: catalogue.DATABASE_CONNECTION_FAILED.message };
