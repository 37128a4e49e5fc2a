/** The settings of LARP manager: the seed's names and defaults, every fault told at once, flags that are typed and listed. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { loadSettings, renderEnvExample } from 'keelson/config';
import { isKeelsonError } from 'keelson/errors';
import { settings } from './settings.ts';

const SECRET_KEY = 'Vq3n8Xw1Lr6Zt0Yb5Kc9Hd2Gf7Js4Pm6AeUx';
/** Where no `.env` lies. */
const directory = path.join(tmpdir(), 'keelson-nowhere');

const load = (environment: Readonly<Record<string, string>>) =>
  loadSettings(settings, { environment: { APP_ENV: 'test', SECRET_KEY, ...environment }, directory, terminal: false });

// LRP-1
test('the defaults are those of the seed', () => {
  const { values } = load({});
  assert.deepEqual(
    [values.PROJECT_NAME, values.PORT, values.API_V1_PREFIX, values.DEBUG, values.ALGORITHM],
    ['LARP Manager Server', 8002, '/api/v1', false, 'HS256'],
  );
  assert.deepEqual([values.DATABASE_POOL_SIZE, values.DATABASE_MAX_OVERFLOW, values.ACCESS_TOKEN_EXPIRE_MINUTES], [20, 0, 30]);
});

// LRP-1
test('the names of the seed are understood, with its form of the address of the database', () => {
  const { values } = load({
    DATABASE_URL: 'postgresql+asyncpg://user:password@localhost/larp_manager_db',
    DATABASE_POOL_SIZE: '7',
    DATABASE_MAX_OVERFLOW: '3',
    ACCESS_TOKEN_EXPIRE_MINUTES: '5',
    PROJECT_NAME: 'Our games',
  });
  assert.match(String(values.DATABASE_URL), /larp_manager_db/u);
  assert.deepEqual([values.DATABASE_POOL_SIZE, values.DATABASE_MAX_OVERFLOW, values.ACCESS_TOKEN_EXPIRE_MINUTES], [7, 3, 5]);
  assert.equal(load({ DB_POOL_SIZE: '9' }).values.DATABASE_POOL_SIZE, 9);
});

// LRP-1
test('a feature is a flag that is on or off, and is listed with its default', () => {
  assert.equal(load({}).values.FEATURE_REGISTRATION, true);
  assert.equal(load({ FEATURE_REGISTRATION: 'off' }).values.FEATURE_REGISTRATION, false);
  const listed = load({ FEATURE_REGISTRATION: 'false' })
    .explain()
    .find(({ name }) => name === 'FEATURE_REGISTRATION');
  assert.equal(listed?.source, 'environment');
  assert.match(renderEnvExample(settings), /FEATURE_REGISTRATION/u);
});

// LRP-1 LRP-14
test('everything that is wrong is told at once, and no secret is repeated', () => {
  const wrong = {
    APP_ENV: 'production',
    SECRET_KEY: 'too-short-to-be-a-secret',
    DEBUG: 'true',
    PORT: '70000',
    DATABASE_POOL_SIZE: 'many',
    ACCESS_TOKEN_EXPIRE_MINUTES: '0',
    FEATURE_REGISTRATION: 'perhaps',
  };
  assert.throws(
    () => load(wrong),
    (error: unknown) => {
      assert.ok(isKeelsonError(error, 'CONFIG_INVALID'), String(error));
      const told = `${error.message} ${error.detail ?? ''}`;
      for (const name of Object.keys(wrong).filter((key) => key !== 'APP_ENV'))
        assert.ok(told.includes(name), `${name} is not in: ${told}`);
      assert.ok(!told.includes(wrong.SECRET_KEY));
      return true;
    },
  );
});

// LRP-1
test('.env.example is what the declarations of the settings render', () => {
  assert.equal(readFileSync(new URL('.env.example', import.meta.url), 'utf8'), renderEnvExample(settings));
});
