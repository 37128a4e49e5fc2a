/** The app as a whole: its documents, its settings and its migrations say what its code says. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { renderEnvExample } from 'keelson/config';
import { sql } from 'keelson/schema';
import { testDatabase } from 'keelson/testing';
import type { Database } from 'keelson/work';
import { accounts } from './app.ts';
import { startAccounts } from './calls.fixture.ts';
import { model, type Repositories } from './model.ts';
import { settings } from './settings.ts';

// INF-2
test('.env.example is what the declarations of the settings render', () => {
  const file = readFileSync(new URL('.env.example', import.meta.url), 'utf8');
  assert.equal(file, renderEnvExample(settings));
});

// INF-4
test('the migrations make the same tables, indexes, constraints, functions and triggers as the code declares', async () => {
  await using migrated = await testDatabase(accounts, { isolation: 'database' });
  await using declared = await testDatabase({ model }, { isolation: 'database' });
  const [fromMigrations, fromTables] = [await catalogOf(migrated), await catalogOf(declared)];
  // 29 columns, 9 indexes, their constraints, a trigger and its function; a server from 18 on counts not-null constraints too.
  assert.ok(fromTables.length >= 45, String(fromTables.length));
  assert.deepEqual(fromMigrations, fromTables);
});

/** What PostgreSQL says of the namespace, but for the history of migrations. */
async function catalogOf(database: Database<Repositories>): Promise<readonly unknown[]> {
  return database.read((reader) =>
    reader.sql(sql`
      select 'column' as kind, c.relname as place, a.attname as name,
        concat_ws(' ', format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid)) as text
      from pg_attribute as a
      join pg_class as c on c.oid = a.attrelid
      left join pg_attrdef as d on d.adrelid = c.oid and d.adnum = a.attnum
      where c.relnamespace = 'accounts'::regnamespace and c.relname in ('users', 'sessions', 'auth_throttle', 'audit_log') and a.attnum > 0
      union all
      select 'index', tablename, indexname, indexdef
      from pg_indexes
      where schemaname = 'accounts' and tablename in ('users', 'sessions', 'auth_throttle', 'audit_log')
      union all
      select 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid)
      from pg_constraint
      where connamespace = 'accounts'::regnamespace and conrelid::regclass::text ~ '^accounts[.](users|sessions|auth_throttle|audit_log)$'
      union all
      select 'trigger', tgrelid::regclass::text, tgname, pg_get_triggerdef(oid)
      from pg_trigger
      where tgrelid in ('accounts.users'::regclass, 'accounts.sessions'::regclass) and not tgisinternal
      union all
      select 'function', 'accounts', proname, prosrc
      from pg_proc
      where pronamespace = 'accounts'::regnamespace
      order by 1, 2, 3
    `),
  );
}

// INF-9
test('the OpenAPI document lists the calls, and tells nobody of a hash', async () => {
  await using running = await startAccounts();
  const answer = await running.call('GET', '/openapi.json', { isRoot: true });
  assert.equal(answer.status, 200);
  const { paths } = answer.body;
  assert.ok(typeof paths === 'object' && paths !== null);
  const auth = ['auth/login', 'auth/logout', 'auth/refresh', 'auth/register'];
  const users = ['users', 'users/me', 'users/me/password', 'users/me/sessions', 'users/me/sessions/{id}', 'users/{id}'];
  const calls = [...auth, ...users].map((path) => `/api/v1/${path}`);
  assert.deepEqual(
    Object.keys(paths)
      .filter((path) => path.startsWith('/api/'))
      .toSorted((left, right) => (left < right ? -1 : 1)),
    calls,
  );
  assert.ok(answer.text.includes('"tokenUrl":"/api/v1/auth/login"'));
  assert.ok(!/password_?hash/iu.test(answer.text));
});
