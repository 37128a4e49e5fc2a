/** What jobs promise: made with the commit, run at least once, tried again, and never run by two at once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isKeelsonError } from '../errors.ts';
import { sql } from '../schema/sql.ts';
import { defineJobs } from './define-jobs.ts';
import { redriveJobs } from './job-admin.ts';
import { jobs } from './jobs.ts';
import { PermanentError, RetryAfter } from './retry.ts';
import { hearing, jobRows, Note, Numbered, openErrands, runJobs } from './jobs.fixture.ts';

const count = (done: number[], wanted: number) => {
  const { promise, resolve } = Promise.withResolvers<void>();
  return {
    promise,
    ran: (n: number): void => {
      done.push(n);
      if (done.length === wanted) resolve();
    },
  };
};

test('a job exists exactly when its unit of work was committed, and is gone once it has run', async () => {
  await using database = await openErrands();
  const done: number[] = [];
  const all = count(done, 3);
  const kinds = defineJobs<undefined>()({ add: { payload: Numbered, run: ({ n }) => all.ran(n) } });
  await using process = await runJobs(database, kinds);
  await assert.rejects(
    database.work(async (unit) => {
      await kinds.enqueue(unit, 'add', { n: 99 });
      unit.notes.add(new Note({ title: 'x' }));
      throw new RangeError('changed my mind');
    }),
    RangeError,
  );
  await database.work((unit) => kinds.enqueue(unit, 'add', { n: 1 }));
  await database.work((unit) => kinds.enqueueMany(unit, 'add', [{ n: 2 }, { n: 3 }]));
  await all.promise;
  await process.drain({ waitMs: 1_000 });
  assert.deepEqual(done, [1, 2, 3]);
  assert.deepEqual(await jobRows(database), []);
  assert.equal(process.stats[0]?.done, 3);
});

test('a payload that does not fit is refused before anything is written', async () => {
  await using database = await openErrands();
  const kinds = defineJobs<undefined>()({ add: { payload: Numbered, run: () => undefined } });
  await assert.rejects(
    database.work((unit) => kinds.enqueue(unit, 'add', { n: 1.5 })),
    (error) => isKeelsonError(error, 'VALIDATION_ERROR') && error.validationErrors?.[0]?.field === 'payload.n',
  );
  await assert.rejects(
    database.work((unit) => kinds.enqueue(unit, 'add', { n: 1 }, { queue: 'nowhere' })),
    (error) => isKeelsonError(error, 'MISUSE'),
  );
  assert.deepEqual(await jobRows(database), []);
});

test('of two live jobs with one unique key the second is not made; when the first is over, another is', async () => {
  await using database = await openErrands();
  const done: number[] = [];
  const all = count(done, 2);
  const kinds = defineJobs<undefined>()({ add: { payload: Numbered, uniqueKey: ({ n }) => `n${n % 2}`, run: ({ n }) => all.ran(n) } });
  const made = await database.work((unit) => kinds.enqueueMany(unit, 'add', [{ n: 1 }, { n: 2 }, { n: 3 }]));
  assert.deepEqual(
    made.map((id) => id !== undefined),
    [true, true, false],
  );
  assert.equal(await database.work((unit) => kinds.enqueue(unit, 'add', { n: 5 })), undefined);
  await using process = await runJobs(database, kinds);
  await all.promise;
  await process.drain({ waitMs: 1_000 });
  assert.deepEqual(new Set(done), new Set([1, 2]));
  assert.notEqual(await database.work((unit) => kinds.enqueue(unit, 'add', { n: 5 })), undefined);
});

test('a job that fails waits and is tried again; after its last attempt, or an error that will not pass, it is dead until it is redriven', async () => {
  await using database = await openErrands();
  let isBroken = true;
  const ends = { tries: 0, ended: Promise.withResolvers<void>(), mended: Promise.withResolvers<void>() };
  const kinds = defineJobs<undefined>()({
    flaky: {
      payload: Numbered,
      attemptsMax: 3,
      retry: { baseMs: 1, capMs: 2 },
      run: () => {
        ends.tries += 1;
        if (!isBroken) ends.mended.resolve();
        else throw new RangeError(`broken \0 \ud800`);
      },
    },
    refused: { payload: Numbered, run: () => Promise.reject(new PermanentError('No.')) },
    busy: { payload: Numbered, run: () => Promise.reject(new RetryAfter(60_000)) },
  });
  await database.work((unit) => Promise.all((['flaky', 'refused', 'busy'] as const).map((kind) => kinds.enqueue(unit, kind, { n: 1 }))));
  const { log, heard } = hearing('worker.failed', 5);
  await using process = await runJobs(database, kinds, { log, pollMs: 20 });
  await heard;
  await process.drain({ waitMs: 1_000 });
  const [flaky, refused, busy] = await jobRows(database);
  assert.equal(ends.tries, 3);
  assert.equal(flaky?.attempts, 3);
  assert.notEqual(flaky.failed_at, null);
  assert.deepEqual(flaky.last_error, { code: 'RangeError', message: 'broken \uFFFD \uFFFD', attempt: 3 });
  assert.equal(refused?.last_error?.code, 'WORK_REFUSED');
  assert.notEqual(refused.failed_at, null);
  assert.equal(busy?.failed_at, null);
  assert.equal(busy.attempts, 0, 'an attempt that was postponed does not count');
  assert.ok(busy.waits_ms > 50_000 && busy.waits_ms <= 60_000);
  assert.equal(busy.lease_owner, null);

  isBroken = false;
  assert.deepEqual(await database.work((unit) => redriveJobs(unit, { kind: 'flaky' })), [flaky.id]);
  await using second = await runJobs(database, kinds, { owner: 2 });
  await ends.mended.promise;
  await second.drain({ waitMs: 1_000 });
  assert.deepEqual(
    (await jobRows(database)).map(({ kind }) => kind),
    ['refused', 'busy'],
  );
});

test('redrive leaves a dead job whose unique key a live one has, and brings back the latest of several', async () => {
  await using database = await openErrands();
  const kinds = defineJobs<undefined>()({ add: { payload: Numbered, run: () => undefined } });
  const enqueue = (uniqueKey: string) => database.work((unit) => kinds.enqueue(unit, 'add', { n: 1 }, { uniqueKey }));
  const bury = () => database.work((unit) => unit.sql(sql`update ${jobs} set "failed_at" = clock_timestamp() where "failed_at" is null`));
  const ids: unknown[] = [];
  for (const key of ['a', 'a', 'b']) {
    ids.push(await enqueue(key));
    await bury();
  }
  const live = await enqueue('b');
  assert.notEqual(live, undefined);
  assert.deepEqual(await database.work((unit) => redriveJobs(unit, { kind: 'add' })), [ids[1]]);
});

test('two processes share a thousand jobs, and run each of them once', async () => {
  await using database = await openErrands();
  const done: number[] = [];
  const all = count(done, 1_000);
  const kinds = defineJobs<undefined>()({ add: { payload: Numbered, run: async ({ n }) => all.ran(await Promise.resolve(n)) } });
  await database.work((unit) =>
    kinds.enqueueMany(
      unit,
      'add',
      Array.from({ length: 1_000 }, (_, n) => ({ n })),
    ),
  );
  await using first = await runJobs(database, kinds, { owner: 1 });
  await using second = await runJobs(database, kinds, { owner: 2 });
  await all.promise;
  await Promise.all([first.drain({ waitMs: 1_000 }), second.drain({ waitMs: 1_000 })]);
  assert.equal(new Set(done).size, 1_000);
  assert.equal(done.length, 1_000);
  assert.deepEqual(await jobRows(database), []);
});

test('sooner priorities and earlier times come first; nothing runs before its time', async () => {
  await using database = await openErrands();
  const done: number[] = [];
  const all = count(done, 3);
  const kinds = defineJobs<undefined>()({ add: { payload: Numbered, concurrency: 1, run: ({ n }) => all.ran(n) } });
  await database.work(async (unit) => {
    await kinds.enqueue(unit, 'add', { n: 3 }, { priority: 5 });
    await kinds.enqueue(unit, 'add', { n: 2 });
    await kinds.enqueue(unit, 'add', { n: 1 }, { runAt: new Date(0) });
    await kinds.enqueue(unit, 'add', { n: 4 }, { runAt: new Date(Date.UTC(2999)), priority: -1 });
  });
  await using process = await runJobs(database, kinds);
  await all.promise;
  await process.drain({ waitMs: 1_000 });
  assert.deepEqual(done, [1, 2, 3]);
  assert.equal((await jobRows(database)).length, 1);
});

test('a process takes no job of a kind that it does not know', async () => {
  await using database = await openErrands();
  const newer = defineJobs<undefined>()({
    add: { payload: Numbered, run: () => undefined },
    newKind: { payload: Numbered, run: () => undefined },
  });
  const done: number[] = [];
  const all = count(done, 1);
  const older = defineJobs<undefined>()({ add: { payload: Numbered, run: ({ n }) => all.ran(n) } });
  await database.work((unit) => newer.enqueue(unit, 'newKind', { n: 1 }));
  await database.work((unit) => newer.enqueue(unit, 'add', { n: 2 }));
  await using process = await runJobs(database, older);
  await all.promise;
  await process.drain({ waitMs: 1_000 });
  assert.deepEqual(
    (await jobRows(database)).map(({ kind, attempts }) => [kind, attempts]),
    [['newKind', 0]],
  );
});
