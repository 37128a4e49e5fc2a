/** The command `worker`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeSample } from './sample.fixture.ts';

test('worker says that there is nothing to do when the app has no workers, before it opens anything', async () => {
  using sample = makeSample();
  const ended = await sample.command(['worker'], { DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/nothing' });
  assert.equal(ended.code, 1);
  assert.match(ended.err, /sample has no workers and no jobs\./u);
  assert.match(ended.err, /hint: +Name them in defineApp\./u);
});
