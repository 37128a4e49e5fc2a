/** `deps update` with npm itself and a registry of its own: what is moved, what is held, and that a failure changes nothing. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { lockOf, makeProject, type SampleProject, type Shelf, startRegistry } from './deps.fixture.ts';
import { bin, type Ended, startProgram, type Started } from './sample.fixture.ts';

const start = ({ folder, environment }: SampleProject, ...argv: readonly string[]): Started =>
  startProgram([bin, 'deps', 'update', ...argv], { folder, environment });

const update = async (project: SampleProject, ...argv: readonly string[]): Promise<Ended> => start(project, ...argv).ended;

const shelf: Shelf = {
  server: {
    '1.0.0': { dependencies: { small: '^1.0.0' } },
    '1.4.0': { dependencies: { small: '^1.0.0' } },
    '2.0.0': { dependencies: { small: '^1.0.0' } },
    '3.0.0-beta.1': {},
  },
  small: { '1.0.0': {}, '1.0.1': {} },
  tool: { '1.0.0': {}, '1.0.1': {}, '1.1.0': { deprecated: 'it was a mistake' }, '2.0.0': { engines: { node: '>=99' } } },
  '@some/linter': { '0.3.0': {}, '0.3.7': {}, '0.4.0': {} },
  early: { '1.0.0-alpha.9': {}, '1.0.0-alpha.10': {} },
  'build-a': { '5.0.0': {}, '5.1.0': {}, '5.2.0': {} },
  'build-b': { '5.0.0': {}, '5.1.0': {} },
};

const root = {
  name: 'shop',
  version: '1.0.0',
  workspaces: ['apps/*'],
  dependencies: { server: '1.0.0' },
  optionalDependencies: { 'build-a': '5.0.0', 'build-b': '5.0.0' },
  devDependencies: { tool: '1.0.0', '@some/linter': '0.3.0', early: '1.0.0-alpha.9' },
};

const app = `{ "name": "@shop/app", "version": "1.0.0", "files": ["a", "b"],
\t"dependencies": { "server": "^1.0.0", "small": "1.x" }, "peerDependencies": { "tool": ">=1" } }
`;

const files = {
  'package.json': root,
  'apps/app/package.json': app,
  'package-lock.json': lockOf('shop', {}),
};

// LRP-9
test('every package is moved to the newest that fits, exactly, in every workspace, and what changed is told', async () => {
  await using registry = await startRegistry(shelf);
  using project = makeProject(registry, files);
  const before = project.state();

  const dry = await update(project, '--dry-run', '--json');
  assert.equal(dry.code, 0, dry.err);
  const report: unknown = JSON.parse(dry.out);
  assert.deepEqual(project.state(), before, 'a dry run wrote');
  assert.equal(existsSync(path.join(project.folder, '.keelson')), false);
  assert.ok(typeof report === 'object' && report !== null && 'changes' in report && 'held' in report && 'left' in report);
  assert.deepEqual(report.changes, [
    { name: '@some/linter', from: '0.3.0', to: '0.4.0', step: 'major', files: ['package.json'] },
    { name: 'build-a', from: '5.0.0', to: '5.1.0', step: 'minor', files: ['package.json'] },
    { name: 'build-b', from: '5.0.0', to: '5.1.0', step: 'minor', files: ['package.json'] },
    { name: 'early', from: '1.0.0-alpha.9', to: '1.0.0-alpha.10', step: 'patch', files: ['package.json'] },
    { name: 'server', from: '1.0.0', to: '2.0.0', step: 'major', files: ['package.json', 'apps/app/package.json'] },
    { name: 'tool', from: '1.0.0', to: '1.0.1', step: 'patch', files: ['package.json'] },
  ]);
  assert.deepEqual(report.held, [
    { name: 'build-a', from: '5.0.0', newest: '5.2.0', why: 'its siblings do not have that version' },
    { name: 'tool', from: '1.0.0', newest: '2.0.0', why: `deprecated, or not for node ${process.versions.node}` },
  ]);
  assert.deepEqual(report.left, [{ name: 'small', spec: '1.x', why: 'not one version: npm moves it in its range' }]);

  const done = await update(project, '--keep', 'early', '--no-major');
  assert.equal(done.code, 0, done.err);
  assert.match(done.out, /^@some\/linter +0\.3\.0 +→ +0\.3\.7 +patch +package\.json$/mu);
  assert.match(done.out, /^server +1\.0\.0 +→ +1\.4\.0 +minor +package\.json, apps\/app\/package\.json$/mu);
  assert.match(done.err, /^held: server 1\.0\.0, 2\.0\.0 is there: a major step\.$/mu);
  assert.match(
    done.err,
    /^Written: package\.json, apps\/app\/package\.json, package-lock\.json\. As they were: \.keelson\/deps\/backup\.$/mu,
  );
  assert.doesNotMatch(done.out + done.err, /early/u);
  // The form of the file is its owner's; a range for others stays.
  assert.equal(project.read('apps/app/package.json'), app.replace('^1.0.0', '1.4.0'));
  assert.match(project.read('package-lock.json'), /"node_modules\/small": \{\s+"version": "1\.0\.1"/u);
  for (const [file, text] of Object.entries(before)) assert.equal(project.read(`.keelson/deps/backup/${file}`), text);
});

// LRP-9
test('where the newest do not go together, production is placed first and development around it', async () => {
  await using registry = await startRegistry({
    server: { '1.0.0': {}, '2.0.0': {} },
    plugin: {
      '1.0.0': { peerDependencies: { server: '1.x' } },
      '1.1.0': { peerDependencies: { server: '>=1 <3' } },
      '2.0.0': { peerDependencies: { server: '1.x' } },
    },
    tool: { '1.0.0': {}, '1.2.0': {} },
  });
  using project = makeProject(registry, {
    'package.json': {
      name: 'shop',
      version: '1.0.0',
      dependencies: { server: '1.0.0' },
      devDependencies: { plugin: '1.0.0', tool: '1.0.0' },
    },
    'package-lock.json': lockOf('shop', {}),
  });
  const done = await update(project, '--json');
  assert.equal(done.code, 0, done.err);
  const report: unknown = JSON.parse(done.out);
  assert.ok(typeof report === 'object' && report !== null && 'changes' in report && 'held' in report && 'strategy' in report);
  assert.equal(report.strategy, 'production_first');
  assert.deepEqual(report.held, [{ name: 'plugin', from: '1.0.0', newest: '2.0.0', why: 'does not go with the rest' }]);
  assert.deepEqual(JSON.parse(project.read('package.json')), {
    name: 'shop',
    version: '1.0.0',
    dependencies: { server: '2.0.0' },
    devDependencies: { plugin: '1.1.0', tool: '1.2.0' },
  });
  const settled = project.state();
  const again = await update(project, '--keep', 'plugin', '--keep', 'tool');
  assert.equal(again.code, 0, again.err);
  assert.equal(again.out, '');
  assert.match(again.err, /Everything is as new as it may be; nothing was written\.\n$/u);
  assert.deepEqual(project.state(), settled);
});

// LRP-9
test('a failure changes nothing: nothing goes together, a registry that refuses, tests that fail', async () => {
  await using registry = await startRegistry({
    server: { '1.0.0': {}, '2.0.0': {} },
    plugin: { '1.0.0': { peerDependencies: { server: '1.x' } } },
    small: { '1.0.0': {}, '1.1.0': {} },
  });
  using torn = makeProject(registry, {
    'package.json': { name: 'shop', version: '1.0.0', dependencies: { server: '1.0.0' }, devDependencies: { plugin: '1.0.0' } },
    'package-lock.json': lockOf('shop', {}),
  });
  using project = makeProject(registry, {
    'package.json': { name: 'shop', version: '1.0.0', dependencies: { small: '1.0.0' } },
    'package-lock.json': lockOf('shop', { small: '1.0.0' }),
  });
  const unchanged = async (of: SampleProject, argv: readonly string[], expected: RegExp): Promise<void> => {
    const before = of.state();
    const ended = await update(of, ...argv);
    assert.equal(ended.code, 1, ended.err);
    assert.equal(ended.out, '');
    assert.match(ended.err, expected);
    assert.deepEqual(of.state(), before);
    assert.equal(existsSync(path.join(of.folder, '.keelson/deps/running.json')), false);
  };
  await unchanged(
    torn,
    [],
    /^error: plugin goes with the others in no version that was tried:[^]*ERESOLVE[^]*every file is as it was[^]*UPDATE_FAILED/mu,
  );
  await unchanged(project, ['--test', 'echo "it breaks" && exit 7'], /it breaks[^]*^error: With the new packages [^\n]* ended with 7\./mu);
  assert.match(installed(project, 'small'), /"1\.0\.0"/u, 'the old packages were not installed again');
  const well = await update(project, '--test', 'grep 1.1.0 node_modules/small/package.json');
  assert.equal(well.code, 0, well.err);
  assert.match(installed(project, 'small'), /"1\.1\.0"/u);
  registry.refuse = true;
  rmSync(path.join(project.folder, '.cache'), { recursive: true });
  await unchanged(project, [], /^error: npm could not look up the packages:[^]*E401[^]*code: {2}OUTSIDE_UNAVAILABLE/mu);
});

const installed = ({ read }: SampleProject, name: string): string => read(`node_modules/${name}/package.json`);

// LRP-9
test('Ctrl-C ends it while it asks, and while its tests run: every file is as it was, and nothing is left', async () => {
  await using registry = await startRegistry({ small: { '1.0.0': {}, '1.1.0': {} }, slow: { '1.0.0': {} } });
  using project = makeProject(registry, {
    'package.json': { name: 'shop', version: '1.0.0', dependencies: { small: '1.0.0' } },
    'package-lock.json': lockOf('shop', {}),
  });
  const before = project.state();
  const copies = (): readonly string[] => readdirSync(tmpdir()).filter((name) => name.startsWith('keelson-deps-'));
  const others = copies();
  const testing = start(project, '--test', 'echo $$ && exec sleep 600');
  const [, pid = ''] = await testing.said(/^(\d+)$/mu);
  assert.notDeepEqual(project.state(), before, 'it had not written yet: this test shows nothing');
  testing.child.kill('SIGINT');
  const ended = await testing.ended;
  assert.equal(ended.code, 130, ended.err);
  assert.match(ended.err, /Ended by SIGINT: every file is as it was\.\n$/u);
  assert.deepEqual(project.state(), before);
  assert.throws(() => process.kill(Number(pid), 0), /ESRCH/u, 'its tests run on');

  rmSync(path.join(project.folder, '.cache'), { recursive: true });
  const reached = registry.hang(/^small$/u);
  const asking = start(project);
  await reached;
  asking.child.kill('SIGTERM');
  assert.equal((await asking.ended).code, 143);
  assert.deepEqual(project.state(), before);
  assert.deepEqual(
    copies().filter((name) => !others.includes(name)),
    [],
  );
});
