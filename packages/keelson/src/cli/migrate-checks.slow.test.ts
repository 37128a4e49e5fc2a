/** `migrate check`, `lint`, `drift` and `squash` on a real server. */
import assert from 'node:assert/strict';
import { appendFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { listIn, makePlace } from './migration-place.fixture.ts';

const made =
  '-- up\ncreate table notes (id uuid default uuidv7() not null constraint notes_pkey primary key);\n\n-- down\ndrop table notes;\n';
const titled = '-- up\nalter table notes add title text;\n\n-- down\nalter table notes drop title;\n';
const indexed = '-- up\ncreate index notes_title_idx on notes (title);\n\n-- down\ndrop index notes_title_idx;\n';
/** What makes the tables of the sample. */
const good = { '20260101T0900_made.sql': made, '20260102T0900_titled.sql': titled };

function rulesOf(text: string): readonly string[] {
  const findings: unknown = JSON.parse(text);
  assert.ok(Array.isArray(findings), text);
  return findings.map((finding: { readonly rule: string; readonly severity: string }) => `${finding.severity} ${finding.rule}`);
}

test('lint tells what a revision would do to the service that runs, where, and the safe way, and fails for an error', async () => {
  await using place = await makePlace({ ...good, '20260103T0900_indexed.sql': indexed });
  const lint = await place.migrate('lint');
  assert.equal(lint.code, 1, lint.err);
  assert.match(lint.out, /20260103T0900_indexed\.sql:2: error index-blocks-writes: \S[^]*\n {4}create index concurrently/iu);
  assert.match(lint.err, /^1 error[^\n]*\.$/mu);
  const asJson = await place.migrate('lint', '--json');
  assert.equal(asJson.code, 1);
  assert.deepEqual(rulesOf(asJson.out), ['error index-blocks-writes']);
  assert.match(asJson.out, /"safe_way": /u);

  const other = await place.migrate('lint', '20260102T0900');
  assert.deepEqual([other.code, other.out, other.err], [0, '', 'Nothing was found.']);
  assert.equal((await place.migrate('lint', '20990101T0000')).code, 2);
  const coloured = await place.sample.run(['migrate', 'lint'], { DATABASE_URL: place.url, FORCE_COLOR: '1' });
  assert.ok(coloured.out.includes(' \u001B[31merror\u001B[39m index-blocks-writes: '), coloured.out);
});

test('check passes what is in order, and fails with what is not', async () => {
  await using place = await makePlace(good);
  const unlocked = await place.migrate('check');
  assert.equal(unlocked.code, 1);
  assert.match(unlocked.out, /error lock-file: [^\n]*revisions\.lock is missing/u);
  await place.migrate('repair');
  const clean = await place.migrate('check');
  assert.deepEqual([clean.code, clean.out, clean.err], [0, '', 'Nothing was found.']);
  assert.equal((await place.migrate('check', '--json')).out, '[]');

  writeFileSync(place.file('20260103T0900_off.sql'), '-- up\nalter table notes add colour text;\n\n-- down\nselect 1;\n');
  await place.migrate('repair');
  const rules = rulesOf((await place.migrate('check', '--json')).out);
  assert.ok(rules.includes('error reversible'), 'down does not restore');
  assert.ok(rules.includes('error tables'), 'no table of the code has a colour');
});

test('check names file and line of a revision that does not run', async () => {
  await using place = await makePlace({
    ...good,
    '20260103T0900_bad.sql': '-- up\n\nalter tabel notes add x int;\n\n-- down\nselect 1;\n',
  });
  await place.migrate('repair');
  const check = await place.migrate('check');
  assert.equal(check.code, 1);
  assert.match(check.out, /20260103T0900_bad\.sql:3: error replay: [^\n]*syntax error/u);
});

test('drift tells what was done by hand to the database, and fails', async () => {
  await using place = await makePlace(good);
  await place.migrate('up');
  assert.deepEqual(await place.migrate('drift'), { code: 0, out: '', err: 'The database is as its revisions make it.' });
  await place.sql('alter table notes add by_hand integer');
  await place.sql('create index by_hand_idx on notes (title)');
  const drift = await place.migrate('drift');
  assert.equal(drift.code, 1, drift.err);
  assert.match(drift.out, /by_hand\b/u);
  assert.match(drift.out, /by_hand_idx/u);
  assert.match(drift.err, /^hint: {2}/u);
  const asJson: unknown = JSON.parse((await place.migrate('drift', '--json')).out);
  assert.ok(typeof asJson === 'object' && asJson !== null && 'differences' in asJson && Array.isArray(asJson.differences));
  assert.equal(asJson.differences.length, drift.out.split('\n').length);
});

test('squash makes one revision of many, and a database that has them all goes on with it', async () => {
  await using place = await makePlace(good);
  await place.migrate('up');
  const squashed = await place.migrate('squash', 'all', 'so far');
  assert.equal(squashed.code, 0, squashed.err);
  assert.match(squashed.out, /_all_so_far\.sql$/u);
  assert.match(squashed.err, /^- [^\n]*20260101T0900_made\.sql\n- [^\n]*20260102T0900_titled\.sql$/u);
  const left = readdirSync(path.join(place.sample.folder, 'migrations')).filter((name) => name.endsWith('.sql'));
  assert.equal(left.length, 1);
  assert.match(readFileSync(place.file(left[0] ?? ''), 'utf8'), /^-- replaces: 20260101T0900[^\n]* 20260102T0900/mu);
  assert.equal((await place.migrate('up')).code, 0);
  assert.equal((await place.migrate('status')).code, 0);
  assert.equal((await place.migrate('check')).code, 0);
  assert.equal((await place.migrate('drift')).code, 0);
});

test('squash leaves out no rows that a revision put into a table, unless that is said', async () => {
  await using place = await makePlace(good);
  appendFileSync(
    place.file('20260103T0900_filled.sql'),
    "-- up\ninsert into notes (title) values ('first');\n\n-- down\ndelete from notes;\n",
  );
  const refused = await place.migrate('squash', 'all');
  assert.equal(refused.code, 2, refused.err);
  assert.match(refused.err, /--accept-data/u);
  const accepted = await place.migrate('squash', 'all', '--accept-data', '--json');
  assert.equal(accepted.code, 0, accepted.err);
  assert.equal(listIn(accepted.out, 'removed').length, 3);
});
