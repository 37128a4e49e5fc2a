/** What becomes of a row after its run: it is done, it has failed, or it goes back to be tried again. */
import { isKeelsonError } from '../errors.ts';
import { isPermanent, RetryAfter, retryWaitMs, toError } from './retry.ts';
import type { ClaimedRow, Outcome } from './run.ts';
import type { WorkerLimits } from './worker-limits.ts';

/** What becomes of a row. */
export type Verdict =
  | { readonly kind: 'done'; readonly row: ClaimedRow; readonly result: unknown }
  | { readonly kind: 'fail'; readonly row: ClaimedRow; readonly error: Error }
  | {
      readonly kind: 'back';
      readonly row: ClaimedRow;
      readonly waitMs: number;
      readonly isCounted: boolean;
      readonly error: Error | undefined;
    };

/** A verdict that is written in a unit of work. */
export type Settled = Exclude<Verdict, { readonly kind: 'back' }>;

/** The verdict on a row whose run has ended; `random` gives from 0 to 1. */
export function verdictOf(row: ClaimedRow, outcome: Outcome, limits: WorkerLimits, random: () => number): Verdict {
  if (outcome.isDone) return { kind: 'done', row, result: outcome.result };
  const error = toError(outcome.error);
  if (isKeelsonError(error, 'WORKER_STOPPING')) return { kind: 'back', row, waitMs: 0, isCounted: false, error: undefined };
  if (error instanceof RetryAfter) return { kind: 'back', row, waitMs: error.waitMs, isCounted: false, error };
  if (isPermanent(error) || row.attempt >= limits.attemptsMax) return { kind: 'fail', row, error };
  return { kind: 'back', row, waitMs: retryWaitMs(limits.retry, row.attempt - 1, random), isCounted: true, error };
}
