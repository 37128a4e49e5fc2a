/** Durations: buckets, sums, and a bound on how many series there may be. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Histogram } from './durations.ts';

const options = { name: 'times', help: 'Times.', labelNames: ['who'], boundsS: [0.001, 0.01] } as const;

test('a duration falls into the first bucket that holds it, and the last holds what is longer than all', () => {
  const times = new Histogram(options);
  for (const durationMs of [0, 1, 1.001, 10, 11]) times.of('anna').add(durationMs);
  assert.deepEqual([...times.of('anna').counts], [2, 2, 1]);
  assert.ok(Math.abs(times.of('anna').sumMs - 23.001) < 1e-9);
  assert.equal([...times.series].length, 1);
});

test('when there are as many series as may be, those to come are counted together', () => {
  const times = new Histogram({ ...options, seriesMax: 2 });
  for (const name of ['anna', 'ben', 'cleo', 'dora']) times.of(name).add(1);
  times.of('anna').add(1);
  assert.deepEqual(
    [...times.series].map(({ labels, counts }) => [labels, counts[0]]),
    [
      [['anna'], 2],
      [['ben'], 1],
      [['other'], 2],
    ],
  );
});
