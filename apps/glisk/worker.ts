/** Workers of GLISK: what they claim from, and what a failure becomes. */
import { isKeelsonError } from 'keelson/errors';
import { defineWorkers, RetryAfter } from 'keelson/queue';
import { model, type Repositories } from './model.ts';
import type { Services } from './services.ts';

/** Makes a worker of this app. */
export const { worker } = defineWorkers<Repositories, Services>(model);

/** Why something failed, as anybody may read it. */
export interface Failure {
  readonly [detail: string]: unknown;
  readonly code: string;
  readonly message: string;
}

/** Texts of these name nothing of our own. */
const TOLD = /^(?:OUTSIDE|WORK|WORKER)_/u;

/** Why something failed, without what only the log may know. */
export function failureOf(error: Error): Failure {
  if (isKeelsonError(error) && TOLD.test(error.code)) return { code: error.code, message: error.message };
  return { code: isKeelsonError(error) ? error.code : 'INTERNAL_SERVER_ERROR', message: 'Something went wrong on our side.' };
}

/**
 * Runs something of a service outside; where that names the time after which it may be asked again, it is not asked before.
 *
 * @throws WORK_POSTPONED instead of OUTSIDE_UNAVAILABLE with a time
 */
export async function patiently<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (!isKeelsonError(error, 'OUTSIDE_UNAVAILABLE') || error.retryAfterS === undefined) throw error;
    throw new RetryAfter(error.retryAfterS * 1_000, { message: error.message, cause: error });
  }
}
