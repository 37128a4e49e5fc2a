/** Shared connections for short statements outside a transaction: many callers, one pipeline. */
import { KeelsonError } from '../errors.ts';
import type { Statement } from '../schema/sql.ts';
import type { Connection } from './connection.ts';
import type { Result } from './exchange.ts';

/** What readers are made of. */
export interface ReadersOptions {
  readonly connect: () => Promise<Connection>;
  readonly size?: number | undefined;
  /** How many statements may be under way on one connection before more are refused. */
  readonly pendingMax?: number | undefined;
}

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
  readonly #slots: readonly Slot[];
  #turn = 0;
  #closed = false;

  constructor(options: ReadersOptions) {
    this.#connect = options.connect;
    this.#pendingMax = options.pendingMax ?? 5_000;
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
    return connection.query(statement);
  }

  /** Ends them after what is under way. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(
      this.#slots.map(async (slot) => {
        const connection = slot.connection ?? (await slot.opening?.catch(() => undefined));
        await connection?.close();
      }),
    );
  }

  /** The open connection with the fewest statements under way; equals take turns. */
  #leastBusy(): Connection | undefined {
    const slots = this.#slots;
    let best: Connection | undefined;
    this.#turn = this.#turn + 1 >= slots.length ? 0 : this.#turn + 1;
    for (let index = 0; index < slots.length; index += 1) {
      const slot = slots[(this.#turn + index) % slots.length];
      const connection = slot?.connection;
      if (slot !== undefined && (connection === undefined || connection.broken)) this.#reopen(slot);
      else if (connection !== undefined && (best === undefined || connection.pending < best.pending)) best = connection;
    }
    return best;
  }

  #reopen(slot: Slot): void {
    if (this.#closed || slot.opening !== undefined) return;
    slot.connection = undefined;
    slot.opening = this.#open(slot);
    slot.opening.catch(ignore);
  }

  async #open(slot: Slot): Promise<Connection> {
    try {
      slot.connection = await this.#connect();
      return slot.connection;
    } finally {
      slot.opening = undefined;
    }
  }

  async #queryLater(statement: Statement): Promise<Result> {
    if (this.#closed) throw new KeelsonError('SERVICE_UNAVAILABLE', { message: 'The database connections are being closed.' });
    const openings = this.#slots.flatMap((slot) => slot.opening ?? []);
    const connection = await Promise.any(openings).catch(firstOf);
    return connection.query(statement);
  }
}

function firstOf(error: unknown): never {
  throw error instanceof AggregateError ? error.errors[0] : error;
}

function busyError(): KeelsonError {
  return new KeelsonError('SERVICE_UNAVAILABLE', { message: 'Too many reads of the database are under way.', retryAfterS: 1 });
}

function ignore(): void {
  // Whoever waits for it hears of it; the next statement tries again.
}
