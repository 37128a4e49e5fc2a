/** Those who wait for a connection: first come, first served, and nobody waits for ever. */
import type { Clock } from '../clock.ts';
import type { KeelsonError } from '../errors.ts';
import type { Connection } from './connection.ts';

/** One who waits. */
export interface Waiter {
  readonly holder: string;
  readonly sinceMs: number;
  readonly resolve: (connection: Connection) => void;
  readonly reject: (error: KeelsonError) => void;
}

/** A line of waiters, each with the same patience. */
export class WaitingLine {
  readonly #waiters = new Set<Waiter>();
  readonly #waitMs: number;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #onTimeout: (waiter: Waiter) => KeelsonError;
  #watching = false;

  constructor(options: {
    readonly waitMs: number;
    readonly clock: Clock;
    readonly signal: AbortSignal;
    /** What the waiter is told whose time is over. */
    readonly onTimeout: (waiter: Waiter) => KeelsonError;
  }) {
    this.#waitMs = options.waitMs;
    this.#clock = options.clock;
    this.#signal = options.signal;
    this.#onTimeout = options.onTimeout;
  }

  get length(): number {
    return this.#waiters.size;
  }

  /** Stands in line. */
  join(holder: string): Promise<Connection> {
    const { promise, resolve, reject } = Promise.withResolvers<Connection>();
    this.#waiters.add({ holder, sinceMs: this.#clock.monotonicMs(), resolve, reject });
    if (!this.#watching) void this.#watch();
    return promise;
  }

  /** Whoever has waited longest leaves the line to be served. */
  next(): Waiter | undefined {
    for (const waiter of this.#waiters) {
      this.#waiters.delete(waiter);
      return waiter;
    }
    return undefined;
  }

  /** Sends everybody away. */
  dismiss(reason: () => KeelsonError): void {
    for (let waiter = this.next(); waiter !== undefined; waiter = this.next()) waiter.reject(reason());
  }

  /** All have the same patience, so only the first in line needs watching. */
  async #watch(): Promise<void> {
    this.#watching = true;
    try {
      for (let first = this.#first(); first !== undefined; first = this.#first()) {
        const leftMs = first.sinceMs + this.#waitMs - this.#clock.monotonicMs();
        if (leftMs > 0) await this.#clock.sleep(leftMs, this.#signal);
        else {
          this.#waiters.delete(first);
          first.reject(this.#onTimeout(first));
        }
      }
    } catch (error) {
      if (!this.#signal.aborted) throw error;
    } finally {
      this.#watching = false;
    }
  }

  #first(): Waiter | undefined {
    return this.#waiters.values().next().value;
  }
}
