/** The whole way of a token: from the webhook to its reveal on the chain, by the real workers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from 'keelson/clock';
import { KeelsonError } from 'keelson/errors';
import { decode } from 'fast-png';
import { PictureService } from './images/service.ts';
import { author, type Pipeline, prompt, startPipeline } from './pipeline.fixture.ts';

// GLK-14
test('tokens that the webhook brings are drawn, uploaded and revealed, and each step leaves its record', async () => {
  await using glisky = await startPipeline();
  const { database, services, mint, settled } = glisky;
  await using process = await glisky.work();
  await mint(1, 3);
  await settled();
  assert.deepEqual(
    process.stats.map(({ name, done, failed, lost }) => ({ name, done, failed, lost })),
    [
      { name: 'generation', done: 3, failed: 0, lost: 0 },
      { name: 'upload', done: 3, failed: 0, lost: 0 },
      { name: 'reveal', done: 3, failed: 0, lost: 0 },
    ],
  );
  const rows = await database.read(async (all) => ({
    tokens: await all.tokens.list({}, { orderBy: 'tokenId' }),
    jobs: await all.imageJobs.list(),
    uploads: await all.ipfsRecords.list(),
    reveals: await all.revealTxs.list(),
  }));
  assert.deepEqual([rows.tokens.length, rows.jobs.length, rows.uploads.length], [3, 3, 6]);
  for (const token of rows.tokens) {
    assert.deepEqual([token.status, token.leaseOwner, token.errorData, token.attempts], ['revealed', null, null, 0]);
  }
  for (const job of rows.jobs) assert.deepEqual([job.status, job.service, job.retryCount], ['completed', 'selfhosted', 0]);
  for (const upload of rows.uploads) assert.ok(upload.status === 'completed' && upload.cid !== null && upload.completedAt !== null);
  for (const sent of rows.reveals) {
    assert.equal(sent.status, 'confirmed');
    assert.match(sent.txHash ?? '', /^0x[0-9a-f]{64}$/u);
    assert.ok(sent.blockNumber !== null && sent.confirmedAt !== null && sent.gasPriceGwei !== null);
  }
  assert.deepEqual(rows.reveals.flatMap(({ tokenIds }) => tokenIds).toSorted(), rows.tokens.map(({ id }) => id).toSorted());
  const [token] = rows.tokens;
  const call = { signal: new AbortController().signal };
  const picture = decode(await services.contents.get(token?.imageCid ?? '', call));
  assert.deepEqual([picture.width, picture.height], [256, 256]);
  assert.deepEqual(JSON.parse(Buffer.from(await services.contents.get(token?.metadataCid ?? '', call)).toString()), {
    name: 'GLISK #1',
    description: prompt,
    image: `ipfs://${token?.imageCid}`,
    attributes: [{ trait_type: 'Author', value: author }],
  });
  assert.equal(new Set(rows.tokens.map(({ metadataCid }) => metadataCid)).size, 3);
});

/** A service of pictures over a maker that fails. */
function failing({ database }: Pipeline, error: Error): { readonly pictures: PictureService; readonly calls: unknown[] } {
  const calls: unknown[] = [];
  const make = (request: unknown): Promise<never> => {
    calls.push(request);
    return Promise.reject(error);
  };
  const nothing = { keep: () => Promise.reject(error), read: () => Promise.reject(error), removeOlderThan: () => Promise.resolve(0) };
  return { calls, pictures: new PictureService({ database, maker: { service: 'replicate', make }, store: nothing, clock: systemClock }) };
}

// GLK-14
test('what a maker of pictures refuses fails at once, with the reason for everybody and nothing else', async () => {
  await using glisky = await startPipeline();
  const { database, app, mint, settled } = glisky;
  const cause = new TypeError('hunter2 at db.internal');
  const { pictures, calls } = failing(
    glisky,
    new KeelsonError('OUTSIDE_REFUSED', { message: 'Replicate would not draw this prompt.', cause }),
  );
  await using process = await glisky.work({ pictures });
  await mint(1, 1);
  await settled();
  assert.equal(calls.length, 1);
  assert.equal(process.stats.find(({ name }) => name === 'generation')?.failed, 1);
  const [job] = await database.read(({ imageJobs }) => imageJobs.list());
  assert.deepEqual(
    [job?.status, job?.errorData],
    ['failed', { code: 'OUTSIDE_REFUSED', message: 'Replicate would not draw this prompt.' }],
  );
  const { body } = await app.inject({ method: 'GET', url: '/api/v1/tokens?status=failed' });
  assert.match(body, /OUTSIDE_REFUSED/u);
  assert.ok(!body.includes('hunter2'));
});

// GLK-14
test('what passes is tried three times, and an error of our own is not told to everybody', async () => {
  await using glisky = await startPipeline();
  const { database, mint, settled } = glisky;
  const { pictures, calls } = failing(glisky, new TypeError('hunter2 at db.internal'));
  await using process = await glisky.work({ pictures });
  await mint(1, 1);
  await settled();
  assert.deepEqual([calls.length, process.stats.find(({ name }) => name === 'generation')?.retried], [3, 2]);
  const [token] = await database.read(({ tokens }) => tokens.list());
  assert.deepEqual(
    [token?.status, token?.errorData, token?.leaseOwner],
    ['failed', { code: 'INTERNAL_SERVER_ERROR', message: 'Something went wrong on our side.' }, null],
  );
});
