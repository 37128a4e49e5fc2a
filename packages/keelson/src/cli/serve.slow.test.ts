/** The command `serve` from nothing, on the embedded server, interrupted, and in production. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../clock.ts';
import { makeDatabase, makeSample, urlsOf } from './sample.fixture.ts';

async function statusOf(url: string): Promise<number> {
  const response = await fetch(url);
  await response.arrayBuffer();
  return response.status;
}

/** Processes that work in a folder, or have it in their command line. */
function processesIn(folder: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/u.test(pid) || pid === String(process.pid)) return false;
    try {
      return readlinkSync(`/proc/${pid}/cwd`).startsWith(folder) || readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(folder);
    } catch {
      // It has ended meanwhile.
      return false;
    }
  });
}

async function untilNothingRunsIn(folder: string): Promise<void> {
  while (processesIn(folder).length > 0) await systemClock.sleep(20);
}

// INF-4 INF-10 in part
test('from nothing an app serves on its embedded server, which its commands share and which ends with it', async () => {
  using sample = makeSample();
  const started = sample.start(['serve'], { PORT: '0' });
  const { health } = await urlsOf(started);
  assert.equal(await statusOf(health), 200);
  await started.said(/^ {2}Database +PostgreSQL 18\.\d+ \(embedded, \.keelson\/postgres\)$/mu);
  const cluster = path.join(sample.folder, '.keelson/postgres/cluster');
  const [pid = ''] = readFileSync(path.join(cluster, 'postmaster.pid'), 'utf8').split('\n');
  assert.ok(processesIn(sample.folder).includes(pid));

  const status = await sample.run(['migrate', 'status']);
  assert.match(status.out, /^up to date\n/u, status.err);
  assert.equal(await statusOf(health), 200, 'the server is still there');

  started.child.kill('SIGTERM');
  assert.equal((await started.ended).code, 0);
  assert.deepEqual(processesIn(sample.folder), []);

  // Now the command starts the server for itself, and it meets the same data.
  const current = await sample.run(['migrate', 'current']);
  assert.deepEqual(current, { code: 0, out: '20260102T0900_add_title\n', err: '' });
  assert.deepEqual(processesIn(sample.folder), []);
});

test('a Ctrl-C while it starts for the first time ends everything', async () => {
  using sample = makeSample();
  for (const moment of [/"step":"log"/u, /"event":"embedded\.started"/u]) {
    const started = sample.start(['serve'], { PORT: '0' });
    await started.said(moment);
    started.child.kill('SIGINT');
    assert.equal((await started.ended).code, 130);
    await untilNothingRunsIn(sample.folder);
  }
  const whole = sample.start(['serve'], { PORT: '0' });
  assert.equal(await statusOf((await urlsOf(whole)).health), 200);
  whole.child.kill('SIGINT');
  assert.equal((await whole.ended).code, 0);
});

test('what an app has left open does not keep its process alive', async () => {
  using sample = makeSample();
  await using database = await makeDatabase();
  const started = sample.start(['serve'], { DATABASE_URL: database.url, PORT: '0', LINGER: 'true' });
  await urlsOf(started);
  started.child.kill('SIGTERM');
  const ended = await started.ended;
  assert.equal(ended.code, 0);
  assert.match(ended.err, /^Ended although something is still open: .*Timeout/u);
});

test('in production standard output is a log and nothing else, with the same URLs', async () => {
  using sample = makeSample();
  await using database = await makeDatabase();
  const environment = { APP_ENV: 'production', SECRET_KEY: 'Vq3n8Xw1Lr6Zt0Yb5Kc9Hd2Gf7Js4Pm6AeUx', DATABASE_URL: database.url, PORT: '0' };
  const early = await sample.run(['serve'], environment);
  assert.equal(early.code, 1);
  assert.match(early.err, /code: {2}MIGRATIONS_PENDING/u);
  assert.equal((await sample.command(['migrate', 'up'], environment)).code, 0);

  const started = sample.start(['serve'], environment);
  const [, docs = ''] = await started.said(/"event":"server\.listening".*"docs":"([^"]+)"/u);
  assert.equal(await statusOf(docs), 200);
  started.child.kill('SIGTERM');
  const ended = await started.ended;
  assert.equal(ended.code, 0);
  for (const line of ended.out.trimEnd().split('\n')) assert.doesNotThrow(() => JSON.parse(line), line);
});

test('serve prints the URLs of API, docs and health, answers them, and ends with 0 on SIGTERM', async () => {
  using sample = makeSample();
  await using database = await makeDatabase();
  const environment = { DATABASE_URL: database.url, PORT: '0' };
  const started = sample.start(['serve'], environment);
  const { api, docs, health } = await urlsOf(started);
  assert.match(api, /^http:\/\/127\.0\.0\.1:\d+\/api\/v1$/u);
  assert.deepEqual(await Promise.all([statusOf(docs), statusOf(health), statusOf(`${api}/nothing`)]), [200, 200, 404]);
  const record = path.join(sample.folder, '.keelson/sample.running.json');
  assert.ok(existsSync(record));

  // Beside it, on the same port: it says who runs there.
  const second = await sample.run(['serve'], { ...environment, PORT: new URL(health).port });
  assert.equal(second.code, 1);
  assert.match(
    second.err,
    new RegExp(`^error: sample 1\\.2\\.3 is already running at ${new URL(health).origin} \\(pid ${started.child.pid}\\)\\.`, 'u'),
  );
  assert.match(second.err, /hint: .*PORT=\d+ npm start/u);
  assert.equal(await statusOf(health), 200, 'the first is not disturbed');

  started.child.kill('SIGTERM');
  const ended = await started.ended;
  assert.equal(ended.code, 0, ended.err);
  assert.equal(ended.err, '');
  assert.match(ended.out, /"event":"server\.stopped"/u);
  assert.ok(!ended.out.includes(new URL(database.url).password || 'no password'), 'no secret is printed');
  assert.ok(!existsSync(record));
  await assert.rejects(fetch(health));
});

test('a second Ctrl-C ends an app that does not come to its end', async () => {
  using sample = makeSample();
  await using database = await makeDatabase();
  const started = sample.start(['serve'], { DATABASE_URL: database.url, PORT: '0', HANG: 'true' });
  await urlsOf(started);
  started.child.kill('SIGINT');
  await started.said(/"event":"server\.draining"/u);
  // One that follows at once is taken for the first: npm passes on what the terminal has sent already.
  while (started.child.exitCode === null) {
    started.child.kill('SIGINT');
    await systemClock.sleep(20);
  }
  assert.equal((await started.ended).code, 130);
});
