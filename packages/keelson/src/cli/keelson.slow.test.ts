/** The `keelson` command as a program: it finds the app of a folder, and says what is missing where it cannot. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
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

test('a module that fails is told with its cause, and ends with 1', async () => {
  using sample = makeSample();
  writeFileSync(path.join(sample.folder, 'app.ts'), `import 'no-such-package';\n`);
  const ended = await startProgram([bin, 'serve'], sample).ended;
  assert.equal(ended.code, 1);
  assert.match(ended.err, /^error: app\.ts could not be loaded\.\nhint: [^\n]*\ncause: Cannot find package 'no-such-package'/u);
});
