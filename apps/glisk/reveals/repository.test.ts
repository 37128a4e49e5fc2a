/** Transactions are found by hash and state, hold one to fifty tokens, and keep every digit of what gas cost. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newId } from 'keelson/id';
import { hashOf, openGlisk } from '../rows.fixture.ts';
import { RevealTransaction } from './entity.ts';

const of = (count: number): RevealTransaction => new RevealTransaction({ tokenIds: Array.from({ length: count }, () => newId()) });

// GLK-2
test('transactions are found by hash, by state the oldest first, and while they wait to be sent', async () => {
  await using database = await openGlisk();
  const made = [of(1), of(50), of(2)];
  for (const transaction of made) await database.work(({ revealTxs }) => revealTxs.add(transaction));
  const [first, second, third] = made.map(({ id }) => id);
  await database.work(async ({ revealTxs }) => {
    const sent = await revealTxs.get(second ?? '');
    sent.markSent(hashOf(5), '12345678901.123456789');
    sent.markConfirmed({ blockNumber: 77, confirmedAt: new Date(1_700_000_000_000) });
  });
  await database.work(async ({ revealTxs }) => {
    assert.deepEqual(
      (await revealTxs.getPending()).map(({ id }) => id),
      [first, third],
    );
    const [confirmed, ...more] = await revealTxs.getByStatus('confirmed');
    assert.deepEqual(more, []);
    assert.equal(confirmed?.gasPriceGwei, '12345678901.123456789');
    assert.equal(confirmed?.blockNumber, 77);
    assert.equal(confirmed?.tokenIds.length, 50);
    assert.equal(await revealTxs.getByTxHash(hashOf(5)), confirmed);
    assert.equal(await revealTxs.getByTxHash(hashOf(6)), null);
    assert.equal((await revealTxs.getById(first ?? ''))?.status, 'pending');
  });
});

// GLK-1
test('a transaction of no token, of fifty-one, or with a hash that is none, is not kept', async () => {
  await using database = await openGlisk();
  const hashed = of(1);
  hashed.txHash = '0xabc';
  for (const transaction of [of(0), of(51), hashed]) {
    await assert.rejects(
      database.work(({ revealTxs }) => revealTxs.add(transaction)),
      { code: 'VALIDATION_ERROR' },
    );
  }
  assert.equal(await database.read(({ revealTxs }) => revealTxs.count()), 0);
});
