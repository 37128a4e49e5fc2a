/** The limits of a worker. */

/** How long a row waits until it is tried again: `baseMs × 2^attempts`, at most `capMs`, times a random number from 0.5 to 1.5. */
export interface RetryTimes {
  readonly baseMs: number;
  readonly capMs: number;
}

/** What of a worker is the same whatever it works on. */
export interface WorkerLimits {
  readonly concurrency: number;
  readonly batchMax: number;
  readonly attemptsMax: number;
  readonly timeoutMs: number;
  readonly leaseMs: number;
  readonly retry: RetryTimes;
}
