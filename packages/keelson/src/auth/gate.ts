/** A gate for expensive work: so many at once, so many waiting, so long at most; the rest is told to come back. */
import { type Clock, systemClock } from '../clock.ts';
import { KeelsonError } from '../errors.ts';

/** How much the newest task counts in what a task is expected to take. */
const NEWEST_SHARE = 0.2;

/** A turn that was foreseen in time is waited for longer: what tasks take is foreseen from an average. */
const PATIENCE = 2;

/** How much a gate lets through. */
export interface GateOptions {
  readonly concurrencyMax: number;
  readonly queueMax: number;
  /** Whoever is expected to wait longer than this is refused at once. */
  readonly waitMs: number;
  /** What a task is expected to take before the first has been seen. */
  readonly taskMs?: number | undefined;
  readonly clock?: Clock | undefined;
}

/** Runs tasks, a bounded number at a time and in the order in which they came. */
export class Gate {
  readonly #options: GateOptions;
  readonly #clock: Clock;
  readonly #waiting: (() => void)[] = [];
  #running = 0;
  /** What a task took lately. */
  #taskMs: number;

  constructor(options: GateOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#taskMs = options.taskMs ?? 0;
  }

  /**
   * Runs a task when its turn has come.
   *
   * @throws SERVICE_UNAVAILABLE when the queue is full, or the turn does not come in time: told at once where that can be foreseen
   */
  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#running < this.#options.concurrencyMax) this.#running += 1;
    else await this.#turn();
    const startedMs = this.#clock.monotonicMs();
    try {
      return await task();
    } finally {
      this.#learn(this.#clock.monotonicMs() - startedMs);
      this.#leave();
    }
  }

  #turn(): Promise<void> {
    if (this.#waiting.length >= this.#options.queueMax) throw this.#busy('The queue is full.');
    // Who would wait in vain is better told now than in two seconds, with its connection held all the while.
    if (this.#expectedMs() > this.#options.waitMs) throw this.#busy('The turn would not come in time.');
    const turn = Promise.withResolvers<void>();
    const patience = new AbortController();
    const admit = (): void => {
      patience.abort();
      turn.resolve();
    };
    this.#waiting.push(admit);
    this.#clock.sleep(this.#options.waitMs * PATIENCE, patience.signal).then(
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

  /** How long one more would wait for its turn. */
  #expectedMs(): number {
    return (Math.floor(this.#waiting.length / this.#options.concurrencyMax) + 1) * this.#taskMs;
  }

  #learn(tookMs: number): void {
    this.#taskMs = this.#taskMs === 0 ? tookMs : this.#taskMs + NEWEST_SHARE * (tookMs - this.#taskMs);
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
