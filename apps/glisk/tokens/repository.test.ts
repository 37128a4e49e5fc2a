/** Tokens are claimed by nobody twice, the oldest first, and found in the order that is said. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addTokens, newAuthor, newTokens, openGlisk } from '../rows.fixture.ts';
import type { Token } from './entity.ts';

const idsOf = (tokens: readonly Token[]): number[] => tokens.map(({ tokenId }) => tokenId);
const numbers = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, index) => from + index);

/** Opens when so many have come. */
function gate(count: number): () => Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let missing = count;
  return () => {
    missing -= 1;
    if (missing === 0) resolve();
    return promise;
  };
}

// T030 GLK-3
test('T030: concurrent workers receive non-overlapping tokens', async () => {
  await using database = await openGlisk();
  await addTokens(database, { count: 20 });
  const bothHold = gate(2);
  const work = (): Promise<number[]> =>
    database.work(async ({ tokens }) => {
      const mine = await tokens.getPendingForGeneration(10);
      await bothHold();
      return idsOf(mine);
    });
  const [first, second] = await Promise.all([work(), work()]);
  assert.equal(first.length, 10);
  assert.equal(second.length, 10);
  assert.deepEqual(
    first.filter((id) => second.includes(id)),
    [],
  );
  assert.deepEqual(
    [...first, ...second].toSorted((left, right) => left - right),
    numbers(0, 20),
  );
});

// GLK-3 GLK-12
test('sixteen workers that claim until nothing is left start each token once', async () => {
  await using database = await openGlisk({ poolSize: 16 });
  await addTokens(database, { count: 400 });
  const started: number[] = [];
  const work = async (): Promise<void> => {
    // bounded by: the tokens, of which each round takes some
    for (;;) {
      const mine = await database.work(async ({ tokens }) => {
        const claimed = await tokens.getPendingForGeneration(7);
        for (const token of claimed) token.markGenerating();
        return idsOf(claimed);
      });
      if (mine.length === 0) return;
      started.push(...mine);
    }
  };
  await Promise.all(numbers(0, 16).map(() => work()));
  assert.equal(started.length, 400);
  assert.equal(new Set(started).size, 400);
  assert.equal(await database.read(({ tokens }) => tokens.count({ status: 'generating' })), 400);
});

const claims = [
  ['getPendingForGeneration', 'detected'],
  ['getPendingForUpload', 'uploading'],
  ['getReadyForReveal', 'ready'],
] as const;

for (const [method, status] of claims) {
  // GLK-2 GLK-3
  test(`${method} gives the oldest mints that are ${status}, locked, and nothing that a worker holds`, async () => {
    await using database = await openGlisk();
    await database.work((unit) => {
      const author = unit.authors.add(newAuthor());
      const waiting = newTokens(author, { count: 6, status }).toReversed();
      const held = waiting.find(({ tokenId }) => tokenId === 1);
      if (held !== undefined) held.leaseOwner = 7;
      unit.tokens.addMany(waiting);
      unit.tokens.addMany(newTokens(author, { count: 2, status: 'failed', from: 50 }));
    });
    const firstHolds = Promise.withResolvers<void>();
    const secondIsDone = Promise.withResolvers<void>();
    const first = database.work(async ({ tokens }) => {
      const mine = idsOf(await tokens[method](3));
      firstHolds.resolve();
      await secondIsDone.promise;
      return mine;
    });
    await firstHolds.promise;
    const second = await database.work(async ({ tokens }) => idsOf(await tokens[method](10)));
    secondIsDone.resolve();
    assert.deepEqual(await first, [0, 2, 3]);
    assert.deepEqual(second, [4, 5]);
  });
}

// GLK-3
test('what is claimed is free again when its transaction is rolled back', async () => {
  await using database = await openGlisk();
  await addTokens(database, { count: 3 });
  await assert.rejects(
    database.work(async ({ tokens }) => {
      assert.equal((await tokens.getPendingForGeneration(3)).length, 3);
      throw new RangeError('the worker fell over');
    }),
    RangeError,
  );
  assert.deepEqual(idsOf(await database.work(({ tokens }) => tokens.getPendingForGeneration(3))), [0, 1, 2]);
});

// GLK-2
test('tokens are found by key and by number, by author the newest mint first, by status the oldest first', async () => {
  await using database = await openGlisk();
  const { author, tokens: added } = await addTokens(database, { count: 5 });
  await addTokens(database, { count: 2, from: 100 });
  await database.work(async ({ tokens }) => {
    const [first] = added;
    assert.equal((await tokens.getById(first?.id ?? ''))?.tokenId, 0);
    assert.equal(await tokens.getById('019aa1c8-0000-7000-8000-000000000009'), null);
    assert.equal((await tokens.getByTokenId(3))?.authorId, author.id);
    assert.equal(await tokens.getByTokenId(99), null);
    assert.deepEqual(idsOf(await tokens.getByAuthor(author.id)), [4, 3, 2, 1, 0]);
    assert.deepEqual(idsOf(await tokens.getByAuthor(author.id, { limit: 2, offset: 1 })), [3, 2]);
    assert.deepEqual(idsOf(await tokens.getByStatus('detected', { limit: 6 })), [0, 1, 2, 3, 4, 100]);
    assert.deepEqual(await tokens.getByStatus('revealed'), []);
    // Entities, not rows.
    assert.equal(typeof (await tokens.getByTokenId(3))?.markGenerating, 'function');
  });
});

// GLK-2
test('more than 1,000 rows at once are refused, and so is no row', async () => {
  await using database = await openGlisk();
  for (const limit of [0, -1, 1.5, 1_001]) {
    await assert.rejects(
      database.work(({ tokens }) => tokens.getPendingForGeneration(limit)),
      { code: 'MISUSE' },
    );
    await assert.rejects(
      database.work(({ tokens }) => tokens.getByStatus('detected', { limit })),
      { code: 'MISUSE' },
    );
  }
});

// GLK-1
test('a number is minted once, of an author that there is, who stays as long as the token does', async () => {
  await using database = await openGlisk();
  const { author, tokens: added } = await addTokens(database, { count: 1 });
  await assert.rejects(
    database.work((unit) => unit.tokens.addMany(newTokens(author, { count: 1 }))),
    { code: 'CONFLICT' },
  );
  await assert.rejects(
    database.work((unit) => unit.tokens.addMany(newTokens({ id: added[0]?.id ?? '' }, { count: 1, from: 5 }))),
    { code: 'CONFLICT' },
  );
  await assert.rejects(
    database.work(async ({ authors }) => authors.remove(await authors.get(author.id))),
    { code: 'CONFLICT' },
  );
  assert.equal(await database.read(({ tokens }) => tokens.count()), 1);
  assert.equal(await database.read(({ authors }) => authors.count()), 1);
});
