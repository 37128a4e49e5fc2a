/** The commands of `db` while they run: what a person who ends one is told, and what stands then. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../clock.ts';
import { silentLog } from '../log.ts';
import { withLock } from '../migrate/lock.ts';
import { connectPostgres } from '../postgres/postgres.ts';
import { makeDatabase, makeSample } from './sample.fixture.ts';
import { withDatabase } from './db.ts';

// LRP-10
test('Ctrl-C ends a reset with 130, says that nothing was dropped, and that is so', async () => {
  using sample = makeSample();
  await using database = await makeDatabase();
  const environment = { DATABASE_URL: database.url };
  await sample.command(['db', 'migrate'], environment);
  const postgres = await connectPostgres({ url: database.url, poolSize: 1, log: silentLog });
  const connection = await postgres.connect();
  try {
    await connection.command('insert into sample.notes (id) values (gen_random_uuid())');
    await withLock({ connection, namespace: 'sample', waitMs: 60_000, log: silentLog, clock: systemClock }, async () => {
      const resetting = sample.start(['db', 'reset', '--yes', new URL(database.url).pathname.slice(1)], environment);
      await resetting.said(/migration\.waiting/u);
      resetting.child.kill('SIGINT');
      const { code, err } = await resetting.ended;
      assert.equal(code, 130, err);
      assert.match(err, /Ended by SIGINT: nothing was dropped\.\n$/u);
    });
    assert.deepEqual((await connection.command('select count(*) from sample.notes')).rows, [['1']]);
  } finally {
    await connection.close();
    await postgres.close();
  }
});

async function on(url: string, ...commands: readonly string[]): Promise<readonly (readonly (string | null)[])[]> {
  const postgres = await connectPostgres({ url, poolSize: 1, log: silentLog });
  const connection = await postgres.connect();
  try {
    let rows: readonly (readonly (string | null)[])[] = [];
    for (const command of commands) ({ rows } = await connection.command(command));
    return rows;
  } finally {
    await connection.close();
    await postgres.close();
  }
}

// LRP-10
test('seed migrates and runs the function of the app; without one it says what to write', async () => {
  using sample = makeSample();
  await using database = await makeDatabase();
  const environment = { DATABASE_URL: database.url };
  const seeded = await sample.run(['db', 'seed'], environment);
  assert.deepEqual(seeded, { code: 0, out: '', err: 'The seed of sample was run.\n' });
  assert.deepEqual(await on(database.url, 'select title from sample.notes'), [['seeded']]);
  const without = await sample.command(['db', 'seed'], environment);
  assert.equal(without.code, 2);
  assert.match(without.err, /^error: sample has no seed\.\nhint: {2}Give defineApp a function: seed: /u);
  const guarded = await sample.run(['db', 'seed'], {
    ...environment,
    APP_ENV: 'production',
    SECRET_KEY: 'Vq3n8Xw1Lr6Zt0Yb5Kc9Hd2Gf7Js4Pm6AeUx',
  });
  assert.equal(guarded.code, 2);
  assert.match(guarded.err, /fills the database "[^"]+" of production[^]*--yes/u);
});

const nameOf = (url: string): string => new URL(url).pathname.slice(1);

// INF-10 LRP-10
test('create makes the database of DATABASE_URL once, and says when it is there', async () => {
  using sample = makeSample();
  await using database = await makeDatabase();
  const name = `${nameOf(database.url)}_made`;
  const environment = { DATABASE_URL: withDatabase(database.url, name) };
  try {
    const refused = await sample.command(['db', 'sql', 'select 1'], environment);
    assert.match(refused.err, /the database does not exist/u);
    const made = await sample.run(['db', 'create'], environment);
    assert.deepEqual(made, { code: 0, out: '', err: `The database "${name}" was made.\n` });
    const again = await sample.command(['db', 'create', '--json'], environment);
    assert.deepEqual(JSON.parse(again.out), { database: name, embedded: false, created: false });
  } finally {
    await on(database.url, `drop database if exists "${name}" with (force)`);
  }
  assert.match((await sample.command(['db', 'create'])).err, /^The embedded server makes the database "sample" by itself/u);
});

// INF-10 LRP-10
test('reset empties the namespace of the app, migrates up again, and leaves what is beside it', async () => {
  using sample = makeSample();
  await using database = await makeDatabase();
  const name = nameOf(database.url);
  const environment = { DATABASE_URL: database.url };
  await sample.command(['migrate', 'up'], environment);
  await on(
    database.url,
    `insert into sample.notes (id) values (gen_random_uuid())`,
    'create schema other',
    'create table other.kept (id int primary key)',
    'insert into other.kept values (1)',
    'create table sample.not_of_a_migration (id int)',
    'grant usage on schema sample to public',
  );
  const reset = await sample.run(['db', 'reset', '--yes', name], environment);
  assert.equal(reset.code, 0, reset.err);
  assert.match(
    reset.err,
    /^sample is as new in "[^"]+":\n {2}up {2}20260101T0900_initial\n {2}up {2}20260102T0900_add_title\nRights on the schema that went with it, to be granted again: public\.\n$/u,
  );
  const rows = await on(
    database.url,
    `select (select count(*) from sample.notes), (select count(*) from other.kept), to_regclass('sample.not_of_a_migration')`,
  );
  assert.deepEqual(rows, [['0', '1', null]]);
  const asJson = await sample.command(['db', 'reset', '--json', '--yes', name], environment);
  assert.match(asJson.out, /"namespace": "sample"[^]*"rights_lost": \[\]/u);
});
