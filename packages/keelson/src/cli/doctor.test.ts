/** The commands `doctor` and `routes`: what is wrong is found, with what to do, and nothing is started that need not be. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../clock.ts';
import { silentLog } from '../log.ts';
import { connectPostgres } from '../postgres/postgres.ts';
import { inspectClock } from './doctor-database.ts';
import { judgeRoom } from './doctor-machine.ts';
import { makeDatabase, makeSample } from './sample.fixture.ts';

// INF-10
test('doctor names everything that is wrong at once, says what to do for each, and ends with 1', async () => {
  using sample = makeSample();
  const other = createServer((_request, response) => void response.end('hello'));
  await new Promise<void>((resolve) => void other.listen(0, '127.0.0.1', resolve));
  try {
    const address = other.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    writeFileSync(path.join(sample.folder, '.env'), 'LOG_LEVLE=debug\n');
    const environment = { DATABASE_URL: 'postgresql://app:hidden-pw@127.0.0.1:1/app', PORT: String(port) };
    const ill = await sample.command(['doctor'], environment);
    assert.equal(ill.code, 1);
    assert.match(ill.out, /^warn {2}settings {4}LOG_LEVLE is not a setting\. Did you mean LOG_LEVEL\?\n {18}→ Correct it/mu);
    assert.match(ill.out, /^fail {2}server {6}PostgreSQL at 127\.0\.0\.1:1, [^\n]*: nothing listens there\.\n {18}→ Start the server/mu);
    assert.match(
      ill.out,
      new RegExp(`^fail {2}port {8}Port ${port} of 127\\.0\\.0\\.1 is taken by another program\\.\n {18}→ .*PORT=${port + 1}`, 'mu'),
    );
    assert.equal(ill.err, '2 to mend, 1 to look at.');
    const settings = await sample.command(['doctor'], { ...environment, APP_ENV: 'production', ACCESS_TOKEN_EXPIRE_MINUTES: 'many' });
    assert.match(settings.out, /^fail {2}settings {4}SECRET_KEY: [^]*^fail {2}settings {4}ACCESS_TOKEN_EXPIRE_MINUTES: /mu);
    assert.ok(!`${ill.out}${settings.out}`.includes('hidden-pw'));
  } finally {
    other.close();
  }
});

test('doctor says what a database lacks: itself, its migrations, or the files that it was made from', async () => {
  using sample = makeSample();
  await using database = await makeDatabase();
  const environment = { DATABASE_URL: database.url, PORT: '0' };
  const pending = await sample.command(['doctor'], environment);
  assert.equal(pending.code, 0);
  assert.match(pending.out, /^warn {2}migrations {2}2 of 2 pending\.\n {18}→ npx keelson migrate up/mu);
  await sample.command(['migrate', 'up'], environment);
  writeFileSync(path.join(sample.folder, 'migrations/20260101T0900_initial.sql'), '-- up\nselect 1;\n\n-- down\nselect 1;\n');
  const changed = await sample.command(['doctor'], environment);
  assert.equal(changed.code, 1);
  assert.match(changed.out, /^fail {2}migrations .*20260101T0900/mu);
  const missing = await sample.command(['doctor'], { ...environment, DATABASE_URL: database.url.replace(/[^/]*$/u, 'nobody_made_it') });
  assert.match(missing.out, /the database does not exist\.\n {18}→ Make it: npx keelson db create/u);
});

test('doctor starts no embedded server that has no data, and looks at the room for it', async () => {
  using sample = makeSample();
  const fresh = await sample.command(['doctor'], { PORT: '0' });
  assert.equal(fresh.code, 0, fresh.out);
  assert.match(
    fresh.out,
    /^ok {4}binaries {4}The embedded server can be run: postgres \(PostgreSQL\) 18\.\d+[^]*^ok {4}disk .* MB free for [^]*the first start makes it/mu,
  );
  assert.ok(!existsSync(path.join(sample.folder, '.keelson')));
  assert.deepEqual(
    [10, 500_000_000, 5_000_000_000].map((bytes) => judgeRoom(bytes, '.').state),
    ['fail', 'warn', 'ok'],
  );
});

test('a clock that goes wrong is told, with how much and in which direction', async () => {
  await using database = await makeDatabase();
  const postgres = await connectPostgres({ url: database.url, poolSize: 1, log: silentLog });
  const connection = await postgres.connect();
  try {
    const states: string[] = [];
    for (const shiftMs of [0, 2_500, -60_000]) {
      const clock = { ...systemClock, now: () => new Date(systemClock.now().getTime() + shiftMs) };
      const { state, says } = await inspectClock(connection, clock);
      states.push(`${state}: ${says.replace(/\d+\.\d/u, 'n')}`);
    }
    assert.deepEqual(states, [
      'ok: It goes with that of the database.',
      'warn: The database is n s behind.',
      'fail: The database is n s ahead.',
    ]);
  } finally {
    await connection.close();
    await postgres.close();
  }
});
