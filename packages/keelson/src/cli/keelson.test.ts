/** The `keelson` command: finds the app of a folder, and says what is missing where it cannot. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { isKeelsonError } from '../errors.ts';
import { loadApp } from './keelson.ts';
import { bin, makeSample, root, startProgram } from './sample.fixture.ts';

test('the command runs the program of the app in the folder, and ends with its exit code', async () => {
  using sample = makeSample();
  const [sql, wrong] = await Promise.all([
    startProgram([bin, 'migrate', 'sql', 'base:head'], sample).ended,
    startProgram([bin, 'migrate', 'statsu'], sample).ended,
  ]);
  assert.equal(sql.code, 0, sql.err);
  assert.match(sql.out, /create table notes/u);
  assert.equal(sql.err, '');
  assert.equal(wrong.code, 2);
  assert.match(wrong.err, /Did you mean status\? See: keelson migrate --help/u);
});

test('where there is no app it says where to go, and ends with 2', async () => {
  const ended = await startProgram([bin, 'migrate', 'status'], { folder: root }).ended;
  assert.equal(ended.code, 2);
  assert.equal(ended.out, '');
  assert.match(ended.err, /^error: There is no app in .*\nhint: {2}Go into an app's folder: cd apps\/\w+\n$/u);
});

/** Makes node believe that it is an older one; a process that it starts does not. */
const aged = ['--import', `data:text/javascript,Object.defineProperty(process,'versions',{value:{...process.versions,node:'20.20.2'}})`];

test('an old node hands over to the one of the project, with arguments, output and exit code', async () => {
  using sample = makeSample();
  const own = path.join(sample.folder, 'node_modules/.bin');
  mkdirSync(own, { recursive: true });
  symlinkSync(process.execPath, path.join(own, 'node'));
  const [version, wrong] = await Promise.all([
    startProgram([...aged, bin, '--version'], sample).ended,
    startProgram([...aged, bin, 'statsu'], sample).ended,
  ]);
  assert.deepEqual(version, { code: 0, out: 'sample 1.2.3\n', err: '' });
  assert.equal(wrong.code, 2);
});

test('an old node that finds no other says what to do', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'old-node-'));
  try {
    writeFileSync(path.join(folder, 'app.ts'), '');
    const ended = await startProgram([...aged, bin, '--version'], { folder }).ended;
    assert.equal(ended.code, 1);
    assert.match(ended.err, /^error: Node 20\.20\.2 is too old, 24 is needed\.\nhint: {2}Install the packages \(npm ci\)/u);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('an app is known among what a module exports, under however many names', async () => {
  using sample = makeSample();
  const app = await loadApp(
    writeModule(
      sample.folder,
      `import { sample } from './app.ts';\nexport { sample, sample as same };\nexport const other = { name: 'x' };`,
    ),
  );
  assert.equal(app.name, 'sample');
});

test('a module without an app, with two, or that fails is told for what it is', async () => {
  using sample = makeSample();
  const two = `import { defineApp } from 'keelson/http';\nimport { sample } from './app.ts';\nexport const a = defineApp({ ...sample });\nexport const b = defineApp({ ...sample });`;
  for (const [code, expected] of [
    ['export const nothing = 1;', /exports no app\.$/u],
    [two, /exports 2 apps\.$/u],
    [`throw new TypeError('a fault');`, /could not be loaded\.$/u],
  ] as const) {
    await assert.rejects(loadApp(writeModule(sample.folder, code)), (error) => {
      assert.ok(isKeelsonError(error, 'MISUSE'));
      assert.match(error.message, expected);
      assert.ok(error.message.includes('.ts') && error.hint !== '');
      return true;
    });
  }
});

test('a module that fails is told with its cause, and ends with 1', async () => {
  using sample = makeSample();
  writeFileSync(path.join(sample.folder, 'app.ts'), `import 'no-such-package';\n`);
  const ended = await startProgram([bin, 'serve'], sample).ended;
  assert.equal(ended.code, 1);
  assert.match(ended.err, /^error: app\.ts could not be loaded\.\nhint: [^\n]*\ncause: Cannot find package 'no-such-package'/u);
});

let modules = 0;

/** Each under a name of its own: a module is loaded once. */
function writeModule(folder: string, code: string): string {
  modules += 1;
  const file = path.join(folder, `module-${modules}.ts`);
  writeFileSync(file, `${code}\n`);
  return file;
}
