/** Policies: the DDL that they become, what PostgreSQL says of it, and whom it stops. */
// FND-8
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isKeelsonError } from '../errors.ts';
import { testDatabase } from '../testing/database.ts';
import { defineModel } from '../work/model.ts';
import { integer, references, text, uuid } from './column.ts';
import { renderSchema } from './ddl.ts';
import { policy, setting } from './policy.ts';
import { sql, Statements } from './sql.ts';
import { table } from './table.ts';

const misuse = (error: unknown): boolean => isKeelsonError(error, 'MISUSE');

const tenant = setting('app.tenant_id', 'uuid');

const documents = table('documents', { id: uuid().primaryKey(), tenantId: uuid(), title: text(), level: integer().default(0) }, (t) => [
  policy('tenant_isolation', { using: sql`${t.tenantId} = ${tenant}` }),
  policy('not_secret', { as: 'restrictive', for: 'select', using: sql`${t.level} < ${9}` }),
  policy('low', { as: 'restrictive', for: 'insert', check: sql`${t.level} <= ${5}` }),
]);

// It stands before the table that its policy asks.
const remarks = table('remarks', { id: uuid().primaryKey(), documentId: references(() => documents), body: text() }, (t) => [
  policy('of_document', {
    for: 'select',
    to: 'pg_monitor',
    using: sql`exists (select 1 from ${documents} as d where d.id = ${t.documentId})`,
  }),
]);

const plain = table('plain', { id: uuid().primaryKey() });

const model = defineModel({ name: 'policed', tables: [remarks, documents, plain], repositories: {} });

test('a policy is rendered with row-level security enabled and forced, after every table', () => {
  const { up, down } = renderSchema(model.tables, 'policed');
  assert.deepEqual(up.slice(-8), [
    'alter table "policed"."remarks" enable row level security;',
    'alter table "policed"."remarks" force row level security;',
    'create policy "remarks_of_document_policy" on "policed"."remarks"\n  as permissive for select to "pg_monitor"\n' +
      '  using (exists (select 1 from "policed"."documents" as d where d.id = "document_id"));',
    'alter table "policed"."documents" enable row level security;',
    'alter table "policed"."documents" force row level security;',
    'create policy "documents_tenant_isolation_policy" on "policed"."documents"\n  as permissive for all to public\n' +
      `  using ("tenant_id" = nullif(current_setting('app.tenant_id', true), '')::uuid);`,
    'create policy "documents_not_secret_policy" on "policed"."documents"\n  as restrictive for select to public\n  using ("level" < 9);',
    'create policy "documents_low_policy" on "policed"."documents"\n  as restrictive for insert to public\n  with check ("level" <= 5);',
  ]);
  assert.deepEqual(down.slice(0, 4), [
    'drop policy "documents_low_policy" on "policed"."documents";',
    'drop policy "documents_not_secret_policy" on "policed"."documents";',
    'drop policy "documents_tenant_isolation_policy" on "policed"."documents";',
    'drop policy "remarks_of_document_policy" on "policed"."remarks";',
  ]);
});

test('PostgreSQL has the policies as they were declared; down takes them away, and up makes them again', async () => {
  await using database = await testDatabase({ model }, { isolation: 'database', role: 'owner' });
  const policies = sql<{ name: string }>`
    select policyname || ' ' || permissive || ' ' || cmd || ' ' || roles::text as name from pg_policies where schemaname = 'policed' order by 1`;
  const secured = sql<{ name: string }>`
    select relname as name from pg_class
    where relnamespace = 'policed'::regnamespace and relrowsecurity and relforcerowsecurity order by 1`;
  const { up, down } = renderSchema(model.tables, 'policed');
  await database.work(async ({ sql: run }) => {
    await run(sql`set local search_path to policed`);
    for (let round = 0; round < 2; round += 1) {
      const rows = await run(policies);
      assert.deepEqual(
        rows.map(({ name }) => name),
        [
          'documents_low_policy RESTRICTIVE INSERT {public}',
          'documents_not_secret_policy RESTRICTIVE SELECT {public}',
          'documents_tenant_isolation_policy PERMISSIVE ALL {public}',
          'remarks_of_document_policy PERMISSIVE SELECT {pg_monitor}',
        ],
      );
      assert.deepEqual(
        (await run(secured)).map(({ name }) => name),
        ['documents', 'remarks'],
      );
      for (const statement of down) await run(sql.raw(statement));
      for (const statement of up) await run(sql.raw(statement));
    }
  });
});

