/** What the seed asks to be seen by hand: the same results in any time zone and run after run, and a database that goes away and comes back. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { startApp } from 'keelson/http';
import { silentLog } from 'keelson/log';
import { startEmbedded } from 'keelson/postgres';
import { TEST_SERVER_VARIABLE, testServer } from 'keelson/testing';
import { glisk } from './app.ts';

const files = ['tokens/entity', 'tokens/repository', 'authors/repository', 'mints/repository', 'system/repository', 'unit'];
const TRIES_MAX = 10_000;
const behaviours = ['T030', 'T031', 'T032', 'T033', 'T043', 'T044', 'T045', 'T046', 'T047'];

/** The results of the tests of the seed, sorted: `ok` or `not ok`, and the name. */
async function runTests(zone: string): Promise<readonly string[]> {
  const { url } = await testServer();
  const env: NodeJS.ProcessEnv = { ...process.env, TZ: zone, [TEST_SERVER_VARIABLE]: url };
  // Else the process would report to this run instead of printing.
  delete env['NODE_TEST_CONTEXT'];
  const tests = files.map((file) => path.join(import.meta.dirname, `${file}.test.ts`));
  const child = spawn(process.execPath, ['--test', '--test-reporter=tap', ...tests], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  let printed = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    printed += chunk;
  });
  const { promise, resolve } = Promise.withResolvers<number | null>();
  child.once('close', resolve);
  assert.equal(await promise, 0, printed);
  return [...printed.matchAll(/^(?<result>(?:not )?ok) \d+ - (?<name>.+)$/gmu)].map(([, result, name]) => `${result} ${name}`).toSorted();
}

// T055 T056 GLK-7 GLK-12
test('T055, T056: the results are the same in another time zone, and when they are run twice', async () => {
  const first = await runTests('UTC');
  for (const behaviour of behaviours) {
    assert.equal(first.filter((line) => line.startsWith(`ok ${behaviour}: `)).length, 1, `${behaviour}\n${first.join('\n')}`);
  }
  assert.ok(first.every((line) => line.startsWith('ok ')));
  assert.deepEqual(await runTests('UTC'), first);
  assert.deepEqual(await runTests('America/Los_Angeles'), first);
});

/** Asks until it is answered as is wanted; each answer has asked the database. */
async function ask(url: string, isWanted: (status: number) => boolean): Promise<{ readonly status: number; readonly text: string }> {
  // bounded by: the tries
  for (let tries = 1; ; tries += 1) {
    const response = await fetch(url);
    const text = await response.text();
    if (isWanted(response.status) || tries >= TRIES_MAX) return { status: response.status, text };
  }
}

// T062 GLK-8
test('T062: when the database stops, /health says so with 503, and is healthy again when it is back', async () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'keelson-glisk-'));
  const dataDirectory = path.join(directory, 'data');
  let server = await startEmbedded({ dataDirectory, durable: false });
  const environment = { APP_ENV: 'test', SECRET_KEY: 'Vq3n8Xw1Lr6Zt0Yb5Kc9Hd2Gf7Js4Pm6AeUx', DATABASE_URL: server.url };
  const app = await startApp(glisk, { environment, directory, port: 0, log: silentLog });
  try {
    const health = `${app.url}/health`;
    const before = await ask(health, (status) => status === 200);
    assert.equal(before.status, 200, before.text);
    assert.match(before.text, /"status":"healthy"/u);

    await server.stop();
    const stopped = await ask(health, (status) => status === 503);
    assert.equal(stopped.status, 503);
    const { status, error } = parseHealth(stopped.text);
    assert.equal(status, 'unhealthy');
    assert.equal(error?.code, 'DATABASE_CONNECTION_FAILED');
    // Neither where it is, nor who asks it.
    assert.ok(!stopped.text.includes(new URL(environment.DATABASE_URL).password) && !stopped.text.includes(`:${server.port}`));
    assert.equal((await fetch(`${app.url}/health/live`)).status, 200);

    server = await startEmbedded({ dataDirectory, durable: false, port: server.port });
    const back = await ask(health, (code) => code === 200);
    assert.equal(back.status, 200, back.text);
    assert.equal((await fetch(`${app.url}/api/v1/stats`)).status, 200);
  } finally {
    await app.stop();
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  }
});

function parseHealth(text: string): { readonly status?: string; readonly error?: { readonly code?: string } } {
  return JSON.parse(text) as { readonly status?: string; readonly error?: { readonly code?: string } };
}
