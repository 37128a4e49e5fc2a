/** A mint is known by its place in the chain, and kept once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hashOf, openGlisk } from '../rows.fixture.ts';
import { MintEvent } from './entity.ts';

const at = (blockNumber: number, logIndex: number, txNumber = blockNumber): MintEvent =>
  new MintEvent({ txHash: hashOf(txNumber), logIndex, blockNumber, blockTimestamp: new Date(1_700_000_000_000), tokenId: 1 });

// T032 GLK-2
test('T032: mint event duplicate detection', async () => {
  await using database = await openGlisk();
  await database.work(({ mintEvents }) => mintEvents.add(at(7, 3)));
  await database.work(async ({ mintEvents }) => {
    assert.equal(await mintEvents.exists(hashOf(7), 3), true);
    assert.equal(await mintEvents.exists(hashOf(7), 4), false);
    assert.equal(await mintEvents.exists(hashOf(8), 3), false);
  });
  await assert.rejects(
    database.work(({ mintEvents }) => mintEvents.add(at(7, 3))),
    { code: 'CONFLICT' },
  );
  assert.equal(await database.read(({ mintEvents }) => mintEvents.count()), 1);
});

// GLK-2
test('mints of a range of blocks come by block and log, both ends included', async () => {
  await using database = await openGlisk();
  await database.work(({ mintEvents }) =>
    mintEvents.addMany([at(12, 0), at(10, 5), at(10, 1), at(11, 0), at(9, 0), at(13, 0), at(10, 10)]),
  );
  const places = await database.work(async ({ mintEvents }) =>
    (await mintEvents.getByBlockRange(10, 12)).map(({ blockNumber, logIndex }) => [blockNumber, logIndex]),
  );
  assert.deepEqual(places, [
    [10, 1],
    [10, 5],
    [10, 10],
    [11, 0],
    [12, 0],
  ]);
});

// GLK-1
test('a block or a log that cannot be is not kept', async () => {
  await using database = await openGlisk();
  for (const event of [at(0, 0, 1), at(-1, 0, 1), at(1, -1)]) {
    await assert.rejects(
      database.work(({ mintEvents }) => mintEvents.add(event)),
      { code: 'VALIDATION_ERROR' },
    );
  }
  // A block number beyond 32 bits is kept exactly.
  await database.work(({ mintEvents }) => mintEvents.add(at(9_007_199_254_740_991, 0, 2)));
  assert.equal((await database.read(({ mintEvents }) => mintEvents.list()))[0]?.blockNumber, 9_007_199_254_740_991);
});
