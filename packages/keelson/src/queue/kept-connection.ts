/** A connection of one's own that lasts: made again when it is lost, and asked now and then whether it still answers. */
import { randomInt } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { Connection } from '../postgres/connection.ts';
import { settledWithin } from '../postgres/pool-member.ts';
import type { Postgres } from '../postgres/postgres.ts';

/** What a kept connection is for. */
export interface KeptConnectionOptions {
  /** What the log calls it. */
  readonly purpose: string;
  readonly open: () => Promise<Connection>;
  /** What each new connection is given first: a lock, a LISTEN. */
  readonly prepare: (connection: Connection) => Promise<void>;
  /** Rejects when the connection is only half there, as silence for too long also says; gives how long to wait until the next look. */
  readonly check: (connection: Connection) => Promise<number>;
  readonly clock: Clock;
  readonly log: Log;
  /** How long a look may take; 5 s. */
  readonly silentMs?: number | undefined;
}

const SILENT_MS = 5_000;
const PAUSE_FIRST_MS = 10;
const PAUSE_MAX_MS = 250;

/** How to open a connection that lasts: past the pooler where there is a way, and not at all where a pooler is in it. */
export function directWay(postgres: Postgres, direct: (() => Promise<Connection>) | undefined): (() => Promise<Connection>) | undefined {
  return direct ?? (postgres.namedStatements ? postgres.connect : undefined);
}

/** Keeps a connection from `open` to `close`. */
export class KeptConnection {
  readonly #options: KeptConnectionOptions;
  readonly #ending = new AbortController();
  readonly #closed = Promise.withResolvers<void>();
  #connection: Connection | undefined;
  #kept: Promise<void> = Promise.resolve();

  constructor(options: KeptConnectionOptions) {
    this.#options = options;
  }

  /**
   * Makes the first connection, and keeps one from then on.
   *
   * @throws DATABASE_CONNECTION_FAILED when the first one fails
   */
  async open(): Promise<void> {
    const first = await this.#connect();
    this.#kept = this.#keep(first);
  }

  /** Ends this connection; the next is made at once. */
  renew(): void {
    this.#connection?.destroy();
  }

  async close(): Promise<void> {
    this.#ending.abort();
    this.#closed.resolve();
    await this.#kept;
  }

  async #keep(first: Connection): Promise<void> {
    let connection: Connection | undefined = first;
    // bounded by: close
    for (let pauseMs = PAUSE_FIRST_MS; !this.#ending.signal.aborted;) {
      if (connection === undefined) {
        await this.#pause(randomInt(pauseMs) + 1);
        pauseMs = Math.min(pauseMs * 2, PAUSE_MAX_MS);
      } else {
        pauseMs = PAUSE_FIRST_MS;
        await this.#watch(connection);
        if (!this.#ending.signal.aborted) this.#options.log.debug('worker.connection_lost', { purpose: this.#options.purpose });
      }
      connection = this.#ending.signal.aborted ? undefined : await this.#connect().catch(nothing);
    }
    await connection?.close();
  }

  async #connect(): Promise<Connection> {
    const connection = await this.#options.open();
    try {
      await this.#options.prepare(connection);
    } catch (error) {
      connection.destroy();
      throw error;
    }
    this.#connection = connection;
    return connection;
  }

  /** Looks after a connection until it has ended. */
  async #watch(connection: Connection): Promise<void> {
    const { clock, silentMs = SILENT_MS } = this.#options;
    const over = new AbortController();
    const signal = AbortSignal.any([over.signal, this.#ending.signal]);
    void connection.ended.then(() => over.abort());
    try {
      // bounded by: the life of the connection
      while (!signal.aborted) {
        const look = this.#options.check(connection);
        // A look that waits to hear something hears nothing any more once the connection has ended.
        const inTime = await settledWithin(Promise.race([look.catch(nothing), connection.ended, this.#closed.promise]), silentMs, clock);
        if (!inTime || signal.aborted) break;
        await clock.sleep(await look, signal);
      }
    } catch {
      // It has ended, or it answers no more.
    }
    await (this.#ending.signal.aborted && !connection.broken ? connection.close() : connection.destroy());
  }

  async #pause(waitMs: number): Promise<void> {
    await this.#options.clock.sleep(waitMs, this.#ending.signal).catch(nothing);
  }
}

function nothing(): undefined {
  return undefined;
}
