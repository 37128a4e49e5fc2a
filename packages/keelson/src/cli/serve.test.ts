/** The command `serve`, as a program of its own: it says where it is, stops when it is told to, and leaves nothing behind. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../clock.ts';
import { makeDatabase, makeSample, urlsOf } from './sample.fixture.ts';

async function statusOf(url: string): Promise<number> {
  const response = await fetch(url);
  await response.arrayBuffer();
  return response.status;
}

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
