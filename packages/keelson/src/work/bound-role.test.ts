/** The role that policies bind: made once for odd names too, taken on by connections, and given later tables. */
// FND-8
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Connection } from '../postgres/connection.ts';
import { connectPostgres } from '../postgres/postgres.ts';
import { quoteName, sql } from '../schema/sql.ts';
import { silentLog } from '../log.ts';
import { testDatabase } from '../testing/database.ts';
import { testServer } from '../testing/server.ts';
import { boundRole, createBoundRole, urlWithRole } from './bound-role.ts';
import { tenantModel } from './tenants.fixture.ts';

test('a role with an odd name is made once, and every connection of a URL takes it on', async () => {
  const { url } = await testServer();
  const namespace = String.raw`odd "name' \ of ${process.pid}`;
  const role = boundRole(namespace);
  const owner = await Connection.open({ connectionString: url });
  await Promise.all([createBoundRole(owner, namespace), createBoundRole(owner, namespace)]);
  const withOptions = new URL(url);
  withOptions.searchParams.set('options', '-c work_mem=128kB');
  const postgres = await connectPostgres({ url: urlWithRole(withOptions.href, role), log: silentLog, connectRetryMs: 0 });
  const who = { text: `select current_user, current_setting('work_mem')`, name: undefined, values: [] };
  assert.deepEqual((await postgres.readers.query(who)).rows, [[role, '128kB']]);
  assert.deepEqual((await postgres.lone.run(who, 'test')).rows, [[role, '128kB']]);
  const own = await postgres.connect();
  await own.command('discard all');
  assert.deepEqual((await own.query(who)).rows, [[role, '128kB']]);
  await own.close();
  await postgres.close();
  await owner.command(`drop role ${quoteName(role)}`);
  await owner.close();
});

test('the name of a role is cut to what PostgreSQL keeps, never through a character', () => {
  assert.equal(boundRole('notes'), 'notes_user');
  for (const namespace of ['ä'.repeat(31), `x${'ä'.repeat(31)}`, '€'.repeat(21), '😀'.repeat(15)]) {
    const role = boundRole(namespace);
    assert.ok(Buffer.byteLength(role) <= 63, role);
    assert.ok(role.endsWith('_user') && namespace.startsWith(role.slice(0, -'_user'.length)), role);
  }
});

test('a table that the owner makes while the app runs can be used at once', async () => {
  await using owner = await testDatabase({ model: tenantModel }, { isolation: 'database', role: 'owner' });
  const app = await connectPostgres({ url: urlWithRole(owner.postgres.url, 'tenants_user'), log: silentLog, connectRetryMs: 0 });
  await owner.work(({ sql: run }) => run(sql`create table tenants.later (id integer)`));
  const { rows } = await app.lone.run({ text: 'insert into tenants.later values (1) returning id', name: undefined, values: [] }, 'test');
  assert.deepEqual(rows, [['1']]);
  await app.close();
});
