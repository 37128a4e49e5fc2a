/** The command `serve` from nothing, on the embedded server, interrupted, and in production. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
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
