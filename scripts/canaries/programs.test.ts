/** Formatter, type checker, dead-code finder, examples and hook each report the fault that was planted for them. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { compileExamples } from '../check/docs.ts';
import { runProgram } from '../check/program.ts';
import { examplesOf } from '../tidy/examples.ts';
import { parseModule } from '../tidy/syntax.ts';

const root = path.resolve(import.meta.dirname, '../..');
const folders: string[] = [];
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

/** A folder with the given files and with what is installed. */
function folderWith(files: Readonly<Record<string, string>>, copied: readonly string[] = []): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'canary-'));
  folders.push(folder);
  for (const name of copied) cpSync(path.join(root, name), path.join(folder, name), { recursive: true });
  symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), text);
  }
  return folder;
}

test('the formatter reports the file that is not formatted, and only that', async () => {
  const good = "/** Good. */\nexport const a = ['x'];\n";
  const folder = folderWith({ 'good.ts': good, 'bad.ts': '/** Bad. */\nexport const a = ["x"]\n' }, ['.oxfmtrc.json']);
  const bad = await runProgram(folder, 'oxfmt', ['--list-different', '.']);
  assert.deepEqual({ ok: bad.ok, files: bad.output.split('\n') }, { ok: false, files: ['bad.ts'] });
  writeFileSync(path.join(folder, 'bad.ts'), good);
  assert.equal((await runProgram(folder, 'oxfmt', ['--check', '.'])).ok, true);
});

const typeFaults: readonly (readonly [string, string])[] = [
  ['TS2322', "export const a: number = 'x';"],
  ['TS1294', 'export enum A {\n  B,\n}'],
  ['TS1294', 'export class A {\n  constructor(readonly b: number) {}\n}'],
  ['TS6133', 'const unused = 1;\nexport {};'],
  ['TS6133', 'export function take(unused: number): void {}'],
  ['TS2835', "import { b } from './good';\nexport const a = b;"],
  ['TS1484', "import { B } from './good.ts';\nexport type A = B;"],
  ['TS2532', 'export const a = (list: string[]): number => list[0].length;'],
  ['TS2375', 'export const a: { b?: number } = { b: undefined };'],
  ['TS7006', 'export const a = (b) => b;'],
  ['TS4114', 'class A {\n  run(): void {}\n}\nexport class B extends A {\n  run(): void {}\n}'],
  ['TS7030', 'export function a(b: boolean): number | undefined {\n  if (b) return 1;\n}'],
  ['TS4111', 'export const a = (b: Record<string, string>): string | undefined => b.c;'],
  ['TS7027', 'export function a(): number {\n  return 1;\n  void 0;\n}'],
];

