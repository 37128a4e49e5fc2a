/** What a service loads: nothing of what plans, proves and lints migrations. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { makeDatabase, makeSample, type Sample, urlsOf } from './sample.fixture.ts';

/** Writes down the modules that a process has loaded, when it ends. */
const recorder = `import { registerHooks } from 'node:module';
import { writeFileSync } from 'node:fs';
const loaded = [];
registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) });
process.on('exit', () => writeFileSync(new URL('./loaded.json', import.meta.url), JSON.stringify(loaded)));
`;

function record(sample: Sample): Readonly<Record<string, string>> {
  const file = path.join(sample.folder, 'recorder.mjs');
  writeFileSync(file, recorder);
  return { NODE_OPTIONS: `--import ${pathToFileURL(file).href}` };
}

function loadedIn(sample: Sample): readonly string[] {
  return parseNames(readFileSync(path.join(sample.folder, 'loaded.json'), 'utf8'));
}

const ofPlanning = (url: string): boolean => /\/migrate\/(?:plan|lint|fixtures)\/|pg-delta/u.test(url);

test('a service that migrates on start loads the runner, and nothing of the planner, the lints or pg-delta', async () => {
  using sample = makeSample();
  await using database = await makeDatabase();
  const environment = { ...record(sample), DATABASE_URL: database.url, PORT: '0', MIGRATE_ON_START: 'apply' };
  const started = sample.start(['serve'], environment);
  await urlsOf(started);
  started.child.kill('SIGTERM');
  assert.equal((await started.ended).code, 0);
  const loaded = loadedIn(sample);
  assert.ok(loaded.some((url) => url.endsWith('/migrate/runner.ts')));
  assert.deepEqual(loaded.filter(ofPlanning), []);

  for (const argv of [['up'], ['down', '1'], ['status'], ['sql', 'base:head']]) {
    assert.equal((await sample.run(['migrate', ...argv], environment)).code, 0, argv.join(' '));
    assert.deepEqual(loadedIn(sample).filter(ofPlanning), [], argv.join(' '));
  }
  // What plans does load it: the recorder would have seen it.
  await sample.run(['migrate', 'new', 'more'], environment);
  assert.notDeepEqual(loadedIn(sample).filter(ofPlanning), []);
});

function parseNames(text: string): readonly string[] {
  return JSON.parse(text) as readonly string[];
}
