/** Each rule of tidy reports the fault that was planted for it, and nothing else; a clean repository passes. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { type SourceFile, type TidyRule, tidyRules } from '../tidy/source.ts';
import { tidy } from '../tidy/tidy.ts';

const root = path.resolve(import.meta.dirname, '../..');

const source = (code: string): string => `/** A planted file. */\n${code}\n`;

const layers = {
  library: {
    folder: 'packages/keelson/src',
    levels: [['errors'], ['schema', 'config'], ['work'], ['testing']],
    testsMayImport: ['testing'],
    exceptions: [],
  },
  apps: {
    folder: 'apps',
    roles: ['table', 'service', 'routes'],
    own: { table: [], service: ['table'], routes: ['service'] },
    across: { table: ['table'], service: ['service'] },
    notFromLibrary: { table: ['work'] },
    exceptions: [],
  },
};

/** A small repository in which all is well: each fault is planted into it, one at a time. */
const good: Readonly<Record<string, string>> = {
  'package.json': '{ "scripts": { "test": "node scripts/test.ts" } }\n',
  'layers.json': `${JSON.stringify(layers)}\n`,
  'README.md':
    '# Title\n\nRun `npm test`, `npm start -w apps/one`, read [the docs](docs/a.md#a) and `docs/a.md`; begin [here](#title).\n\n```sh\nnpm ci && npm test\n```\n',
  'docs/a.md': '# A\n',
  'deploy/a.yml': 'a: 1\n',
  'packages/keelson/package.json': '{ "exports": { "./errors": "./src/errors.ts", "./work": "./src/work/index.ts" } }\n',
  'packages/keelson/src/errors.ts': source("\n/** All codes. */\nexport const catalogue = {\n  NOT_FOUND: 'nothing here',\n};"),
  'packages/keelson/src/schema/table.ts': source('export const table = 1;'),
  'packages/keelson/src/work/index.ts': source("export { run } from './unit.ts';"),
  'packages/keelson/src/work/unit.ts': source(`import { table } from '../schema/table.ts';

/**
 * Runs.
 *
 * @throws NOT_FOUND when there is nothing.
 */
