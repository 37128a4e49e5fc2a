/** Workers as a whole: rows are claimed once, finished once, tried again when they fail, given back when the process leaves. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../clock.ts';
import { isKeelsonError } from '../errors.ts';
import { silentLog } from '../log.ts';
import { sql } from '../schema/sql.ts';
import { testDatabase } from '../testing/database.ts';
import { model, order, type Parcel, parcels, post, startProcess, until } from './parcels.fixture.ts';
import { WorkerProcess } from './process.ts';
import { PermanentError, RetryAfter } from './retry.ts';
import type { WorkerCall } from './worker.ts';
import { workers } from './worker-table.ts';

type Run = (parcel: Parcel, call: WorkerCall<unknown>) => Promise<unknown>;

const retry = { baseMs: 1, capMs: 5 };

/** A worker that packs parcels by this run. */
function packing(run: Run, more: { readonly timeoutMs?: number; readonly concurrency?: number; readonly attemptsMax?: number } = {}) {
  return post.worker('packing', {
    claim: { from: 'parcels', in: 'ordered', orderBy: 'orderedAt' },
    start: 'packing',
    run,
    done: (parcel) => parcel.markPacked(),
    fail: (parcel, error) => parcel.markFailed(isKeelsonError(error) ? error.code : error.message),
    retry,
    ...more,
  });
}

const sending = post.worker('sending', {
  claim: { from: 'parcels', in: 'packed', orderBy: 'orderedAt' },
  run: async (parcel) => parcel.number,
  done: (parcel) => parcel.markSent(),
  fail: (parcel, error) => parcel.markFailed(error.name),
});

/** Never ends by itself, but obeys its signal. */
function whenAborted({ signal }: WorkerCall<unknown>): Promise<never> {
  return new Promise((_, reject) => {
    const stop = (): void => reject(signal.reason instanceof Error ? signal.reason : new PermanentError('It was aborted for no reason.'));
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop);
  });
}

test('GLK-14: rows go from worker to worker until nothing waits, each finished once by each', async () => {
  await using database = await testDatabase({ model });
  await using process = await startProcess(database, [packing(async (parcel) => parcel.number), sending]);
  await order(database, 500);
  await until(database, 'sent', 500);
  await process.drain();
  const rows = await database.work((unit) => unit.parcels.list({}, { limit: 1_000 }));
  assert.deepEqual(
    new Set(rows.map(({ finishes, attempts, leaseOwner }) => `${finishes} ${attempts} ${leaseOwner}`)),
    new Set(['2 0 null']),
  );
  assert.deepEqual(
    process.stats.map(({ name, done, lost, held }) => ({ name, done, lost, held })),
    [
      { name: 'packing', done: 500, lost: 0, held: 0 },
      { name: 'sending', done: 500, lost: 0, held: 0 },
    ],
  );
});

test('GLK-7: processes that claim at the same time never run the same row', async () => {
  await using database = await testDatabase({ model }, { poolSize: 12 });
  const runs: string[] = [];
  const packer = packing(async ({ id }) => void runs.push(id), { concurrency: 3 });
  const ids = await order(database, 400);
  await using first = await startProcess(database, [packer]);
  await using second = await startProcess(database, [packer]);
  await using third = await startProcess(database, [packer]);
  await until(database, 'packed', 400);
  assert.deepEqual(runs.toSorted(), ids.toSorted());
  assert.equal(new Set([first.id, second.id, third.id]).size, 3);
});

test('what was done for a row that another holds by now is not written, and its run is told', async () => {
  await using database = await testDatabase({ model });
  const began = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  const packer = packing(async () => {
    began.resolve();
    await go.promise;
  });
  await order(database, 1);
  await using process = await startProcess(database, [packer]);
  await began.promise;
  // As if this process had been taken for dead, and another had claimed the row and still had it.
  await database.work((unit) =>
    unit.sql(sql`update ${parcels} set lease_owner = 999999, lease_epoch = lease_epoch + 1, lease_until = now() + interval '1 hour'`),
  );
  go.resolve();
  while (process.stats[0]?.lost !== 1) await systemClock.sleep(1);
  await process.drain();
  const [parcel] = await database.work((unit) => unit.parcels.list());
  assert.deepEqual([parcel?.state, parcel?.leaseOwner, parcel?.finishes], ['packing', 999_999, 0]);
});