test('the type checker reports each planted fault at its file, and nothing in the good file', async () => {
  const files = Object.fromEntries(typeFaults.map(([, code], index) => [`apps/fault-${index}.ts`, `${code}\n`]));
  const folder = folderWith({ 'apps/good.ts': 'export const b = 1;\nexport interface B {\n  readonly c: number;\n}\n', ...files }, [
    'tsconfig.json',
    'package.json',
  ]);
  const { ok, output } = await runProgram(folder, 'tsc', ['-p', '.', '--pretty', 'false']);
  const reported = [...output.matchAll(/^apps\/(\S+)\.ts\(.*?error (TS\d+)/gmu)].map((match) => `${match[1]} ${match[2]}`);
  assert.equal(ok, false);
  assert.deepEqual(reported.toSorted(), typeFaults.map(([code], index) => `fault-${index} ${code}`).toSorted());
});

const deadCode = {
  'package.json': '{ "name": "canary", "private": true, "type": "module", "workspaces": ["packages/*"] }\n',
  'packages/keelson/package.json':
    '{ "name": "keelson", "type": "module", "exports": { "./a": "./src/a.ts" }, "dependencies": { "uuid": "14.0.3" } }\n',
  'packages/keelson/src/a.ts': "import { b } from './b.ts';\nimport { v7 } from 'uuid';\nexport const a = [b, v7()];\n",
  'packages/keelson/src/b.ts': 'export const b = 1;\n',
};

describe('the finder of dead code', () => {
  const find = async (changes: Readonly<Record<string, string>>): Promise<string[]> => {
    const folder = folderWith({ ...deadCode, ...changes }, ['knip.json']);
    const { output } = await runProgram(folder, 'knip', [
      '--no-progress',
      '--no-config-hints',
      '--reporter',
      'compact',
      '--workspace',
      'packages/keelson',
    ]);
    return output.split('\n').filter((line) => line !== '');
  };

  test('passes what is used', async () => {
    assert.deepEqual(await find({}), []);
  });

  test('reports an unused file, export, type and dependency, and a package that is not listed', async () => {
    const output = await find({
      'packages/keelson/src/b.ts': "import { pino } from 'pino';\nexport const b = pino;\nexport const dead = 1;\nexport type Dead = 1;\n",
      'packages/keelson/src/lost.ts': 'export const lost = 1;\n',
      'packages/keelson/src/a.ts': "import { b } from './b.ts';\nexport const a = b;\n",
    });
    const text = output.join('\n');
    for (const name of [/src\/lost\.ts/u, /\bdead\b/u, /\bDead\b/u, /\buuid\b/u, /\bpino\b/u]) assert.match(text, name);
    assert.doesNotMatch(text, /src\/a\.ts/u);
  });
});

describe('the examples of the doc comments', () => {
  const text = `/** A file. */

/**
 * Does it.
 *
 * @example
 * import { newId } from 'keelson/id';
 * export const id: number = newId();
 * @see somewhere
 */
export const a = 1;
`;
  const file = { path: 'packages/keelson/src/planted.ts', text };

  test('one that compiles passes', async () => {
    const good = parseModule({ ...file, text: text.replace('number', 'string') });
    assert.deepEqual(await compileExamples(root, examplesOf(good)), { ok: true, output: '' });
  });

  test('one that does not compile is reported at its place', async () => {
    const { ok, output } = await compileExamples(root, examplesOf(parseModule(file)));
    assert.equal(ok, false);
    assert.match(output, /^packages\/keelson\/src\/planted\.ts\(8,14\): error TS2322/u);
    assert.equal(output.split('\n').length, 1);
  });

  test('a run that found no example fails', async () => {
    assert.equal((await compileExamples(root, [])).ok, false);
  });
});

describe('the hook', () => {
  const git = (folder: string, ...args: readonly string[]): { readonly status: number | null; readonly text: string } => {
    const author = { GIT_AUTHOR_NAME: 'a', GIT_AUTHOR_EMAIL: 'a@b', GIT_COMMITTER_NAME: 'a', GIT_COMMITTER_EMAIL: 'a@b' };
    const env = { ...process.env, ...author, CI: '' };
    const { status, stdout, stderr } = spawnSync('git', [...args], { cwd: folder, encoding: 'utf8', env });
    return { status, text: `${stdout}${stderr}` };
  };
  const prepare = (folder: string, env: Readonly<Record<string, string>> = {}): string =>
    spawnSync(process.execPath, ['scripts/install-hooks.js'], { cwd: folder, encoding: 'utf8', env: { ...process.env, CI: '', ...env } })
      .stdout;
  const copied = ['.oxlintrc.json', '.oxfmtrc.json', 'lint', 'tsconfig.json', 'package.json', 'scripts'];

  // GLK-10
  test('an install sets it, it stops a commit with a fault of each kind, and lets a clean one pass', () => {
    const folder = folderWith({ '.gitignore': 'node_modules\n' }, copied);
    git(folder, 'init', '-q');
    assert.match(prepare(folder), /The pre-commit hook is set\./u);
    const bad = {
      'a.md': 'white space \n',
      'b.yml': 'a: "open\n',
      'apps/c.ts': '/** C. */\nexport const c = ["x"]\n',
      'apps/d.ts': '/** D. */\nvar d = 1;\nexport const e = d;\n',
      'apps/f.ts': "/** F. */\nexport const f: number = 'x';\n",
    };
    for (const [name, text] of Object.entries(bad)) {
      mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
      writeFileSync(path.join(folder, name), text);
    }
    writeFileSync(path.join(folder, 'apps/good.ts'), '/** Good. */\nexport const good = 1;\n');
    git(folder, 'add', 'a.md', 'b.yml', 'apps', 'tsconfig.json', 'package.json', '.oxlintrc.json', '.oxfmtrc.json', 'lint');
    const stopped = git(folder, 'commit', '-m', 'Try');
    assert.equal(stopped.status, 1, stopped.text);
    for (const part of [/a\.md:1 white-space/u, /b\.yml:\d+ yaml/u, /apps\/c\.ts/u, /no-var/u, /apps\/f\.ts\(2,14\): error TS2322/u]) {
      assert.match(stopped.text, part);
    }
    git(folder, 'rm', '-q', '--cached', ...Object.keys(bad));
    const passed = git(folder, 'commit', '-m', 'Try again');
    assert.equal(passed.status, 0, passed.text);
    assert.equal(git(folder, 'log', '--oneline').text.trim().split('\n').length, 1);
  });

  test('an install in CI, outside a repository, or over a hook of somebody else leaves everything as it is', () => {
    const folder = folderWith({}, ['scripts', 'package.json']);
    assert.match(prepare(folder), /there is no repository/u);
    git(folder, 'init', '-q');
    assert.match(prepare(folder, { CI: 'true' }), /CI is set/u);
    const hook = path.join(folder, '.git/hooks/pre-commit');
    assert.equal(existsSync(hook), false);
    mkdirSync(path.dirname(hook), { recursive: true });
    writeFileSync(hook, '#!/bin/sh\n');
    assert.match(prepare(folder), /there is a pre-commit hook already/u);
    assert.equal(readFileSync(hook, 'utf8'), '#!/bin/sh\n');
  });
});
