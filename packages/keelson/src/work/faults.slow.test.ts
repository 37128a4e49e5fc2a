/** A server that is restarted under units of work. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { isKeelsonError } from '../errors.ts';
import { silentLog } from '../log.ts';
import { startEmbedded } from '../postgres/embedded.ts';
import { connectPostgres } from '../postgres/postgres.ts';
import { renderSchema } from '../schema/ddl.ts';
import { openDatabase } from './database.ts';
import { model, Note } from './tokens.fixture.ts';

test('a restarted server fails what is under way with a passing error, and then works again', async () => {
  const dataDirectory = mkdtempSync(path.join(tmpdir(), 'keelson-restart-'));
  const first = await startEmbedded({ dataDirectory, durable: true });
  const postgres = await connectPostgres({ url: first.url, poolSize: 3, log: silentLog });
  const database = openDatabase(model, postgres, { log: silentLog });
  const setup = await postgres.connect();
  await setup.command('create schema unit; set search_path to unit');
  for (const statement of renderSchema(model.tables, model.namespace).up) await setup.command(statement);
  await setup.close();
  await database.work((unit) => unit.notes.add(new Note({ title: 'kept' })));
  const interrupted = database.work(async (unit) => {
    unit.notes.add(new Note({ title: 'lost' }));
    await unit.flush();
    await first.stop();
    await unit.notes.count();
  });
  await assert.rejects(interrupted, (error) => isKeelsonError(error, 'DATABASE_CONNECTION_FAILED') && error.retryable);
  await assert.rejects(
    database.read((reader) => reader.notes.count()),
    (error) => isKeelsonError(error, 'DATABASE_CONNECTION_FAILED'),
  );
  const second = await startEmbedded({ dataDirectory, durable: true, port: first.port });
  assert.equal(await database.work((unit) => unit.notes.count()), 1);
  assert.deepEqual(
    (await database.read((reader) => reader.notes.list())).map((row) => row.title),
    ['kept'],
  );
  await postgres.close();
  await second.stop();
  rmSync(dataDirectory, { recursive: true, force: true });
});
