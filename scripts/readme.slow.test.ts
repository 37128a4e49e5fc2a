/** The README to the letter: every command that it shows is run, against what `npm start` serves in a fresh copy. */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { copyRepository, freePort, processesIn, root, untilReady } from './fresh-copy.fixture.ts';

const run = promisify(execFile);

/** The shell blocks of the README, in order. */
const blocks = [...readFileSync(path.join(root, 'README.md'), 'utf8').matchAll(/```sh\n(.*?)```/gsu)].map(([, text = '']) => text);

// FND-6 INF-9
test('a new user who follows the README gets what it says, and Ctrl-C leaves no process behind', async (t) => {
  const copy = copyRepository();
  t.after(() => rmSync(copy, { recursive: true, force: true }));
  const port = await freePort();
  const { DATABASE_URL: _url, TEST_DATABASE_URL: _test, ...environment } = process.env;
  const [setup = '', flow = '', problem = '', commands = '', demo = '', ...more] = blocks;
  assert.deepEqual(more, [], 'a block of commands that no test runs');
  // The installing half of the two lines is what brought this test here; its other halves are checked to be what is run.
  assert.equal(setup, 'npm ci && npm start\nnpm ci && npm test\n');
  const child = spawn('npm', ['start'], {
    cwd: copy,
    env: { ...environment, PORT: String(port) },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  try {
    const printed = await untilReady(child);
    for (const place of ['/api/v1', '/docs', '/health']) assert.ok(printed.includes(`http://127.0.0.1:${port}${place}`), printed);
    const shell = async (text: string): Promise<string> => {
      const script = `set -euo pipefail\n${text.replaceAll('127.0.0.1:8000', `127.0.0.1:${port}`)}`;
      return (await run('bash', ['-c', script], { cwd: copy, env: environment })).stdout;
    };
    const said = await shell(flow);
    assert.equal(said.match(/"email":"ada@example.com"/gu)?.length, 2, said);
    assert.ok(said.includes('204\n'), said);
    assert.ok(said.includes('"migration_status":"up_to_date"'), said);
    assert.ok((await shell(problem)).includes('"error":"UNAUTHENTICATED"'));
    const told = await shell(commands);
    assert.ok(told.includes('initial'), told);
    assert.ok(!/SECRET_KEY\s+[A-Za-z0-9]/u.test(told));
    assert.match(await shell(demo), /✔ 120 of them are revealed\./u);
  } finally {
    const ended = new Promise((resolve) => child.once('exit', resolve));
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGINT');
    await ended;
  }
  assert.deepEqual(processesIn(copy), []);
});
