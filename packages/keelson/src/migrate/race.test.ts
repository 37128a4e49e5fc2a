/** Several migrators at once, locks that others hold, and connections that are cut: each revision is run exactly once, and none by half. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Connection } from '../postgres/connection.ts';
import { quoteName } from '../schema/sql.ts';
import { lockKey } from './lock.ts';
import { parseRevision, type Revision } from './revision.ts';
import { Migrator } from './runner.ts';
import { HeardLog } from './scratch.ts';
import { failure, useScratch } from './trial.fixture.ts';

const REPLICAS = 8;

const { scratch, connection: admin } = await useScratch();

const hats = revisionOf('20260101T0000_hats', 'create table hats (id int, size int);', 'drop table hats;');
const colour = revisionOf('20260102T0000_colour', 'alter table hats add colour text;', 'alter table hats drop colour;');
const index = revisionOf(
  '20260104T0000_index',
  'create index concurrently hats_size on hats (size);',
  'drop index hats_size;',
  '-- transaction: off\n',
);

function revisionOf(name: string, up: string, down = 'select 1;', header = ''): Revision {
  return parseRevision(`${name}.sql`, `${header}-- up\n${up}\n-- down\n${down}\n`);
}

/** Asks again and again until the server says yes. */
async function until(text: string): Promise<void> {
  for (;;) if ((await admin.command(`select exists (${text})`)).rows[0]?.[0] === 't') return;
}

function waitsFor(connection: Connection, what: 'relation' | 'virtualxid'): Promise<void> {
  return until(`select from pg_locks where pid = ${connection.backendId} and locktype = '${what}' and not granted`);
}

async function count(text: string): Promise<number> {
  return Number((await admin.command(text)).rows[0]?.[0]);
}

test('eight migrators at once apply each revision exactly once, an index built concurrently among them', async () => {
  // FND-5, INF-4
  const namespace = scratch.namespace();
  const place = quoteName(namespace);
  const fill = revisionOf(
    '20260103T0000_fill',
    'insert into hats select n, n from generate_series(1, 1000) as n;\n-- commit\nupdate hats set size = size + 1;',
  );
  const revisions = [hats, colour, fill, index];
  const connections = await Promise.all(Array.from({ length: REPLICAS }, () => scratch.connect()));
  const runs = await Promise.all(connections.map((connection) => new Migrator({ connection, revisions, namespace }).up()));
  assert.deepEqual(
    runs
      .flat()
      .map((run) => run.id)
      .sort(),
    revisions.map((revision) => revision.id),
  );
  assert.equal(await count(`select count(*) from ${place}.keelson_migrations`), 5);
  assert.equal(await count(`select sum(size) from ${place}.hats`), 501_500);
  assert.equal(await count(`select count(*) from pg_index where indrelid = '${place}.hats'::regclass and indisvalid`), 1);
  const free = `select pg_try_advisory_lock(${lockKey(namespace)}) and pg_advisory_unlock(${lockKey(namespace)})`;
  assert.equal((await admin.command(free)).rows[0]?.[0], 't');
});

test('who finds the lock held waits, says so, and goes on when it is free', async () => {
  // INF-4
  const namespace = scratch.namespace();
  const log = new HeardLog();
  const connection = await scratch.connect();
  await admin.command(`select pg_advisory_lock(${lockKey(namespace)})`);
  const waiting = log.next('migration.waiting');
  const up = new Migrator({ connection, revisions: [hats], namespace, log }).up();
  await waiting;
  assert.equal(await count(`select count(*) from pg_namespace where nspname = '${namespace}'`), 0);
  await admin.command(`select pg_advisory_unlock(${lockKey(namespace)})`);
  assert.equal((await up).length, 1);
});

