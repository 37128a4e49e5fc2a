/** The small psql: statements cut as the server would, results for people and programs, errors with their place, and no writing by accident. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../clock.ts';
import { type EmptyDatabase, type Ended, makeDatabase, makeSample, person, piped, type Sample } from './sample.fixture.ts';
import { SqlBuffer } from './sql-buffer.ts';

interface Place extends AsyncDisposable {
  readonly sample: Sample;
  readonly database: EmptyDatabase;
  sql(...argv: readonly string[]): Promise<Ended>;
}

async function makePlace(): Promise<Place> {
  const sample = makeSample();
  const database = await makeDatabase();
  const environment = { DATABASE_URL: database.url };
  await sample.command(['migrate', 'up'], environment);
  return {
    sample,
    database,
    sql: (...argv) => sample.command(['db', 'sql', ...argv], environment),
    [Symbol.asyncDispose]: async () => {
      sample[Symbol.dispose]();
      await database[Symbol.asyncDispose]();
    },
  };
}

// INF-10
test('sql prints a table in line, the tables of the app first, numbers to the right, and no control character', async () => {
  await using place = await makePlace();
  const written = await place.sql(`insert into notes (id, title) select gen_random_uuid(), 't' || n from generate_series(1, 2) as n`);
  assert.deepEqual(written, { code: 0, out: '', err: 'INSERT 2' });
  const read = await place.sql(
    `select 7 as n, 'é漢' as "text", null as nothing, E'a\\nb\\x1b[31m' as wild union all select 1234, 'plain', 'x', '' order by n`,
  );
  assert.equal(
    read.out,
    [
      '   n | text  | nothing | wild',
      '-----+-------+---------+---------------',
      '   7 | é漢   | NULL    | a\\nb\\u001b[31m',
      '1234 | plain | x       |',
    ]
      .join('\n')
      .replace('   n |', '   n |'),
  );
  assert.equal(read.err, '(2 rows)');
});

test('sql gives CSV and JSON to programs, each result by itself, with what people read on standard error', async () => {
  await using place = await makePlace();
  const query = `select 1 as n, 2::int8 as big, 'a "b", c' as t, null as none, '' as empty, true as yes, now() > 'epoch' as yes; select 3 as m`;
  const csv = await place.sql('--csv', query);
  assert.equal(csv.out, 'n,big,t,none,empty,yes,yes\n1,2,"a ""b"", c",,"",t,t\nm\n3');
  const json = await place.sql('--json', query);
  const lines = json.out.split('\n').map((line): unknown => JSON.parse(line));
  assert.deepEqual(lines, [[{ n: 1, big: '2', t: 'a "b", c', none: null, empty: '', yes: true, yes_2: true }], [{ m: 3 }]]);
  assert.equal(json.err, '(1 row)\n(1 row)');
  assert.equal((await place.sql('--json', '--csv', 'select 1')).code, 2);
});

test('an error has its SQLSTATE, the line with a mark below its place, detail and hint, and ends what follows', async () => {
  await using place = await makePlace();
  const wrong = await place.sql('select 1;\nselect id,\n  "é" || titel\nfrom notes;\nselect 2');
  assert.equal(wrong.code, 1);
  assert.equal(wrong.out, '?column?\n--------\n       1');
  assert.match(wrong.err, /^\(1 row\)\nerror: column "é" does not exist \(SQLSTATE 42703\)\nLINE 2: {3}"é" \|\| titel\n {10}\^\n/u);
  const near = await place.sql('select titel from notes');
  assert.match(near.err, /hint: {2}Perhaps you meant to reference the column "notes\.title"\.\ncode: {2}DATABASE_ERROR$/u);
  const twice = await place.sql(
    `insert into notes (id) values ('00000000-0000-0000-0000-000000000001'); insert into notes select * from notes`,
  );
  assert.match(twice.err, /^INSERT 1\nerror: duplicate key [^\n]* \(SQLSTATE 23505\)\nKey \(id\)=/u);
  for (const [query, expected] of [
    [`select 'a`, /A text is not closed/u],
    ['copy notes to stdout', /--csv/u],
    ['\\x', /\\x is not known here/u],
  ] as const) {
    const refused = await place.sql(query);
    assert.equal(refused.code, 2);
    assert.match(refused.err, expected);
  }
});

test('what is piped in is cut into statements, a transaction left open is told, and bytes that are no UTF-8 are refused', async () => {
  await using place = await makePlace();
  const environment = { DATABASE_URL: place.database.url };
  const script = `\\dn\ncreate function two() returns int language sql begin atomic; select 1; select 2; end;\nselect two();;\n-- done;\n/* ; */ select 'a;b' as t`;
  const ran = await place.sample.run(['db', 'sql', '--csv'], environment, script);
  assert.equal(ran.code, 0, ran.err);
  assert.match(ran.out, /^name,owner\npublic,\w+\nsample,\w+\ntwo\n2\nt\na;b\n$/u);
  const open = await place.sample.command(['db', 'sql'], environment, piped('begin;\ndelete from notes;\n'));
  assert.equal(open.code, 1);
  assert.match(open.err, /BEGIN\nDELETE 0\nThe transaction was left open: nothing of it was kept/u);
  const latin = await place.sample.command(['db', 'sql'], environment, piped(Buffer.from("select 'caf\u00e9'", 'latin1')));
  assert.equal(latin.code, 2);
  assert.match(latin.err, /is not UTF-8/u);
});

test('\\dt lists the tables and \\d describes one', async () => {
  await using place = await makePlace();
  const tables = await place.sql('\\dt');
  assert.match(tables.out, /^sample \| keelson_migrations \| table \| [^\n]*\nsample \| notes +\| table \| /mu);
  const one = await place.sql('\\d notes');
  assert.match(
    one.out,
    /^notes:\ncolumn \| type \| nullable \| default\n[^]*\nid +\| uuid \| not null \| NULL\ntitle +\| text \| +\| NULL\nIndexes:\n[^]*notes_pkey/u,
  );
  const missing = await place.sql('\\d nothing');
  assert.equal(missing.code, 1);
  assert.match(missing.err, /There is no table nothing\.\nhint: {2}See what there is: \\dt/u);
});

// INF-10
test('in production sql reads, and writes only when that is said', async () => {
  await using place = await makePlace();
  const environment = { DATABASE_URL: place.database.url, APP_ENV: 'production' };
  const sql = (...argv: readonly string[]): Promise<Ended> => place.sample.command(['db', 'sql', ...argv], environment);
  assert.equal((await sql('select count(*) from notes')).code, 0);
  const refused = await sql('delete from notes');
  assert.equal(refused.code, 1);
  assert.match(refused.err, /read-only transaction \(SQLSTATE 25006\)\nhint: {2}In production and staging what writes needs --write\./u);
  assert.equal((await sql('--write', 'delete from notes')).err, 'DELETE 0');
  const pooled = await place.sample.command(['db', 'sql', 'select 1'], { ...environment, DATABASE_POOLER: 'transaction' });
  assert.equal(pooled.code, 2);
  assert.match(pooled.err, /DIRECT_DATABASE_URL/u);
});

test('on a terminal it asks line by line, goes on after an error, and Ctrl-C cancels the statement that runs', async () => {
  await using place = await makePlace();
  const name = new URL(place.database.url).pathname.slice(1);
  const someone = person([
    [`${name}=> `, 'select 1 as'],
    [`${name}-> `, 'one;'],
    [`${name}=> `, 'select wrong;'],
    [`${name}=> `, 'begin;'],
    [`${name}=*> `, 'rollback;'],
    [`${name}=> `, 'select pg_sleep(600);'],
    [`${name}=> `, '\\q'],
  ]);
  const running = place.sample.command(['db', 'sql'], { DATABASE_URL: place.database.url }, someone);
  const sleeping = `select count(*) from pg_stat_activity where datname = '${name}' and state = 'active' and query like 'select pg_sleep(%'`;
  while (!(await place.sql('--csv', sleeping)).out.endsWith('1')) await systemClock.sleep(20);
  someone.press('\u0003');
  const ended = await running;
  assert.equal(ended.code, 0, ended.err);
  assert.match(ended.out, /^one\n---\n {2}1$/u);
  assert.match(
    ended.err,
    /error: column "wrong" does not exist \(SQLSTATE 42703\)[^]*BEGIN\nROLLBACK\nerror: canceling statement due to user request/u,
  );
});

test('a statement has ended where the server would end it, however its lines come', () => {
  const buffer = new SqlBuffer();
  const feed = (line: string): string[] => buffer.feed(line).map(({ text }) => text);
  assert.deepEqual(feed('select 1; select'), ['select 1;']);
  assert.deepEqual(feed('2; -- ;'), ['select\n2;']);
  assert.deepEqual(feed('create rule r as on insert to t do (select 1;'), []);
  assert.deepEqual(feed('select 2);'), ['create rule r as on insert to t do (select 1;\nselect 2);']);
  assert.deepEqual(feed(`do $$ begin`), []);
  assert.deepEqual(feed('\\q;'), [], 'inside a quote it is no command');
  assert.deepEqual(feed('$$;'), ['do $$ begin\n\\q;\n$$;']);
  assert.ok(buffer.isEmpty);
});