test('a process that was taken for dead although it lives ends its runs at once, long before their leases', async () => {
  await using database = await testDatabase({ model });
  const aborted = Promise.withResolvers<unknown>();
  const run: Run = async (_parcel, call) => {
    if (call.attempt > 1) return;
    await whenAborted(call).catch((error: unknown) => aborted.resolve(error));
  };
  await using process = await startProcess(database, [packing(run, { timeoutMs: 3_600_000 })]);
  const before = process.id;
  await order(database, 1);
  await until(database, 'packing', 1);
  await database.work((unit) => unit.sql(sql`update ${workers} set lost_at = now()`));
  const reason = await aborted.promise;
  assert.ok(isKeelsonError(reason, 'LEASE_LOST'));
  assert.notEqual(process.id, before);
  await until(database, 'packed', 1);
  const [row] = await database.work((unit) => unit.parcels.list());
  assert.equal(row?.finishes, 1);
});

test('a run that takes too long is aborted, tried again, and in the end fails with WORKER_TIMEOUT', async () => {
  await using database = await testDatabase({ model });
  const attempts: number[] = [];
  const packer = packing(
    (_, call) => {
      attempts.push(call.attempt);
      return whenAborted(call);
    },
    { timeoutMs: 20, attemptsMax: 2 },
  );
  await order(database, 1);
  await using process = await startProcess(database, [packer]);
  await until(database, 'failed', 1);
  await process.drain();
  const [parcel] = await database.work((unit) => unit.parcels.list());
  assert.deepEqual(attempts, [1, 2]);
  assert.deepEqual(parcel?.trouble, { code: 'WORKER_TIMEOUT', attempts: 2 });
});

test('a run that never ends, whatever its signal says, holds its place only for a time', async () => {
  await using database = await testDatabase({ model });
  const packer = packing(() => new Promise(() => {}), { timeoutMs: 10, attemptsMax: 1, concurrency: 1 });
  await order(database, 1);
  await using process = await startProcess(database, [packer]);
  await until(database, 'failed', 1);
  await process.drain();
  assert.deepEqual([process.stats[0]?.running, process.stats[0]?.failed], [0, 1]);
});

test('errors that may pass are tried again, permanent ones fail at once, and what asks for time does not use up attempts', async () => {
  await using database = await testDatabase({ model });
  const seen = new Map<number, number>();
  const packer = packing(
    async ({ number }) => {
      const times = (seen.get(number) ?? 0) + 1;
      seen.set(number, times);
      if (number === 0) throw new TypeError('fetch failed');
      if (number === 1) throw new PermanentError('The prompt was refused.');
      if (number === 2 && times < 5) throw new RetryAfter(1);
      if (number === 3 && times < 3) throw new TypeError('fetch failed');
    },
    { attemptsMax: 3 },
  );
  await order(database, 4);
  await using process = await startProcess(database, [packer]);
  await until(database, 'packed', 2);
  await until(database, 'failed', 2);
  await process.drain();
  const rows = await database.work((unit) => unit.parcels.list({}, { orderBy: 'number' }));
  assert.deepEqual(
    rows.map(({ state, trouble, attempts }) => ({ state, trouble, attempts })),
    [
      { state: 'failed', trouble: { code: 'fetch failed', attempts: 3 }, attempts: 0 },
      { state: 'failed', trouble: { code: 'WORK_REFUSED', attempts: 1 }, attempts: 0 },
      { state: 'packed', trouble: null, attempts: 0 },
      { state: 'packed', trouble: null, attempts: 0 },
    ],
  );
  assert.deepEqual(
    [...seen],
    [
      [0, 3],
      [1, 1],
      [2, 5],
      [3, 3],
    ],
  );
});

