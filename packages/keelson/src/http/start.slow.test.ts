/** Start without a database: the embedded server of the app's folder. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { writeFirstRevision } from '../migrate/render.ts';
import { Connection } from '../postgres/connection.ts';
import { model, notesApp, RecordingLog } from './notes.fixture.ts';
import { startApp } from './start.ts';

// INF-9
test('without DATABASE_URL the embedded server of the folder is used, and stopped with the app', async () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'keelson-embedded-'));
  const migrations = path.join(directory, 'migrations');
  await writeFirstRevision(migrations, { tables: model.tables, namespace: model.namespace, name: 'initial' });
  const log = new RecordingLog();
  const running = await startApp(notesApp({ migrationsDirectory: migrations }), {
    directory,
    log,
    port: 0,
    environment: { APP_ENV: 'test' },
  });
  assert.equal((await fetch(`${running.url}/health/ready`)).status, 200);
  assert.ok(existsSync(path.join(directory, '.keelson', 'postgres')));
  const { url } = running.database.postgres;
  await running.stop();
  await assert.rejects(Connection.open({ connectionString: url }), { code: 'DATABASE_CONNECTION_FAILED' });
  rmSync(directory, { recursive: true });
});
