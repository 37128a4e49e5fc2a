/** What keys promise: their form, and that they sort by time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newId } from './id.ts';

test('a key is a UUID of version 7', () => {
  // FND-7
  assert.match(newId(), /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test('keys are different, and sort in the order in which they were made', () => {
  // FND-7
  const ids = Array.from({ length: 10_000 }, newId);
  assert.equal(new Set(ids).size, ids.length);
  assert.deepEqual(ids, ids.toSorted());
});
