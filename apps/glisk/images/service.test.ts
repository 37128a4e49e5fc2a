/** Pictures: each is begun in writing, and what a crash left behind is taken up again. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from 'keelson/clock';
import { KeelsonError } from 'keelson/errors';
import { addTokens, type GliskDatabase, openGlisk } from '../rows.fixture.ts';
import type { Picture, PictureMaker, PictureRequest } from './schema.ts';
import { PictureService } from './service.ts';

const picture: Picture = { bytes: Buffer.from('picture'), mediaType: 'image/png', jobId: 'job-1' };
const call = { signal: new AbortController().signal };

/** A service whose maker does as it is told, in turn. */
function serviceOf(database: GliskDatabase, turns: readonly PictureMaker['make'][]) {
  const asked: PictureRequest[] = [];
  const maker: PictureMaker = {
    service: 'replicate',
    make: (request, given) => {
      const turn = turns[asked.push(request) - 1];
      return turn === undefined ? Promise.reject(new TypeError('nobody expected this call')) : turn(request, given);
    },
  };
  const store = { keep: () => Promise.resolve('a.png'), read: () => Promise.resolve(picture), removeOlderThan: () => Promise.resolve(0) };
  return { service: new PictureService({ database, maker, store, clock: systemClock }), asked };
}

const make: PictureMaker['make'] = async (_, { onJob }) => {
  await onJob?.('job-1');
  return picture;
};
const breakAfterJob: PictureMaker['make'] = async (_, { onJob }) => {
  await onJob?.('job-1');
  throw new KeelsonError('OUTSIDE_UNAVAILABLE');
};

// GLK-14
test('a picture is asked for by the prompt of the author and the number of the token, and its job is in writing before', async () => {
  await using database = await openGlisk();
  const { author, tokens } = await addTokens(database, { count: 1, from: 41 });
  const { service, asked } = serviceOf(database, [
    async (request, given) => {
      const [job] = await database.read(({ imageJobs }) => imageJobs.list());
      assert.deepEqual([job?.status, job?.service, job?.externalJobId], ['running', 'replicate', null]);
      return make(request, given);
    },
  ]);
  const [token] = tokens;
  assert.ok(token);
  const drawn = await service.draw(token, call);
  assert.deepEqual(asked, [{ prompt: author.promptText, seed: 41, jobId: undefined }]);
  assert.equal(drawn.path, 'a.png');
  const [job] = await database.read(({ imageJobs }) => imageJobs.list());
  assert.deepEqual([job?.id, job?.status, job?.externalJobId, job?.retryCount], [drawn.jobId, 'running', 'job-1', 0]);
});

// GLK-14
test('an attempt that follows a crash awaits the job that was begun, and counts that it does', async () => {
  await using database = await openGlisk();
  const { tokens } = await addTokens(database, { count: 1 });
  const { service, asked } = serviceOf(database, [breakAfterJob, breakAfterJob, make]);
  const [token] = tokens;
  assert.ok(token);
  for (let attempt = 0; attempt < 2; attempt += 1) await assert.rejects(service.draw(token, call), { code: 'OUTSIDE_UNAVAILABLE' });
  await service.draw(token, call);
  assert.deepEqual(
    asked.map(({ jobId }) => jobId),
    [undefined, 'job-1', 'job-1'],
  );
  const jobs = await database.read(({ imageJobs }) => imageJobs.list());
  assert.deepEqual(
    jobs.map(({ status, retryCount, externalJobId }) => [status, retryCount, externalJobId]),
    [['running', 2, 'job-1']],
  );
});

// GLK-14
test('a job that has ended is not taken up: a token that is retried gets a new one', async () => {
  await using database = await openGlisk();
  const { tokens } = await addTokens(database, { count: 1 });
  const { service, asked } = serviceOf(database, [make, make]);
  const [token] = tokens;
  assert.ok(token);
  const first = await service.draw(token, call);
  await database.work(async ({ imageJobs }) => (await imageJobs.get(first.jobId)).markFailed({ code: 'X' }, systemClock.now()));
  const second = await service.draw(token, call);
  assert.notEqual(second.jobId, first.jobId);
  assert.deepEqual(
    asked.map(({ jobId }) => jobId),
    [undefined, undefined],
  );
});