test('when the lock stays held the error names who holds it', async () => {
  const namespace = scratch.namespace();
  const holder = await scratch.connect();
  await holder.command(`set application_name to 'the other one'; select pg_advisory_lock(${lockKey(namespace)})`);
  const connection = await scratch.connect();
  const migrator = new Migrator({ connection, revisions: [hats], namespace, waitMs: 30 });
  const locked = await failure(migrator.up(), 'MIGRATIONS_LOCKED');
  assert.match(locked.message, new RegExp(`held by server process ${holder.backendId} \\(user .+, application "the other one"`));
  assert.match(locked.hint, new RegExp(`pg_terminate_backend\\(${holder.backendId}\\)`));
  assert.equal(locked.retryable, true);
  assert.equal((await migrator.status()).state, 'pending');
  await failure(migrator.down({ to: 'base' }), 'MIGRATIONS_LOCKED');
  await holder.close();
  assert.equal((await migrator.up()).length, 1);
});

test('where nothing is pending nobody waits for the lock', async () => {
  const namespace = scratch.namespace();
  const connection = await scratch.connect();
  const migrator = new Migrator({ connection, revisions: [hats], namespace, waitMs: 0 });
  await migrator.up();
  await admin.command(`select pg_advisory_lock(${lockKey(namespace)})`);
  assert.deepEqual(await migrator.up(), []);
  await admin.command(`select pg_advisory_unlock(${lockKey(namespace)})`);
});

test('namespaces have locks of their own', async () => {
  const [first, second] = [scratch.namespace(), scratch.namespace()];
  await admin.command(`select pg_advisory_lock(${lockKey(first)})`);
  const migrator = new Migrator({ connection: await scratch.connect(), revisions: [hats], namespace: second, waitMs: 0 });
  assert.equal((await migrator.up()).length, 1);
  await admin.command(`select pg_advisory_unlock(${lockKey(first)})`);
});

test('a table that a reader holds is tried again, and taken when the reader is done', async () => {
  const namespace = scratch.namespace();
  const log = new HeardLog();
  const connection = await scratch.connect();
  await new Migrator({ connection, revisions: [hats], namespace }).up();
  await admin.command(`begin; select from ${quoteName(namespace)}.hats`);
  const retried = log.next('migration.retried');
  const up = new Migrator({ connection, revisions: [hats, colour], namespace, log, lockTimeoutMs: 20 }).up();
  await retried;
  await admin.command('commit');
  assert.equal((await up).length, 1);
});

test('a table that a reader never lets go ends the migration with a clear word, and others were served meanwhile', async () => {
  const namespace = scratch.namespace();
  const connection = await scratch.connect();
  await new Migrator({ connection, revisions: [hats], namespace }).up();
  await admin.command(`begin; select from ${quoteName(namespace)}.hats`);
  const migrator = new Migrator({ connection, revisions: [hats, colour], namespace, lockTimeoutMs: 20, attemptsMax: 2 });
  const failed = await failure(migrator.up(), 'MIGRATION_FAILED');
  await admin.command('commit');
  assert.match(failed.message, /_colour\.sql:2: canceling statement due to lock timeout \(SQLSTATE 55P03\), in: alter table hats/);
  assert.match(failed.hint, /pg_stat_activity.*Nothing of the revision was kept/);
  assert.equal((await migrator.up()).length, 1);
});

test('a connection that is cut in the middle leaves nothing half-done, and the next run does it all', async () => {
  // INF-4, FND-5
  const namespace = scratch.namespace();
  const place = quoteName(namespace);
  const connection = await scratch.connect();
  await new Migrator({ connection, revisions: [hats], namespace }).up();
  await admin.command(`begin; lock table ${place}.hats in access share mode`);
  const both = revisionOf('20260102T0000_both', 'create table boxes ();\nalter table hats add colour text;');
  const up = new Migrator({ connection, revisions: [hats, both], namespace, lockTimeoutMs: 60_000 }).up();
  const failed = failure(up, 'MIGRATION_FAILED');
  await waitsFor(connection, 'relation');
  await admin.command(`select pg_terminate_backend(${connection.backendId})`);
  const { message, hint } = await failed;
  await admin.command('commit');
  assert.match(message, /_both\.sql:3: .*in: alter table hats add colour text;/);
  assert.match(hint, /The connection was lost on the way; run it again.*Nothing of the revision was kept/);
  assert.equal(connection.broken, true);
  assert.equal(await count(`select count(*) from pg_class where relnamespace = '${place}'::regnamespace and relname = 'boxes'`), 0);
  const next = new Migrator({ connection: await scratch.connect(), revisions: [hats, both], namespace });
  assert.deepEqual((await next.status()).pending, [both.id]);
  assert.equal((await next.up()).length, 1);
});

