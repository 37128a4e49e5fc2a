/** The migrator on a real PostgreSQL: what it applies and takes back, what it refuses, and what a failure leaves. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isKeelsonError } from '../errors.ts';
import { Connection } from '../postgres/connection.ts';
import { quoteName } from '../schema/sql.ts';
import { lockKey } from './lock.ts';
import { parseRevision, type Revision } from './revision.ts';
import { Migrator } from './runner.ts';
import { HeardLog } from './scratch.ts';
import { failure, useScratch } from './trial.fixture.ts';

const { scratch, connection } = await useScratch();

/** `1: up` becomes the revision 20260101T0000_r1. */
function revision(day: number, up: string, down = 'select 1;', header = ''): Revision {
  const file = `migrations/202601${String(day).padStart(2, '0')}T0000_r${day}.sql`;
  return parseRevision(file, `${header}-- up\n${up}\n${down === '' ? '' : `-- down\n${down}\n`}`);
}

const hats = revision(1, 'create table hats (id int primary key, size int);', 'drop table hats;');
const colour = revision(2, 'alter table hats add colour text;', 'alter table hats drop colour;');
const boxes = revision(3, 'create table boxes (id int primary key);', 'drop table boxes;');

function migrator(revisions: readonly Revision[], namespace: string, more: { log?: HeardLog; connection?: Connection } = {}): Migrator {
  return new Migrator({ connection, revisions, namespace, lockTimeoutMs: 100, attemptsMax: 2, ...more });
}

async function tables(namespace: string): Promise<string[]> {
  const { rows } = await connection.query({
    text: `select c.relname from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
      where n.nspname = $1 and c.relkind = 'r' and c.relname <> 'keelson_migrations' order by 1`,
    name: undefined,
    values: [namespace],
  });
  return rows.map(([name]) => name ?? '');
}

async function cell(text: string): Promise<string | null | undefined> {
  return (await connection.command(text)).rows[0]?.[0];
}

function ids(runs: readonly { readonly id: string }[]): string[] {
  return runs.map((run) => run.id.slice(6, 8));
}

test('up applies what is pending, in order, once, and says so', async () => {
  // INF-4, LRP-6
  const namespace = scratch.namespace();
  const log = new HeardLog();
  const both = migrator([colour, hats], namespace, { log });
  assert.deepEqual(await both.status(), {
    state: 'pending',
    applied: [],
    pending: [hats.id, colour.id],
    halfWay: undefined,
    problems: [],
  });
  assert.equal(await both.current(), null);
  assert.deepEqual(await both.history(), []);
  assert.deepEqual(ids(await both.up()), ['01', '02']);
  assert.deepEqual(await both.up(), []);
  assert.equal((await both.status()).state, 'up_to_date');
  assert.equal((await both.current())?.slug, 'r2');
  assert.deepEqual(await tables(namespace), ['hats']);
  assert.deepEqual(
    log.events.map(({ event, fields }) => [event, fields['id'], typeof fields['duration_ms']]),
    [
      ['migration.applied', hats.id, 'number'],
      ['migration.applied', colour.id, 'number'],
    ],
  );
});

