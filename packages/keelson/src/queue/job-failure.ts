/** What a failed run does to its job: wait and try again, or be dead. */
import { randomInt } from 'node:crypto';
import { isKeelsonError } from '../errors.ts';
import { codeOf } from '../work/retry.ts';
import type { JobRun } from './job-run.ts';
import type { FailedJob } from './job-sql.ts';
import { isPermanent, RetryAfter, retryWaitMs } from './retry.ts';

const MESSAGE_MAX = 2_000;
const PRECISION = 1_000_000;

/** The end of a run that threw. */
export function failedJob<S>(run: JobRun<S>, error: Error): FailedJob {
  const isPostponed = error instanceof RetryAfter;
  const isDead = !isPostponed && (isPermanent(error) || run.attempt >= run.attemptsMax);
  return {
    id: run.id,
    epoch: run.epoch,
    isDead,
    uncounted: isPostponed ? 1 : 0,
    waitMs: isPostponed ? error.waitMs : isDead ? 0 : retryWaitMs(run.ready.retry, run.attempt, () => randomInt(PRECISION) / PRECISION),
    error: { code: isKeelsonError(error) ? error.code : codeOf(error), message: storable(error.message), attempt: run.attempt },
  };
}

/** What PostgreSQL could not store is shown as a replacement character. */
function storable(text: string): string {
  return text.slice(0, MESSAGE_MAX).toWellFormed().replaceAll('\0', '\uFFFD');
}
