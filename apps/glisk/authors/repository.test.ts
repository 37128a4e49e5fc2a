/** Authors are found by their wallet, however it is written. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newAuthor, openGlisk, walletOf } from '../rows.fixture.ts';
import { Author } from './entity.ts';

// T031 GLK-2
test('T031: case-insensitive wallet lookup', async () => {
  await using database = await openGlisk();
  const author = await database.work(({ authors }) => authors.add(newAuthor()));
  assert.equal(author.walletAddress, walletOf(1));
  for (const wallet of [walletOf(1), walletOf(1).toLowerCase(), `0x${walletOf(1).slice(2).toUpperCase()}`]) {
    const found = await database.work(({ authors }) => authors.getByWallet(wallet));
    assert.equal(found?.id, author.id, wallet);
    assert.equal(found?.walletAddress, walletOf(1));
    assert.ok(found instanceof Author);
  }
  assert.equal(await database.work(({ authors }) => authors.getByWallet(walletOf(2))), null);
});

// GLK-1
test('the same wallet in another case is no second author', async () => {
  await using database = await openGlisk();
  await database.work(({ authors }) => authors.add(newAuthor()));
  const again = new Author({ walletAddress: walletOf(1).toLowerCase(), promptText: 'A second lighthouse' });
  await assert.rejects(
    database.work(({ authors }) => authors.add(again)),
    { code: 'CONFLICT' },
  );
  assert.equal(await database.read(({ authors }) => authors.count()), 1);
});

// GLK-1
test('a wallet that is none, and a prompt that is too short or too long, are not kept', async () => {
  await using database = await openGlisk();
  const wallet = walletOf(1);
  const bad = [
    { walletAddress: `${wallet.slice(0, -1)}g`, promptText: 'A lighthouse' },
    { walletAddress: wallet.slice(0, -1), promptText: 'A lighthouse' },
    { walletAddress: `${wallet.slice(0, -1)}\n`, promptText: 'A lighthouse' },
    { walletAddress: `0X${wallet.slice(2)}`, promptText: 'A lighthouse' },
    { walletAddress: wallet, promptText: 'too short' },
    { walletAddress: wallet, promptText: 'x'.repeat(501) },
  ];
  for (const values of bad) {
    await assert.rejects(
      database.work(({ authors }) => authors.add(new Author(values))),
      { code: 'VALIDATION_ERROR' },
      JSON.stringify(values),
    );
  }
  // Characters are counted, not bytes.
  for (const [number, promptText] of ['ten chars!', '🏮'.repeat(500)].entries()) {
    await database.work(({ authors }) => authors.add(new Author({ walletAddress: walletOf(10 + number), promptText })));
  }
  assert.equal(await database.read(({ authors }) => authors.count()), 2);
});

// GLK-2
test('authors are listed the newest first, and by slices', async () => {
  await using database = await openGlisk();
  for (const number of [1, 2, 3]) await database.work(({ authors }) => authors.add(newAuthor(number)));
  await database.work(async ({ authors }) => {
    const all = await authors.listAll();
    assert.deepEqual(
      all.map(({ walletAddress }) => walletAddress),
      [walletOf(3), walletOf(2), walletOf(1)],
    );
    assert.deepEqual(await authors.listAll({ limit: 1, offset: 1 }), [all[1]]);
    assert.equal(await authors.getById(all[0]?.id ?? ''), all[0]);
    assert.equal(await authors.getById('019aa1c8-0000-7000-8000-000000000009'), null);
    await assert.rejects(async () => authors.listAll({ limit: 1_001 }), { code: 'MISUSE' });
  });
});
