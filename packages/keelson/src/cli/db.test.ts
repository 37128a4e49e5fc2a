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

test('another database of a server is named in any form of its URL', () => {
  assert.equal(withDatabase('postgresql://u:p%40@h:1/a?sslmode=require', 'b c'), 'postgresql://u:p%40@h:1/b%20c?sslmode=require');
  assert.equal(withDatabase('postgresql://u@/a?host=%2Frun&dbname=x', 'b'), 'postgresql://u@/b?host=%2Frun');
  assert.equal(withDatabase('postgresql://u@h', 'b'), 'postgresql://u@h/b');
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
