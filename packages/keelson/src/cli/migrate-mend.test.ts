/** Commands of `migrate` that hold back, repeat, and mend the history: on a real server. */
import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { makePlace } from './migration-place.fixture.ts';
import { person } from './sample.fixture.ts';

const made =
  '-- up\ncreate table notes (id uuid default gen_random_uuid() primary key, title text, old text);\n\n-- down\ndrop table notes;\n';
const widened = '-- up\nalter table notes add weight integer;\n\n-- down\nalter table notes drop weight;\n';
const narrowed = '-- phase: contract\n-- up\nalter table notes drop old;\n\n-- down\nalter table notes add old text;\n';
const files = {
  '20260101T0900_made.sql': made,
  '20260102T0900_widened.sql': widened,
  '20260103T0900_narrowed.sql': narrowed,
  '20260104T0900_later.sql': '-- up\nselect 1;\n\n-- down\nselect 1;\n',
};

test('up --phase expand stops before the first revision that takes something away, and says so', async () => {
  await using place = await makePlace(files);
  const up = await place.migrate('up', '--phase', 'expand');
  assert.equal(up.code, 0, up.err);
  assert.match(up.out, /^up {2}20260101T0900_made[^\n]*\nup {2}20260102T0900_widened[^\n]*$/u);
  assert.match(up.err, /^Held back: 20260103T0900_narrowed, and what comes after it\./u);
  assert.match((await place.migrate('status')).out, /^pending {2}20260103T0900_narrowed {2}contract\npending {2}20260104T0900_later$/mu);
  const again = await place.migrate('up', '--phase', 'expand');
  assert.equal(again.code, 0);
  assert.match(again.err, /There is nothing to do\.\nHeld back: 20260103T0900_narrowed/u);

  const rest = await place.migrate('up', '--phase', 'contract');
  assert.match(rest.out, /^up {2}20260103T0900_narrowed[^\n]*\nup {2}20260104T0900_later/u);
  assert.doesNotMatch((await place.migrate('up', '--phase', 'expand')).err, /Held back/u);
});

test('redo takes back the last revision, or more, and applies the same again', async () => {
  await using place = await makePlace(files);
  await place.migrate('up', '--to', '20260102T0900');
  const once = await place.migrate('redo');
  assert.equal(once.code, 0, once.err);
  assert.match(once.out, /^down {2}20260102T0900_widened[^\n]*\nup {4}20260102T0900_widened[^\n]*$/u);
  const twice: unknown = JSON.parse((await place.migrate('redo', '2', '--json')).out);
  assert.ok(Array.isArray(twice));
  assert.deepEqual(
    twice.map((run: { readonly direction: string; readonly id: string }) => [run.direction, run.id]),
    [
      ['down', '20260102T0900'],
      ['down', '20260101T0900'],
      ['up', '20260101T0900'],
      ['up', '20260102T0900'],
    ],
  );
  assert.equal((await place.migrate('current')).out, '20260102T0900_widened');
  assert.equal((await place.migrate('redo', '9')).code, 2);
  assert.equal((await place.migrate('current')).out, '20260102T0900_widened', 'nothing was taken back');
});

test('stamp writes into the history where a database stands, and runs nothing', async () => {
  await using place = await makePlace(files);
  const stamped = await place.migrate('stamp', '20260102T0900');
  assert.equal(stamped.code, 0, stamped.err);
  assert.equal(stamped.out, 'up  20260101T0900_made     by hand\nup  20260102T0900_widened  by hand');
  assert.equal((await place.migrate('current')).out, '20260102T0900_widened');
  assert.match((await place.migrate('stamp', '20260102T0900')).err, /^The history says so already\.$/u);
  const tables = await place.sql("select to_regclass('sample.notes') is null");
  assert.match(tables.out, /\bt(?:rue)?$/u, 'no table was made');

  const back: unknown = JSON.parse((await place.migrate('stamp', 'base', '--json')).out);
  assert.ok(Array.isArray(back) && back.length === 2);
  assert.equal((await place.migrate('current')).out, 'base');
  assert.equal((await place.migrate('stamp', '20990101T0000')).code, 2);
});

