/** Shared connections for short statements outside a transaction: many callers, one pipeline. */
import { type Clock, systemClock } from '../clock.ts';
import { KeelsonError } from '../errors.ts';
import type { Statement } from '../schema/sql.ts';
import { runAround } from './around.ts';
import type { Connection } from './connection.ts';
import type { Exchange, Result } from './exchange.ts';
import { settledWithin } from './pool-member.ts';
import { closedError } from './pool-stats.ts';

/** What readers are made of. */
export interface ReadersOptions {
  readonly connect: () => Promise<Connection>;
  readonly size?: number | undefined;
  /** How many statements may be under way on one connection before more are refused. */
  readonly pendingMax?: number | undefined;
  /** BEGIN with its settings, where each statement has to bring its own: behind a transaction pooler. */
  readonly begin?: string | undefined;
  readonly clock?: Clock | undefined;
}

const CLOSE_WAIT_MS = 10_000;

interface Slot {
  connection: Connection | undefined;
  opening: Promise<Connection> | undefined;
}

/**
 * A few connections on which everybody's statements follow each other, each committed by itself. A slow statement holds up those
 * behind it, so only short ones go here; nothing is ever cancelled on them, because a cancel hits whatever runs when it arrives.
 */
export class Readers {
  readonly #connect: () => Promise<Connection>;
  readonly #pendingMax: number;
  readonly #begin: string | undefined;
  readonly #slots: readonly Slot[];
  readonly #clock: Clock;
  /** Statements that are being run again; none is run a third time. */
  readonly #again = new WeakSet<Statement>();
  /** Statements that another connection has taken over. */
  readonly #moved = new WeakSet<Statement>();
  #turn = 0;
  #closed = false;

  constructor(options: ReadersOptions) {
    this.#connect = options.connect;
    this.#clock = options.clock ?? systemClock;
    this.#pendingMax = options.pendingMax ?? 5_000;
    this.#begin = options.begin;
    this.#slots = Array.from({ length: options.size ?? 2 }, () => ({ connection: undefined, opening: undefined }));
  }

  /** How many connections are open. */
  get size(): number {
    return this.#slots.filter((slot) => slot.connection?.broken === false).length;
  }

  /** How many statements have not been answered. */
  get pending(): number {
    return this.#slots.reduce((total, slot) => total + (slot.connection?.pending ?? 0), 0);
  }

  /**
   * Runs one statement by itself.
   *
   * @throws SERVICE_UNAVAILABLE when too many are under way, or they are closed
   */
  query(statement: Statement): Promise<Result> {
    const connection = this.#leastBusy();
    if (connection === undefined) return this.#queryLater(statement);
    if (connection.pending >= this.#pendingMax) return Promise.reject(busyError());
    return this.#send(connection, statement);
  }

  /** Ends them after what is under way, or when the deadline is over. */
  async close(deadlineMs: number = CLOSE_WAIT_MS): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#slots.map((slot) => this.#closeSlot(slot, deadlineMs)));
  }

  #send(connection: Connection, statement: Statement): Promise<Result> {
    if (this.#begin === undefined) return connection.query(statement);
    return runAround(connection, statement, { begin: this.#begin, isMoved: () => this.#moved.has(statement) });
  }

  /** The open connection with the fewest statements under way; equals take turns. */
  #leastBusy(): Connection | undefined {
    const slots = this.#slots;
    let best: Connection | undefined;
    this.#turn = this.#turn + 1 >= slots.length ? 0 : this.#turn + 1;
    for (let index = 0; index < slots.length; index += 1) {
      const slot = slots[(this.#turn + index) % slots.length];
      if (slot === undefined) continue;
      const { connection } = slot;
      if (connection === undefined || connection.broken || this.#isLeftOpen(connection)) this.#reopen(slot);
      else if (best === undefined || connection.pending < best.pending) best = connection;
    }
    return best;
  }

  /** Whether somebody has left a transaction open; one that is under way is to end by itself. */
  #isLeftOpen(connection: Connection): boolean {
    return connection.transactionStatus !== 'I' && (this.#begin === undefined || connection.pending === 0);
  }

  #reopen(slot: Slot): void {
    if (this.#closed || slot.opening !== undefined) return;
    // Whoever left a transaction open on it, or made its plans stale: nobody else must find that.
    void slot.connection?.close();
    slot.connection = undefined;
    slot.opening = this.#open(slot);
    slot.opening.catch(ignore);
  }

  async #open(slot: Slot): Promise<Connection> {
    try {
      const connection = await this.#connect();
      connection.holder = 'read';
      connection.onNotRun = (exchange) => this.#runAgain(exchange);
      slot.connection = connection;
      return connection;
    } finally {
      slot.opening = undefined;
    }
  }

  async #queryLater(statement: Statement): Promise<Result> {
    if (this.#closed) throw closedError();
    const openings = this.#slots.flatMap((slot) => slot.opening ?? []);
    const connection = await Promise.any(openings).catch(throwFirst);
    return this.#send(connection, statement);
  }

  /** Once more for what certainly did not run: it never left, or its plan was out of date. */
  #runAgain(exchange: Exchange): boolean {
    const { statement } = exchange;
    if (statement === undefined || this.#closed || this.#again.has(statement)) return false;
    const again: Statement = { ...statement, name: undefined };
    this.#again.add(again);
    this.#moved.add(statement);
    exchange.resolve(this.query(again));
    exchange.promise.catch(ignore);
    return true;
  }

  async #closeSlot(slot: Slot, deadlineMs: number): Promise<void> {
    const connection = slot.connection ?? (await slot.opening?.catch(ignore));
    if (connection === undefined) return;
    if (!(await settledWithin(connection.close(), deadlineMs, this.#clock))) connection.destroy();
  }
}

function throwFirst(error: unknown): never {
  throw error instanceof AggregateError ? error.errors[0] : error;
}

function busyError(): KeelsonError {
  return new KeelsonError('SERVICE_UNAVAILABLE', { message: 'Too many reads of the database are under way.', retryAfterS: 1 });
}

function ignore(): undefined {
  // Whoever waits for it hears of it; the next statement tries again.
}