export function run(waitMs: number): number {
  // bounded by: the return below
  while (true) return table + waitMs;
}`),
  'packages/keelson/src/work/unit.test.ts': source("import { kit } from '../testing/kit.ts';\nkit();"),
  'packages/keelson/src/config/load.test.ts': source("import { table } from '../schema/table.ts';\ntable.toString();"),
  'packages/keelson/src/testing/kit.ts': source('export const kit = (): number => 1;'),
  'apps/one/package.json': '{ "scripts": { "start": "node app.ts serve" } }\n',
  'apps/one/app.ts': source("import { routes } from './users/routes.ts';\nexport const app = routes;"),
  'apps/one/users/table.ts': source('export const users = 1;'),
  'apps/one/users/service.ts': source(
    "import { run } from 'keelson/work';\nimport { users } from './table.ts';\nexport const service = run(users);",
  ),
  'apps/one/users/routes.ts': source("import { service } from './service.ts';\nexport const routes = service;"),
  'apps/one/games/table.ts': source("import { users } from '../users/table.ts';\nexport const games = users;"),
};

function check(changes: Readonly<Record<string, string>>): string[] {
  const sources: SourceFile[] = Object.entries({ ...good, ...changes }).map(([file, text]) => ({ path: file, text }));
  return tidy(root, sources).problems.map((problem) => `${problem.rule} ${problem.path}:${problem.line}`);
}

const work = 'packages/keelson/src/work/other.ts';
const exception = { from: 'work', to: 'errors', reason: 'It was needed once.' };
const repeated = (amount: number, line: string): string => Array.from({ length: amount }, () => line).join('\n');
const note = ['TO', 'DO'].join('');

/** A fault per line: the rule, the file it is planted in, its text, and the line that is to be reported. */
const planted: readonly (readonly [TidyRule, string, string, number])[] = [
  ['white-space', 'docs/b.md', '# B  \n', 1],
  ['final-newline', 'docs/b.md', '# B', 1],
  ['final-newline', 'docs/b.md', '# B\n\n', 3],
  ['left-over', work, source(`// ${note}: later\nexport const a = 1;`), 2],
  ['merge-mark', 'docs/b.md', `${'<'.repeat(7)} ours\n`, 1],
  ['yaml', 'deploy/b.yml', 'a: 1\na: 2\n', 2],
  ['yaml', 'deploy/b.yml', 'a: "open\n', 2],
  ['json', 'deploy/b.json', '{ a: 1 }\n', 1],
  ['file-name', 'packages/keelson/src/work/dateUtils2.ts', source('export const a = 1;'), 1],
  ['file-name', 'packages/keelson/src/work/common/a.ts', source('export const a = 1;'), 1],
  ['file-size', work, source(repeated(300, 'void 0;')), 1],
  ['function-size', work, source(`export function long(): void {\n${repeated(59, '  void 0;')}\n}`), 2],
  ['function-size', 'packages/keelson/src/work/long.test.ts', source(`export function long(): void {\n${repeated(59, '  void 0;')}\n}`), 2],
  ['first-sentence', work, 'export const a = 1;\n', 1],
  ['first-sentence', work, '/** No end */\nexport const a = 1;\n', 1],
  ['bounded', work, source('export function run(): number {\n  while (true) return 1;\n}'), 3],
  ['bounded', work, source('export function run(): number {\n  for (;;) return 1;\n}'), 3],
  ['throws-code', work, source('\n/**\n * Fails.\n *\n * @throws NOWHERE always.\n */\nexport const a = 1;'), 6],
  ['throws-code', work, source('\n/**\n * Fails.\n *\n * @throws when it likes.\n */\nexport const a = 1;'), 6],
  ['unit-last', work, source('export const maxRetries = 3;'), 2],
  ['unit-last', work, source('export interface Options {\n  readonly timeout: number;\n}'), 3],
  ['unit-last', work, source('export const wait = (delayMillis: number): number => delayMillis;'), 2],
  ['level', 'packages/keelson/src/schema/up.ts', source("export { run } from '../work/unit.ts';"), 2],
  ['level', 'packages/keelson/src/schema/beside.ts', source("import type { A } from '../config/load.ts';\nexport type B = A;"), 2],
  ['level-unknown', 'packages/keelson/src/extra/a.ts', source('export const a = 1;'), 1],
  ['own-door', 'packages/keelson/src/testing/a.ts', source("import { run } from '../work/index.ts';\nexport const a = run;"), 2],
  ['own-door', 'packages/keelson/src/testing/a.ts', source("import { run } from 'keelson/work';\nexport const a = run;"), 2],
  ['outside', work, source("import { app } from '../../../../apps/one/app.ts';\nexport const a = app;"), 2],
  ['exception-unused', 'layers.json', `${JSON.stringify({ ...layers, library: { ...layers.library, exceptions: [exception] } })}\n`, 1],
  ['cycle', 'packages/keelson/src/work/self.ts', source("import type { A } from './self.ts';\nexport type B = A;"), 1],
  ['role', 'apps/one/users/crud.ts', source('export const a = 1;'), 1],
  ['flow', 'apps/one/games/service.ts', source("import { routes } from './routes.ts';\nexport const a = routes;"), 2],
  ['flow', 'apps/one/games/service.ts', source("import { app } from '../app.ts';\nexport const a = app;"), 2],
  ['across', 'apps/one/games/service.ts', source("import { users } from '../users/table.ts';\nexport const a = users;"), 2],
  ['door', 'apps/one/games/service.ts', source("import { a } from 'keelson/inside';\nexport const b = a;"), 2],
  ['role-door', 'apps/one/games/table.ts', source("import { run } from 'keelson/work';\nexport const a = run;"), 2],
  ['app-border', 'apps/two/app.ts', source("import { app } from '../one/app.ts';\nexport const a = app;"), 2],
  ['app-border', 'apps/two/app.ts', source("import { run } from '../../packages/keelson/src/work/unit.ts';\nexport const a = run;"), 2],
  ['door-list', 'packages/keelson/src/work/index.ts', source("export * from './unit.ts';"), 2],
  ['documented', 'packages/keelson/src/work/unit.ts', source('export const run = 1;'), 2],
  ['link', 'docs/b.md', '[away](nowhere.md)\n', 1],
  ['link', 'docs/b.md', '[below](#nowhere)\n', 1],
  ['path', 'docs/b.md', 'See `packages/keelson/src/nowhere.ts`.\n', 1],
  ['path', 'docs/b.md', 'See `nowhere.ts`.\n', 1],
  ['command', 'docs/b.md', 'Run `npm run nothing`.\n', 1],
  ['command', 'docs/b.md', 'Run `npm run nothing -w packages/keelson`.\n', 1],
  ['command', 'docs/b.md', 'Run `npm test -w apps/nowhere`.\n', 1],
  ['command', 'docs/b.md', '```sh\nnpx nothing-here --flag\n```\n', 2],
  ['command', 'docs/b.md', '```sh\nPORT=1 node apps/two/app.ts serve\n```\n', 2],
  ['line-number', 'docs/b.md', 'See `docs/a.md:12`.\n', 1],
  ['lock', 'package-lock.json', '{ "packages": { "": { "dependencies": { "a": "1.0.0" } } } }', 1],
];

