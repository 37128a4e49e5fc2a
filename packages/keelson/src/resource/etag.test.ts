/** Entity tags: which conditions let a call go on. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isKeelsonError } from '../errors.ts';
import { allowsWrite, etagOf, isKnown } from './etag.ts';

test('a write goes on upon one of the strong tags, or any', () => {
  assert.equal(etagOf(7), '"7"');
  for (const header of ['"7"', ' "7" ', '"1", "7"', '"1","7" , "9"', ',"7"', '"1",, "7",', '*', ' * '])
    assert.equal(allowsWrite(header, '"7"'), true, header);
  for (const header of ['"8"', 'W/"7"', '"77"', '""', '"1", W/"7"']) assert.equal(allowsWrite(header, '"7"'), false, header);
});

test('what is no list of tags is malformed for a write, and passed over by a read', () => {
  for (const header of ['', '7', '"7', '7"', '"7" "8"', ',', '*, "7"', 'w/"7"', '"7\u00e4"', `${'"7", '.repeat(500)}7`]) {
    assert.throws(
      () => allowsWrite(header, '"7"'),
      (error) => isKeelsonError(error, 'MALFORMED_REQUEST'),
      header,
    );
    assert.equal(isKnown(header, '"7"'), false, header);
  }
});

test('a read is answered by what is known, weak or strong', () => {
  for (const header of ['"7"', 'W/"7"', '"1", W/"7"', '*']) assert.equal(isKnown(header, '"7"'), true, header);
  for (const header of ['"8"', 'W/"8"', '"W/7"']) assert.equal(isKnown(header, '"7"'), false, header);
});
