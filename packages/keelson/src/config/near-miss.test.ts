/** Which names are taken for a slip of the hand, and which are left alone. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { baseSettings } from './base.ts';
import { nearestName, slips } from './near-miss.ts';

const declared = Object.entries(baseSettings).flatMap(([name, declaration]) => [name, ...declaration.aliases]);

const misses: readonly (readonly [string, string])[] = [
  ['DATABASE_POOL_SZIE', 'DATABASE_POOL_SIZE'],
  ['DATABSE_URL', 'DATABASE_URL'],
  ['DATABASE_ULR', 'DATABASE_URL'],
  ['DATABASEURL', 'DATABASE_URL'],
  ['database_url', 'DATABASE_URL'],
  ['databaseUrl', 'DATABASE_URL'],
  ['DATABASE-URL', 'DATABASE_URL'],
  ['KEELSON_DATABASE_URL', 'DATABASE_URL'],
  ['KEELSON_PORT', 'PORT'],
  ['KEELSON_DATABASE_POOL_SZIE', 'DATABASE_POOL_SIZE'],
  ['SECRETKEY', 'SECRET_KEY'],
  ['SECRET_KEYS', 'SECRET_KEY'],
  ['CORS_ORIGIN', 'CORS_ORIGINS'],
  ['LOGLEVEL', 'LOG_LEVEL'],
  ['LOG_LEVL', 'LOG_LEVEL'],
  ['MIGRATE_ON_STRAT', 'MIGRATE_ON_START'],
  ['DB_POOLSIZE', 'DB_POOL_SIZE'],
  ['port', 'PORT'],
  ['DEBUGG', 'DEBUG'],
];

for (const [name, meant] of misses) {
  test(`${name} is taken for ${meant}`, () => {
    assert.equal(nearestName(name, declared), meant);
  });
}

test('names of others are left alone', () => {
  for (const name of [
    'HOME', 'HOSTNAME', 'HOSTS', 'PATH', 'TERM', 'USER', 'NODE_ENV', 'POSTGRES_URL', 'PGPORT', 'TEST_DATABASE_URL', 'DATABASE_URL_2', 'DATABASE_URL2', 'POSTGRES_PASSWORD',
    'npm_config_cache', 'npm_package_version', 'SHELL', 'LOGNAME', 'XPC_SERVICE_NAME', 'KEELSON_UNHEARD_OF', 'A', '', '_', 'PORTS', 'x'.repeat(500),
  ]) {
    assert.equal(nearestName(name, declared), undefined, name);
  } // prettier-ignore
});

test('of several near names the nearest is told', () => {
  assert.equal(nearestName('WORKER_POLL_MSS', ['WORKER_POLL_MAX', 'WORKER_POLL_MS']), 'WORKER_POLL_MS');
});

test('slips are counted as the hand makes them', () => {
  assert.equal(slips('', ''), 0);
  assert.equal(slips('abc', 'abc'), 0);
  assert.equal(slips('', 'abc'), 3);
  assert.equal(slips('abc', 'acb'), 1);
  assert.equal(slips('abc', 'abcd'), 1);
  assert.equal(slips('abc', 'axc'), 1);
  assert.equal(slips('kitten', 'sitting'), 3);
});

test('one exchange of neighbours anywhere in a long name is one slip, whichever way one looks', () => {
  fc.assert(
    fc.property(fc.constantFrom(...declared.filter((name) => name.length >= 10)), fc.nat(), (name, seed) => {
      const at = seed % (name.length - 1);
      const slipped = `${name.slice(0, at)}${name.charAt(at + 1)}${name.charAt(at)}${name.slice(at + 2)}`;
      assert.ok(slips(slipped, name) <= 1);
      assert.equal(slips(slipped, name), slips(name, slipped));
      if (!declared.includes(slipped)) assert.equal(nearestName(slipped, declared), name);
    }),
  );
});
