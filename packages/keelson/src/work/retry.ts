/** What may be run again, and how it is told. */
import { randomInt } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { KeelsonError } from '../errors.ts';
import { sqlState } from '../postgres/sqlstate.ts';

/** How often a block is run again when nothing else is said. */
export const RETRIES_MAX = 3;

const RETRY_BASE_MS = 5;
const CAUSES_MAX = 5;

/** Deadlock, serialization failure; and a plan that a migration has outdated, whose connection is dropped. */
const RETRYABLE: ReadonlySet<string> = new Set(['40001', '40P01', '26000', '0A000']);

/** Whether the same work may succeed when it is run again from the beginning. */
export function isRetryable(error: unknown): boolean {
  let current = error;
  for (let depth = 0; depth < CAUSES_MAX && current instanceof Error; depth += 1) {
    const state = sqlState(current);
    if (state !== undefined && RETRYABLE.has(state)) return true;
    current = current.cause;
  }
  return false;
}

/** A pause of random length, so that those who met do not meet again; it may be twice as long each time. */
export function pauseBeforeRetry(clock: Clock, attempt: number): Promise<void> {
  return clock.sleep(randomInt(RETRY_BASE_MS * 2 ** attempt) + 1);
}

/** What a log line says of a failure: its code; whoever answers the call logs the rest. */
export function codeOf(error: unknown): string {
  if (error instanceof KeelsonError) return error.code;
  return error instanceof Error ? error.name : typeof error;
}
