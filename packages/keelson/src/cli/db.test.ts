/** The commands of `db`: a database is made, emptied and filled, and never another's data touched. */
import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import type { SignalSource } from '../http/signals.ts';
import { silentLog } from '../log.ts';
import { connectPostgres } from '../postgres/postgres.ts';
import { withDatabase } from './db.ts';
import { sayingWhatStands } from './db-interrupt.ts';
import { makeDatabase, makeSample, person } from './sample.fixture.ts';

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

test('another database of a server is named in any form of its URL', () => {
  assert.equal(withDatabase('postgresql://u:p%40@h:1/a?sslmode=require', 'b c'), 'postgresql://u:p%40@h:1/b%20c?sslmode=require');
  assert.equal(withDatabase('postgresql://u@/a?host=%2Frun&dbname=x', 'b'), 'postgresql://u@/b?host=%2Frun');
  assert.equal(withDatabase('postgresql://u@h', 'b'), 'postgresql://u@h/b');
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

test('reset drops nothing when that would take away what is in another schema', async () => {
  using sample = makeSample();
  await using database = await makeDatabase();
  const environment = { DATABASE_URL: database.url };
  await sample.command(['migrate', 'up'], environment);
  await on(
    database.url,
    'insert into sample.notes (id) values (gen_random_uuid())',
    'create schema other',
    'create table other.links (note uuid constraint links_note_fkey references sample.notes)',
    'create view other.titles as select title from sample.notes',
  );
  const refused = await sample.command(['db', 'reset', '--yes', nameOf(database.url)], environment);
  assert.equal(refused.code, 1);
  assert.match(refused.err, /Nothing was dropped[^]*constraint links_note_fkey on table other\.links[^]*view other\.titles/u);
  assert.deepEqual(await on(database.url, 'select count(*) from sample.notes'), [['1']]);
});

// LRP-10
test('reset wants to hear the name of the database, and is refused where data is real', async () => {
  using sample = makeSample();
  await using database = await makeDatabase();
  const name = nameOf(database.url);
  const environment = { DATABASE_URL: database.url };
  await sample.command(['migrate', 'up'], environment);
  await on(database.url, 'insert into sample.notes (id) values (gen_random_uuid())');
  const question = 'Type the name of the database to go on: ';
  for (const [argv, settings, input, expected] of [
    [[], {}, undefined, new RegExp(`not confirmed[^]*--yes ${name}\n`, 'u')],
    [['--yes', 'other'], {}, undefined, /nothing was done/u],
    [[], {}, person([[question, 'yes']]), /nothing was done/u],
    [[], {}, person([[question, '\u0003']]), /was not answered; nothing was done/u],
    [['--yes', name], { APP_ENV: 'production' }, undefined, /A database of production is not reset/u],
    [['--yes', name], { APP_ENV: 'staging' }, undefined, /A database of staging is not reset/u],
    [['--yes', name], { DATABASE_POOLER: 'transaction' }, undefined, /DIRECT_DATABASE_URL/u],
  ] as const) {
    const refused = await sample.command(['db', 'reset', ...argv], { ...environment, ...settings }, input);
    assert.equal(refused.code, 2, refused.err);
    assert.match(refused.err, expected);
    assert.equal(refused.out, '');
  }
  assert.deepEqual(await on(database.url, 'select count(*) from sample.notes'), [['1']]);

  const told = await sample.command(['db', 'reset'], environment, person([[question, name]]));
  assert.equal(told.code, 0, told.err);
  assert.deepEqual(await on(database.url, 'select count(*) from sample.notes'), [['0']]);
});

// LRP-10
test('migrate applies what is pending, as migrate up does, and says it once', async () => {
  using sample = makeSample();
  await using database = await makeDatabase();
  const environment = { DATABASE_URL: database.url };
  const first = await sample.command(['db', 'migrate', '--json'], environment);
  assert.equal(first.code, 0, first.err);
  assert.deepEqual(
    parseRuns(first.out).map(({ id, direction }) => `${direction} ${id}`),
    ['up 20260101T0900', 'up 20260102T0900'],
  );
  assert.deepEqual(parseRuns((await sample.command(['db', 'migrate', '--json'], environment)).out), []);
});

function parseRuns(text: string): readonly { readonly id: string; readonly direction: string }[] {
  return JSON.parse(text) as readonly { readonly id: string; readonly direction: string }[];
}

// LRP-10
test('a signal says how far it has come, once it has', async () => {
  const terminal = new Terminal();
  const said: string[] = [];
  const output = {
    data: assert.fail,
    talk: (text: string) => void said.push(text),
    progress: () => {},
    paint: { data: plain, talk: plain },
  };
  const stage = { stands: 'nothing was done.' };
  const given = await sayingWhatStands(
    output,
    stage,
    async () => {
      terminal.emit('SIGTERM');
      stage.stands = 'half of it was done.';
      terminal.emit('SIGINT');
      return 7;
    },
    terminal,
  );
  assert.equal(given, 7);
  assert.deepEqual(said, ['Ended by SIGTERM: nothing was done.', 'Ended by SIGINT: half of it was done.']);
  assert.deepEqual(terminal.exits, [143, 130]);
  assert.equal(terminal.listenerCount('SIGINT') + terminal.listenerCount('SIGTERM'), 0);
});

const plain = (_colour: string, word: string): string => word;

class Terminal extends EventEmitter implements SignalSource {
  readonly exits: number[] = [];

  exit(code: number): void {
    this.exits.push(code);
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
