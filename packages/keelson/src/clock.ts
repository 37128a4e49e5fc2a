/** Time as a dependency: everything that asks what time it is, or waits, is handed a clock. */
import { setTimeout as delay } from 'node:timers/promises';

/** Tells the time and waits. Tests hand in one that they move by hand. */
export interface Clock {
  /** The time of day, for what is stored or shown. */
  now(): Date;
  /** Milliseconds since some fixed moment, never going back: for durations and deadlines. */
  monotonicMs(): number;
  /** Waits, or rejects with the signal's reason when it is aborted first. */
  sleep(durationMs: number, signal?: AbortSignal): Promise<void>;
}

/** The clock of the machine. */
export const systemClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
  sleep: (durationMs, signal) => delay(durationMs, undefined, signal === undefined ? {} : { signal }),
};
