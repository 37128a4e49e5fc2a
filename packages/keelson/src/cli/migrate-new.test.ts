/** `migrate new` on a real server: what it writes, what it asks, what it refuses. */
import assert from 'node:assert/strict';
import { appendFileSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import type { EnvironmentVariables } from '../config/environment.ts';
import type { Input } from './input.ts';
import { type EmptyDatabase, type Ended, makeDatabase, makeSample, person, type Sample } from './sample.fixture.ts';

/** The tables of the sample are `notes (id, title)`; these revisions make something else. */
function notesWith(columns: string): Readonly<Record<string, string>> {
  return {
    '20260101T0900_made.sql': `-- up\ncreate table notes (id uuid default uuidv7() not null constraint notes_pkey primary key${columns});\n\n-- down\ndrop table notes;\n`,
  };
}

interface Place extends AsyncDisposable {
  readonly sample: Sample;
  readonly database: EmptyDatabase;
  readonly folder: string;
  readonly written: () => readonly string[];
  migrate(argv: readonly string[], input?: Input, environment?: EnvironmentVariables): Promise<Ended>;
}

async function makePlace(files: Readonly<Record<string, string>>): Promise<Place> {
  const sample = makeSample(files);
  const database = await makeDatabase();
  const folder = path.join(sample.folder, 'migrations');
  return {
    sample,
    database,
    folder,
    written: () => readdirSync(folder).filter((name) => !(name in files) && name !== 'revisions.lock'),
    migrate: (argv, input, environment = {}) => sample.command(['migrate', ...argv], { DATABASE_URL: database.url, ...environment }, input),
    [Symbol.asyncDispose]: async () => {
      sample[Symbol.dispose]();
      await database[Symbol.asyncDispose]();
    },
  };
}

/** A list in an object that was printed as JSON. */
function listIn(text: string, name: string): readonly unknown[] {
  const object: unknown = JSON.parse(text);
  assert.ok(typeof object === 'object' && object !== null);
  const list: unknown = Object.entries(object).find(([key]) => key === name)?.[1];
  assert.ok(Array.isArray(list), text);
  return list;
}

// INF-4
test('new writes the first revision from the tables, up runs it, and then there is nothing to write', async () => {
  await using place = await makePlace({});
  const written = await place.migrate(['new', 'the', 'first', 'one']);
  assert.equal(written.code, 0, written.err);
  const [file = '', ...more] = place.written();
  assert.deepEqual(more, []);
  assert.match(file, /^\d{8}T\d{4}_the_first_one\.sql$/u);
  assert.ok(written.out.endsWith(file));
  assert.match(written.err, /^\+ notes /mu);
  assert.match(readFileSync(path.join(place.folder, file), 'utf8'), /create table sample\.notes/u);
  assert.match(readFileSync(path.join(place.folder, 'revisions.lock'), 'utf8'), new RegExp(`^${file} [0-9a-f]{64}\n$`, 'u'));
  const up = await place.migrate(['up']);
  assert.equal(up.code, 0, up.err);

  const again = await place.migrate(['new', 'another']);
  assert.deepEqual(again, { code: 0, out: '', err: 'The tables and the revisions agree; nothing was written.' });
  const asJson: unknown = JSON.parse((await place.migrate(['new', 'another', '--json'])).out);
  assert.deepEqual(asJson, { files: [], lines: [], losses: [], notes: [], findings: [] });
  assert.deepEqual(place.written(), [file]);
});

// INF-4
test('new writes what was added, proved, and the plan is told apart from the file', async () => {
  await using place = await makePlace(notesWith(''));
  await place.migrate(['up']);
  const planned = await place.migrate(['new', 'add a title']);
  assert.equal(planned.code, 0, planned.err);
  const [file = ''] = place.written();
  assert.ok(planned.out.endsWith(file) && !planned.out.includes('\n'), planned.out);
  assert.match(planned.err, /^\+ notes +\S/mu);
  assert.match(readFileSync(path.join(place.folder, file), 'utf8'), /-- up\n[^]*alter table sample\.notes\s+add[^]*-- down\n/u);
  assert.match((await place.migrate(['up'])).out, new RegExp(`^up {2}${file.replace('.sql', '')} `, 'u'));
  assert.equal((await place.migrate(['down', '1'])).code, 0);
  assert.equal((await place.migrate(['up'])).code, 0);
  assert.equal((await place.migrate(['status'])).code, 0);
});

test('what is gone is asked for with the options that answer it, nothing is written, and the exit code is 2', async () => {
  await using place = await makePlace(notesWith(', heading text'));
  const asked = await place.migrate(['new', 'rename the heading']);
  assert.equal(asked.code, 2);
  assert.equal(asked.out, '');
  assert.match(asked.err, /notes\.heading[^]*--rename notes\.heading:title\n[^]*--drop notes\.heading\n[^]*Nothing was written/u);
  const asJson = await place.migrate(['new', 'rename the heading', '--json']);
  assert.equal(asJson.code, 2);
  const questions = listIn(asJson.out, 'questions');
  assert.equal(questions.length, 1);
  const question: unknown = questions[0];
  assert.deepEqual(Object.keys(question ?? {}).toSorted(), ['drop', 'kind', 'message', 'object', 'renames']);
  assert.deepEqual(place.written(), []);
  assert.ok(!existsSync(path.join(place.folder, 'revisions.lock')));
});

test('a rename that is said keeps the values', async () => {
  await using place = await makePlace(notesWith(', heading text'));
  const environment = { DATABASE_URL: place.database.url };
  await place.migrate(['up']);
  await place.sample.command(['db', 'sql', "insert into notes (heading) values ('kept')"], environment);
  const renamed = await place.migrate(['new', 'rename the heading', '--rename', 'notes.heading:title']);
  assert.equal(renamed.code, 0, renamed.err);
  assert.match(renamed.err, /^~ notes +\S/mu);
  assert.equal((await place.migrate(['up'])).code, 0);
  const { out } = await place.sample.command(['db', 'sql', '--csv', 'select title from notes'], environment);
  assert.match(out, /^title\nkept$/u);
});

test('a drop that is said goes into a revision of its own, which the phase expand holds back', async () => {
  await using place = await makePlace(notesWith(', heading text'));
  const dropped = await place.migrate(['new', 'title', 'instead', '--drop', 'notes.heading', '--json']);
  assert.equal(dropped.code, 0, dropped.err);
  assert.equal(listIn(dropped.out, 'files').length, 2, dropped.out);
  const signs = listIn(dropped.out, 'lines').map((line) => (typeof line === 'object' && line !== null && 'sign' in line ? line.sign : ''));
  assert.deepEqual(new Set(signs), new Set(['+', '-']));
  const [expand = '', contract = ''] = place.written();
  assert.match(readFileSync(path.join(place.folder, contract), 'utf8'), /^-- phase: contract$/mu);
  const up = await place.migrate(['up', '--phase', 'expand']);
  assert.match(up.out, new RegExp(expand.replace('.sql', ''), 'u'));
  assert.match(up.err, new RegExp(`^Held back: ${contract.replace('.sql', '')}`, 'u'));
  assert.equal((await place.migrate(['up'])).code, 0);
  assert.match((await place.migrate(['new', 'nothing'])).err, /agree/u);
});

test('on a terminal a person is asked, and the answer is as good as an option', async () => {
  await using place = await makePlace(notesWith(', heading text'));
  const terminal = person([
    ['Which, 1 to 2?', 'perhaps'],
    ['Say a number from 1 to 2:', '1'],
  ]);
  const planned = await place.migrate(['new', 'rename the heading'], terminal);
  assert.equal(planned.code, 0, planned.err);
  assert.match(terminal.seen(), /notes\.heading[^]*1 {2}renamed: notes\.heading:title[^]*2 {2}dropped: notes\.heading/u);
  const [file = ''] = place.written();
  assert.match(readFileSync(path.join(place.folder, file), 'utf8'), /rename (?:column )?heading to title/u);
});

test('a person who does not answer has nothing written', async () => {
  await using place = await makePlace(notesWith(', heading text'));
  const left = await place.migrate(['new', 'x'], person([['Which, 1 to 2?', '\u0003']]));
  assert.equal(left.code, 2);
  assert.match(left.err, /It was not answered; nothing was done/u);
  const wrong = await place.migrate(
    ['new', 'x'],
    person([
      ['Which, 1 to 2?', '0'],
      ['Say a number', '3'],
      ['Say a number', ''],
    ]),
  );
  assert.equal(wrong.code, 2);
  assert.match(wrong.err, /What became of notes\.heading was not answered[^]*--rename notes\.heading:title, or --drop notes\.heading/u);
  assert.deepEqual(place.written(), []);
  const asScript = await place.migrate(['new', 'x', '--json'], person([]));
  assert.equal(asScript.code, 2, 'a script is never asked');
});

test('an option that names nothing, and a title without a letter, are wrong use', async () => {
  await using place = await makePlace(notesWith(''));
  for (const argv of [
    ['new', 'x', '--rename', 'notes.nothing:title'],
    ['new', 'x', '--drop', 'nothing'],
    ['new', 'x', '--rename', 'notes.id'],
    ['new', '…'],
    ['new', '…', '--empty', 'sql'],
  ]) {
    const refused = await place.migrate(argv);
    assert.equal(refused.code, 2, `${argv.join(' ')}: ${refused.err}`);
    assert.match(refused.err, /code: {2}USAGE/u);
  }
  assert.deepEqual(place.written(), []);
});

test('production does not plan, and asks no server to say so', async () => {
  using sample = makeSample({});
  const environment = { APP_ENV: 'production', DATABASE_URL: 'postgresql://app:hidden-pw@127.0.0.1:1/app' };
  for (const command of ['new', 'squash']) {
    const refused = await sample.command(['migrate', command, 'x'], environment);
    assert.equal(refused.code, 2);
    assert.match(refused.err, /in production\.\nhint: {2}Do it where the code is written/u);
  }
});

test('the server to try things on is that of SHADOW_DATABASE_URL, whatever the one of the app may', async () => {
  await using place = await makePlace(notesWith(', title text'));
  const elsewhere = await place.migrate(['new', 'x'], undefined, {
    DATABASE_URL: 'postgresql://app@127.0.0.1:1/app',
    SHADOW_DATABASE_URL: place.database.url,
  });
  assert.equal(elsewhere.code, 0, elsewhere.err);
  const refused = await place.migrate(['new', 'x'], undefined, { SHADOW_DATABASE_URL: 'postgresql://app:hidden-pw@127.0.0.1:1/app' });
  assert.equal(refused.code, 1);
  assert.match(refused.err, /127\.0\.0\.1:1[^]*code: {2}SHADOW_UNAVAILABLE/u);
  assert.doesNotMatch(refused.err, /hidden-pw/u);
});

test('nothing is planned on revisions that the lock file does not know', async () => {
  await using place = await makePlace(notesWith(''));
  await place.migrate(['repair']);
  appendFileSync(path.join(place.folder, '20260101T0900_made.sql'), '-- edited\n');
  const refused = await place.migrate(['new', 'add a title']);
  assert.equal(refused.code, 1);
  assert.match(refused.err, /20260101T0900_made\.sql was changed[^]*repair[^]*code: {2}MIGRATION_INVALID/u);
  assert.deepEqual(place.written(), []);
  await place.migrate(['repair']);
  assert.equal((await place.migrate(['new', 'add a title'])).code, 0);
});

test('an empty revision is written for what tables do not say, in SQL or TypeScript, and runs', async () => {
  await using place = await makePlace(notesWith(', title text'));
  const none = { DATABASE_URL: 'postgresql://app@127.0.0.1:1/app' };
  const inSql = await place.migrate(['new', 'fill', 'titles', '--empty', 'sql'], undefined, none);
  assert.equal(inSql.code, 0, inSql.err);
  const inCode = await place.migrate(['new', 'fill', 'more', '--empty', 'ts', '--json'], undefined, none);
  assert.equal(inCode.code, 0, inCode.err);
  const [first = '', second = ''] = place.written();
  assert.ok(first < second, 'the later runs later, also when both are written in one minute');
  assert.match(first, /_fill_titles\.sql$/u);
  assert.match(second, /_fill_more\.ts$/u);
  assert.equal(readFileSync(path.join(place.folder, 'revisions.lock'), 'utf8').split('\n').length, 4);
  const up = await place.migrate(['up']);
  assert.equal(up.code, 0, up.err);
  assert.equal((await place.migrate(['down', '2'])).code, 0);
});
