/** The commands of `migrate`, on a real server. */
import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { type EmptyDatabase, type Ended, makeDatabase, makeSample, type Sample } from './sample.fixture.ts';

const [first, second] = ['20260101T0900_initial', '20260102T0900_add_title'];

interface Place extends AsyncDisposable {
  readonly sample: Sample;
  readonly database: EmptyDatabase;
  migrate(...argv: readonly string[]): Promise<Ended>;
}

async function makePlace(files?: Readonly<Record<string, string>>): Promise<Place> {
  const sample = makeSample(files);
  const database = await makeDatabase();
  return {
    sample,
    database,
    migrate: (...argv) => sample.command(['migrate', ...argv], { DATABASE_URL: database.url }),
    [Symbol.asyncDispose]: async () => {
      sample[Symbol.dispose]();
      await database[Symbol.asyncDispose]();
    },
  };
}

function parse(text: string): unknown {
  return JSON.parse(text);
}

// INF-4 INF-10 in part: current, history, down to base and up again
test('a database is brought up, asked where it stands, taken down to base and up again', async () => {
  await using place = await makePlace();
  assert.deepEqual(await place.migrate('status'), {
    code: 0,
    out: `2 pending\npending  ${first}\npending  ${second}`,
    err: '',
  });
  assert.deepEqual(await place.migrate('current'), { code: 0, out: 'base', err: '' });

  const up = await place.migrate('up');
  assert.equal(up.code, 0, up.err);
  assert.match(up.out, new RegExp(`^up  ${first}    \\d+ ms\nup  ${second}  \\d+ ms$`, 'u'));
  assert.deepEqual(await place.migrate('up'), { code: 0, out: '', err: 'There is nothing to do.' });
  assert.equal((await place.migrate('status')).out, `up to date\napplied  ${first}\napplied  ${second}`);
  assert.equal((await place.migrate('current')).out, second);

  const down = await place.migrate('down', 'base');
  assert.match(down.out, new RegExp(`^down  ${second}.*\ndown  ${first}`, 'u'));
  assert.equal((await place.migrate('current')).out, 'base');
  assert.equal((await place.migrate('up')).code, 0);

  const history = (await place.migrate('history')).out.split('\n');
  assert.deepEqual(
    history.map((line) => line.split(/ {2,}/u).slice(1, 3)),
    [
      ['up', second],
      ['up', first],
      ['down', first],
      ['down', second],
      ['up', second],
      ['up', first],
    ],
  );
  assert.ok(history.every((line) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z /u.test(line)));
  assert.equal((await place.migrate('history', '--limit', '1')).out.split('\n').length, 1);
});

// INF-4
test('down takes back as many as were said, and refuses to guess', async () => {
  await using place = await makePlace();
  await place.migrate('up');
  const unsaid = await place.migrate('down');
  assert.equal(unsaid.code, 2);
  assert.match(unsaid.err, /How far down was not said[^]*the word base to take back all/u);
  assert.equal((await place.migrate('current')).out, second, 'nothing was taken back');

  assert.equal((await place.migrate('down', '7')).code, 2);
  assert.equal((await place.migrate('down', '0')).code, 2);
  assert.equal((await place.migrate('down', 'bsae')).code, 2);
  assert.equal((await place.migrate('current')).out, second, 'nothing was taken back');

  assert.match((await place.migrate('down', '1')).out, new RegExp(`^down  ${second}`, 'u'));
  assert.equal((await place.migrate('current')).out, first);
  await place.migrate('up');
  assert.equal((await place.migrate('down', '20260101T0900')).code, 0);
  assert.equal((await place.migrate('current')).out, first);
});

// INF-4
test('to goes to a revision from either side, and to base and head', async () => {
  await using place = await makePlace();
  for (const [target, stands] of [
    [first, first],
    ['20260102T0900', second],
    ['20260101T0900_initial.sql', first],
    ['head', second],
    ['base', 'base'],
  ] as const) {
    const went = await place.migrate('to', target);
    assert.equal(went.code, 0, went.err);
    assert.equal((await place.migrate('current')).out, stands);
  }
  const unknown = await place.migrate('to', '20990101T0000');
  assert.equal(unknown.code, 2);
  assert.match(unknown.err, /There is no revision "20990101T0000"/u);
});

// INF-4
test('up --to stops after the revision that was named', async () => {
  await using place = await makePlace();
  assert.match((await place.migrate('up', '--to', '20260101T0900')).out, new RegExp(`^up  ${first} [^\n]*$`, 'u'));
  assert.equal((await place.migrate('status')).out, `1 pending\napplied  ${first}\npending  ${second}`);
});