test('a role that is not the owner sees and writes what the policies let through, and without the setting nothing', async () => {
  await using database = await testDatabase({ model }, { isolation: 'database', role: 'owner' });
  const mine = '018f0000-0000-7000-8000-00000000000a';
  const others = '018f0000-0000-7000-8000-00000000000b';
  const role = sql.identifier(`keelson_policy_${process.pid}`);
  const insert = (tenantId: string, level = 0) =>
    sql`insert into ${documents} (tenant_id, title, level) values (${tenantId}, 'x', ${level})`;
  const seen = sql<{ tenant: string; level: number }>`select tenant_id as tenant, level from ${documents} order by level`;
  await assert.rejects(
    database.work(async ({ sql: run, nested }) => {
      await run(sql`create role ${role} nologin`);
      await run(sql`grant usage on schema policed to ${role}`);
      await run(sql`grant select, insert, update, delete on all tables in schema policed to ${role}`);
      for (const level of [1, 9]) await run(insert(mine, level));
      await run(insert(others, 2));
      await run(sql`set local role ${role}`);
      assert.deepEqual(await run(seen), [], 'never set');
      await run(sql.raw(`set local app.tenant_id = '${mine}'`));
      assert.deepEqual(await run(seen), [{ tenant: mine, level: 1 }]);
      await run(insert(mine, 5));
      const forbidden = (error: unknown): boolean => isKeelsonError(error, 'FORBIDDEN');
      await assert.rejects(
        nested(() => run(insert(mine, 6))),
        forbidden,
      );
      await assert.rejects(
        nested(() => run(insert(others))),
        forbidden,
      );
      await assert.rejects(
        nested(() => run(sql`update ${documents} set tenant_id = ${others}`)),
        forbidden,
      );
      // What it may not do to any row is another matter: not the caller's fault, but a missing grant.
      await assert.rejects(
        nested(() => run(sql`truncate ${documents}`)),
        (error) => isKeelsonError(error, 'DATABASE_ERROR'),
      );
      const deleted = await run(sql<{ level: number }>`delete from ${documents} where tenant_id = ${others} returning level`);
      assert.deepEqual(deleted, []);
      await run(sql`set local app.tenant_id = ''`);
      assert.deepEqual(await run(seen), [], 'set by an earlier transaction, and gone');
      // The role is the whole server's: it goes with the transaction.
      throw new Done();
    }),
    Done,
  );
});

class Done extends Error {}

test('a setting is read as its type, and null where it was not set', async () => {
  await using database = await testDatabase({ model }, { isolation: 'database', role: 'owner' });
  const read = sql`select ${setting('app.a', 'integer')} as a, ${setting('app.b', 'text')} as b, ${setting('app.c', 'boolean')} as c`;
  const context = { settings: { 'app.a': '7', 'app.c': 'true' } };
  assert.deepEqual(await database.for(context).work(({ sql: run }) => run(read)), [{ a: 7, b: null, c: true }]);
  assert.deepEqual(await database.work(({ sql: run }) => run(read)), [{ a: null, b: null, c: null }]);
  assert.equal(new Statements('x').compile(sql`select ${tenant}`).text, `select nullif(current_setting('app.tenant_id', true), '')::uuid`);
});

test('policies that cannot be are refused with a reason', () => {
  assert.throws(() => policy('Bad Name', { using: sql`true` }), misuse);
  assert.throws(() => setting("app.x'); drop table users; --", 'text'), misuse);
  assert.throws(() => setting('tenant', 'uuid'), misuse);
  const twice = table('twice', { id: uuid().primaryKey() }, () => [
    policy('same', { using: sql`true` }),
    policy('same', { using: sql`false` }),
  ]);
  assert.throws(() => renderSchema([twice], 'x'), misuse);
});
