/** Problems: what an app may throw, however large, becomes a body within the limits that the document tells. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeelsonError } from '../errors.ts';
import { problemLimits, problemOf } from './problem.ts';

const occurrence = { instance: '/x', requestId: 'request-1234', clock: { now: () => new Date(0) } };

// FND-4
test('a problem has every standard member, and no more than was said', () => {
  assert.deepEqual(problemOf(new KeelsonError('NOT_FOUND'), occurrence), {
    type: '/errors/NOT_FOUND',
    title: 'Not found',
    status: 404,
    instance: '/x',
    error: 'NOT_FOUND',
    message: 'There is nothing here.',
    timestamp: '1970-01-01T00:00:00.000Z',
    request_id: 'request-1234',
  });
});

// FND-4
test('long words, many fields and long waits are cut to the limits', () => {
  const long = `${'x'.repeat(problemLimits.lengthMax - 1)}😀😀`;
  const validationErrors = Array.from({ length: 500 }, () => ({ field: 'body.a', message: 'is required' }));
  const problem = problemOf(new KeelsonError('VALIDATION_ERROR', { message: long, detail: long, validationErrors }), occurrence);
  for (const text of [problem.message, problem.detail ?? '']) {
    assert.equal(text.length, problemLimits.lengthMax);
    assert.ok(text.isWellFormed());
  }
  assert.equal(problem.validation_errors?.length, problemLimits.fieldsMax);
  const waits = [0.2, 5, 10 ** 9].map(
    (retryAfterS) => problemOf(new KeelsonError('RATE_LIMITED', { retryAfterS }), occurrence).retry_after,
  );
  assert.deepEqual(waits, [1, 5, problemLimits.retryAfterS]);
});
