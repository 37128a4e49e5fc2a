/** Package files as they are read, written anew and brought back. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { isKeelsonError } from '../errors.ts';
import { recover, replaceFiles } from './deps-files.ts';
import { lockOf, makeProject } from './deps.fixture.ts';
import { cleared, wordsOf } from './deps-npm.ts';
import { localPlaces, pinsOf, readProject } from './deps-project.ts';
import { othersOf } from './deps-report.ts';
import { rewritten } from './deps-rewrite.ts';

const nowhere = { url: 'http://127.0.0.1:1/' };
const shop = {
  'package.json': {
    name: 'shop',
    workspaces: ['apps/*', '!apps/old'],
    dependencies: { a: '1.0.0', lib: 'file:./lib', git: 'github:some/git', other: 'npm:a@1.0.0' },
    devDependencies: { b: '~2.0.0', app: '1.0.0', c: '=3.0.0' },
    peerDependencies: { c: '3.0.0', a: '^1.0.0' },
  },
  'apps/app/package.json': { name: 'app', version: '1.0.0', dependencies: { a: '^1.1.0', b: '2.1.0' } },
  'apps/old/package.json': { name: 'old', dependencies: { a: '0.1.0' } },
  'lib/package.json': { name: 'lib', version: '1.0.0', dependencies: { a: '0.5.0' } },
  'package-lock.json': lockOf('shop', {}),
};

const isUsage = (pattern: RegExp) => (error: unknown) => isKeelsonError(error, 'USAGE') && pattern.test(error.message);

test('what a project pins is read from every workspace; ranges, places and peers that promise a range are left', () => {
  using project = makeProject(nowhere, shop);
  const found = readProject(path.join(project.folder, 'apps/app'));
  assert.equal(found.root, project.folder);
  const { pins, left } = pinsOf(found, []);
  assert.deepEqual(
    pins.map(({ name, from, files, isProduction }) => [name, from, files.length, isProduction]),
    [
      ['a', '1.0.0', 2, true],
      ['b', '2.0.0', 2, true],
      ['c', '3.0.0', 1, true],
    ],
  );
  assert.deepEqual(
    left.map(({ name }) => name),
    ['git', 'other'],
  );
  assert.deepEqual(pinsOf(found, ['a']).left[0], { name: 'a', spec: '1.0.0', why: 'kept, as asked' });
  const texts = rewritten(
    found,
    new Map([
      ['a', '5.0.0'],
      ['b', null],
      ['c', '4.0.0'],
    ]),
  );
  assert.equal(
    texts.get('package.json'),
    project
      .read('package.json')
      .replace('"a": "1.0.0"', '"a": "5.0.0"')
      .replace('    "b": "~2.0.0",\n', '')
      .replace('=3.0.0', '4.0.0')
      .replace('"3.0.0"', '"4.0.0"'),
  );
  assert.match(texts.get('apps/app/package.json') ?? '', /"a": "5\.0\.0",\s+"b": "2\.1\.0"/u);
  assert.equal(texts.get('lib/package.json'), project.read('lib/package.json'));
});

test('where there is no project, no lock, or no right package file, that is said', () => {
  using project = makeProject(nowhere, { 'package.json': { name: 'shop' }, 'sub/package.json': { name: 'sub' } });
  assert.throws(() => readProject(project.folder), isUsage(/there is no package-lock\.json/u));
  project.write('package-lock.json', lockOf('shop', {}));
  assert.throws(() => readProject(path.join(project.folder, 'sub')), isUsage(/is no workspace of/u));
  assert.throws(() => readProject(path.parse(project.folder).root), isUsage(/there is no package\.json/u));
  for (const content of ['{', '[]']) {
    project.write('package.json', content);
    assert.throws(() => readProject(project.folder), isUsage(/cannot be read|is an object/u));
  }
  project.write('package.json', { name: 'shop', dependencies: { outside: 'file:../outside' } });
  const [manifest] = [
    {
      file: 'package.json',
      text: '',
      isMember: true,
      name: 'x',
      workspaces: [],
      needs: { dependencies: { o: 'file:../o' }, optionalDependencies: {}, devDependencies: {}, peerDependencies: {} },
    },
  ];
  assert.ok(manifest !== undefined);
  assert.throws(() => localPlaces(project.folder, manifest), isUsage(/lies outside of the project/u));
});

// LRP-9
test('files that were replaced come back, also those of a process that was killed; never while one runs', () => {
  using project = makeProject(nowhere, { 'package.json': 'old', 'package-lock.json': 'old lock' });
  const changes = new Map([
    ['package.json', { before: 'old', after: 'new' }],
    ['package-lock.json', { before: 'old lock', after: 'new lock' }],
  ]);
  const before = project.state();
  const replaced = replaceFiles(project.folder, changes);
  assert.deepEqual(project.state(), { 'package.json': 'new', 'package-lock.json': 'new lock' });
  replaced.restore();
  assert.deepEqual(project.state(), before);
  assert.deepEqual(recover(project.folder), [], 'what was put back is no longer on its way');

  replaceFiles(project.folder, changes);
  const journal = '.keelson/deps/running.json';
  const { pid } = spawnSync(process.execPath, ['-e', '']);
  project.write(journal, project.read(journal).replace(String(process.pid), String(process.ppid)));
  assert.throws(() => recover(project.folder), isUsage(/Another update of this project runs, as process/u));
  project.write(journal, project.read(journal).replace(String(process.ppid), String(pid)));
  assert.deepEqual(recover(project.folder), ['package.json', 'package-lock.json']);
  assert.deepEqual(project.state(), before);

  replaceFiles(project.folder, changes).keep();
  assert.equal(existsSync(path.join(project.folder, journal)), false);
  assert.throws(() => replaceFiles(project.folder, changes), isUsage(/package\.json was changed meanwhile/u));
  assert.equal(project.read('.keelson/deps/backup/package.json'), 'old');
});

test('what an outer npm was told does not reach the inner one, and what npm says is told without its frame', () => {
  const environment = {
    PATH: '/bin',
    npm_config_registry: 'r',
    npm_config_workspace: 'w',
    npm_lifecycle_event: 'x',
    npm_config_dry_run: 'true',
  };
  assert.deepEqual(cleared(environment), { PATH: '/bin', npm_config_registry: 'r', npm_config_update_notifier: 'false' });
  assert.equal(
    wordsOf('npm warn old\nnpm error code ERESOLVE\nnpm error \nnpm error   why\nnpm error A complete log of this run'),
    '  code ERESOLVE\n    why',
  );
});

test('what changed beside what is named is counted', () => {
  const lock = (packages: Readonly<Record<string, string>>): string =>
    JSON.stringify({
      packages: {
        '': { version: '1.0.0' },
        ...Object.fromEntries(Object.entries(packages).map(([name, version]) => [`node_modules/${name}`, { version }])),
      },
    });
  const moved = { name: 'a', from: '1.0.0', to: '2.0.0', step: 'major', files: [] } as const;
  assert.deepEqual(othersOf(lock({ a: '1', b: '1', c: '1', e: '1' }), lock({ a: '2', b: '2', d: '1', e: '1' }), [moved]), {
    added: 1,
    removed: 1,
    changed: 1,
  });
});
