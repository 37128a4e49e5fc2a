/** The first feature to the letter: its files are written into a fresh copy, its commands are run, and what it promises is asked for. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { copyRepository, freePort, processesIn } from './fresh-copy.fixture.ts';
import { beside, readBlocks, shellIn, writeBlock } from './page.fixture.ts';

// FND-6 LRP-14
test('who follows the page of the first feature has it: it compiles, its test passes, and it answers', async (t) => {
  const copy = copyRepository();
  t.after(() => rmSync(copy, { recursive: true, force: true }));
  const blocks = readBlocks('docs/first-feature.md');
  const [plan = '', checks = '', calls = '', ...more] = blocks.filter(({ kind }) => kind === 'sh').map(({ text }) => text);
  assert.deepEqual(more, [], 'a block of commands that no test runs');
  const files = blocks.filter(({ kind }) => kind !== 'sh');
  assert.ok(files.length >= 14, String(files.length));
  for (const block of files) if (block.kind !== 'sql') writeBlock(path.join(copy, 'apps/accounts'), block);
  await shellIn(copy, plan);
  const migrations = path.join(copy, 'apps/accounts/migrations');
  const revision = readdirSync(migrations).find((name) => name.endsWith('_notes.sql')) ?? '';
  assert.equal(readFileSync(path.join(migrations, revision), 'utf8'), files.find(({ kind }) => kind === 'sql')?.text);
  assert.match(await shellIn(copy, checks), /^2 passed, 0 failed$/mu);

  const port = await freePort();
  await beside(copy, { argv: ['start'], port }, async () => {
    const said = await shellIn(copy, calls.replaceAll('127.0.0.1:8000', `127.0.0.1:${port}`));
    assert.equal(said.match(/"text":"Call Charles\."/gu)?.length, 2, said);
    assert.match(said, /\{"items":\[\{"id":"[0-9a-f-]{36}","text":"Call Charles\.","created_at":"[^"]+Z"\}\]\}$/u);
    const document = await (await fetch(`http://127.0.0.1:${port}/openapi.json`)).text();
    assert.ok(document.includes('"/api/v1/notes"'));
  });
  assert.deepEqual(processesIn(copy), []);
});
