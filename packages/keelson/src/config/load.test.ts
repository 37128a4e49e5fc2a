/** How settings are loaded: all problems at once, warnings for slips, and no secret in anything that is printed. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { inspect } from 'node:util';
import { isKeelsonError, type KeelsonError } from '../errors.ts';
import { redact } from '../redact.ts';
import { baseSettings } from './base.ts';
import type { Declarations } from './declaration.ts';
import { feature, integer, secret, text } from './kinds.ts';
import { defineSettings } from './definition.ts';
import { loadSettings, type LoadedSettings } from './load.ts';

const base = defineSettings(baseSettings);
const nowhere = '/nonexistent';
const goodSecret = randomBytes(48).toString('base64');

function load(environment: Record<string, string>): LoadedSettings<typeof baseSettings> {
  return loadSettings(base, { environment, directory: nowhere, terminal: false });
}

function refusal(declarations: Declarations, environment: Record<string, string>, directory = nowhere): KeelsonError {
  try {
    loadSettings(defineSettings(declarations), { environment, directory, terminal: false });
  } catch (error) {
    assert.ok(isKeelsonError(error, 'CONFIG_INVALID'));
    return error;
  }
  assert.fail('was taken');
}

async function folder(t: TestContext, env: string): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'keelson-load-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  await writeFile(join(path, '.env'), env);
  return path;
}

test('all problems are told at once, each with its name and a hint', () => {
  // LRP-14
  const error = refusal(baseSettings, {
    APP_ENV: 'production',
    DEBUG: 'true',
    PORT: '70000',
    LOG_LEVEL: 'loud',
    CORS_ORIGINS: '*',
    DATABASE_URL: 'mysql://app:hunter2@db/app',
    DB_POOL_SIZE: 'ten',
    SECRETKEY: 'hunter2',
  });
  assert.equal(
    error.message,
    [
      '7 settings are not valid:',
      '  PORT: 70000 is more than 65535. Write a whole number from 0 to 65535, without a unit.',
      "  LOG_LEVEL: 'loud' is not one of debug, info, warn, error, silent. Write one of debug, info, warn, error, silent.",
      '  DATABASE_URL: it does not begin with postgresql://. Write it as postgresql://user:password@host:5432/database.',
      "  DB_POOL_SIZE: 'ten' is not a whole number. Write a whole number from 1 to 1000, without a unit.",
      '  SECRET_KEY: it is required in production and not set. Set it: secret text, at least 32 bytes of real entropy (openssl rand -base64 48). Signs the access tokens.',
      '  DEBUG: it is on in production. Remove it, or write DEBUG=false.',
      '  CORS_ORIGINS: * with credentials lets any web page act as its visitor; it is refused in production. List the exact origins.',
      '  SECRETKEY is not a setting. Did you mean SECRET_KEY?',
    ].join('\n'),
  );
  assert.deepEqual(
    error.validationErrors?.map((each) => each.field),
    ['PORT', 'LOG_LEVEL', 'DATABASE_URL', 'DB_POOL_SIZE', 'SECRET_KEY', 'DEBUG', 'CORS_ORIGINS'],
  );
});

test('one problem is told in the singular', () => {
  assert.match(refusal(baseSettings, { PORT: 'x' }).message, /^One setting is not valid:\n {2}PORT: /);
});

test('a wrong APP_ENV is told, and the others are judged by what it resembles, or as in production', () => {
  // FND-1
  assert.match(refusal(baseSettings, { APP_ENV: 'prod' }).message, /Did you mean production\?\n.*SECRET_KEY: it is required in production/);
  assert.match(refusal(baseSettings, { APP_ENV: 'live' }).message, /SECRET_KEY: it is required in production/);
  assert.doesNotMatch(refusal(baseSettings, { APP_ENV: 'dev' }).message, /SECRET_KEY/);
});

test('an app that declares nothing of the base is still judged by APP_ENV', () => {
  assert.match(
    refusal({ KEY: secret({ description: 'x', requiredIn: ['staging'] }) }, { APP_ENV: 'staging' }).message,
    /KEY: it is required in staging/,
  );
});

test('NODE_ENV=production without APP_ENV is warned about: that is not production here', () => {
  assert.match(load({ NODE_ENV: 'production' }).warnings.join(), /NODE_ENV is production, but APP_ENV is not set/);
  assert.deepEqual(load({ NODE_ENV: 'production', APP_ENV: 'production', SECRET_KEY: goodSecret }).warnings, []);
});

test('an unknown KEELSON_ name and a near miss are warned about, in either source; other names are not', async (t) => {
  // INF-2
  const directory = await folder(t, 'DATABSE_URL=postgresql://db/app\nPOSTGRES_PASSWORD=x\n');
  const { warnings } = loadSettings(base, { environment: { KEELSON_SPEED: '1', DATABASE_POOL_SZIE: '3', HOME: '/root' }, directory });
  assert.deepEqual(warnings, [
    'KEELSON_SPEED is not a setting.',
    'DATABASE_POOL_SZIE is not a setting. Did you mean DATABASE_POOL_SIZE?',
    'DATABSE_URL is not a setting. Did you mean DATABASE_URL?',
  ]);
});

test('an alias is read; when it and the name differ in one source, the name holds and it is said', () => {
  // INF-2
  assert.equal(load({ DB_POOL_SIZE: '7' }).values.DATABASE_POOL_SIZE, 7);
  const both = load({ DB_POOL_SIZE: '7', DATABASE_POOL_SIZE: '8' });
  assert.equal(both.values.DATABASE_POOL_SIZE, 8);
  assert.deepEqual(both.warnings, [
    'DATABASE_POOL_SIZE and DB_POOL_SIZE name one setting and differ in the environment: DATABASE_POOL_SIZE holds.',
  ]);
  assert.deepEqual(load({ DB_POOL_SIZE: '8', DATABASE_POOL_SIZE: '8' }).warnings, []);
});

test('an alias in the environment wins over the name in .env', async (t) => {
  const directory = await folder(t, 'DATABASE_POOL_SIZE=3\nDB_POOL_SIZE=4\n');
  const fromEnvironment = loadSettings(base, { environment: { DB_POOL_SIZE: '7' }, directory });
  assert.equal(fromEnvironment.values.DATABASE_POOL_SIZE, 7);
  assert.deepEqual(fromEnvironment.warnings, []);
  const fromFile = loadSettings(base, { environment: {}, directory });
  assert.equal(fromFile.values.DATABASE_POOL_SIZE, 3);
  assert.match(fromFile.warnings.join(), /differ in the file \.env: DATABASE_POOL_SIZE holds/);
});

test('value and source of each setting are explained', async (t) => {
  // INF-2
  const directory = await folder(t, 'LOG_LEVEL=warn\nPORT=9000\n');
  const environment = { PORT: '9001', DB_POOL_SIZE: '7', DATABASE_URL: 'postgresql+asyncpg://app:hunter2@db/app', SECRET_KEY: goodSecret };
  const explained = new Map(
    loadSettings(base, { environment, directory })
      .explain()
      .map((each) => [each.name, each]),
  );
  assert.deepEqual([...explained.keys()], Object.keys(baseSettings));
  const brief = (name: string): unknown[] => [explained.get(name)?.value, explained.get(name)?.source, explained.get(name)?.alias];
  assert.deepEqual(brief('LOG_LEVEL'), ['warn', '.env', undefined]);
  assert.deepEqual(brief('PORT'), ['9001', 'environment', undefined]);
  assert.deepEqual(brief('DATABASE_POOL_SIZE'), ['7', 'environment', 'DB_POOL_SIZE']);
  assert.deepEqual(brief('DATABASE_URL'), ['postgresql://app:••••@db/app', 'environment', undefined]);
  assert.deepEqual(brief('SECRET_KEY'), ['•••• (32 bytes or more)', 'environment', undefined]);
  assert.deepEqual(brief('SECRET_KEY_PREVIOUS'), ['', 'default', undefined]);
  assert.deepEqual(brief('HOST'), ['127.0.0.1', 'default', undefined]);
  for (const each of explained.values()) assert.match(each.description, /\.$/);
});

test('the values are frozen', () => {
  const { values } = load({});
  assert.ok(Object.isFrozen(values));
});

test('no secret is in anything that is printed: values, explanation, JSON, log, warnings, errors', () => {
  // FND-1
  const secrets = {
    SECRET_KEY: `Zq9Zq9${goodSecret}`,
    SECRET_KEY_PREVIOUS: `${goodSecret}Zq9Zq9`,
    DATABASE_URL: 'postgresql://app:Zq9Zq9@db/app',
    DIRECT_DATABASE_URL: 'postgresql://app:Zq9Zq9@db/app?password=Zq9Zq9',
  };
  const loaded = load(secrets);
  const logged = redact({ loaded, values: loaded.values, explained: loaded.explain(), spread: { ...loaded.values } });
  const weak = refusal(baseSettings, {
    APP_ENV: 'production',
    SECRET_KEY: 'Zq9Zq9',
    SECRET_KEY_PREVIOUS: 'Zq9Zq9',
    DATABASE_URL: 'postgresql://app:Zq9Zq9#@db',
  });
  const outputs = [
    inspect(loaded, { depth: 9, showHidden: true }),
    inspect(loaded.values),
    JSON.stringify(loaded),
    JSON.stringify(loaded.explain()),
    loaded.warnings.join(),
    JSON.stringify(logged),
    JSON.stringify(redact(weak)),
    inspect(weak, { depth: 9 }),
    JSON.stringify(weak),
  ];
  for (const output of outputs) {
    assert.ok(output.length > 0 || output === loaded.warnings.join());
    assert.doesNotMatch(output, /Zq9/);
    assert.ok(!output.includes(goodSecret));
  }
  assert.equal(loaded.values.SECRET_KEY, secrets.SECRET_KEY, 'and yet it is there for whoever asks for it');
});

test('a password pasted into the wrong setting is not repeated', () => {
  const { message } = refusal(baseSettings, { HOST: 'postgresql://app:hunter2@db/app', PORT: 'postgresql://app:hunter2@db/app' });
  assert.match(message, /HOST: .*••••/);
  assert.doesNotMatch(message, /hunter2/);
});

test('a broken .env is one of the problems', async (t) => {
  // LRP-14
  const directory = await folder(t, 'PORT=8000\0\n');
  assert.match(
    refusal(baseSettings, { HOST: 'a b' }, directory).message,
    /^2 settings are not valid:\n {2}\.env: it is not text in UTF-8\. Save it as UTF-8\.\n {2}HOST: /,
  );
});

test('declarations are checked when they are made', () => {
  const make =
    (declarations: Declarations): (() => unknown) =>
    () =>
      defineSettings(declarations);
  const number = (aliases: readonly string[] = []): Declarations[string] => integer({ description: 'x', min: 0, max: 1, aliases });
  const misuse = (words: RegExp) => (error: unknown) => isKeelsonError(error, 'MISUSE') && words.test(error.message);
  assert.throws(make({ port: number() }), misuse(/port is not named LIKE_THIS/));
  assert.throws(make({ PORT_: number() }), misuse(/PORT_ is not named LIKE_THIS/));
  assert.throws(make({ A: number(['b']) }), misuse(/b is not named/));
  assert.throws(make({ A: number(['B']), B: number() }), misuse(/B is declared twice/));
  assert.throws(make({ A: number(['B', 'B']) }), misuse(/B is declared twice/));
  assert.throws(make({ REVEAL: feature({ description: 'x' }) }), misuse(/REVEAL: features/));
  assert.throws(make({ FEATURE_REVEAL: number() }), misuse(/FEATURE_REVEAL: features/));
});

test('an app adds features, and declares a setting of the base again with another default', () => {
  // LRP-1
  const definition = defineSettings({
    ...baseSettings,
    PROJECT_NAME: text({ description: 'The name.', default: 'LARP manager' }),
    DATABASE_POOL_SIZE: integer({ description: 'x', default: 20, min: 1, max: 1_000 }),
    FEATURE_COMBINED_VIEWS: feature({ description: 'Views that join.', default: true }),
  });
  const { values, explain } = loadSettings(definition, { environment: {}, directory: nowhere });
  assert.equal(values.PROJECT_NAME, 'LARP manager');
  assert.equal(values.DATABASE_POOL_SIZE, 20);
  assert.equal(values.FEATURE_COMBINED_VIEWS, true);
  assert.equal(explain().at(-1)?.name, 'FEATURE_COMBINED_VIEWS');
});

test('importing the settings in an empty environment never throws, writes nothing and reads no .env', async (t) => {
  // FND-1
  const directory = await folder(t, 'PORT=not-a-port\0\n');
  const run = spawnSync(
    process.execPath,
    ['--input-type=module', '--eval', `await import(${JSON.stringify(new URL('index.ts', import.meta.url).href)})`],
    {
      cwd: directory,
      env: {},
      encoding: 'utf8',
    },
  );
  assert.deepEqual([run.status, run.stdout, run.stderr], [0, '', '']);
});

test('without options the process is asked: its environment, its folder, its terminal', async (t) => {
  const directory = await folder(t, 'PORT=9000\nHOST=::1\n');
  const program = `
    const { baseSettings, defineSettings, loadSettings } = await import(${JSON.stringify(new URL('index.ts', import.meta.url).href)});
    const { values } = loadSettings(defineSettings(baseSettings));
    console.log(values.HOST, values.PORT, values.LOG_FORMAT);`;
  const run = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: directory,
    env: { PORT: '9001' },
    encoding: 'utf8',
  });
  assert.equal(run.stdout.trim(), '::1 9001 json', run.stderr);
});
