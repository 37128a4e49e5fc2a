/** What is tried again and when: errors that will not pass, waits that double, and those that the work asks for. */
import { randomInt } from 'node:crypto';
import { type ErrorOptions, isKeelsonError, KeelsonError } from '../errors.ts';
import type { RetryTimes } from './worker-limits.ts';

/**
 * Says that trying again is of no use: the row or the job fails at once.
 *
 * @example
 * import { PermanentError } from 'keelson/queue';
 * export const refused = new PermanentError('The prompt was refused by the safety filter.');
 */
export class PermanentError extends KeelsonError {
  constructor(message: string, options: Omit<ErrorOptions, 'message'> = {}) {
    super('WORK_REFUSED', { ...options, message });
  }
}

/** Says when to try again, as a service does that is busy; the attempt is not counted. */
export class RetryAfter extends KeelsonError {
  readonly waitMs: number;

  constructor(waitMs: number, options: ErrorOptions = {}) {
    super('WORK_POSTPONED', { ...options, retryAfterS: Math.ceil(waitMs / 1_000) });
    this.waitMs = waitMs;
  }
}

/** Not retryable for who made the call, but the same work may succeed when it is run anew. */
const PASSING: ReadonlySet<string> = new Set([
  'STALE_VERSION',
  'COMMIT_UNKNOWN',
  'INTERNAL_SERVER_ERROR',
  'TRANSACTION_ABORTED',
  'CONFLICT',
]);

/** Whether trying again is of no use. Errors that are not of the catalogue may pass. */
export function isPermanent(error: unknown): boolean {
  return isKeelsonError(error) && !error.retryable && !PASSING.has(error.code);
}

/** How long to wait before the next attempt; `random` gives from 0 to 1. */
export function retryWaitMs({ baseMs, capMs }: RetryTimes, attempt: number, random: () => number): number {
  const grownMs = Math.min(capMs, baseMs * 2 ** Math.min(attempt, 40));
  return Math.round(grownMs * (0.5 + random()));
}

/** Anything thrown as an error. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error
    ? thrown
    : new KeelsonError('INTERNAL_SERVER_ERROR', { message: `Thrown: ${String(thrown)}`, cause: thrown });
}

/** How long to wait before a database that is away is asked again: short, since workers stand still meanwhile. */
export function retryPauseMs(attempt: number, random: () => number): number {
  return Math.min(1_000, 20 * 2 ** Math.min(attempt, 10)) * (0.5 + random());
}

/** From 0 to 1, of Node's source for keys: waits must not be alike in processes that started together. */
export function randomFraction(): number {
  return randomInt(1_000_001) / 1_000_000;
}
