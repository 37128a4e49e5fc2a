/** What may befall a token on its way: a failure, a retry, a process that leaves. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLog } from 'keelson/log';
import { startPipeline, until } from './pipeline.fixture.ts';

// GLK-14
test('a token that failed after its picture was drawn goes the whole way again when it is retried, to the same picture', async () => {
  await using glisky = await startPipeline();
  const { database, services, mint, settled } = glisky;
  await using process = await glisky.work();
  process.pause('upload');
  await mint(1, 1);
  const [token] = await database.read(({ tokens }) => tokens.list());
  await until(database, async () => (await database.read(({ tokens }) => tokens.count({ status: 'uploading' }))) === 1);
  await database.work(async ({ tokens }) => (await tokens.get(token?.id ?? '')).markFailed({ code: 'TEST', message: 'by hand' }));
  process.resume('upload');
  await services.tokens.retry(token?.id ?? '', silentLog);
  await settled();
  const rows = await database.read(async ({ tokens, imageJobs, ipfsRecords }) => ({
    tokens: await tokens.list(),
    jobs: await imageJobs.list({}, { orderBy: 'id' }),
    uploads: await ipfsRecords.list(),
  }));
  assert.deepEqual(
    [rows.tokens[0]?.status, rows.jobs.map(({ status }) => status), rows.uploads.length],
    ['revealed', ['completed', 'completed'], 2],
  );
  // The same token and prompt: the same picture.
  assert.equal(rows.jobs[0]?.imagePath, rows.jobs[1]?.imagePath);
});

// GLK-14
test('a process that leaves on the way gives back what it has not finished, and the next one carries it to the end', async () => {
  await using glisky = await startPipeline();
  const { database, mint, settled } = glisky;
  const first = await glisky.work();
  await mint(1, 8);
  await until(
    database,
    async () => (await database.read(({ tokens }) => tokens.count({ status: ['uploading', 'ready', 'revealed'] }))) > 0,
  );
  await first.drain({ waitMs: 0 });
  const held = await database.read(({ tokens }) => tokens.count({ leaseOwner: { not: null } }));
  assert.equal(held, 0);
  await using _second = await glisky.work();
  await settled();
  const rows = await database.read(async ({ tokens, imageJobs }) => ({ tokens: await tokens.list(), jobs: await imageJobs.list() }));
  assert.ok(rows.tokens.every(({ status }) => status === 'revealed'));
  assert.deepEqual([rows.tokens.length, rows.jobs.filter(({ status }) => status === 'completed').length], [8, 8]);
});