test('a row whose attempts all ended without an answer fails without being run again', async () => {
  await using database = await testDatabase({ model });
  let runs = 0;
  await order(database, 1);
  await database.work((unit) => unit.sql(sql`update ${parcels} set attempts = 3`));
  await using process = await startProcess(database, [packing(async () => void (runs += 1), { attemptsMax: 3 })]);
  await until(database, 'failed', 1);
  await process.drain();
  const [parcel] = await database.work((unit) => unit.parcels.list());
  assert.deepEqual([runs, parcel?.trouble?.code], [0, 'WORK_ABANDONED']);
});

test('one row whose done fails does not keep those that were finished with it', async () => {
  await using database = await testDatabase({ model });
  const packer = post.worker('packing', {
    claim: { from: 'parcels', in: 'ordered', orderBy: 'orderedAt' },
    start: 'packing',
    run: async () => 1,
    done: (parcel) => {
      if (parcel.number === 7) throw new RangeError('It does not fit.');
      parcel.markPacked();
    },
    fail: (parcel, error) => parcel.markFailed(error.message),
    attemptsMax: 2,
    concurrency: 20,
    retry,
  });
  await order(database, 20);
  await using process = await startProcess(database, [packer]);
  await until(database, 'packed', 19);
  await until(database, 'failed', 1);
  await process.drain();
  const [failed] = await database.work((unit) => unit.parcels.list({ state: 'failed' }));
  assert.deepEqual([failed?.number, failed?.trouble], [7, { code: 'It does not fit.', attempts: 2 }]);
});

test('a worker that leaves a row where it was is told, and the row is not lost', async () => {
  await using database = await testDatabase({ model });
  const packer = post.worker('packing', {
    claim: { from: 'parcels', in: 'ordered', orderBy: 'orderedAt' },
    start: 'packing',
    run: async () => 1,
    done: () => {},
    fail: (parcel, error) => parcel.markFailed(isKeelsonError(error) ? error.code : error.name),
    retry,
  });
  await order(database, 1);
  await using process = await startProcess(database, [packer]);
  await until(database, 'failed', 1);
  await process.drain();
  const [parcel] = await database.work((unit) => unit.parcels.list());
  assert.equal(parcel?.trouble?.code, 'MISUSE');
});

test('a process that leaves lets runs end, and gives back the rest as if it had never claimed them', async () => {
  await using database = await testDatabase({ model });
  const began = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  const packer = packing(
    async ({ number }, call) => {
      if (number === 1) began.resolve();
      await (number === 0 ? go.promise : whenAborted(call));
    },
    { concurrency: 2 },
  );
  await order(database, 3);
  await using process = await startProcess(database, [packer]);
  await began.promise;
  const left = process.drain({ waitMs: 50 });
  go.resolve();
  await left;
  const rows = await database.work((unit) => unit.parcels.list({}, { orderBy: 'number' }));
  assert.deepEqual(
    rows.map(({ state, attempts, leaseOwner }) => ({ state, attempts, leaseOwner })),
    [
      { state: 'packed', attempts: 0, leaseOwner: null },
      { state: 'ordered', attempts: 0, leaseOwner: null },
      { state: 'ordered', attempts: 0, leaseOwner: null },
    ],
  );
});

test('no claim takes more rows than the setting of the app allows, and all rows are claimed', async () => {
  await using database = await testDatabase({ model });
  const settings = { WORKER_POLL_MS: 1_000, WORKER_BATCH_MAX: 3 };
  const shared = { services: {}, log: silentLog, clock: systemClock, settings };
  await order(database, 30);
  await using process = await WorkerProcess.start({ database, workers: [packing(async () => 1, { concurrency: 30 })], ...shared });
  await until(database, 'packed', 30);
  const [stats] = process.stats;
  assert.equal(stats?.claimed, 30);
  assert.ok((stats?.claims ?? 0) >= 10, `${stats?.claims} claims`);
});

