/** The example file and the documents say what the declarations say, and the example works as it is. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { parseEnv } from 'node:util';
import { baseSettings } from './base.ts';
import { quoted, renderEnvExample, renderSettingsTable } from './example.ts';
import { choice, feature, integer, list, secret, text } from './kinds.ts';
import { appEnvironments, defineSettings } from './definition.ts';
import { loadSettings } from './load.ts';

const root = join(import.meta.dirname, '../../../..');
const base = defineSettings(baseSettings);

async function folderWith(t: TestContext, env: string): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'keelson-example-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  await writeFile(join(path, '.env'), env);
  return path;
}

function howToWrite(what: string, file: string): string {
  const program = `import { baseSettings, defineSettings, ${what} } from 'keelson/config'; console.log(${what}(defineSettings(baseSettings)).trimEnd());`;
  return `${file} differs from the declarations. What they say: node --input-type=module -e "${program}"`;
}

test('INF-2: .env.example is what the declarations render, to the letter', async () => {
  // INF-2
  assert.equal(await readFile(join(root, '.env.example'), 'utf8'), renderEnvExample(base), howToWrite('renderEnvExample', '.env.example'));
});

test('INF-2: .env.example lists every variable with a comment, its type, its default and what is allowed', async () => {
  // INF-2
  const blocks = (await readFile(join(root, '.env.example'), 'utf8')).trimEnd().split('\n\n').slice(1);
  assert.equal(blocks.length, Object.keys(baseSettings).length);
  for (const [at, [name, declaration]] of Object.entries(baseSettings).entries()) {
    const block = blocks[at] ?? '';
    const words = block.replaceAll(/^# /gm, '').replaceAll('\n', ' ');
    assert.match(block, new RegExp(`^${name}=.*$`, 'm'));
    assert.ok(words.startsWith(declaration.description), name);
    assert.ok(words.includes(`${declaration.form} · default: `), name);
  }
});

test('INF-2: .env.example loads unchanged, warns about nothing, and gives the defaults', async (t) => {
  // INF-2
  const directory = await folderWith(t, await readFile(join(root, '.env.example'), 'utf8'));
  const loaded = loadSettings(base, { environment: {}, directory, terminal: false });
  assert.deepEqual(loaded.warnings, []);
  assert.deepEqual({ ...loaded.values }, { ...loadSettings(base, { environment: {}, directory: '/nonexistent', terminal: false }).values });
});

test('the example holds no secret, and in production asks for one', async (t) => {
  // FND-1
  const example = renderEnvExample(base);
  for (const [name, declaration] of Object.entries(baseSettings))
    if (declaration.secret) assert.match(example, new RegExp(`^${name}=$`, 'm'));
  const directory = await folderWith(t, example);
  for (const environment of appEnvironments) {
    const load = (): unknown => loadSettings(base, { environment: { APP_ENV: environment }, directory });
    if (environment === 'production' || environment === 'staging') assert.throws(load, /SECRET_KEY: it is required/);
    else assert.doesNotThrow(load);
  }
});

test('an app renders its own settings the same way', async (t) => {
  // INF-2
  const definition = defineSettings({
    TITLE: text({ description: 'A title.', default: 'Ann\'s "#1" book' }),
    SHORT: text({ description: 'A title.', default: 'a b' }),
    BATCH_MAX: integer({ description: 'Rows in one batch.', default: 100, min: 1, max: 1_000, unit: 'rows', aliases: ['BATCH'] }),
    KEY: secret({ description: 'Signs.', default: 'never written', requiredIn: ['production'] }),
    NAMES: list({ description: 'Names.', default: ['a', 'b'] }),
    MODE: choice({ description: 'How.', values: ['x', 'y'], default: { note: 'x at home', value: () => 'x' as const } }),
    FEATURE_REVEAL: feature({ description: `Reveals ${'tokens '.repeat(30)}.` }),
  });
  const example = renderEnvExample(definition);
  assert.match(example, /^# Rows in one batch\.\n# whole number of rows, 1 to 1000 · default: 100 · also read as BATCH\nBATCH_MAX=100$/m);
  assert.match(example, /^# Signs\.\n# secret text · default: .* · required in production\nKEY=$/m);
  assert.match(example, /^NAMES=a,b$/m);
  assert.match(example, /^# one of x, y · default: x at home\nMODE=$/m);
  for (const line of example.split('\n')) assert.ok(line.length <= 120, line);
  const { values } = loadSettings(definition, { environment: {}, directory: await folderWith(t, example) });
  assert.equal(values.TITLE, 'Ann\'s "#1" book');
  assert.equal(values.SHORT, 'a b');
});

test('a secret default is not written, neither in the example nor in the documents', () => {
  const definition = defineSettings({ KEY: secret({ description: 'Signs.', default: 'hunter2hunter2' }) });
  assert.doesNotMatch(renderEnvExample(definition), /hunter2/);
  assert.doesNotMatch(renderSettingsTable(definition), /hunter2/);
});

test('a value that no quoting can carry is left out', () => {
  assert.equal(quoted('one\ntwo \'"`'), '');
  assert.equal(quoted(''), '');
  assert.equal(parseEnv(`A=${quoted('x # y')}`)['A'], 'x # y');
});

test('docs/settings.md holds the table that the declarations render', async () => {
  // INF-2
  const document = await readFile(join(root, 'docs/settings.md'), 'utf8');
  const table = /^\| name \|[^]*?(?=\n\n|\n$)/m.exec(document)?.[0] ?? '';
  assert.equal(`${table}\n`, renderSettingsTable(base), howToWrite('renderSettingsTable', 'docs/settings.md'));
});

test('a table keeps its form whatever a description holds', () => {
  const table = renderSettingsTable(defineSettings({ A: text({ description: 'one | two\nthree' }) }));
  assert.equal(table.split('\n').length, 4);
  assert.match(table, /\| one \\\| two three \|\n$/);
});