test('a clean repository has no faults', () => {
  assert.deepEqual(check({}), []);
});

for (const [rule, file, text, line] of planted) {
  test(`${rule} reports line ${line} of ${file}: ${text.trim().split('\n').at(-1)?.slice(0, 60)}`, () => {
    assert.deepEqual(check({ [file]: text }), [`${rule} ${file}:${line}`]);
  });
}

test('the body of a test may be longer than a function', () => {
  assert.deepEqual(
    check({ 'packages/keelson/src/work/long.test.ts': source(`test('long', () => {\n${repeated(70, '  void 0;')}\n});`) }),
    [],
  );
});

test('every rule has a planted fault', () => {
  const known = new Set(planted.map(([rule]) => rule));
  assert.deepEqual(
    tidyRules.filter((rule) => !known.has(rule)),
    [],
  );
});

test('a circle through several files, of types only, is reported once', () => {
  const circle = {
    'packages/keelson/src/work/one.ts': source("import type { Two } from './two.ts';\nexport type One = Two | 1;"),
    'packages/keelson/src/work/two.ts': source("import type { Three } from './three.ts';\nexport type Two = Three | 2;"),
    'packages/keelson/src/work/three.ts': source("export type Three = import('./one.ts').One | 3;"),
  };
  assert.deepEqual(check(circle), ['cycle packages/keelson/src/work/one.ts:1']);
});

test('a lock file may hold a package beside the one that asks for it, or further up', () => {
  const packages = { '': { dependencies: { a: '1' } }, 'node_modules/a': { optionalDependencies: { b: '1', c: '1' } } };
  const lock = JSON.stringify({ packages: { ...packages, 'node_modules/a/node_modules/b': {}, 'node_modules/c': {} } });
  assert.deepEqual(check({ 'package-lock.json': lock }), []);
});

test('an exception with a reason is allowed, one without a reason is not', () => {
  const up = source("export { run } from '../work/unit.ts';");
  const file = 'packages/keelson/src/schema/up.ts';
  const withException = (reason: string): string =>
    JSON.stringify({ ...layers, library: { ...layers.library, exceptions: [{ from: 'schema', to: 'work', reason }] } });
  assert.deepEqual(check({ [file]: up, 'layers.json': `${withException('It must.')}\n` }), []);
  assert.deepEqual(check({ [file]: up, 'layers.json': `${withException('')}\n` }), [`level ${file}:2`, 'exception-unused layers.json:1']);
});

