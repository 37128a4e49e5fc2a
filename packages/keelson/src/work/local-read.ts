/** One statement in a read-only transaction of its own, for a reader whose settings must hold: one round trip. */
import type { Clock } from '../clock.ts';
import { isKeelsonError, KeelsonError } from '../errors.ts';
import { fromDatabase } from '../postgres/sqlstate.ts';
import type { Result } from '../postgres/exchange.ts';
import type { Statement } from '../schema/sql.ts';
import { isRetryable, pauseBeforeRetry, RETRIES_MAX } from './retry.ts';
import { type Boundary, type ConnectionSource, Transaction } from './transaction.ts';

/** Where and as whom a statement is read. */
export interface LocalRead {
  readonly source: ConnectionSource;
  readonly boundary: Boundary;
  readonly holder: string;
  readonly clock: Clock;
}

/**
 * Runs a statement: BEGIN with the settings, the statement and COMMIT leave in one packet. A read is run again after whatever says
 * that it may be.
 *
 * @throws POOL_EXHAUSTED when no connection came free in time
 */
export async function readLocally(statement: Statement, { source, boundary, holder, clock }: LocalRead): Promise<Result> {
  // bounded by: RETRIES_MAX
  for (let attempt = 1; ; attempt += 1) {
    try {
      const [result] = await new Transaction(source, boundary, holder).commit([statement]);
      if (result === undefined) throw new KeelsonError('INTERNAL_SERVER_ERROR', { message: 'A statement gave no result.' });
      return result;
    } catch (error) {
      if (attempt > RETRIES_MAX || !isRetryable(error)) throw readFailure(error);
      await pauseBeforeRetry(clock, attempt);
    }
  }
}

/** Nothing was written, so nothing is unknown when the connection breaks in COMMIT. */
function readFailure(error: unknown): unknown {
  return isKeelsonError(error, 'COMMIT_UNKNOWN') ? fromDatabase(error.cause) : error;
}
