/** The jobs of a token are found, the newest first, and go with it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addTokens, openGlisk } from '../rows.fixture.ts';
import { ImageGenerationJob } from './entity.ts';

// GLK-2
test('jobs of a token come the newest first, and the latest alone', async () => {
  await using database = await openGlisk();
  const { tokens: added } = await addTokens(database, { count: 2 });
  const [token, other] = added.map(({ id }) => id);
  assert.ok(token !== undefined && other !== undefined);
  const ids: string[] = [];
  for (const service of ['replicate', 'selfhosted', 'selfhosted'] as const) {
    const job = await database.work(({ imageJobs }) => imageJobs.add(new ImageGenerationJob({ tokenId: token, service })));
    ids.unshift(job.id);
  }
  await database.work(async ({ imageJobs }) => {
    const jobs = await imageJobs.getByToken(token);
    assert.deepEqual(
      jobs.map(({ id }) => id),
      ids,
    );
    assert.deepEqual(await imageJobs.getLatestByToken(token), jobs[0]);
    assert.equal((await imageJobs.getById(ids[2] ?? ''))?.service, 'replicate');
    assert.equal(await imageJobs.getLatestByToken(other), null);
    assert.deepEqual(await imageJobs.getByToken(other), []);
  });
});

// GLK-1
test('a job moves along its life cycle, counts its retries, and goes with its token', async () => {
  await using database = await openGlisk();
  const { tokens: added } = await addTokens(database, { count: 1 });
  const [token] = added;
  assert.ok(token !== undefined);
  const now = new Date(1_700_000_000_000);
  const job = new ImageGenerationJob({ tokenId: token.id, service: 'selfhosted' });
  await database.work(({ imageJobs }) => {
    imageJobs.add(job);
    job.markRunning('there-1');
    job.markFailed({ code: 'OUTSIDE_UNAVAILABLE' }, now);
    job.retry();
  });
  const stored = await database.read(({ imageJobs }) => imageJobs.get(job.id));
  assert.equal(stored.status, 'pending');
  assert.equal(stored.retryCount, 1);
  assert.equal(stored.errorData, null);
  assert.throws(() => job.retry(), { code: 'INVALID_STATE_TRANSITION' });
  await database.work(async ({ tokens }) => tokens.remove(await tokens.get(token.id)));
  assert.equal(await database.read(({ imageJobs }) => imageJobs.count()), 0);
});