test('each run is kept in the history with its checksum, direction, time and duration', async () => {
  // INF-4
  const namespace = scratch.namespace();
  const one = migrator([hats], namespace);
  await one.up();
  await one.down({ to: 1 });
  const history = await one.history();
  assert.deepEqual(
    history.map(({ direction, part, parts }) => ({ direction, part, parts })),
    [
      { direction: 'down', part: 1, parts: 1 },
      { direction: 'up', part: 1, parts: 1 },
    ],
  );
  const [last] = history;
  assert.equal(last?.checksum, hats.checksum);
  assert.match(last.appliedAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.equal(typeof last.durationMs, 'number');
  assert.match(last.keelsonVersion, /^\d+\.\d+\.\d+/);
  assert.equal((await one.history({ limit: 1 })).length, 1);
});

test('up stops at the revision that is named, by id, name or file', async () => {
  // INF-4
  const namespace = scratch.namespace();
  const all = migrator([hats, colour, boxes], namespace);
  assert.deepEqual(ids(await all.up({ to: hats.id })), ['01']);
  assert.deepEqual(ids(await all.up({ to: colour.file })), ['02']);
  assert.deepEqual(await all.up({ to: hats.id }), []);
  assert.deepEqual(ids(await all.up({ to: `${boxes.id}_r3` })), ['03']);
  const refused = await failure(all.up({ to: 'hats' }), 'USAGE');
  assert.match(refused.message, /There is no revision "hats"/);
  assert.match(refused.hint, /20260101T0000, 20260102T0000, 20260103T0000/);
});

test('down takes back as many as are said, to a revision, or with the word base all', async () => {
  // INF-4, GLK-11
  const namespace = scratch.namespace();
  const all = migrator([hats, colour, boxes], namespace);
  await all.up();
  assert.deepEqual(ids(await all.down({ to: 1 })), ['03']);
  assert.deepEqual(await tables(namespace), ['hats']);
  assert.deepEqual(ids(await all.up()), ['03']);
  assert.deepEqual(ids(await all.down({ to: hats.id })), ['03', '02']);
  assert.deepEqual(ids(await all.down({ to: 'base' })), ['01']);
  assert.deepEqual(await tables(namespace), []);
  assert.deepEqual(await all.down({ to: 'base' }), []);
  assert.deepEqual(ids(await all.up()), ['01', '02', '03']);
});

test('down refuses when it is not said how far, or farther than there is', async () => {
  // INF-4
  const namespace = scratch.namespace();
  const all = migrator([hats, colour], namespace);
  await all.up({ to: hats.id });
  assert.match((await failure(all.down(), 'USAGE')).hint, /the word base/);
  for (const to of [0, -1, 1.5, 2, Number.NaN]) {
    assert.match((await failure(all.down({ to }), 'USAGE')).message, /cannot be taken back: 1 are applied/);
  }
  assert.match((await failure(all.down({ to: colour.id }), 'USAGE')).message, /20260102T0000_r2 is not applied/);
  assert.deepEqual(await tables(namespace), ['hats']);
});

test('an irreversible revision stops a way down before its first step', async () => {
  const namespace = scratch.namespace();
  const gone = revision(2, 'alter table hats drop size;', '', '-- irreversible: the sizes are gone\n');
  const all = migrator([hats, gone, boxes], namespace);
  await all.up();
  const refused = await failure(all.down({ to: 'base' }), 'MIGRATION_INVALID');
  assert.match(refused.message, /_r2\.sql is irreversible \(the sizes are gone\); nothing was taken back/);
  assert.equal((await all.status()).applied.length, 3);
  assert.deepEqual(ids(await all.down({ to: gone.id })), ['03']);
});

test('names without a schema land in the namespace, whatever the namespace is called', async () => {
  // LRP-6
  for (const words of [`"quoted" 'single' $tag$; drop --`, 'Größe', 'a.b, public', '\\', '日本']) {
    const namespace = scratch.namespace(words);
    const all = migrator([hats, colour], namespace);
    await all.up();
    assert.deepEqual(await tables(namespace), ['hats'], words);
    await all.down({ to: 'base' });
    assert.deepEqual(await tables(namespace), [], words);
  }
});

test('what cannot be a namespace is refused', () => {
  for (const namespace of ['', 'x'.repeat(64), 'ö'.repeat(32), 'pg_temp', '$user', 'a\0b', '\ud800']) {
    assert.throws(
      () => migrator([], namespace),
      (error) => isKeelsonError(error, 'MISUSE'),
      namespace,
    );
  }
});

test('two apps with two namespaces in one database do not meet', async () => {
  // LRP-6
  const first = scratch.namespace('accounts');
  const second = scratch.namespace('larp_manager');
  await migrator([hats], first).up();
  const other = migrator([boxes], second);
  assert.equal((await other.status()).state, 'pending');
  await other.up();
  assert.deepEqual([await tables(first), await tables(second)], [['hats'], ['boxes']]);
  await other.down({ to: 'base' });
  assert.equal((await migrator([hats], first).status()).state, 'up_to_date');
});

test('what a revision sets for the session or keeps in temporary tables does not reach the next', async () => {
  const namespace = scratch.namespace();
  const leaky = revision(1, "create temp table hats (wrong int); set datestyle to 'German'; set search_path to pg_temp;");
  const own = await scratch.connect('-c datestyle=SQL');
  await migrator([leaky, revision(2, 'create table hats ();')], namespace, { connection: own }).up();
  assert.deepEqual(await tables(namespace), ['hats']);
  assert.equal((await own.command('show datestyle')).rows[0]?.[0], 'SQL, MDY');
  assert.equal((await own.command('show search_path')).rows[0]?.[0], '"$user", public');
});

test('the time-outs of the connection do not end a migration', async () => {
  const namespace = scratch.namespace();
  const newer = Number(await cell('show server_version_num')) >= 170_000 ? '-c transaction_timeout=200' : '';
  const hasty = await scratch.connect(`-c statement_timeout=150 ${newer}`);
  await migrator([revision(1, 'select pg_sleep(0.3); create table hats ();')], namespace, { connection: hasty }).up();
  assert.deepEqual(await tables(namespace), ['hats']);
  assert.equal((await hasty.command('show statement_timeout')).rows[0]?.[0], '150ms');
});

test('a mistake in a revision is told with file, line and the SQL of that line, and nothing of it is kept', async () => {
  const namespace = scratch.namespace();
  for (const [up, message] of [
    [
      "select '💥💥\n', 1;\ncreate tabel hats (\n  id int);",
      /^migrations\/20260102T0000_r2\.sql:4: syntax error at or near "tabel" \(SQLSTATE 42601\), in: create tabel hats \($/,
    ],
    ["select '💥💥💥💥💥💥💥💥',\n nowhere;", /_r2\.sql:3: column "nowhere" does not exist/],
    ['create table hats ();\nselect\n  1,\n  nowhere;', /_r2\.sql:5: column "nowhere" does not exist \(SQLSTATE 42703\), in: nowhere;$/],
    [
      'create table hats ();\n-- why\n\ncreate table hats\n  ();',
      /_r2\.sql:5: relation "hats" already exists \(SQLSTATE 42P07\), in: create table hats$/,
    ],
    [
      'create table hats (id int unique deferrable initially deferred);\ninsert into hats values (1), (1);',
      /_r2\.sql:2: duplicate key .*Key \(id\)=\(1\) already exists\. \(SQLSTATE 23505\)$/,
    ],
    ['copy pg_class from stdin;', /_r2\.sql:2: COPY from stdin failed/],
  ] as const) {
    const all = migrator([revision(1, 'select 1;'), revision(2, up)], namespace);
    const failed = await failure(all.up(), 'MIGRATION_FAILED');
    assert.match(failed.message, message);
    assert.match(failed.hint, /Nothing of the revision was kept\.$/);
    assert.deepEqual(await tables(namespace), []);
    assert.deepEqual((await all.status()).applied, ['20260101T0000']);
    assert.equal(connection.transactionStatus, 'I');
  }
});

test('a failure says the way out where the server knows one', async () => {
  const namespace = scratch.namespace();
  const mood = revision(1, "create type mood as enum ('a');");
  await migrator([mood], namespace).up();
  for (const [up, hint] of [
    ['create table hats (id int); create index concurrently on hats (id);', /`-- transaction: off`/],
    ["alter type mood add value 'b'; create table hats (m mood default 'b');", /`-- commit` behind the `alter type`/],
    ['select round(1.5::float8, 1);', /explicit type casts/],
  ] as const) {
    assert.match((await failure(migrator([mood, revision(2, up)], namespace).up(), 'MIGRATION_FAILED')).hint, hint);
  }
});

test('parts are committed one by one; after a failure the next run goes on where it stopped', async () => {
  // INF-4
  const namespace = scratch.namespace();
  const first = "create type mood as enum ('a');\nalter type mood add value 'b';\n-- commit\n";
  const broken = migrator([revision(1, `${first}create table hats (m mood default 'c');`)], namespace);
  const failed = await failure(broken.up(), 'MIGRATION_FAILED');
  assert.match(failed.message, /_r1\.sql:5: invalid input value for enum/);
  assert.match(failed.hint, /Of its 2 parts the first 1 are kept; the next run goes on after them/);
  const { state, halfWay } = await broken.status();
  assert.equal(state, 'pending');
  assert.deepEqual(halfWay, { id: '20260101T0000', direction: 'up', part: 1, parts: 2 });
  assert.match((await failure(broken.down({ to: 'base' }), 'MIGRATION_INVALID')).message, /applied half-way: 1 of 2 parts/);
  const other = migrator([revision(1, `select 1;\n-- commit\nselect 1;`)], namespace);
  const refused = await failure(other.up(), 'MIGRATION_INVALID');
  assert.match(refused.message, /_r1\.sql was changed after 1 of its 2 parts were run/);
  assert.match(refused.hint, /only those that were not may still be changed/);
  const mended = migrator([revision(1, `${first}create table hats (m mood default 'b');\n-- commit\nselect 1;`)], namespace);
  assert.deepEqual(ids(await mended.up()), ['01']);
  assert.deepEqual(await tables(namespace), ['hats']);
  assert.equal((await mended.status()).state, 'up_to_date');
});

test('a way down that stopped between two parts is finished by the next down', async () => {
  const namespace = scratch.namespace();
  const down = 'drop table boxes;\n-- commit\n';
  const up = 'create table hats (); create table boxes ();';
  const original = migrator([revision(1, up, `${down}drop table hats;`)], namespace);
  await original.up();
  await connection.command(`create view ${quoteName(namespace)}.v as select * from ${quoteName(namespace)}.hats`);
  const failed = await failure(original.down({ to: 1 }), 'MIGRATION_FAILED');
  assert.match(failed.message, /_r1\.sql:6: cannot drop table hats because other objects depend on it/);
  assert.equal((await original.status()).state, 'unknown');
  const refused = await failure(original.up(), 'MIGRATION_INVALID');
  assert.match(refused.message, /taken back half-way: 1 of 2 parts/);
  await connection.command(`drop view ${quoteName(namespace)}.v`);
  assert.deepEqual(ids(await original.down({ to: 1 })), ['01']);
  assert.deepEqual(await tables(namespace), []);
  assert.deepEqual(ids(await original.up()), ['01']);
});

test('files and history that contradict each other are refused, with what to do', async () => {
  // INF-4
  const namespace = scratch.namespace();
  await migrator([hats, boxes], namespace).up();
  const renamed = parseRevision('20260103T0000_other.sql', '-- up\ncreate table boxes (id int primary key);\n-- down\ndrop table boxes;\n');
  const cases: readonly (readonly [readonly Revision[], string, RegExp, RegExp])[] = [
    [
      [revision(1, 'create table hats ();'), boxes],
      'changed',
      /_r1\.sql was changed after it was applied at 20/,
      /Restore the file and write the change as a new revision/,
    ],
    [[hats, renamed], 'changed', /_other\.sql was renamed \(from r3\) after it was applied/, /Restore the file/],
    [[boxes], 'missing', /^20260101T0000_r1 was applied at .* but its file is not in the folder/, /from version control/],
    [[hats], 'ahead', /^20260103T0000_r3 was applied at .* but its file is not in the folder/, /The database is ahead of this code/],
    [
      [hats, colour, boxes],
      'out_of_order',
      /_r2\.sql is not applied, and is older than 20260103T0000_r3/,
      /Rename it to a time after 20260103T0000/,
    ],
  ];
  for (const [revisions, kind, message, hint] of cases) {
    const odd = migrator(revisions, namespace);
    const { state, problems } = await odd.status();
    assert.equal(state, 'unknown');
    assert.deepEqual(
      problems.map((problem) => problem.kind),
      [kind],
    );
    const refused = await failure(odd.up(), 'MIGRATION_INVALID');
    assert.match(refused.message, message);
    assert.match(refused.hint, hint);
    if (kind !== 'out_of_order') await failure(odd.down({ to: 'base' }), 'MIGRATION_INVALID');
  }
  const several = await failure(migrator([revision(2, 'select 1;')], namespace).up(), 'MIGRATION_INVALID');
  assert.match(several.message, /\(and 2 more: 20260103T0000 ahead, 20260102T0000 out of order\)/);
  assert.deepEqual(await tables(namespace), ['boxes', 'hats']);
});

test('another checkout with other line ends is the same revision', async () => {
  const namespace = scratch.namespace();
  const text = '-- up\ncreate table hats (\n  id int\n);\n-- down\ndrop table hats;\n';
  await migrator([parseRevision('20260101T0000_r1.sql', text)], namespace).up();
  const windows = migrator([parseRevision('20260101T0000_r1.sql', text.replaceAll('\n', '\r\n'))], namespace);
  assert.equal((await windows.status()).state, 'up_to_date');
  assert.deepEqual(ids(await windows.down({ to: 'base' })), ['01']);
});

test('outside a transaction each statement is a part of its own, and the next run goes on at the one that failed', async () => {
  const namespace = scratch.namespace();
  const log = new HeardLog();
  const up = 'create unique index concurrently if not exists "hats Size" on hats (size);\ncreate index concurrently hats_id on hats (id);';
  const indexes = revision(2, up, 'drop index hats_id;\ndrop index concurrently "hats Size";', '-- transaction: off\n');
  const all = migrator([revision(1, 'create table hats (id int, size int); insert into hats values (1, 7), (2, 7);'), indexes], namespace, {
    log,
  });
  const failed = await failure(all.up(), 'MIGRATION_FAILED');
  assert.match(failed.message, /_r2\.sql:3: could not create unique index "hats Size".*in: create unique index/);
  const place = quoteName(namespace);
  await connection.command(`update ${place}.hats set size = id`);
  assert.deepEqual(ids(await all.up()), ['02']);
  assert.equal(log.events.filter(({ event }) => event === 'migration.leftover_removed').length, 1);
  assert.equal(await cell(`select bool_and(indisvalid) and count(*) = 2 from pg_index where indrelid = '${place}.hats'::regclass`), 't');
  assert.deepEqual(ids(await all.down({ to: 1 })), ['02']);
  assert.equal((await connection.command('show search_path')).rows[0]?.[0], '"$user", public');
});

test('an owner of the namespace who may not create others migrates like everybody', async () => {
  const namespace = scratch.namespace();
  const role = `owner_${process.pid}`;
  const place = quoteName(namespace);
  await connection.command(`create role ${role} nosuperuser; grant ${role} to current_user`);
  const owner = await scratch.connect(`-c role=${role}`);
  const all = migrator([hats, colour], namespace, { connection: owner });
  try {
    const refused = await failure(all.up(), 'MIGRATION_FAILED');
    assert.match(refused.message, /namespace could not be made: permission denied for database/);
    assert.match(refused.hint, /create schema if not exists .* authorization/);
    await connection.command(`create schema ${place} authorization ${role}`);
    assert.deepEqual(ids(await all.up()), ['01', '02']);
    await connection.command(`create table ${place}.foreign_hats ()`);
    const foreign = migrator([hats, colour, revision(3, 'alter table foreign_hats add a int;')], namespace, { connection: owner });
    assert.match((await failure(foreign.up(), 'MIGRATION_FAILED')).hint, /lacks the right/);
    assert.deepEqual(ids(await all.down({ to: 'base' })), ['02', '01']);
  } finally {
    await connection.command(`drop schema if exists ${place} cascade; drop owned by ${role}; drop role ${role}`);
  }
});

test('a role that may only log in and create in this database migrates, stamps and repairs without a superuser', async () => {
  // INF-4
  const namespace = scratch.namespace();
  const role = `migrating_${process.pid}`;
  const database = quoteName(new URL(scratch.url).pathname.slice(1));
  await connection.command(
    `create role ${role} login password 'secret' nosuperuser nocreatedb nocreaterole; grant create on database ${database} to ${role}`,
  );
  const url = new URL(scratch.url);
  url.username = role;
  url.password = 'secret';
  const owner = await Connection.open({ connectionString: url.href });
  const log = new HeardLog();
  const mood = revision(
    2,
    "create type mood as enum ('good');\nalter type mood add value 'bad';\n-- commit\nalter table hats add mood mood;",
  );
  const index = revision(
    3,
    'create index concurrently hats_size on hats (size);',
    'drop index concurrently hats_size;',
    '-- transaction: off\n',
  );
  const all = migrator([hats, mood, index], namespace, { connection: owner, log });
  try {
    assert.equal((await owner.command('select rolsuper from pg_roles where rolname = current_user')).rows[0]?.[0], 'f');
    assert.deepEqual(ids(await all.up()), ['01', '02', '03']);
    assert.deepEqual(ids(await all.redo()), ['03', '03']);
    assert.deepEqual(await all.stamp('head'), []);
    assert.deepEqual(await all.repair(), { repaired: [], left: [] });
    await connection.command(`select pg_advisory_lock(${lockKey(namespace)})`);
    const hasty = new Migrator({ connection: owner, revisions: [hats], namespace, waitMs: 0 });
    assert.match(
      (await failure(hasty.stamp('base'), 'MIGRATIONS_LOCKED')).message,
      new RegExp(`held by server process ${connection.backendId}`),
    );
    await connection.command(`select pg_advisory_unlock(${lockKey(namespace)})`);
    const forbidden = migrator([hats, mood, index, revision(4, 'create extension plpython3u;')], namespace, { connection: owner });
    assert.match((await failure(forbidden.up(), 'MIGRATION_FAILED')).message, /_r4\.sql:2: /);
    await connection.command(`create schema "not mine"`);
    const elsewhere = migrator([hats], 'not mine', { connection: owner });
    const refused = await failure(elsewhere.up(), 'MIGRATION_FAILED');
    assert.match(refused.message, /history of the migrations could not be made: permission denied for schema not mine/);
  } finally {
    await owner.close();
    await connection.command(`drop schema if exists "not mine"; drop owned by ${role} cascade; drop role ${role}`);
  }
});

test('what an interrupted build left is found by its table, in whatever schema that is', async () => {
  const namespace = scratch.namespace();
  const other = quoteName(scratch.namespace('the "other"'));
  const log = new HeardLog();
  const table = revision(1, `create schema ${other};\ncreate table ${other}.hats as select 7 as size from generate_series(1, 2);`);
  const up = `create unique index concurrently if not exists "Hats Size" on only ${other} . hats using btree (size);`;
  const all = migrator([table, revision(2, up, 'select 1;', '-- transaction: off\n')], namespace, { log });
  assert.match((await failure(all.up(), 'MIGRATION_FAILED')).message, /could not create unique index "Hats Size"/);
  await connection.command(`delete from ${other}.hats where ctid = '(0,1)'`);
  assert.deepEqual(ids(await all.up()), ['02']);
  assert.equal(log.events.filter(({ event }) => event === 'migration.leftover_removed').length, 1);
  assert.equal(await cell(`select indisvalid from pg_index where indrelid = '${other}.hats'::regclass`), 't');
});

test('a revision that gives the lock away is stopped before anything more is recorded', async () => {
  const namespace = scratch.namespace();
  const own = await scratch.connect();
  const all = migrator([revision(1, 'select pg_advisory_unlock_all();\n-- commit\ncreate table hats ();')], namespace, { connection: own });
  const failed = await failure(all.up(), 'MIGRATION_FAILED');
  assert.match(failed.message, /The lock of the migrations was lost/);
  assert.match(failed.hint, /DIRECT_DATABASE_URL/);
  assert.deepEqual(await tables(namespace), []);
});