test('every answer comes as JSON too, in snake_case', async () => {
  await using place = await makePlace();
  const up = parse((await place.migrate('up', '--json')).out);
  assert.ok(Array.isArray(up));
  const run: unknown = up[0];
  assert.deepEqual(Object.keys(run ?? {}), ['id', 'slug', 'direction', 'duration_ms']);
  assert.deepEqual(parse((await place.migrate('status', '--json')).out), {
    state: 'up_to_date',
    applied: ['20260101T0900', '20260102T0900'],
    pending: [],
    half_way: null,
    problems: [],
  });
  const current = parse((await place.migrate('current', '--json')).out);
  const history = parse((await place.migrate('history', '--json')).out);
  assert.ok(Array.isArray(history));
  assert.deepEqual(history[0], current);
  assert.equal(history.length, 2);
  assert.deepEqual(parse((await place.migrate('to', 'head', '--json')).out), []);
  await place.migrate('down', 'base', '--json');
  assert.equal((await place.migrate('current', '--json')).out, 'null');
});

test('sql prints what would be run, and asks neither server nor settings', async () => {
  using sample = makeSample();
  const broken = { DATABASE_URL: 'nonsense', APP_ENV: 'production' };
  const all = await sample.command(['migrate', 'sql', 'base:head'], broken);
  assert.equal(all.code, 0, all.err);
  assert.match(all.out, /create table notes[^]*alter table notes add title/u);
  const part = await sample.command(['migrate', 'sql', '20260101T0900:'], broken);
  assert.match(part.out, /alter table notes add title/u);
  assert.doesNotMatch(part.out, /create table notes/u);
  assert.match((await sample.command(['migrate', 'sql', 'head:base'], broken)).out, /drop table notes/u);
  for (const range of ['head', 'a:b:c']) {
    const refused = await sample.command(['migrate', 'sql', range], broken);
    assert.equal(refused.code, 2);
    assert.match(refused.err, /is not a range of revisions/u);
    assert.equal(refused.out, '');
  }
});

test('status fails when the files and the database contradict each other', async () => {
  await using place = await makePlace();
  await place.migrate('up');
  appendFileSync(path.join(place.sample.folder, 'migrations', `${first}.sql`), '-- changed\n');
  const status = await place.migrate('status');
  assert.equal(status.code, 1);
  assert.match(status.out, /^unknown\n/u);
  assert.match(status.err, /was changed after it was applied[^]*hint: /u);
});

test('a revision that fails is told with file and line, and ends with 1', async () => {
  await using place = await makePlace({ '20260101T0900_bad.sql': '-- up\ncreate tabel notes ();\n\n-- down\nselect 1;\n' });
  const up = await place.migrate('up');
  assert.equal(up.code, 1);
  assert.equal(up.out, '');
  assert.match(up.err, /^error: [^\n]*20260101T0900_bad\.sql[^\n]*2/u);
  assert.match(up.err, /code: {2}MIGRATION_FAILED/u);
  assert.doesNotMatch(up.err, /\n {4}at /u, 'no stack');
});

test('migrations go past a pooler by DIRECT_DATABASE_URL, and need no secret of the app', async () => {
  await using place = await makePlace();
  const environment = {
    APP_ENV: 'production',
    DATABASE_URL: 'postgresql://app:pooler-pw@127.0.0.1:1/app',
    DIRECT_DATABASE_URL: place.database.url,
    DATABASE_CONNECT_RETRY_MS: '0',
  };
  const pooled = { ...environment, DATABASE_URL: place.database.url, DIRECT_DATABASE_URL: '', DATABASE_POOLER: 'transaction' };
  const refused = await place.sample.command(['migrate', 'up'], pooled);
  assert.equal(refused.code, 1);
  assert.match(refused.err, /nothing was run\.\nhint: {2}Set DIRECT_DATABASE_URL/u);
  assert.equal((await place.migrate('current')).out, 'base');
  const up = await place.sample.command(['migrate', 'up'], environment);
  assert.equal(up.code, 0, up.err);
  assert.equal((await place.migrate('current')).out, second);
});

// INF-10 in part: is the server there?
test('a server that is not there is told in one block, without the password', async () => {
  using sample = makeSample();
  const status = await sample.command(['migrate', 'status'], {
    DATABASE_URL: 'postgresql://app:hidden-pw@127.0.0.1:1/app',
    DATABASE_CONNECT_RETRY_MS: '0',
  });
  assert.equal(status.code, 1);
  assert.equal(status.out, '');
  assert.match(status.err, /^error: PostgreSQL at 127\.0\.0\.1:1, database "app", user "app": nothing listens there\.\nhint: {2}\S/u);
  assert.match(status.err, /cause: connect ECONNREFUSED 127\.0\.0\.1:1\n/u);
  assert.doesNotMatch(status.err, /hidden-pw|\n {4}at /u);
});