test('repair makes history and lock file go with a revision that was edited, and says what it did', async () => {
  await using place = await makePlace({ '20260101T0900_made.sql': made, '20260102T0900_widened.sql': widened });
  await place.migrate('up');
  assert.match((await place.migrate('repair')).err, /revisions\.lock was written anew\.$/u);
  assert.match((await place.migrate('repair')).err, /^There is nothing to repair\.$/u);

  appendFileSync(place.file('20260101T0900_made.sql'), '-- a word more\n');
  const refused = await place.migrate('up');
  assert.equal(refused.code, 1);
  assert.match(refused.err, /20260101T0900_made\.sql was changed after[^]*repair/u);
  const repaired = await place.migrate('repair');
  assert.equal(repaired.code, 0, repaired.err);
  assert.match(repaired.err, /revisions\.lock was written anew\.\nThe history goes with the files again: 20260101T0900 \(changed\)\.$/u);
  assert.equal((await place.migrate('status')).code, 0);

  rmSync(place.file('20260102T0900_widened.sql'));
  assert.equal((await place.migrate('status')).code, 1);
  const ahead = await place.migrate('repair', '--json');
  assert.equal(ahead.code, 1, 'whether what it did is there, only a person knows');
  assert.match(ahead.out, /"lock_file_written": true,\n {2}"repaired": \[\],\n {2}"left": \[[^]*"kind": "ahead"/u);
  assert.match(ahead.err, /hint: [^\n]*migrate stamp head/u);
  assert.doesNotMatch(readFileSync(place.file('revisions.lock'), 'utf8'), /widened/u);
  await place.migrate('stamp', 'head');
  assert.equal((await place.migrate('status')).code, 0);
});

test('a revision that came too late is not repaired, but told with what to do', async () => {
  await using place = await makePlace({ '20260101T0900_made.sql': made, '20260104T0900_later.sql': files['20260104T0900_later.sql'] });
  await place.migrate('up');
  writeFileSync(place.file('20260102T0900_widened.sql'), widened);
  const repair = await place.migrate('repair');
  assert.equal(repair.code, 1);
  assert.match(repair.err, /20260102T0900_widened\.sql is not applied, and is older than 20260104T0900_later[^]*hint: {2}Rename it/u);
  renameSync(place.file('20260102T0900_widened.sql'), place.file('20260105T0900_widened.sql'));
  assert.equal((await place.migrate('repair')).code, 0);
  assert.match((await place.migrate('up')).out, /^up {2}20260105T0900_widened/u);
});

test('in production the history is changed only when the database was named', async () => {
  await using place = await makePlace(files);
  const environment = { DATABASE_URL: place.url, APP_ENV: 'production' };
  const name = new URL(place.url).pathname.slice(1);
  for (const argv of [
    ['migrate', 'stamp', 'head'],
    ['migrate', 'repair'],
  ]) {
    const unsaid = await place.sample.command(argv, environment);
    assert.equal(unsaid.code, 2);
    assert.match(unsaid.err, new RegExp(`was not confirmed[^]*--yes ${name}`, 'u'));
    const wrong = await place.sample.command([...argv, '--yes', 'other'], environment);
    assert.equal(wrong.code, 2);
    assert.equal((await place.migrate('current')).out, 'base');
  }
  const terminal = person([['Type the name of the database', name]]);
  const asked = await place.sample.command(['migrate', 'stamp', '20260101T0900'], environment, terminal);
  assert.equal(asked.code, 0, asked.err);
  const said = await place.sample.command(['migrate', 'stamp', 'head', '--yes', name], environment);
  assert.equal(said.code, 0, said.err);
  assert.equal((await place.migrate('current')).out, '20260104T0900_later');
});
