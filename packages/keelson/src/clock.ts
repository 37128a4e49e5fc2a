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
  sleep,
};

/** A timer of Node that is set for longer fires at once. */
const timerMaxMs = 2_147_483_647;

async function sleep(durationMs: number, signal?: AbortSignal): Promise<void> {
  try {
    let restMs = durationMs;
    for (; restMs > timerMaxMs; restMs -= timerMaxMs) await delay(timerMaxMs, undefined, { signal });
    await delay(restMs, undefined, { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}
