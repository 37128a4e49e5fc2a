/** Workers and jobs behind PgBouncer in transaction mode: no session is theirs, so leases alone say whose a row is. */
// FND-8, GLK-7
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../clock.ts';
import { silentLog } from '../log.ts';
import { connectPostgres } from '../postgres/postgres.ts';
import { sql } from '../schema/sql.ts';
import { testDatabase } from '../testing/database.ts';
import { findPooler, startTestPooler } from '../testing/pooler.ts';
import { type Database, openDatabase } from '../work/database.ts';
import type { Model, Repositories } from '../work/model.ts';
import { defineJobs } from './define-jobs.ts';
import * as errands from './jobs.fixture.ts';
import { jobsPart } from './jobs-part.ts';
import * as parcels from './parcels.fixture.ts';
import { WorkerProcess } from './process.ts';
import { workers } from './worker-table.ts';

const skip = findPooler() === undefined ? 'PgBouncer is not installed' : false;

/** The database of a test, through a pooler that has fewer connections than the app. */
async function openPooled<R extends Repositories>(model: Model<R>): Promise<Database<R> & AsyncDisposable> {
  await using steps = new AsyncDisposableStack();
  const direct = steps.use(await testDatabase({ model }, { poolSize: 1 }));
  const pooler = steps.use(await startTestPooler({ url: direct.postgres.url, poolSize: 3 }));
  const postgres = await connectPostgres({ url: pooler.url, pooler: 'transaction', poolSize: 6, log: silentLog, connectRetryMs: 0 });
  steps.defer(() => postgres.close());
  const undo = steps.move();
  return Object.assign(openDatabase(model, postgres, { log: silentLog }), { [Symbol.asyncDispose]: () => undo.disposeAsync() });
}

const packing = parcels.post.worker('packing', {
  claim: { from: 'parcels', in: 'ordered', orderBy: 'orderedAt' },
  start: 'packing',
  run: async (parcel) => parcel.number,
  done: (parcel) => parcel.markPacked(),
  fail: (parcel, error) => parcel.markFailed(error.name),
});

test('two processes do each row once, hold no lock, and leave nothing behind', { skip }, async () => {
  await using database = await openPooled(parcels.model);
  await using first = await parcels.startProcess(database, [packing], { pollMs: 20 });
  await using second = await parcels.startProcess(database, [packing], { pollMs: 20 });
  assert.notEqual(first.id, second.id);
  const registered = sql<{ is_locked: boolean }>`select is_locked from ${workers}`;
  assert.deepEqual(await database.read((reader) => reader.sql(registered)), [{ is_locked: false }, { is_locked: false }]);
  await parcels.order(database, 400);
  await parcels.until(database, 'packed', 400);
  await Promise.all([first.drain(), second.drain()]);
  const rows = await database.work((unit) => unit.parcels.list({}, { limit: 1_000 }));
  assert.deepEqual(
    new Set(rows.map(({ finishes, attempts, leaseOwner }) => `${finishes} ${attempts} ${leaseOwner}`)),
    new Set(['1 0 null']),
  );
  assert.equal(first.sweeps.deadTotal + second.sweeps.deadTotal, 0);
  assert.deepEqual(await database.read((reader) => reader.sql(registered)), []);
});

test('jobs run once each, and what their claims set for themselves stays with their transactions', { skip }, async () => {
  await using database = await openPooled(errands.model);
  const ran = new Map<number, number>();
  const { promise: all, resolve } = Promise.withResolvers<void>();
  const kinds = defineJobs<undefined>()({
    count: {
      payload: errands.Numbered,
      run: async ({ n }) => {
        ran.set(n, (ran.get(n) ?? 0) + 1);
        if (ran.size === 200) resolve();
      },
    },
  });
  await using process = await WorkerProcess.start({
    database,
    workers: [],
    jobs: jobsPart<typeof errands.model.repositories, undefined, { count: typeof errands.Numbered }>(kinds, {}),
    services: undefined,
    log: silentLog,
    clock: systemClock,
    settings: { WORKER_POLL_MS: 20 },
  });
  await database.work((unit) =>
    kinds.enqueueMany(
      unit,
      'count',
      Array.from({ length: 200 }, (_, n) => ({ n })),
    ),
  );
  await all;
  await process.drain();
  assert.deepEqual(new Set(ran.values()), new Set([1]));
  assert.equal(ran.size, 200);
  // More at once than the pooler has connections: all of them are looked at.
  const look = sql<{ value: string }>`select current_setting('enable_sort') as value, pg_sleep(0.01)::text`;
  const looks = await Promise.all(Array.from({ length: 6 }, () => database.work((unit) => unit.sql(look))));
  assert.deepEqual(new Set(looks.map(([row]) => row?.value)), new Set(['on']));
});
