/** A failure is told with message, hint, cause and code, and without stack and secret. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeelsonError } from '../errors.ts';
import { describeFailure, exitCodeOf } from './failure.ts';

function told(error: unknown, debug = false): string {
  return describeFailure(error, debug).text;
}

test('an error of the catalogue tells what happened, what to do and what was behind it', () => {
  const root = new Error('disk full');
  const error = new KeelsonError('MIGRATION_FAILED', {
    message: 'It broke.',
    hint: 'Mend it.',
    cause: new Error('write failed', { cause: root }),
  });
  assert.equal(told(error), 'It broke.\nhint:  Mend it.\ncause: write failed\ncause: disk full\ncode:  MIGRATION_FAILED');
});

test('a cause that the message has told already is not told again', () => {
  const error = new KeelsonError('MIGRATION_FAILED', { message: 'It broke: disk full.', hint: 'Mend it.', cause: new Error('disk full') });
  assert.doesNotMatch(told(error), /cause:/u);
});

test('an unknown error says how to find out more; the stack comes with DEBUG alone', () => {
  const error = new TypeError('x is not a function');
  assert.equal(told(error), 'x is not a function\nhint:  This is a fault of the app or of Keelson; DEBUG=1 shows where.');
  assert.match(told(error, true), /\n {4}at .*failure\.test\.ts/u);
  assert.match(told('just words'), /^Something was thrown that is not an error: just words\n/u);
});

test('neither message nor cause nor stack lets a secret or a control character through', () => {
  const cause = new Error('connect postgresql://app:hidden-pw@db/app');
  const error = new KeelsonError('DATABASE_ERROR', { message: 'password=hidden-pw was \u001B[31mrefused', cause });
  for (const text of [told(error), told(error, true)]) {
    assert.ok(!text.includes('hidden-pw'), text);
    assert.ok(!text.includes('\u001B'), text);
  }
});

test('fields that do not fit are named with what is wrong, unless the message has said so, and without their values', () => {
  const validationErrors = [{ field: 'email', message: 'is none', value: 'not-for-eyes' }];
  const error = new KeelsonError('VALIDATION_ERROR', { message: 'It does not fit.', hint: 'Mend it.', validationErrors });
  assert.equal(told(error), 'It does not fit.\n  email: is none\nhint:  Mend it.\ncode:  VALIDATION_ERROR');
  assert.doesNotMatch(told(new KeelsonError('CONFIG_INVALID', { message: 'email is none', validationErrors })), /email: /u);
});

test('a connection that was tried on several addresses is told by the first', () => {
  const cause = new AggregateError([new Error('connect ECONNREFUSED ::1:5432'), new Error('connect ECONNREFUSED 127.0.0.1:5432')], '');
  assert.match(told(new KeelsonError('DATABASE_CONNECTION_FAILED', { cause })), /cause: connect ECONNREFUSED ::1:5432\n/u);
});

test('a circle of causes ends', () => {
  const error = new Error('a');
  error.cause = new Error('b', { cause: error });
  assert.match(told(error, true), /cause: b\n/u);
});

test('wrong use ends with 2, everything else with 1', () => {
  assert.equal(exitCodeOf(new KeelsonError('USAGE')), 2);
  assert.equal(exitCodeOf(new KeelsonError('CONFIG_INVALID')), 1);
  assert.equal(exitCodeOf(new TypeError('x')), 1);
});
