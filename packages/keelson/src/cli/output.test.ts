/** What a command writes: tables, JSON, the log of a command, paths, and what happens when nobody reads it. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { appDirectory, migrationsPath } from './context.ts';
import { type Output, renderJson, renderTable } from './output.ts';
import { makeSample } from './sample.fixture.ts';
import { talkLog } from './talk.ts';

test('a table keeps its columns in line and ends no line with blanks', () => {
  assert.equal(renderTable([]), '');
  assert.equal(
    renderTable([
      ['up', 'a', '1 ms'],
      ['down', 'long', ''],
    ]),
    'up    a     1 ms\ndown  long',
  );
});

test('JSON has snake_case keys on every level, and values as they are', () => {
  const value = { appliedAt: 'someText', halfWay: null, runs: [{ durationMs: 1 }], none: undefined };
  assert.deepEqual(JSON.parse(renderJson(value)), { applied_at: 'someText', half_way: null, runs: [{ duration_ms: 1 }] });
});

function talkOf(environment: Readonly<Record<string, string>>): string[] {
  const lines: string[] = [];
  const output: Output = {
    data: () => assert.fail('talk is no data'),
    talk: (text) => void lines.push(text),
    progress: () => {},
    paint: { data: (_colour, word) => word, talk: (_colour, word) => word },
  };
  const log = talkLog({ output, environment }).child({ app: 'sample' });
  log.debug('a.detail');
  log.info('migration.applied', { id: '1' });
  log.info('migration.waiting', { wait_max_ms: 60_000 });
  log.warn('database.waiting', { why: 'nothing\u001B[31m listens', password: 'hidden-pw' });
  log.error('database.error', { error: new Error('at postgresql://app:hidden-pw@db/app') });
  return lines;
}

test('the log of a command tells what went wrong and what is waited for, everything with DEBUG, and no secret', () => {
  const usual = talkOf({});
  assert.deepEqual(usual.slice(0, 2), [
    'info: migration.waiting app=sample wait_max_ms=60000',
    'warn: database.waiting app=sample why=nothing listens password=••••',
  ]);
  assert.match(usual[2] ?? '', /^error: database\.error app=sample error=\{/u);
  const all = talkOf({ DEBUG: '1' });
  assert.deepEqual(
    all.map((line) => line.split(' ')[1]),
    ['a.detail', 'migration.applied', 'migration.waiting', 'database.waiting', 'database.error'],
  );
  for (const line of [...usual, ...all]) assert.ok(!line.includes('hidden-pw'), line);
});

test('the folder of an app is that of the package that its migrations are in, however they are named', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'app folder-'));
  try {
    const migrations = path.join(folder, 'dist', 'migrations');
    mkdirSync(migrations, { recursive: true });
    assert.equal(appDirectory(migrations), process.cwd(), 'without a package the working directory');
    writeFileSync(path.join(folder, 'package.json'), '{}');
    assert.equal(appDirectory(migrations), folder);
    const url = pathToFileURL(migrations);
    for (const named of [migrations, url, url.href, path.relative(process.cwd(), migrations)])
      assert.equal(migrationsPath(named), migrations);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a reader that has seen enough is no failure', async () => {
  using sample = makeSample();
  const started = sample.start(['migrate', 'sql', 'base:head']);
  started.child.stdout?.destroy();
  assert.deepEqual(await started.ended, { code: 0, out: '', err: '' });
});
