/** LARP manager as a whole: its prefix, its document, who may call it from a browser, its probes, and its start and stop. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { testApp } from 'keelson/testing';
import { larpManager } from './app.ts';
import { type RunningLarp, startLarp } from './calls.fixture.ts';

const origin = 'https://larp.example.com';

let larp: RunningLarp;

before(async () => {
  larp = await startLarp({ CORS_ORIGINS: origin });
});

after(() => larp[Symbol.asyncDispose]());

const resources = ['character-groups', 'characters', 'games', 'gms', 'players', 'plots', 'users'];
const combined = ['characters', 'games', 'gms', 'players', 'plots'];

// LRP-4 LRP-15
test('the document names every call under the prefix, with its parameters, conditions and failures', async () => {
  const { status, text, body } = await larp.call('GET', '/openapi.json', { isRoot: true });
  assert.equal(status, 200);
  const paths = parseObject(body['paths']);
  for (const name of resources) {
    assert.ok(`/api/v1/${name}` in paths, name);
    const one = parseObject(paths[`/api/v1/${name}/{id}`]);
    assert.deepEqual(
      Object.keys(one)
        .filter((method) => method !== 'parameters')
        .toSorted(),
      // A user is not replaced: one who was shut out would be let in again.
      ['delete', 'get', 'patch', ...(name === 'users' ? [] : ['put'])],
      name,
    );
    assert.ok('412' in parseObject(parseObject(one['patch'])['responses']), name);
    assert.ok('304' in parseObject(parseObject(one['get'])['responses']), name);
  }
  for (const name of combined) assert.deepEqual(Object.keys(parseObject(paths[`/api/v1/combined/${name}/{id}`])), ['get']);
  for (const call of ['login', 'logout', 'refresh']) assert.ok(`/api/v1/auth/${call}` in paths, call);
  assert.ok(!/password_?hash/iu.test(text));
});

// LRP-4
test('CORS is for the origins that are named', async () => {
  const answer = await larp.call('GET', '/games', { headers: { origin } });
  assert.equal(answer.headers['access-control-allow-origin'], origin);
  const stranger = await larp.call('GET', '/games', { headers: { origin: 'https://evil.example.com' } });
  assert.equal(stranger.headers['access-control-allow-origin'], undefined);
});

// LRP-4
test('the app is a value that starts and stops as often as it is asked to, with its hooks around it and the prefix that is set', async () => {
  const told: string[] = [];
  const hooked = {
    ...larpManager,
    onStart: () => void told.push('start'),
    onStop: () => void told.push('stop'),
  };
  for (const [rounds, prefix] of ['/larp/v2', '/api/v1'].entries()) {
    await using running = await testApp(hooked, { isolation: 'database', environment: { API_V1_PREFIX: prefix } });
    for (const each of ['/larp/v2', '/api/v1']) {
      const { statusCode } = await running.inject({ method: 'GET', url: `${each}/games` });
      assert.equal(statusCode, each === prefix ? 401 : 404);
    }
    assert.equal(told.length, rounds * 2 + 1);
  }
  assert.deepEqual(told, ['start', 'stop', 'start', 'stop']);
});

// LRP-5
test('probes tell of the process, of readiness and of the database, and nothing of what is inside', async () => {
  const expected: Readonly<Record<string, readonly string[]>> = {
    '/health': ['status', 'timestamp', 'uptime_seconds', 'version'],
    '/health/live': ['status'],
    '/health/ready': ['status'],
    '/health/db': ['connection_pool', 'database_connected', 'migration_status', 'response_time_ms', 'status', 'timestamp'],
  };
  for (const [path, members] of Object.entries(expected)) {
    const { status, body, text, headers } = await larp.call('GET', path, { isRoot: true });
    assert.equal(status, 200, `${path} ${text}`);
    assert.equal(body['status'], 'healthy', text);
    assert.equal(headers['cache-control'], 'no-store');
    for (const member of members) assert.ok(member in body, `${path} has no ${member}: ${text}`);
    assert.ok(!/postgres(?:ql)?:\/\/|select |larp_manager/u.test(text), text);
  }
  const database = await larp.call('GET', '/health/db', { isRoot: true });
  assert.deepEqual([database.body['database_connected'], database.body['migration_status']], [true, 'up_to_date']);
});

function parseObject(value: unknown): Readonly<Record<string, unknown>> {
  assert.ok(typeof value === 'object' && value !== null, JSON.stringify(value));
  return value as Readonly<Record<string, unknown>>;
}