test('the figures name what is too long, undocumented, bare or any', () => {
  const code = `export function bad(value: any): void {\n  throw new Error(String(value));\n${repeated(70, '  void 0;')}\n}`;
  const text = source(code);
  const sources = Object.entries({ ...good, 'packages/keelson/src/work/unit.ts': text.replaceAll('bad', 'run') });
  const { figures } = tidy(
    root,
    sources.map(([file, content]) => ({ path: file, text: content })),
  );
  const missed = figures.filter((figure) => !figure.met).map((figure) => `${figure.name} ${figure.value}`);
  assert.deepEqual(missed, [
    'lines of 2 functions, p90 73',
    'lines of the longest function (run, packages/keelson/src/work/unit.ts) 73',
    'documented of 2 exports 50 %',
    'bare throws 1',
    'any 1',
  ]);
});

test('the rules of this repository name every folder of the library', () => {
  assert.deepEqual(
    tidy(root)
      .problems.filter((problem) => problem.rule === 'level-unknown')
      .map((problem) => problem.message),
    [],
  );
  assert.ok(readFileSync(path.join(root, 'layers.json'), 'utf8').includes('packages/keelson/src'));
});

// INF-1
test('a client of a service outside, and what stands in for it, know of the app only what both offer', () => {
  const rules = readFileSync(path.join(root, 'layers.json'), 'utf8');
  const others = ['table', 'entity', 'repository', 'service', 'routes'];
  const files = Object.fromEntries(
    [...others, 'schema'].map((role) => [`apps/one/things/${role}.ts`, source(`export type ${role} = string;`)]),
  );
  for (const role of ['client', 'local']) {
    const file = `apps/one/things/${role}.ts`;
    const importing = (other: string): string => source(`import type { ${other} } from './${other}.ts';\nexport type ${role} = ${other};`);
    const foundIn = (text: string, place: string): string[] =>
      check({ ...files, [file]: source(`export type ${role} = string;`), [place]: text, 'layers.json': rules }).filter((fault) =>
        fault.includes(place),
      );
    assert.deepEqual(foundIn(importing('schema'), file), []);
    for (const other of others) assert.deepEqual(foundIn(importing(other), file), [`flow ${file}:2`]);
    assert.deepEqual(foundIn(source(`import { run } from 'keelson/work';\nexport const a = run;`), file), [`role-door ${file}:2`]);
    const service = 'apps/one/things/service.ts';
    assert.deepEqual(foundIn(source(`import type { ${role} } from './${role}.ts';\nexport type service = ${role};`), service), []);
    assert.deepEqual(
      foundIn(source(`import type { ${role} } from './${role}.ts';\nexport type table = ${role};`), 'apps/one/things/table.ts'),
      ['flow apps/one/things/table.ts:2'],
    );
  }
});

test('a feature goes routes, schema, service, repository, table, and each import back up is reported', () => {
  const rules = readFileSync(path.join(root, 'layers.json'), 'utf8');
  const flow = ['routes', 'service', 'repository', 'entity', 'table'];
  const files = Object.fromEntries(
    flow.map((role, level) => {
      const below = flow[level + 1];
      const down = below === undefined || role === 'routes' ? '' : `import type { ${below} } from './${below}.ts';\n`;
      return [`apps/one/things/${role}.ts`, source(`${down}export type ${role} = string;`)];
    }),
  );
  const backUp = flow.flatMap((role, level) => flow.slice(0, level).map((above) => [role, above] as const));
  for (const [role, above] of backUp) {
    const file = `apps/one/things/${role}.ts`;
    const text = source(`import type { ${above} } from './${above}.ts';\nexport type ${role} = ${above};`);
    const found = check({ ...files, [file]: text, 'layers.json': rules }).filter((fault) => fault.includes(file));
    assert.ok(
      found.some((fault) => fault === `flow ${file}:2`),
      `${role} imports ${above}: ${found.join()}`,
    );
  }
});