test('a worker that is paused claims nothing until it is resumed', async () => {
  await using database = await testDatabase({ model });
  await using process = await startProcess(database, [packing(async () => 1), sending]);
  process.pause('sending');
  await order(database, 5);
  await until(database, 'packed', 5);
  assert.deepEqual(
    process.stats.map(({ name, isPaused, claimed }) => ({ name, isPaused, claimed })),
    [
      { name: 'packing', isPaused: false, claimed: 5 },
      { name: 'sending', isPaused: true, claimed: 0 },
    ],
  );
  process.resume('sending');
  await until(database, 'sent', 5);
  assert.throws(() => process.pause('nothing'), { code: 'MISUSE' });
});

test('rows are gathered for one run: as many as fit, or those that are there when the first has waited long enough', async () => {
  await using database = await testDatabase({ model });
  const sizes: number[] = [];
  const packer = post.worker('packing', {
    claim: { from: 'parcels', in: 'ordered', orderBy: 'orderedAt' },
    start: 'packing',
    gather: { max: 5, waitMs: 40, run: async (all) => sizes.push(all.length) },
    concurrency: 1,
    done: (parcel) => parcel.markPacked(),
    fail: (parcel, error) => parcel.markFailed(error.name),
  });
  await order(database, 12);
  await using process = await startProcess(database, [packer]);
  await until(database, 'packed', 12);
  await process.drain();
  assert.deepEqual(sizes, [5, 5, 2]);
});

test('a row that was ordered before those that were claimed already is claimed too', async () => {
  await using database = await testDatabase({ model });
  const seen: number[] = [];
  await order(database, 30);
  const late = Promise.withResolvers<void>();
  const packer = packing(
    async ({ number }) => {
      seen.push(number);
      if (number === 5) {
        await database.work((unit) => unit.sql(sql`update ${parcels} set ordered_at = '2000-01-01' where "number" = 29`));
        late.resolve();
      }
    },
    { concurrency: 1 },
  );
  await using process = await startProcess(database, [packer]);
  await late.promise;
  await until(database, 'packed', 30);
  await process.drain();
  assert.equal(seen.length, 30);
});

test('a lease is extended for as long as its run goes on', async () => {
  await using database = await testDatabase({ model });
  const slow = post.worker('packing', {
    claim: { from: 'parcels', in: 'ordered', orderBy: 'orderedAt' },
    start: 'packing',
    leaseMs: 300,
    run: async () => {
      const before = await leaseUntil();
      while ((await leaseUntil()) === before) await systemClock.sleep(5);
    },
    done: (parcel) => parcel.markPacked(),
    fail: (parcel, error) => parcel.markFailed(error.name),
  });
  const leaseUntil = async (): Promise<string> => {
    const [row] = await database.read((reader) => reader.parcels.list());
    return String(row?.leaseUntil);
  };
  await order(database, 1);
  await using process = await startProcess(database, [slow]);
  await until(database, 'packed', 1);
  await process.drain();
  assert.equal(process.stats[0]?.claimed, 1);
});

test('a process is refused when its model has no table for it, or when two workers claim the same rows', async () => {
  await using database = await testDatabase({ model });
  const twin = post.worker('twin', {
    claim: { from: 'parcels', in: ['packed', 'ordered'], orderBy: 'orderedAt' },
    run: async () => 1,
    done: (parcel) => parcel.markSent(),
    fail: (parcel) => parcel.markFailed('x'),
  });
  await assert.rejects(() => startProcess(database, [sending, twin]), /Two workers claim parcels in packed; twin is the second/);
  await assert.rejects(() => startProcess(database, [sending, sending]), /Two workers are named sending/);
});
