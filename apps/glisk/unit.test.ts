/** Units of work over the seven repositories: leaving the block commits what changed, a throw takes it back. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Fields, Log } from 'keelson/log';
import { ImageGenerationJob } from './images/entity.ts';
import { IpfsUploadRecord } from './ipfs/entity.ts';
import { RevealTransaction } from './reveals/entity.ts';
import { addTokens, hashOf, newAuthor, newTokens, openGlisk } from './rows.fixture.ts';

/** A log that keeps the names of its events. */
function recorder(events: string[]): Log {
  const write = (event: string, _fields?: Fields): void => void events.push(event);
  const info = (event: string): void => void events.push(`info ${event}`);
  const log: Log = { debug: write, info, warn: write, error: write, child: () => log };
  return log;
}

// T046 GLK-5
test('T046: the unit of work commits on successful exit', async () => {
  const events: string[] = [];
  await using database = await openGlisk({ log: recorder(events) });
  const { id } = await database.work(({ authors }) => authors.add(newAuthor()));
  const again = await database.work(({ authors }) => authors.getById(id));
  assert.equal(again?.promptText, 'A lighthouse at dusk, number 1');
  // A change needs no call that saves it.
  await database.work(async ({ authors }) => {
    (await authors.get(id)).twitterHandle = 'keeper';
  });
  assert.equal((await database.read(({ authors }) => authors.get(id))).twitterHandle, 'keeper');
  assert.deepEqual(
    events,
    Array.from({ length: 3 }, () => 'info transaction.committed'),
  );
});

// T047 GLK-5
test('T047: the unit of work rolls back on an exception, and passes it on', async () => {
  const events: string[] = [];
  await using database = await openGlisk({ log: recorder(events) });
  const thrown = new RangeError('thrown on purpose');
  const author = newAuthor();
  await assert.rejects(
    database.work(async ({ authors, tokens, flush }) => {
      authors.add(author);
      tokens.addMany(newTokens(author, { count: 3 }));
      await flush();
      throw thrown;
    }),
    (error) => error === thrown,
  );
  assert.equal(await database.read(({ authors }) => authors.exists({ id: author.id })), false);
  assert.equal(await database.read(({ tokens }) => tokens.count()), 0);
  assert.deepEqual(events, ['info transaction.rolled_back']);
});

// GLK-5
test('commit and rollback by hand keep what came before and drop what came after', async () => {
  await using database = await openGlisk();
  await database.work(async ({ authors, commit, rollback }) => {
    authors.add(newAuthor(1));
    await commit();
    authors.add(newAuthor(2));
    await rollback();
    authors.add(newAuthor(3));
  });
  const kept = await database.work(({ authors }) => authors.listAll());
  assert.deepEqual(
    kept.map(({ promptText }) => promptText),
    ['A lighthouse at dusk, number 3', 'A lighthouse at dusk, number 1'],
  );
});

// GLK-2 GLK-5
test('a unit of work has the seven repositories, and writes them all in one commit', async () => {
  await using database = await openGlisk();
  const { tokens: added } = await addTokens(database, { count: 2, status: 'ready' });
  const [token] = added;
  assert.ok(token !== undefined);
  const now = new Date(1_700_000_100_000);
  await database.work(async ({ tokens, imageJobs, ipfsRecords, revealTxs, systemState, mintEvents, authors }) => {
    const job = imageJobs.add(new ImageGenerationJob({ tokenId: token.id, service: 'selfhosted' }));
    job.markRunning('external-1');
    job.markCompleted('/pictures/1.png', now);
    const record = ipfsRecords.add(new IpfsUploadRecord({ tokenId: token.id, recordType: 'metadata' }));
    record.markUploading();
    record.markCompleted('bafy', now);
    const reveal = revealTxs.add(new RevealTransaction({ tokenIds: [token.id] }));
    reveal.markSent(hashOf(1), '0.000000001');
    (await tokens.get(token.id)).markRevealed(hashOf(1));
    await systemState.setState('last_reveal', hashOf(1));
    assert.equal(await mintEvents.exists(hashOf(1), 0), false);
    assert.equal((await authors.listAll()).length, 1);
  });
  await database.work(async ({ tokens, imageJobs, ipfsRecords, revealTxs, systemState }) => {
    assert.equal((await tokens.getByTokenId(0))?.status, 'revealed');
    assert.equal((await imageJobs.getLatestByToken(token.id))?.imagePath, '/pictures/1.png');
    assert.equal((await ipfsRecords.getByToken(token.id, 'metadata'))[0]?.cid, 'bafy');
    assert.equal((await revealTxs.getByTxHash(hashOf(1)))?.gasPriceGwei, '0.000000001');
    assert.equal(await systemState.getState('last_reveal'), hashOf(1));
  });
});
