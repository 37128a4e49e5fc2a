/** `migrate new` on a real server: what it writes, what it asks, what it refuses. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { listIn, makePlace, notesWith } from './migration-place.fixture.ts';
import { makeSample } from './sample.fixture.ts';

// INF-4
test('new writes the first revision from the tables, up runs it, and then there is nothing to write', async () => {
  await using place = await makePlace({});
  const written = await place.migrate('new', 'the', 'first', 'one');
  assert.equal(written.code, 0, written.err);
  const [file = '', ...more] = place.written();
  assert.deepEqual(more, []);
  assert.match(file, /^\d{8}T\d{4}_the_first_one\.sql$/u);
  assert.ok(written.out.endsWith(file));
  assert.match(written.err, /^\+ notes /mu);
  assert.match(readFileSync(place.file(file), 'utf8'), /create table sample\.notes/u);
  assert.match(readFileSync(place.file('revisions.lock'), 'utf8'), new RegExp(`^${file} [0-9a-f]{64}\n$`, 'u'));
  const up = await place.migrate('up');
  assert.equal(up.code, 0, up.err);

  const again = await place.migrate('new', 'another');
  assert.deepEqual(again, { code: 0, out: '', err: 'The tables and the revisions agree; nothing was written.' });
  const asJson: unknown = JSON.parse((await place.migrate('new', 'another', '--json')).out);
  assert.deepEqual(asJson, { files: [], lines: [], losses: [], notes: [], findings: [] });
  assert.deepEqual(place.written(), [file]);
});

test('what is gone is asked for with the options that answer it, nothing is written, and the exit code is 2', async () => {
  await using place = await makePlace(notesWith(', heading text'));
  const asked = await place.migrate('new', 'rename the heading');
  assert.equal(asked.code, 2);
  assert.equal(asked.out, '');
  assert.match(asked.err, /notes\.heading[^]*--rename notes\.heading:title\n[^]*--drop notes\.heading\n[^]*Nothing was written/u);
  const asJson = await place.migrate('new', 'rename the heading', '--json');
  assert.equal(asJson.code, 2);
  const questions = listIn(asJson.out, 'questions');
  assert.equal(questions.length, 1);
  const question: unknown = questions[0];
  assert.deepEqual(Object.keys(question ?? {}).toSorted(), ['drop', 'kind', 'message', 'object', 'renames']);
  assert.deepEqual(place.written(), []);
  assert.ok(!existsSync(place.file('revisions.lock')));
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

test('an empty revision is written for what tables do not say, in SQL or TypeScript, and runs', async () => {
  await using place = await makePlace(notesWith(', title text'));
  const none = { DATABASE_URL: 'postgresql://app@127.0.0.1:1/app' };
  const inSql = await place.migrateWith({ environment: none }, 'new', 'fill', 'titles', '--empty', 'sql');
  assert.equal(inSql.code, 0, inSql.err);
  const inCode = await place.migrateWith({ environment: none }, 'new', 'fill', 'more', '--empty', 'ts', '--json');
  assert.equal(inCode.code, 0, inCode.err);
  const [first = '', second = ''] = place.written();
  assert.ok(first < second, 'the later runs later, also when both are written in one minute');
  assert.match(first, /_fill_titles\.sql$/u);
  assert.match(second, /_fill_more\.ts$/u);
  assert.equal(readFileSync(place.file('revisions.lock'), 'utf8').split('\n').length, 4);
  const up = await place.migrate('up');
  assert.equal(up.code, 0, up.err);
  assert.equal((await place.migrate('down', '2')).code, 0);
});
