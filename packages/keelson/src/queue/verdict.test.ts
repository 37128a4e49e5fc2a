/** What becomes of a row after its run, and when it is tried again. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeelsonError } from '../errors.ts';
import { isPermanent, PermanentError, RetryAfter, retryWaitMs } from './retry.ts';
import type { ClaimedRow } from './run.ts';
import { verdictOf } from './verdict.ts';

const limits = { concurrency: 1, batchMax: 1, attemptsMax: 3, timeoutMs: 1, leaseMs: 1, retry: { baseMs: 1_000, capMs: 60_000 } };
const row = (attempt: number): ClaimedRow => ({
  entity: {},
  key: 'a',
  owner: 1,
  epoch: 1,
  attempt,
  claimedMs: 0,
  isLost: false,
  isFinishing: false,
});
const middle = (): number => 0.5;
const verdict = (attempt: number, error: unknown): object => {
  const { row: _, ...rest } = verdictOf(row(attempt), { isDone: false, error }, limits, middle);
  return rest;
};

test('an error that may pass sends a row back until its attempts are used up', () => {
  const error = new TypeError('fetch failed');
  assert.deepEqual(verdict(1, error), { kind: 'back', waitMs: 1_000, isCounted: true, error });
  assert.deepEqual(verdict(2, error), { kind: 'back', waitMs: 2_000, isCounted: true, error });
  assert.deepEqual(verdict(3, error), { kind: 'fail', error });
});

test('a permanent error fails a row at once, and a wait that was asked for is not counted', () => {
  const permanent = new PermanentError('refused');
  assert.deepEqual(verdict(1, permanent), { kind: 'fail', error: permanent });
  const later = new RetryAfter(1_234);
  assert.deepEqual(verdict(3, later), { kind: 'back', waitMs: 1_234, isCounted: false, error: later });
  assert.deepEqual(verdict(3, new KeelsonError('WORKER_STOPPING')), { kind: 'back', waitMs: 0, isCounted: false, error: undefined });
});

test('what is thrown and is no error becomes one', () => {
  const given = verdict(3, 'a text');
  assert.ok('error' in given && given.error instanceof KeelsonError);
  assert.match(given.error.message, /a text/);
});

test('codes tell whether trying again is of use', () => {
  assert.equal(isPermanent(new KeelsonError('VALIDATION_ERROR')), true);
  assert.equal(isPermanent(new KeelsonError('SERVICE_UNAVAILABLE')), false);
  assert.equal(isPermanent(new KeelsonError('STALE_VERSION')), false);
  assert.equal(isPermanent(new TypeError('x')), false);
});

test('waits double, are spread over their whole length, and never pass the cap by more than the half', () => {
  const times = { baseMs: 100, capMs: 1_000 };
  assert.deepEqual(
    [0, 1, 2, 3, 4, 50].map((attempt) => retryWaitMs(times, attempt, middle)),
    [100, 200, 400, 800, 1_000, 1_000],
  );
  assert.equal(
    retryWaitMs(times, 4, () => 0),
    500,
  );
  assert.equal(
    retryWaitMs(times, 4, () => 1),
    1_500,
  );
});
