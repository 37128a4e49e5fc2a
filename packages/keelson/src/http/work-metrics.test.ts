/** What /metrics says of workers: what this process did, what it found dead, and what waits for anybody. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { baseSettings } from '../config/base.ts';
import { defineSettings } from '../config/definition.ts';
import { silentLog } from '../log.ts';
import { writeFirstRevision } from '../migrate/render.ts';
import { leaseColumns, leaseIndex } from '../queue/lease.ts';
import { defineWorkers } from '../queue/worker.ts';
import { workers as workerTable } from '../queue/worker-table.ts';
import { integer, uuid } from '../schema/column.ts';
import { enumType } from '../schema/enum-type.ts';
import { lifeCycle } from '../schema/life-cycle.ts';
import { index, table } from '../schema/table.ts';
import { testDatabase } from '../testing/database.ts';
import { entity } from '../work/entity.ts';
import { defineModel } from '../work/model.ts';
import { repository } from '../work/repository.ts';
import { defineApp } from './app.ts';
import { startApp } from './start.ts';

const eggState = enumType('egg_state', ['raw', 'boiled', 'dropped']);
const eggs = table('eggs', { id: uuid().primaryKey(), state: eggState().default('raw'), place: integer(), ...leaseColumns() }, (t) => [
  index(t.state, t.place),
  leaseIndex(t),
]);
class Egg extends entity(eggs, lifeCycle(eggs.state, { raw: ['boiled', 'dropped'], boiled: [], dropped: [] })) {
  markBoiled(): void {
    this.move('boiled');
  }

  markDropped(): void {
    this.move('dropped');
  }
}
class EggRepository extends repository(Egg) {}

const model = defineModel({ name: 'kitchen', tables: [eggs, workerTable], repositories: { eggs: EggRepository } });

// GLK-14 FND-2
test('what was claimed, how it ended and what waits is told by worker; a server without workers in it tells what waits', async (t) => {
  const migrationsDirectory = mkdtempSync(path.join(tmpdir(), 'keelson-kitchen-'));
  t.after(() => rmSync(migrationsDirectory, { recursive: true }));
  await writeFirstRevision(migrationsDirectory, { tables: model.tables, namespace: model.namespace, name: 'initial' });
  await using database = await testDatabase({ model }, { isolation: 'database' });
  const { promise: boiled, resolve } = Promise.withResolvers<void>();
  let left = 3;
  const boiling = defineWorkers<typeof model.repositories, object>(model).worker('boiling', {
    claim: { from: 'eggs', in: 'raw', orderBy: 'place' },
    run: async () => undefined,
    done: (egg, _result, unit) => {
      egg.markBoiled();
      unit.after(() => {
        left -= 1;
        if (left === 0) resolve();
      });
    },
    fail: (egg) => egg.markDropped(),
  });
  const app = defineApp({
    name: 'kitchen',
    version: '1.0.0',
    model,
    settings: defineSettings(baseSettings),
    migrationsDirectory,
    services: () => ({}),
    routes: [],
    workers: [boiling],
  });
  await database.work(({ eggs: kitchen }) => kitchen.addMany([1, 2, 3].map((place) => new Egg({ place }))));
  const scrape = async (workersInServer: string, ready: Promise<void>): Promise<readonly string[]> => {
    const environment = {
      APP_ENV: 'test',
      DATABASE_URL: database.postgres.url,
      MIGRATE_ON_START: 'never',
      METRICS: 'open',
      WORKERS_IN_SERVER: workersInServer,
    };
    const running = await startApp(app, { environment, log: silentLog, port: 0 });
    await ready;
    const text = (await running.server.inject({ url: '/metrics' })).body;
    await running.stop();
    return text.split('\n').filter((line) => line.startsWith('keelson_worker'));
  };
  const idle = await scrape('off', Promise.resolve());
  assert.deepEqual(
    idle.filter((line) => !line.startsWith('keelson_worker_lost') && !line.startsWith('keelson_worker_recovered')),
    ['keelson_worker_waiting{worker="boiling"} 3', 'keelson_worker_leased{worker="boiling"} 0'],
  );
  const busy = new Set(await scrape('on', boiled));
  for (const line of [
    'keelson_worker_claimed_total{worker="boiling"} 3',
    'keelson_worker_paused{worker="boiling"} 0',
    'keelson_worker_recovered_total 0',
    'keelson_worker_lost_processes_total 0',
    'keelson_worker_waiting{worker="boiling"} 0',
  ])
    assert.ok(busy.has(line), `${line} in ${[...busy].join('\n')}`);
});
