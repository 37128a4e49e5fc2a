/** On which server migrations are tried: the embedded one where no other may be used. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { connectPostgres } from '../postgres/postgres.ts';
import { silentLog } from '../log.ts';
import { quoteName } from '../schema/sql.ts';
import { testServer } from '../testing/server.ts';
import { makeDatabase, makeSample } from './sample.fixture.ts';

/** Runs a block with the URL of a role that may not make databases. */
async function withPoorRole(url: string, block: (url: string) => Promise<void>): Promise<void> {
  const role = `keelson_poor_${process.pid}`;
  const server = await testServer();
  const postgres = await connectPostgres({ url: server.url, poolSize: 1, log: silentLog });
  const connection = await postgres.connect();
  try {
    await connection.command(`create role ${quoteName(role)} login password 'poor' nosuperuser nocreatedb`);
    const poor = new URL(url);
    poor.username = role;
    poor.password = 'poor';
    await block(poor.href);
  } finally {
    await connection.command(`drop role if exists ${quoteName(role)}`);
    await connection.close();
    await postgres.close();
  }
}

test('without DATABASE_URL migrations are tried on an embedded server for this alone, and the data of the app is not touched', async () => {
  using sample = makeSample();
  const lint = await sample.run(['migrate', 'lint']);
  assert.ok(lint.code <= 1, lint.err);
  assert.match(lint.err, /(?:found|errors?|warnings?)[^\n]*\.\n$/u);
  assert.ok(existsSync(path.join(sample.folder, '.keelson/shadow')));
  assert.ok(!existsSync(path.join(sample.folder, '.keelson/postgres')));
});

test('where the user may not make databases, or it is staging, an embedded server of its own is taken, and nothing is made on that of the app', async () => {
  using sample = makeSample();
  await using database = await makeDatabase();
  const shadow = path.join(sample.folder, '.keelson/shadow');
  await withPoorRole(database.url, async (url) => {
    const poor = await sample.run(['migrate', 'lint'], { DATABASE_URL: url });
    assert.ok(poor.code <= 1, poor.err);
    assert.doesNotMatch(poor.err, /SHADOW_DATABASE_URL/u, 'both are PostgreSQL 18: the proof is exact');
    assert.ok(existsSync(shadow));
    assert.ok(!existsSync(path.join(sample.folder, '.keelson/postgres')));
  });

  const staging = await sample.run(['migrate', 'lint'], { DATABASE_URL: database.url, APP_ENV: 'staging' });
  assert.ok(staging.code <= 1, staging.err);

  const unreachable = await sample.run(['migrate', 'lint'], { DATABASE_URL: 'postgresql://app:hidden-pw@127.0.0.1:1/app' });
  assert.ok(unreachable.code <= 1, unreachable.err);
  assert.match(unreachable.err, /Tried on the embedded PostgreSQL 18[^\n]*could not be asked[^]*hint: [^\n]*SHADOW_DATABASE_URL/u);
  assert.doesNotMatch(unreachable.err, /hidden-pw/u);
});
