/** A gate for expensive work: so many at once, so many waiting, so long at most; the rest is told to come back. */
import { type Clock, systemClock } from '../clock.ts';
import { KeelsonError } from '../errors.ts';

/** How much a gate lets through. */
export interface GateOptions {
  readonly concurrencyMax: number;
  readonly queueMax: number;
  readonly waitMs: number;
  readonly clock?: Clock | undefined;
}

/** Runs tasks, a bounded number at a time and in the order in which they came. */
export class Gate {
  readonly #options: GateOptions;
  readonly #clock: Clock;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(options: GateOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /**
   * Runs a task when its turn has come.
   *
   * @throws SERVICE_UNAVAILABLE when the queue is full, or the turn does not come in time
   */
  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#running < this.#options.concurrencyMax) this.#running += 1;
    else await this.#turn();
    try {
      return await task();
    } finally {
      this.#leave();
    }
  }

  #turn(): Promise<void> {
    if (this.#waiting.length >= this.#options.queueMax) throw this.#busy('The queue is full.');
    const turn = Promise.withResolvers<void>();
    const patience = new AbortController();
    const admit = (): void => {
      patience.abort();
      turn.resolve();
    };
    this.#waiting.push(admit);
    this.#clock.sleep(this.#options.waitMs, patience.signal).then(
      () => {
        const place = this.#waiting.indexOf(admit);
        if (place === -1) return;
        this.#waiting.splice(place, 1);
        turn.reject(this.#busy('The turn did not come in time.'));
      },
      () => undefined, // The turn came: nobody waits any more.
    );
    return turn.promise;
  }

  /** The place goes to who waited longest; it becomes free when nobody waits. */
  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#running -= 1;
    else next();
  }

  #busy(reason: string): KeelsonError {
    return new KeelsonError('SERVICE_UNAVAILABLE', {
      message: 'Too many log-ins are under way.',
      retryAfterS: Math.max(1, Math.ceil(this.#options.waitMs / 1_000)),
      data: { reason },
    });
  }
}