test('when the migrating process dies, its statement ends on the server too, and others need not wait for it', async () => {
  // FND-5
  const namespace = scratch.namespace();
  const place = quoteName(namespace);
  const connection = await scratch.connect();
  await new Migrator({ connection, revisions: [hats], namespace }).up();
  const reader = await scratch.connect();
  await reader.command(`begin; lock table ${place}.hats in access share mode`);
  const dying = new Migrator({ connection, revisions: [hats, colour], namespace, lockTimeoutMs: 600_000 });
  const failed = failure(dying.up(), 'MIGRATION_FAILED');
  await waitsFor(connection, 'relation');
  connection.destroy();
  const { message, hint } = await failed;
  assert.match(message, /_colour\.sql:2: The connection was closed\., in: alter table hats/);
  assert.match(hint, /run it again/);
  await until(`select where not exists (select from pg_stat_activity where pid = ${connection.backendId})`);
  await reader.command('commit');
  const next = new Migrator({ connection: await scratch.connect(), revisions: [hats, colour], namespace, waitMs: 0 });
  assert.equal((await next.up()).length, 1);
});

test('an index whose build was cut is removed and built anew', async () => {
  const namespace = scratch.namespace();
  const place = quoteName(namespace);
  const connection = await scratch.connect();
  await new Migrator({ connection, revisions: [hats], namespace }).up();
  // An open transaction with a snapshot that has touched the table holds up the build.
  const old = await scratch.connect();
  await old.command(`begin isolation level repeatable read; lock table ${place}.hats in row exclusive mode; select 1`);
  const impatient = new Migrator({ connection, revisions: [hats, index], namespace, lockTimeoutMs: 1, attemptsMax: 1 });
  const failed = failure(impatient.up(), 'MIGRATION_FAILED');
  await waitsFor(connection, 'virtualxid');
  // What is built concurrently holds nobody up, so it may wait longer than lockTimeoutMs.
  await admin.command(`select pg_sleep(0.05), pg_terminate_backend(${connection.backendId})`);
  assert.match((await failed).hint, /The connection was lost/);
  await old.command('commit');
  await until(`select from pg_index where indrelid = '${place}.hats'::regclass and not indisvalid`);
  const log = new HeardLog();
  const next = new Migrator({ connection: await scratch.connect(), revisions: [hats, index], namespace, log });
  assert.equal((await next.up()).length, 1);
  assert.deepEqual(
    log.events.map(({ event }) => event),
    ['migration.leftover_removed', 'migration.applied'],
  );
  assert.equal(await count(`select count(*) from pg_index where indrelid = '${place}.hats'::regclass and indisvalid`), 1);
});

test('a deadlock with others is tried again', async () => {
  const namespace = scratch.namespace();
  const log = new HeardLog();
  // A sequence is not rolled back: it counts the attempts.
  const counter = revisionOf('20260101T0000_counter', 'create sequence attempts;');
  const clash = revisionOf(
    '20260102T0000_clash',
    `create table boxes ();\ndo $$ begin if nextval('attempts') = 1 then raise exception using errcode = '40P01'; end if; end $$;`,
  );
  const migrator = new Migrator({ connection: await scratch.connect(), revisions: [counter, clash], namespace, log });
  assert.equal((await migrator.up()).length, 2);
  assert.deepEqual(
    log.events.map(({ event, fields }) => [event, fields['id'], fields['sql_state']]),
    [
      ['migration.applied', counter.id, undefined],
      ['migration.retried', clash.id, '40P01'],
      ['migration.applied', clash.id, undefined],
    ],
  );
});
