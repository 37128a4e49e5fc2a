/** What jobs promise while they run: limits, leases, time-outs, pauses, and a leave that loses nothing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isKeelsonError } from '../errors.ts';
import { sql } from '../schema/sql.ts';
import { defineJobs } from './define-jobs.ts';
import { pauseQueue, resumeQueue } from './job-admin.ts';
import { hearing, jobRows, Numbered, openErrands, runJobs } from './jobs.fixture.ts';
import { jobs } from './jobs.ts';

const numbers = (length: number): { n: number }[] => Array.from({ length }, (_, n) => ({ n }));

/** Jobs that wait until they are let go, and count how many run at once. */
function gated(total: number) {
  const gate = Promise.withResolvers<void>();
  const all = Promise.withResolvers<void>();
  const first = Promise.withResolvers<void>();
  const state = { now: 0, most: 0, done: 0 };
  const run = async (): Promise<void> => {
    state.now += 1;
    state.most = Math.max(state.most, state.now);
    first.resolve();
    await gate.promise;
    state.now -= 1;
    state.done += 1;
    if (state.done === total) all.resolve();
  };
  return { run, state, open: () => gate.resolve(), all: all.promise, first: first.promise };
}

test('a process runs no more jobs of a queue at once than the queue allows', async () => {
  await using database = await openErrands();
  const gates = gated(20);
  const kinds = defineJobs<undefined>()({ slow: { payload: Numbered, concurrency: 3, run: gates.run } });
  await database.work((unit) => kinds.enqueueMany(unit, 'slow', numbers(20)));
  await using process = await runJobs(database, kinds);
  await gates.first;
  assert.equal(process.stats[0]?.held, 3, 'jobs that take long are not held by a process that cannot run them');
  gates.open();
  await gates.all;
  assert.equal(gates.state.most, 3);
});

test('all processes together run no more jobs of a queue than its limit for all', async () => {
  await using database = await openErrands();
  const state = { now: 0, most: 0, done: 0 };
  const all = Promise.withResolvers<void>();
  const run = async (): Promise<void> => {
    state.now += 1;
    state.most = Math.max(state.most, state.now);
    await new Promise(setImmediate);
    state.now -= 1;
    state.done += 1;
    if (state.done === 30) all.resolve();
  };
  const kinds = defineJobs<undefined>()({ rare: { payload: Numbered, concurrencyGlobal: 2, run } });
  await database.work((unit) => kinds.enqueueMany(unit, 'rare', numbers(30)));
  await using first = await runJobs(database, kinds, { owner: 1, pollMs: 20 });
  await using second = await runJobs(database, kinds, { owner: 2, pollMs: 20 });
  await all.promise;
  await Promise.all([first.drain({ waitMs: 1_000 }), second.drain({ waitMs: 1_000 })]);
  assert.equal(state.most, 2);
  assert.equal(state.done, 30);
});

test('a job that never ends is aborted and tried again; what it still does is not heard', async () => {
  await using database = await openErrands();
  const late = Promise.withResolvers<void>();
  const reasons: unknown[] = [];
  const kinds = defineJobs<undefined>()({
    endless: {
      payload: Numbered,
      timeoutMs: 20,
      attemptsMax: 2,
      retry: { baseMs: 1, capMs: 1 },
      run: async (_, { signal }) => {
        signal.addEventListener('abort', () => reasons.push(signal.reason));
        await late.promise;
      },
    },
  });
  await database.work((unit) => kinds.enqueue(unit, 'endless', { n: 1 }));
  const { log, heard } = hearing('worker.failed', 2);
  await using process = await runJobs(database, kinds, { log, pollMs: 20 });
  await heard;
  late.resolve();
  await process.drain({ waitMs: 1_000 });
  assert.deepEqual(
    reasons.map((reason) => isKeelsonError(reason, 'WORKER_TIMEOUT')),
    [true, true],
  );
  const [row] = await jobRows(database);
  assert.equal(row?.last_error?.code, 'WORKER_TIMEOUT');
  assert.notEqual(row.failed_at, null);
  assert.equal(process.stats[0]?.done, 0);
});

for (const [taker, who] of [
  [7, 'another process'],
  [1, 'the same process anew'],
] as const) {
  test(`who has lost the lease of a job to ${who} writes nothing, and is told by its signal`, async () => {
    await using database = await openErrands();
    const gates = gated(1);
    const lost = Promise.withResolvers<unknown>();
    const kinds = defineJobs<undefined>()({
      slow: {
        payload: Numbered,
        run: async (_, { signal }) => {
          signal.addEventListener('abort', () => lost.resolve(signal.reason));
          await gates.run();
        },
      },
    });
    await database.work((unit) => kinds.enqueue(unit, 'slow', { n: 1 }));
    await using process = await runJobs(database, kinds, { leaseMs: 60 });
    await gates.first;
    await database.work((unit) => unit.sql(sql`update ${jobs} set "lease_owner" = ${taker}, "lease_epoch" = "lease_epoch" + 1`));
    assert.ok(isKeelsonError(await lost.promise, 'LEASE_LOST'));
    gates.open();
    await gates.all;
    await process.drain({ waitMs: 1_000 });
    assert.deepEqual(
      (await jobRows(database)).map(({ lease_owner: owner }) => owner),
      [taker],
    );
    assert.equal(process.stats[0]?.lost, 1);
  });
}

