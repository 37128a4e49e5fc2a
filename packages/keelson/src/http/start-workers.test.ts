/** The workers of an app: in the server, in a process of their own, and woken by what a server writes. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { baseSettings } from '../config/base.ts';
import { defineSettings } from '../config/definition.ts';
import { silentLog } from '../log.ts';
import { writeFirstRevision } from '../migrate/render.ts';
import { model, order, type Parcel, post, until } from '../queue/parcels.fixture.ts';
import type { WorkerCall } from '../queue/worker.ts';
import { testServer } from '../testing/server.ts';
import { cloneDatabase } from '../testing/template.ts';
import { defineModel } from '../work/model.ts';
import { defineApp } from './app.ts';
import { startWorkers } from './start-workers.ts';
import { startApp } from './start.ts';

const directory = mkdtempSync(path.join(tmpdir(), 'keelson-workers-'));
const migrations = path.join(directory, 'migrations');
const empty = { model: defineModel({ name: 'empty', tables: [], repositories: {} }) };

before(() => writeFirstRevision(migrations, { tables: model.tables, namespace: model.namespace, name: 'initial' }));
after(() => rmSync(directory, { recursive: true, force: true }));

const parts = {
  name: 'post',
  version: '1.0.0',
  model,
  settings: defineSettings(baseSettings),
  migrationsDirectory: migrations,
  services: () => ({}),
  routes: [],
};

function postApp(run: (parcel: Parcel, call: WorkerCall<unknown>) => Promise<unknown> = async () => 1) {
  const packing = post.worker('packing', {
    claim: { from: 'parcels', in: 'ordered', orderBy: 'orderedAt' },
    start: 'packing',
    run,
    done: (parcel) => parcel.markPacked(),
    fail: (parcel, error) => parcel.markFailed(error.name),
  });
  return defineApp({ ...parts, workers: [packing] });
}

/** An empty database, and how to start on it. */
async function place(more: Readonly<Record<string, string>> = {}) {
  const clone = await cloneDatabase(await testServer(), empty);
  const environment = { APP_ENV: 'test', DATABASE_URL: clone.url, ...more };
  return { options: { environment, directory, log: silentLog, port: 0 }, [Symbol.asyncDispose]: () => clone.drop() };
}

test('a server of a developer runs the workers too, and lets their runs end when it stops', async () => {
  await using here = await place();
  const began = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  const app = await startApp(
    postApp(async () => {
      began.resolve();
      await go.promise;
    }),
    here.options,
  );
  await order(app.database, 1);
  await began.promise;
  const stopped = app.stop();
  go.resolve();
  await stopped;
  assert.deepEqual(
    app.workers?.stats.map(({ name, done, held }) => ({ name, done, held })),
    [{ name: 'packing', done: 1, held: 0 }],
  );
});

test('a server that runs no workers wakes those of another process after its writes', async () => {
  // A poll would come after the end of the test: only the notification can have woken them.
  await using here = await place({ WORKERS_IN_SERVER: 'off', WORKER_POLL_MS: '600000' });
  const app = await startApp(postApp(), here.options);
  const workers = await startWorkers(postApp(), here.options);
  try {
    assert.equal(app.workers, undefined);
    await order(app.database, 3);
    await until(app.database, 'packed', 3);
    assert.equal(workers.process.stats[0]?.claimed, 3);
  } finally {
    await workers.stop();
    await app.stop();
  }
});

test('an app without workers has none to start', () => {
  assert.throws(() => startWorkers(defineApp(parts)), { code: 'MISUSE', message: 'post has no workers and no jobs.' });
});
