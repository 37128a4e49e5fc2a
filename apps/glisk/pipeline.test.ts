/** The whole way of a token: from the webhook to its reveal on the chain, by the real workers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from 'keelson/clock';
import { silentLog } from 'keelson/log';
import { WorkerProcess } from 'keelson/queue';
import { testApp } from 'keelson/testing';
import { decode } from 'fast-png';
import { glisk } from './app.ts';
import { delivery, mintLog, promptLog, sign, wallet } from './mints/deliveries.fixture.ts';

const SECRET = 'whsec_of_the_tests_a1b2c3d4e5f6';
const author = wallet(0xa);
const prompt = 'A lighthouse over a dark sea, <b>"quoted"</b> & \u202eturned';

/** Workers that do not wait for others to come along: a test mints all at once. */
const workers = (glisk.workers ?? []).map((worker) => {
  const { gather } = worker.calls;
  return gather === undefined ? worker : { ...worker, calls: { ...worker.calls, gather: { ...gather, waitMs: 200 } } };
});

async function start() {
  await using steps = new AsyncDisposableStack();
  const app = steps.use(await testApp(glisk, { poolSize: 8, environment: { ALCHEMY_WEBHOOK_SECRET: SECRET } }));
  const { database, services } = app;
  const work = async (): Promise<WorkerProcess> =>
    WorkerProcess.start({ database, services, workers, log: silentLog, clock: systemClock, settings: { WORKER_POLL_MS: 1_000 } });
  const mint = async (first: number, quantity: number): Promise<void> => {
    const payload = delivery([promptLog(author, prompt), mintLog({ first, quantity, author })], { number: first + 100 });
    const headers = { 'content-type': 'application/json', 'x-alchemy-signature': sign(payload, SECRET) };
    assert.equal((await app.inject({ method: 'POST', url: '/webhooks/alchemy', payload, headers })).statusCode, 200);
  };
  /** Waits until no token is on its way any more. */
  const settled = async (): Promise<void> => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const look = async (): Promise<void> => {
      const waiting = await database.read(({ tokens }) => tokens.count({ status: ['detected', 'generating', 'uploading', 'ready'] }));
      if (waiting === 0) resolve();
    };
    const stop = database.onWritten(() => void look().catch(reject));
    await look();
    await promise.finally(stop);
  };
  const undo = steps.move();
  return { app, database, services, work, mint, settled, [Symbol.asyncDispose]: () => undo.disposeAsync() };
}

// GLK-14
test('tokens that the webhook brings are drawn, uploaded and revealed, and each step leaves its record', async () => {
  await using glisky = await start();
  const { database, services, mint, settled } = glisky;
  await using process = await glisky.work();
  await mint(1, 6);
  await settled();
  assert.deepEqual(
    process.stats.map(({ name, done, failed, lost }) => ({ name, done, failed, lost })),
    [
      { name: 'generation', done: 6, failed: 0, lost: 0 },
      { name: 'upload', done: 6, failed: 0, lost: 0 },
      { name: 'reveal', done: 6, failed: 0, lost: 0 },
    ],
  );
  const rows = await database.read(async (all) => ({
    tokens: await all.tokens.list({}, { orderBy: 'tokenId' }),
    jobs: await all.imageJobs.list(),
    uploads: await all.ipfsRecords.list(),
    reveals: await all.revealTxs.list(),
  }));
  assert.deepEqual([rows.tokens.length, rows.jobs.length, rows.uploads.length], [6, 6, 12]);
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
  assert.equal(new Set(rows.tokens.map(({ metadataCid }) => metadataCid)).size, 6);
});

// GLK-14
test('a token that failed after its picture was drawn goes the whole way again when it is retried, to the same picture', async () => {
  await using glisky = await start();
  const { database, services, mint, settled } = glisky;
  await using process = await glisky.work();
  process.pause('upload');
  await mint(1, 1);
  const [token] = await database.read(({ tokens }) => tokens.list());
  await until(glisky.database, async () => (await database.read(({ tokens }) => tokens.count({ status: 'uploading' }))) === 1);
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

/** Waits for a commit after which something holds. */
async function until(database: Awaited<ReturnType<typeof start>>['database'], holds: () => Promise<boolean>): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const look = async (): Promise<void> => {
    if (await holds()) resolve();
  };
  const stop = database.onWritten(() => void look().catch(reject));
  await look();
  await promise.finally(stop);
}
