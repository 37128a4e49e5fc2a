/** The connection of a fetcher of jobs: its own, so that a busy pool holds up no job, and made anew when it was lost. */
import type { Clock } from '../clock.ts';
import type { Connection } from '../postgres/connection.ts';
import type { Postgres } from '../postgres/postgres.ts';
import { endWhenSilent } from '../postgres/silence.ts';
import { walkingSession, walkingTransaction } from './index-walk.ts';

/** A connection that answers nothing for so long is given up. */
const SILENT_MS = 15_000;

/** The connection of a fetcher. */
export class JobConnection {
  readonly #postgres: Postgres;
  readonly #clock: Clock;
  /** What each transaction sets for itself, behind BEGIN: nothing where the session is one's own. */
  readonly local: string;
  #connection: Connection | undefined;

  constructor(postgres: Postgres, clock: Clock) {
    this.#postgres = postgres;
    this.#clock = clock;
    this.local = postgres.namedStatements ? '' : walkingTransaction(postgres);
  }

  /**
   * The connection, idle.
   *
   * @throws DATABASE_CONNECTION_FAILED
   */
  async get(): Promise<Connection> {
    if (this.#connection?.reusable === true) return this.#connection;
    this.#connection?.destroy();
    const connection = await this.#postgres.connect();
    connection.holder = 'jobs';
    connection.watch = this.#postgres.watch;
    void endWhenSilent(connection, SILENT_MS, this.#clock);
    // Behind a transaction pooler the session is not one's own: there each turn brings the settings.
    if (this.#postgres.namedStatements) await connection.command(walkingSession);
    this.#connection = connection;
    return connection;
  }

  async close(): Promise<void> {
    await this.#connection?.close();
  }
}
