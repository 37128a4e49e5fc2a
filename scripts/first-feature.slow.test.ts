/** The first feature to the letter: its files are written into a fresh copy, its commands are run, and what it promises is asked for. */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { copyRepository, freePort, processesIn, root, untilReady } from './fresh-copy.fixture.ts';

const run = promisify(execFile);

interface Block {
  readonly kind: string;
  readonly text: string;
  /** The file that is named above the block. */
  readonly file: string | undefined;
}

/** The blocks of the page; a block without a name of its own goes on with the file of the one before. */
function readBlocks(): readonly Block[] {
  const page = readFileSync(path.join(root, 'docs/first-feature.md'), 'utf8');
  let file: string | undefined;
  return [...page.matchAll(/^`([^`]+\.(?:ts|sql))`$|^```(\w+)\n(.*?)^```$/gmsu)].flatMap(([, named, kind = '', text = '']) => {
    if (named !== undefined) {
      file = named;
      return [];
    }
    return [{ kind, text, file: kind === 'sh' ? undefined : file }];
  });
}

function write(copy: string, { kind, text, file }: Block): void {
  assert.ok(file !== undefined, text);
  const place = path.join(copy, 'apps/accounts', file);
  if (kind !== 'diff') {
    mkdirSync(path.dirname(place), { recursive: true });
    writeFileSync(place, text, { flag: 'wx' });
    return;
  }
  const side = (mark: string): string =>
    text
      .split('\n')
      .filter((line) => line.startsWith(mark))
      .map((line) => `${line.slice(1)}\n`)
      .join('');
  const before = readFileSync(place, 'utf8');
  assert.equal(before.split(side('-')).length, 2, `${file} has this not once:\n${side('-')}`);
  writeFileSync(
    place,
    before.replace(side('-'), () => side('+')),
  );
}

// FND-6 LRP-14
test('who follows the page of the first feature has it: it compiles, its test passes, and it answers', async (t) => {
  const copy = copyRepository();
  t.after(() => rmSync(copy, { recursive: true, force: true }));
  const { DATABASE_URL: _url, TEST_DATABASE_URL: _test, NODE_TEST_CONTEXT: _context, ...environment } = process.env;
  const blocks = readBlocks();
  const [plan = '', checks = '', calls = '', ...more] = blocks.filter(({ kind }) => kind === 'sh').map(({ text }) => text);
  assert.deepEqual(more, [], 'a block of commands that no test runs');
  const files = blocks.filter(({ kind }) => kind !== 'sh');
  assert.ok(files.length >= 14, String(files.length));
  for (const block of files) if (block.kind !== 'sql') write(copy, block);
  const shell = async (text: string): Promise<string> =>
    (await run('bash', ['-c', `set -euo pipefail\n${text}`], { cwd: copy, env: environment })).stdout;
  await shell(plan);
  const migrations = path.join(copy, 'apps/accounts/migrations');
  const revision = readdirSync(migrations).find((name) => name.endsWith('_notes.sql')) ?? '';
  assert.equal(readFileSync(path.join(migrations, revision), 'utf8'), files.find(({ kind }) => kind === 'sql')?.text);
  assert.match(await shell(checks), /^2 passed, 0 failed$/mu);

  const port = await freePort();
  const child = spawn('npm', ['start'], {
    cwd: copy,
    env: { ...environment, PORT: String(port) },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  try {
    await untilReady(child);
    const said = await shell(calls.replaceAll('127.0.0.1:8000', `127.0.0.1:${port}`));
    assert.equal(said.match(/"text":"Call Charles\."/gu)?.length, 2, said);
    assert.match(said, /\{"items":\[\{"id":"[0-9a-f-]{36}","text":"Call Charles\.","created_at":"[^"]+Z"\}\]\}$/u);
    const document = await (await fetch(`http://127.0.0.1:${port}/openapi.json`)).text();
    assert.ok(document.includes('"/api/v1/notes"'));
  } finally {
    const ended = new Promise((resolve) => child.once('exit', resolve));
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGINT');
    await ended;
  }
  assert.deepEqual(processesIn(copy), []);
});
