/** The settings that every app reads: their defaults in each environment, and what production refuses. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { isKeelsonError } from '../errors.ts';
import { baseSettings, type BaseSettings } from './base.ts';
import { appEnvironments, defineSettings } from './definition.ts';
import { loadSettings } from './load.ts';

const base = defineSettings(baseSettings);
const goodSecret = randomBytes(32).toString('hex');

function load(environment: Record<string, string>, terminal = false): BaseSettings {
  return loadSettings(base, { environment, directory: '/nonexistent', terminal }).values;
}

function refusal(environment: Record<string, string>): string {
  try {
    load(environment);
  } catch (error) {
    assert.ok(isKeelsonError(error, 'CONFIG_INVALID'));
    return error.message;
  }
  assert.fail('was taken');
}

test('in an empty environment the defaults hold, and nothing is missing', () => {
  // FND-1 INF-2
  assert.deepEqual(
    { ...load({}) },
    {
      APP_ENV: 'development',
      PROJECT_NAME: 'Keelson',
      API_V1_PREFIX: '/api/v1',
      DEBUG: false,
      HOST: '127.0.0.1',
      PORT: 8000,
      CORS_ORIGINS: [],
      TRUST_PROXY: 0,
      WORKERS_IN_SERVER: 'on',
      WORKER_POLL_MS: 1_000,
      WORKER_DRAIN_MS: 10_000,
      RATE_LIMIT: 'on',
      RATE_LIMIT_PER_MINUTE: 300,
      HEALTH_DETAILS: 'open',
      METRICS: 'open',
      DRAIN_DELAY_MS: 0,
      LOG_LEVEL: 'info',
      LOG_FORMAT: 'json',
      DATABASE_URL: undefined,
      DIRECT_DATABASE_URL: undefined,
      SHADOW_DATABASE_URL: undefined,
      DATABASE_POOL_SIZE: 10,
      DATABASE_MAX_OVERFLOW: 0,
      DATABASE_POOL_WAIT_MS: 5_000,
      DATABASE_STATEMENT_TIMEOUT_MS: 5_000,
      DATABASE_LOCK_TIMEOUT_MS: 2_000,
      DATABASE_TRANSACTION_TIMEOUT_MS: 30_000,
      DATABASE_CONNECT_RETRY_MS: 30_000,
      DATABASE_POOLER: 'none',
      MIGRATE_ON_START: 'apply',
      SECRET_KEY: undefined,
      SECRET_KEY_PREVIOUS: [],
      ALGORITHM: 'HS256',
      ACCESS_TOKEN_EXPIRE_MINUTES: 15,
      REFRESH_TOKEN_IDLE_DAYS: 7,
      REFRESH_TOKEN_ABSOLUTE_DAYS: 30,
      PASSWORD_SCHEME: 'bcrypt',
      PASSWORD_MIN_LENGTH: 8,
    },
  );
});

test('what depends on the environment is open at home and closed elsewhere', () => {
  // FND-1
  for (const environment of appEnvironments) {
    const values = load({ APP_ENV: environment, SECRET_KEY: goodSecret });
    const home = environment === 'development' || environment === 'test';
    assert.equal(values.APP_ENV, environment);
    assert.equal(values.MIGRATE_ON_START, home ? 'apply' : 'check');
    assert.equal(values.HEALTH_DETAILS, home ? 'open' : 'loopback');
  }
});

test('the log is readable on a terminal and JSON elsewhere, unless it is said', () => {
  assert.equal(load({}, true).LOG_FORMAT, 'pretty');
  assert.equal(load({}, false).LOG_FORMAT, 'json');
  assert.equal(load({ LOG_FORMAT: 'json' }, true).LOG_FORMAT, 'json');
  assert.equal(load({ LOG_FORMAT: 'pretty' }, false).LOG_FORMAT, 'pretty');
});

test('DEBUG lowers the level of the log, unless it is said', () => {
  assert.equal(load({ DEBUG: '1' }).LOG_LEVEL, 'debug');
  assert.equal(load({ DEBUG: '1', LOG_LEVEL: 'error' }).LOG_LEVEL, 'error');
});

const weakSecrets: readonly (readonly [string, string, RegExp])[] = [
  ['missing', '', /SECRET_KEY: it is required in (?:production|staging) and not set\. Set it: .*openssl rand -base64 48/],
  ['short', randomBytes(15).toString('hex'), /SECRET_KEY: it is shorter than 32 bytes/],
  ['placeholder', 'your-secret-key-here-your-secret-key-here', /SECRET_KEY: it is a placeholder/],
  ['default', 'dev-secret-key-change-in-production-please', /SECRET_KEY: it is a placeholder/],
  ['low-entropy', 'abcabcabcabcabcabcabcabcabcabcabcabcabcabc', /SECRET_KEY: it repeats itself/],
];

for (const [what, secret, words] of weakSecrets) {
  test(`production and staging refuse a ${what} SECRET_KEY without repeating it, development and test go on`, () => {
    // FND-1
    for (const environment of ['production', 'staging']) {
      const said = refusal({ APP_ENV: environment, SECRET_KEY: secret });
      assert.match(said, words);
      if (secret !== '') assert.ok(!said.includes(secret));
    }
    for (const environment of ['development', 'test'])
      assert.equal(load({ APP_ENV: environment, SECRET_KEY: secret }).SECRET_KEY ?? '', secret);
  });
}

test('a weak former key is refused in production too', () => {
  // FND-1
  assert.match(
    refusal({ APP_ENV: 'production', SECRET_KEY: goodSecret, SECRET_KEY_PREVIOUS: 'changeme' }),
    /SECRET_KEY_PREVIOUS: it is a placeholder/,
  );
});

test('production refuses DEBUG; the others allow it', () => {
  // FND-1
  assert.match(refusal({ APP_ENV: 'production', SECRET_KEY: goodSecret, DEBUG: 'on' }), /DEBUG: it is on in production/);
  for (const environment of ['development', 'test', 'staging'])
    assert.equal(load({ APP_ENV: environment, SECRET_KEY: goodSecret, DEBUG: 'on' }).DEBUG, true);
});

test('production and staging refuse * as an origin, also among others; development and test allow it', () => {
  // FND-1
  for (const environment of ['production', 'staging']) {
    for (const origins of ['*', 'https://a.example,*']) {
      assert.match(refusal({ APP_ENV: environment, SECRET_KEY: goodSecret, CORS_ORIGINS: origins }), /CORS_ORIGINS: \* with credentials/);
    }
  }
  for (const environment of ['development', 'test'])
    assert.deepEqual(load({ APP_ENV: environment, CORS_ORIGINS: '*' }).CORS_ORIGINS, ['*']);
});

test('production refuses to go without the rate limit; tests go without it unless it is said', () => {
  // FND-1
  assert.match(refusal({ APP_ENV: 'production', SECRET_KEY: goodSecret, RATE_LIMIT: 'off' }), /RATE_LIMIT: it is off in production/);
  for (const environment of ['development', 'test', 'staging'])
    assert.equal(load({ APP_ENV: environment, SECRET_KEY: goodSecret, RATE_LIMIT: 'off' }).RATE_LIMIT, 'off');
  assert.equal(load({ APP_ENV: 'production', SECRET_KEY: goodSecret }).RATE_LIMIT, 'on');
  assert.equal(load({ APP_ENV: 'test' }).RATE_LIMIT, 'off');
});

test('a bad database URL is refused everywhere', () => {
  // FND-1
  for (const environment of appEnvironments) {
    assert.match(
      refusal({ APP_ENV: environment, SECRET_KEY: goodSecret, DATABASE_URL: 'db.example/app' }),
      /DATABASE_URL: it does not begin with postgresql/,
    );
    assert.match(
      refusal({ APP_ENV: environment, SECRET_KEY: goodSecret, DIRECT_DATABASE_URL: 'postgresql:///app' }),
      /DIRECT_DATABASE_URL: it names no host/,
    );
  }
});

test('the prefix of the API is a path without a slash at its end', () => {
  assert.equal(load({ API_V1_PREFIX: '/a/b-c/v1' }).API_V1_PREFIX, '/a/b-c/v1');
  for (const prefix of ['api', '/api/', '/', '//', '/a b'])
    assert.match(refusal({ API_V1_PREFIX: prefix }), /API_V1_PREFIX: .* Write a path like \/api\/v1/);
});

test('a session cannot idle longer than it lasts', () => {
  assert.match(refusal({ REFRESH_TOKEN_IDLE_DAYS: '31' }), /REFRESH_TOKEN_IDLE_DAYS: 31 is more than REFRESH_TOKEN_ABSOLUTE_DAYS \(30\)/);
  assert.equal(load({ REFRESH_TOKEN_IDLE_DAYS: '31', REFRESH_TOKEN_ABSOLUTE_DAYS: '31' }).REFRESH_TOKEN_IDLE_DAYS, 31);
});

test('every number has a least and a most, and neither can be passed', () => {
  // INF-2
  for (const [name, declaration] of Object.entries(baseSettings)) {
    const limits = /^whole number.*, (\d+) to (\d+)$/.exec(declaration.form);
    if (limits === null) continue;
    assert.match(refusal({ [name]: String(Number(limits[1]) - 1) }), new RegExp(`${name}: .* is less than ${limits[1]}\\.`));
    assert.match(refusal({ [name]: String(Number(limits[2]) + 1) }), new RegExp(`${name}: .* is more than ${limits[2]}\\.`));
  }
});

test('the 200 connections of seed 002 are allowed', () => {
  // LRP-1
  assert.equal(load({ DB_POOL_SIZE: '200' }).DATABASE_POOL_SIZE, 200);
});
