/** Workers as a whole: rows are claimed once, finished once, tried again, and never lost. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testDatabase } from '../testing/database.ts';
import { model, order, post, startProcess, until } from './parcels.fixture.ts';

const packing = post.worker('packing', {
  claim: { from: 'parcels', in: 'ordered', orderBy: 'orderedAt' },
  start: 'packing',
  run: async (parcel) => parcel.number,
  done: (parcel) => parcel.markPacked(),
  fail: (parcel, error) => parcel.markFailed(error.name),
});
const sending = post.worker('sending', {
  claim: { from: 'parcels', in: 'packed', orderBy: 'orderedAt' },
  run: async (parcel) => parcel.number,
  done: (parcel) => parcel.markSent(),
  fail: (parcel, error) => parcel.markFailed(error.name),
});

// GLK-14
test('rows go from worker to worker until nothing waits', async () => {
  await using database = await testDatabase({ model }, { poolSize: 6 });
  await using process = await startProcess(database, [packing, sending]);
  await order(database, 500);
  await until(database, 'sent', 500);
  await process.drain();
  const rows = await database.work((unit) => unit.parcels.list({}, { limit: 1_000 }));
  assert.deepEqual(
    new Set(rows.map(({ finishes, attempts, leaseOwner }) => `${finishes} ${attempts} ${leaseOwner}`)),
    new Set(['2 0 null']),
  );
  assert.equal(process.stats[0]?.done, 500);
});
