/** Adding a resource to the letter: its files are written into a fresh copy, counted, proved by their test, and called. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { copyRepository, freePort, processesIn } from './fresh-copy.fixture.ts';
import { beside, readBlocks, shellIn, writeBlock } from './page.fixture.ts';

const FILES_MAX = 5;
const LINES_MAX = 80;

const linesOf = (text: string): number => text.split('\n').length - 1;

// FND-6 LRP-15
test('who follows the page has a resource in five files and 80 lines: it compiles, its test passes, and it answers', async (t) => {
  const blocks = readBlocks('docs/add-a-resource.md');
  const files = blocks.filter(({ kind }) => kind === 'ts');
  const changes = blocks.filter(({ kind }) => kind === 'diff');
  const [plan = '', checks = '', user = '', calls = '', ...more] = blocks.filter(({ kind }) => kind === 'sh').map(({ text }) => text);
  assert.deepEqual(more, [], 'a block of commands that no test runs');
  assert.equal(files.length + changes.length + 4, blocks.length, 'a block that no test reads');
  assert.ok(files.some(({ file }) => file?.endsWith('.test.ts')));
  assert.ok(files.length <= FILES_MAX, String(files.length));
  const come = changes.map(({ text }) => (text.match(/^\+/gmu)?.length ?? 0) - (text.match(/^-/gmu)?.length ?? 0));
  const lines = [...files.map(({ text }) => linesOf(text)), ...come].reduce((sum, count) => sum + count, 0);
  assert.ok(lines <= LINES_MAX, `${lines} lines`);

  const copy = copyRepository();
  t.after(() => rmSync(copy, { recursive: true, force: true }));
  const app = path.join(copy, 'apps/larp-manager');
  const migrations = path.join(app, 'migrations');
  const before = readdirSync(migrations);
  for (const block of [...files, ...changes]) writeBlock(app, block);
  await shellIn(copy, plan);
  const [revision = '', ...others] = readdirSync(migrations).filter((name) => !before.includes(name));
  assert.deepEqual(others, []);
  const written = readFileSync(path.join(migrations, revision), 'utf8');
  for (const part of [
    /create table larp_manager\.places/u,
    /enable row level security/u,
    /create policy places_gm|create policy gm/u,
    /-- down/u,
  ])
    assert.match(written, part);
  assert.match(await shellIn(copy, checks), /^1 passed, 0 failed$/mu);

  const port = await freePort();
  await beside(copy, { argv: ['start', '-w', 'apps/larp-manager'], port }, async () => {
    await shellIn(copy, user);
    const said = await shellIn(copy, calls.replaceAll('127.0.0.1:8002', `127.0.0.1:${port}`));
    assert.match(said, /"name":"The old mill"[^]*"name":"The quay"/u);
    assert.match(said, /\{"items":\[\{"name":"The quay"\}\],[^]*"total":2[^]*"next_cursor":"[^"]+"/u);
    const document = await (await fetch(`http://127.0.0.1:${port}/openapi.json`)).text();
    for (const call of ['"/api/v1/places"', '"/api/v1/places/bulk"', '"/api/v1/places/{id}"']) assert.ok(document.includes(call), call);
  });
  assert.deepEqual(processesIn(copy), []);
});
