/** `migrate new` on a real server: renames, drops, a person at a terminal, other servers. */
import assert from 'node:assert/strict';
import { appendFileSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { listIn, makePlace, notesWith } from './migration-place.fixture.ts';
import { person } from './sample.fixture.ts';

// INF-4
test('new writes what was added, proved, and the plan is told apart from the file', async () => {
  await using place = await makePlace(notesWith(''));
  await place.migrate('up');
  const planned = await place.migrate('new', 'add a title');
  assert.equal(planned.code, 0, planned.err);
  const [file = ''] = place.written();
  assert.ok(planned.out.endsWith(file) && !planned.out.includes('\n'), planned.out);
  assert.match(planned.err, /^\+ notes +\S/mu);
  assert.match(readFileSync(place.file(file), 'utf8'), /-- up\n[^]*alter table sample\.notes\s+add[^]*-- down\n/u);
  assert.match((await place.migrate('up')).out, new RegExp(`^up {2}${file.replace('.sql', '')} `, 'u'));
  assert.equal((await place.migrate('down', '1')).code, 0);
  assert.equal((await place.migrate('up')).code, 0);
  assert.equal((await place.migrate('status')).code, 0);
});

test('a rename that is said keeps the values', async () => {
  await using place = await makePlace(notesWith(', heading text'));
  await place.migrate('up');
  await place.sql("insert into notes (heading) values ('kept')");
  const renamed = await place.migrate('new', 'rename the heading', '--rename', 'notes.heading:title');
  assert.equal(renamed.code, 0, renamed.err);
  assert.match(renamed.err, /^~ notes +\S/mu);
  assert.equal((await place.migrate('up')).code, 0);
  const { out } = await place.sql('select title from notes');
  assert.match(out, /^title\nkept$/u);
});

test('drops that are said go into a revision of its own, which the phase expand holds back', async () => {
  await using place = await makePlace(notesWith(', heading text, old text'));
  const dropped = await place.migrate('new', 'title', 'instead', '--drop', 'notes.heading', '--drop', 'notes.old', '--json');
  assert.equal(dropped.code, 0, dropped.err);
  assert.equal(listIn(dropped.out, 'files').length, 2, dropped.out);
  const signs = listIn(dropped.out, 'lines').map((line) => (typeof line === 'object' && line !== null && 'sign' in line ? line.sign : ''));
  assert.deepEqual(signs, ['+', '-', '-']);
  const [expand = '', contract = ''] = place.written();
  assert.match(readFileSync(place.file(contract), 'utf8'), /^-- phase: contract$/mu);
  const up = await place.migrate('up', '--phase', 'expand');
  assert.match(up.out, new RegExp(expand.replace('.sql', ''), 'u'));
  assert.match(up.err, new RegExp(`^Held back: ${contract.replace('.sql', '')}`, 'u'));
  assert.equal((await place.migrate('up')).code, 0);
  assert.match((await place.migrate('new', 'nothing')).err, /agree/u);
  const check = await place.migrate('check');
  assert.equal(check.code, 0, check.out);
});

test('on a terminal a person is asked, and the answer is as good as an option', async () => {
  await using place = await makePlace(notesWith(', heading text'));
  const terminal = person([
    ['Which, 1 to 2?', 'perhaps'],
    ['Say a number from 1 to 2:', '1'],
  ]);
  const planned = await place.migrateWith({ input: terminal }, 'new', 'rename the heading');
  assert.equal(planned.code, 0, planned.err);
  assert.match(terminal.seen(), /notes\.heading[^]*1 {2}renamed: notes\.heading:title[^]*2 {2}dropped: notes\.heading/u);
  const [file = ''] = place.written();
  assert.match(readFileSync(place.file(file), 'utf8'), /rename (?:column )?heading to title/u);
});

test('a person who does not answer has nothing written', async () => {
  await using place = await makePlace(notesWith(', heading text'));
  const left = await place.migrateWith({ input: person([['Which, 1 to 2?', '\u0003']]) }, 'new', 'x');
  assert.equal(left.code, 2);
  assert.match(left.err, /It was not answered; nothing was done/u);
  const wrong = await place.migrateWith(
    {
      input: person([
        ['Which, 1 to 2?', '0'],
        ['Say a number', '3'],
        ['Say a number', ''],
      ]),
    },
    'new',
    'x',
  );
  assert.equal(wrong.code, 2);
  assert.match(wrong.err, /What became of notes\.heading was not answered[^]*--rename notes\.heading:title, or --drop notes\.heading/u);
  assert.deepEqual(place.written(), []);
  const asScript = await place.migrateWith({ input: person([]) }, 'new', 'x', '--json');
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
    const refused = await place.migrate(...argv);
    assert.equal(refused.code, 2, `${argv.join(' ')}: ${refused.err}`);
    assert.match(refused.err, /code: {2}USAGE/u);
  }
  assert.deepEqual(place.written(), []);
});

test('the server to try things on is that of SHADOW_DATABASE_URL, whatever the one of the app may', async () => {
  await using place = await makePlace(notesWith(', title text'));
  const elsewhere = await place.migrateWith(
    {
      environment: {
        DATABASE_URL: 'postgresql://app@127.0.0.1:1/app',
        SHADOW_DATABASE_URL: place.url,
      },
    },
    'new',
    'x',
  );
  assert.equal(elsewhere.code, 0, elsewhere.err);
  const refused = await place.migrateWith(
    { environment: { SHADOW_DATABASE_URL: 'postgresql://app:hidden-pw@127.0.0.1:1/app' } },
    'new',
    'x',
  );
  assert.equal(refused.code, 1);
  assert.match(refused.err, /127\.0\.0\.1:1[^]*code: {2}SHADOW_UNAVAILABLE/u);
  assert.doesNotMatch(refused.err, /hidden-pw/u);
});

test('what cannot be proved is not written, and said', async () => {
  await using place = await makePlace({
    '20260101T0900_made.sql': '-- up\ncreate table notes (id integer primary key, title text);\n\n-- down\ndrop table notes;\n',
  });
  const refused = await place.migrate('new', 'other keys');
  assert.equal(refused.code, 1);
  assert.equal(refused.out, '');
  assert.match(refused.err, /^error: [^]*\bhint: [^]*code: {2}(?:MIGRATION_NOT_PROVED|PLAN_FAILED)$/u);
  assert.deepEqual(place.written(), []);
});

test('a revision that does not run is told with file and line before anything is planned', async () => {
  await using place = await makePlace({ '20260101T0900_bad.sql': '-- up\nselect 1;\ncreate tabel notes ();\n\n-- down\nselect 1;\n' });
  const refused = await place.migrate('new', 'more');
  assert.equal(refused.code, 1);
  assert.match(refused.err, /^error: [^\n]*20260101T0900_bad\.sql:3: syntax error[^]*code: {2}MIGRATION_FAILED$/u);
  assert.deepEqual(place.written(), []);
});

test('nothing is planned on revisions that the lock file does not know', async () => {
  await using place = await makePlace(notesWith(''));
  await place.migrate('repair');
  appendFileSync(place.file('20260101T0900_made.sql'), '-- edited\n');
  const refused = await place.migrate('new', 'add a title');
  assert.equal(refused.code, 1);
  assert.match(refused.err, /20260101T0900_made\.sql was changed[^]*repair[^]*code: {2}MIGRATION_INVALID/u);
  assert.deepEqual(place.written(), []);
  await place.migrate('repair');
  assert.equal((await place.migrate('new', 'add a title')).code, 0);
});