test('a result that comes before the loss of the lease was noticed is dropped as well', async () => {
  await using database = await openErrands();
  const gates = gated(1);
  const kinds = defineJobs<undefined>()({ slow: { payload: Numbered, run: gates.run } });
  await database.work((unit) => kinds.enqueue(unit, 'slow', { n: 1 }));
  const { log, heard } = hearing('worker.lease_lost', 1);
  await using process = await runJobs(database, kinds, { log });
  await gates.first;
  await database.work((unit) => unit.sql(sql`update ${jobs} set "lease_owner" = 7`));
  gates.open();
  await heard;
  await process.drain({ waitMs: 1_000 });
  assert.equal((await jobRows(database)).length, 1);
});

test('a lease is extended for as long as its job runs', async () => {
  await using database = await openErrands();
  const gates = gated(1);
  const kinds = defineJobs<undefined>()({ slow: { payload: Numbered, run: gates.run } });
  await database.work((unit) => kinds.enqueue(unit, 'slow', { n: 1 }));
  await using process = await runJobs(database, kinds, { leaseMs: 300, pollMs: 20 });
  await gates.first;
  const until = (): Promise<{ readonly until: string }[]> =>
    database.work((unit) => unit.sql(sql<{ readonly until: string }>`select "lease_until" as until from ${jobs}`));
  const [before] = await until();
  let after = before;
  while (after?.until === before?.until) [after] = await until();
  gates.open();
  await gates.all;
  await process.drain({ waitMs: 1_000 });
  assert.deepEqual(await jobRows(database), []);
});

test('a queue that is paused in the database is claimed from by nobody until it is taken up again', async () => {
  await using database = await openErrands();
  const done = Promise.withResolvers<void>();
  const kinds = defineJobs<undefined>()({ add: { payload: Numbered, run: () => done.resolve() } });
  await database.work((unit) => pauseQueue(unit, 'default'));
  await database.work((unit) => kinds.enqueue(unit, 'add', { n: 1 }));
  await using process = await runJobs(database, kinds, { pollMs: 10 });
  while ((process.stats[0]?.claims ?? 0) < 2) await new Promise(setImmediate);
  assert.equal((await jobRows(database))[0]?.attempts, 0);
  assert.equal(await database.work((unit) => resumeQueue(unit, 'default')), true);
  await done.promise;
});

test('a process that leaves finishes what ends in time and gives back the rest, uncounted', async () => {
  await using database = await openErrands();
  const quick = gated(1);
  const endless = gated(1);
  const reasons: unknown[] = [];
  const kinds = defineJobs<undefined>()({
    quick: { payload: Numbered, run: quick.run, concurrency: 1 },
    endless: {
      payload: Numbered,
      concurrency: 1,
      run: async (_, { signal }) => {
        signal.addEventListener('abort', () => reasons.push(signal.reason));
        await endless.run();
      },
    },
  });
  await database.work((unit) => Promise.all((['quick', 'quick', 'endless'] as const).map((kind) => kinds.enqueue(unit, kind, { n: 1 }))));
  await using process = await runJobs(database, kinds);
  await Promise.all([quick.first, endless.first]);
  const drained = process.drain({ waitMs: 200 });
  quick.open();
  await drained;
  endless.open();
  assert.deepEqual(
    (await jobRows(database)).map((row) => [row.kind, row.attempts, row.lease_owner]),
    [
      ['quick', 0, null],
      ['endless', 0, null],
    ],
  );
  assert.ok(isKeelsonError(reasons[0], 'WORKER_STOPPING'));
});

test('a process that was taken for dead drops what it held under its old number', async () => {
  await using database = await openErrands();
  const gates = gated(1);
  let owner = 1;
  const kinds = defineJobs<undefined>()({ slow: { payload: Numbered, run: gates.run } });
  await database.work((unit) => kinds.enqueue(unit, 'slow', { n: 1 }));
  await using process = await runJobs(database, kinds, { owner: () => owner });
  await gates.first;
  owner = 2;
  gates.open();
  await gates.all;
  await process.drain({ waitMs: 1_000 });
  assert.deepEqual(
    (await jobRows(database)).map(({ lease_owner: holder }) => holder),
    [1],
  );
});

test('a job is neither lost nor finished twice when the connection of the fetcher is ended five times', async () => {
  await using database = await openErrands({ role: 'owner' });
  const done: number[] = [];
  const all = Promise.withResolvers<void>();
  const run = async ({ n }: { n: number }): Promise<void> => {
    await new Promise(setImmediate);
    done.push(n);
    if (new Set(done).size === 3_000) all.resolve();
  };
  const kinds = defineJobs<undefined>()({ add: { payload: Numbered, run } });
  await database.work((unit) => kinds.enqueueMany(unit, 'add', numbers(3_000)));
  await using process = await runJobs(database, kinds, { pollMs: 20 });
  let ended = 0;
  while (ended < 5) {
    const rows = await database.work((unit) =>
      unit.sql(sql`
        select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid() and query like '%"jobs"%' and query not like '%pg_stat_activity%'
      `),
    );
    ended += rows.length;
  }
  await all.promise;
  await process.drain({ waitMs: 5_000 });
  assert.deepEqual(await jobRows(database), []);
});
