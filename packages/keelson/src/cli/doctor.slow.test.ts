/** The commands of the database and `doctor` on the embedded server, which each of them starts for itself or shares with the app that runs. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync, existsSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { test } from 'node:test';
import { makeSample, urlsOf, makeDatabase } from './sample.fixture.ts';

async function freePort(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return String(typeof address === 'object' && address !== null ? address.port : 0);
}

// INF-10
test('from nothing the embedded database is filled, questioned, looked at and emptied, with the app running or not', async () => {
  using sample = makeSample();
  const environment = { PORT: await freePort() };
  const seeded = await sample.run(['db', 'seed'], environment);
  assert.equal(seeded.code, 0, seeded.err);
  assert.deepEqual(await sample.run(['db', 'sql', '--csv', 'select title from notes'], environment), {
    code: 0,
    out: 'title\nseeded\n',
    err: '(1 row)\n',
  });
  const alone = await sample.run(['doctor'], environment);
  assert.equal(alone.code, 0, alone.out);
  assert.match(
    alone.out,
    /^ok +server +PostgreSQL 18\.\d+ \(embedded, \.keelson\/postgres\)\.\nok +migrations +Up to date, 2 applied\.$/mu,
  );
  assert.match(alone.out, new RegExp(`^ok +port +${environment.PORT} of 127\\.0\\.0\\.1 is free\\.$`, 'mu'));

  const started = sample.start(['serve'], environment);
  const { health } = await urlsOf(started);
  const [beside, reset] = [await sample.run(['doctor'], environment), await sample.run(['db', 'reset', '--yes', 'sample'], environment)];
  assert.equal(beside.code, 0, beside.out);
  assert.match(beside.out, new RegExp(`^ok +port +sample 1\\.2\\.3 is already running at \\S+ \\(pid ${started.child.pid}\\)\\.$`, 'mu'));
  assert.equal(reset.code, 0, reset.err);
  assert.equal((await fetch(health)).status, 200, 'the app goes on');
  assert.equal((await sample.run(['db', 'sql', '--csv', 'select title from notes'], environment)).out, 'title\n');
  started.child.kill('SIGTERM');
  assert.equal((await started.ended).code, 0);
});

test('after a reset beside the app that runs, the role that its policies bind can go on', async () => {
  using sample = makeSample();
  const file = path.join(sample.folder, 'app.ts');
  const code = readFileSync(file, 'utf8')
    .replace('title: text().nullable() });', "title: text().nullable() }, () => [policy('everything', { using: sql`true` })]);")
    .replace('import { sql, table,', 'import { policy, sql, table,');
  writeFileSync(file, code);
  const revision =
    '-- up\nalter table notes enable row level security;\nalter table notes force row level security;\ncreate policy notes_everything_policy on notes using (true);\n\n-- down\ndrop policy notes_everything_policy on notes;\n';
  writeFileSync(path.join(sample.folder, 'migrations/20260103T0900_policy.sql'), revision);
  const environment = { PORT: '0' };
  const started = sample.start(['serve'], environment);
  await urlsOf(started);
  const may = `select has_table_privilege('sample_user', 'sample.notes', 'insert'), has_schema_privilege('sample_user', 'sample', 'usage')`;
  const rights = (): Promise<string> => sample.run(['db', 'sql', '--csv', may], environment).then(({ out }) => out.split('\n')[1] ?? '');
  assert.equal(await rights(), 't,t');
  const reset = await sample.run(['db', 'reset', '--yes', 'sample'], environment);
  assert.equal(reset.code, 0, reset.err);
  assert.ok(!reset.err.includes('granted again'), reset.err);
  assert.equal(await rights(), 't,t');
  const seeded = await sample.run(['db', 'seed'], environment);
  assert.equal(seeded.code, 0, seeded.err);
  started.child.kill('SIGTERM');
  assert.equal((await started.ended).code, 0);
});

const key = 'Vq3n8Xw1Lr6Zt0Yb5Kc9Hd2Gf7Js4Pm6AeUx';

// INF-10: is the server there
test('doctor finds all well where all is well, each thing on a line', async () => {
  using sample = makeSample();
  await using database = await makeDatabase();
  const environment = { DATABASE_URL: database.url, PORT: '0' };
  await sample.command(['migrate', 'up'], environment);
  const [well, asJson] = await Promise.all([sample.run(['doctor'], environment), sample.run(['doctor', '--json'], environment)]);
  assert.equal(well.code, 0, well.out);
  assert.equal(well.err, 'All is well.\n');
  const words = well.out
    .trimEnd()
    .split('\n')
    .map((line) => line.split(/ +/u).slice(0, 2).join(' '));
  assert.deepEqual(words, ['ok node', 'ok settings', 'ok binaries', 'ok server', 'ok migrations', 'ok clock', 'ok port']);
  assert.match(well.out, /^ok {4}server {6}PostgreSQL \d+\.\d+ \(127\.0\.0\.1:\d+, database "[^"]+", user "\w+"\)\.$/mu);
  const shown: unknown = JSON.parse(asJson.out);
  assert.ok(typeof shown === 'object' && shown !== null && 'ok' in shown && 'checks' in shown && Array.isArray(shown.checks));
  assert.equal(shown.ok, true);
  assert.equal(shown.checks.length, 7);
  const password = new URL(database.url).password;
  if (password !== '') assert.ok(!`${well.out}${asJson.out}`.includes(password));
});

test('routes prints method, path, guard and summary without a server or settings', async () => {
  using sample = makeSample();
  const environment = { DATABASE_URL: 'nonsense', APP_ENV: 'production', SECRET_KEY: key, API_V1_PREFIX: '/v2' };
  const [routes, asJson] = await Promise.all([sample.run(['routes'], environment), sample.run(['routes', '--json'], environment)]);
  assert.deepEqual(routes, { code: 0, out: 'GET   /ping      everyone  Answers\nPOST  /v2/notes  writer    Adds a note\n', err: '' });
  assert.deepEqual(JSON.parse(asJson.out), [
    { method: 'GET', path: '/ping', guard: 'everyone', summary: 'Answers', tags: [] },
    { method: 'POST', path: '/v2/notes', guard: 'writer', summary: 'Adds a note', tags: ['notes'] },
  ]);
  assert.ok(!existsSync(path.join(sample.folder, '.keelson')), 'nothing was made');
  assert.match((await sample.command(['routes'])).err, /^sample has no routes of its own\.$/u);
});
