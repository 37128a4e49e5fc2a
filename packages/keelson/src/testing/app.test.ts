/** An app for one test: its own settings, its own database, its hooks run, everything given back. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import * as Type from 'typebox';
import { baseSettings } from '../config/base.ts';
import { defineSettings } from '../config/definition.ts';
import { isKeelsonError } from '../errors.ts';
import { defineApp, type Standing } from '../http/app.ts';
import { everyone } from '../http/guard.ts';
import { routeFactory } from '../http/route-factory.ts';
import { text, uuid } from '../schema/column.ts';
import { sql } from '../schema/sql.ts';
import { table } from '../schema/table.ts';
import { entity } from '../work/entity.ts';
import { defineModel } from '../work/model.ts';
import { repository } from '../work/repository.ts';
import { testApp } from './app.ts';

const notes = table('notes', { id: uuid().primaryKey(), title: text() });
class Note extends entity(notes) {}
class NoteRepository extends repository(Note) {}
const model = defineModel({ name: 'notebook', tables: [notes], repositories: { notes: NoteRepository } });
const settings = defineSettings(baseSettings);

interface Services {
  readonly secretKey: string;
  readonly directory: string;
}

const route = routeFactory<typeof model.repositories, Services>();

const migrationsDirectory = mkdtempSync(path.join(tmpdir(), 'test-app-'));
writeFileSync(
  path.join(migrationsDirectory, '20260101T0900_initial.sql'),
  '-- up\ncreate table notes (id uuid primary key, title text not null);\n\n-- down\ndrop table notes;\n',
);
after(() => rmSync(migrationsDirectory, { recursive: true }));

const hooks: string[] = [];
let failAtStart = false;

const app = defineApp({
  name: 'notebook',
  version: '1.0.0',
  model,
  settings,
  migrationsDirectory,
  services: ({ secretKey, directory }): Services => ({ secretKey, directory }),
  routes: [
    route({
      method: 'POST',
      url: '/notes',
      summary: 'Writes a note',
      guard: everyone,
      body: Type.Object({ title: Type.String() }),
      responses: { 201: Type.Object({ id: Type.String() }) },
      handler: ({ body, database }) =>
        database.work(({ notes: all }) => {
          const note = new Note({ title: body.title });
          all.add(note);
          return { id: note.id };
        }),
    }),
  ],
  onStart: () => {
    if (failAtStart) throw new TypeError('It does not start.');
    hooks.push('start');
  },
  onStop: ({ database }: Standing<typeof model.repositories, Services, typeof baseSettings>) => {
    hooks.push(database.postgres.pool.stats.size >= 0 ? 'stop' : 'too late');
  },
});

async function write(inject: (call: { method: 'POST'; url: string; payload: object }) => Promise<{ statusCode: number }>): Promise<number> {
  return (await inject({ method: 'POST', url: '/api/v1/notes', payload: { title: 'a' } })).statusCode;
}

// INF-8
test('every isolation gives a migrated, empty database to the whole server', async () => {
  for (const isolation of ['delete', 'rollback', 'database', 'delete'] as const) {
    await using running = await testApp(app, { isolation });
    assert.equal(await running.database.read(({ notes: all }) => all.count({})), 0, isolation);
    assert.equal(await write(running.inject), 201);
    assert.equal(await running.database.read(({ notes: all }) => all.count({})), 1);
    const health = await running.inject({ method: 'GET', url: '/health/db' });
    assert.equal(health.json<{ migration_status: string }>().migration_status, 'up_to_date');
  }
});

test('settings come from the options alone: neither the process nor a .env is read', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'test-app-env-'));
  writeFileSync(path.join(folder, '.env'), 'API_V1_PREFIX=/from-file\nPASSWORD_SCHEME=argon2id\n');
  const before = process.cwd();
  process.chdir(folder);
  process.env['API_V1_PREFIX'] = '/from-process';
  try {
    await using plain = await testApp(app);
    const { APP_ENV, API_V1_PREFIX, PASSWORD_SCHEME, SECRET_KEY } = plain.settings;
    assert.deepEqual([APP_ENV, API_V1_PREFIX, PASSWORD_SCHEME], ['test', '/api/v1', 'bcrypt']);
    assert.equal(plain.services.secretKey, SECRET_KEY);
  } finally {
    delete process.env['API_V1_PREFIX'];
    process.chdir(before);
    rmSync(folder, { recursive: true });
  }
  await using other = await testApp(app, { environment: { API_V1_PREFIX: '/api/v2', APP_ENV: 'production' } });
  assert.equal(other.settings.APP_ENV, 'production');
  assert.equal(await write(other.inject), 404);
  const v2 = await other.inject({ method: 'POST', url: '/api/v2/notes', payload: { title: 'a' } });
  assert.equal(v2.statusCode, 201);
  await assert.rejects(testApp(app, { environment: { PORT: 'many' } }), (error) => isKeelsonError(error, 'CONFIG_INVALID'));
});

test('the hooks run around the test, and its folder is gone afterwards', async () => {
  hooks.length = 0;
  let folder = '';
  {
    await using running = await testApp(app);
    folder = running.services.directory;
    mkdirSync(path.join(folder, '.keelson'));
    assert.deepEqual(hooks, ['start']);
  }
  assert.deepEqual(hooks, ['start', 'stop']);
  assert.ok(folder !== '' && !existsSync(folder));
});

test('an app that fails to start gives its database back', async () => {
  failAtStart = true;
  try {
    await assert.rejects(testApp(app), /It does not start/u);
  } finally {
    failAtStart = false;
  }
  await using running = await testApp(app);
  const [row] = await running.database.read((reader) => reader.sql(sql`select count(*)::int as n from notebook.notes`));
  assert.deepEqual(row, { n: 0 });
});
