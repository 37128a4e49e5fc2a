/** Who may call from a browser, and how often anybody may call: exact origins, and the general limit per address. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Bench, Reply } from './bench.fixture.ts';
import { openBench } from './bench.fixture.ts';

const home = 'https://a.example';

function ask(bench: Bench, url: string, origin: string): Promise<Reply> {
  return bench.call({ url, headers: { origin } });
}

function preflight(bench: Bench, url: string, origin: string): Promise<Reply> {
  const headers = { origin, 'access-control-request-method': 'PATCH', 'access-control-request-headers': 'authorization,content-type' };
  return bench.call({ method: 'OPTIONS', url, headers });
}

const strangers = [
  'https://b.example',
  'http://a.example',
  'https://a.example:8443',
  'https://a.example.evil.example',
  'https://A.example',
  'null',
];

// GLK-8, LRP-4
test('a listed origin is answered by its name, with credentials, and caches are told', async () => {
  await using bench = await openBench({ environment: { CORS_ORIGINS: `${home},https://c.example` } });
  for (const url of ['/api/v1/notes', '/nowhere', '/health']) {
    const { headers } = await ask(bench, url, home);
    assert.equal(headers['access-control-allow-origin'], home, url);
    assert.equal(headers['access-control-allow-credentials'], 'true', url);
    assert.match(String(headers['access-control-expose-headers']), /retry-after, x-request-id/u, url);
    assert.match(String(headers['vary']), /Origin/u, url);
  }
  const asked = await preflight(bench, '/api/v1/notes', home);
  assert.deepEqual([asked.status, asked.text], [204, '']);
  assert.equal(asked.headers['access-control-allow-methods'], 'GET, HEAD, POST, PUT, PATCH, DELETE');
  assert.equal(asked.headers['access-control-allow-headers'], 'authorization,content-type');
  assert.equal(asked.headers['access-control-max-age'], '600');
});

// GLK-8, LRP-4
test('another origin is told nothing that a browser would take for a yes', async () => {
  await using bench = await openBench({ environment: { CORS_ORIGINS: home } });
  for (const origin of strangers) {
    const plain = await ask(bench, '/api/v1/notes', origin);
    const asked = await preflight(bench, '/api/v1/notes', origin);
    for (const { headers } of [plain, asked]) {
      assert.deepEqual(
        Object.keys(headers).filter((name) => name.startsWith('access-control-')),
        [],
        origin,
      );
      assert.match(String(headers['vary']), /Origin/u, origin);
    }
    assert.equal(plain.status, 200);
    assert.deepEqual([asked.status, asked.json['error']], [405, 'METHOD_NOT_ALLOWED'], origin);
  }
});

test('origins change nothing about what is there: an unknown path stays a 404', async () => {
  await using bench = await openBench({ environment: { CORS_ORIGINS: home } });
  assert.equal((await bench.call({ url: '/nowhere' })).json['error'], 'NOT_FOUND');
  assert.equal((await bench.call({ method: 'OPTIONS', url: '/nowhere' })).json['error'], 'NOT_FOUND');
  const wrong = await bench.call({ method: 'PATCH', url: '/api/v1/notes' });
  assert.deepEqual([wrong.status, wrong.headers['allow']], [405, 'GET, HEAD, POST']);
});

test('without origins no page of another site is answered for', async () => {
  await using bench = await openBench();
  for (const { headers } of [await ask(bench, '/api/v1/notes', home), await preflight(bench, '/api/v1/notes', home)])
    assert.equal(headers['access-control-allow-origin'], undefined);
});

// FND-4
test('an address that calls too often is told 429 and when to come back; unknown paths count, probes do not', async () => {
  await using bench = await openBench({ environment: { RATE_LIMIT: 'on', RATE_LIMIT_PER_MINUTE: '3', CORS_ORIGINS: home } });
  const first = await bench.call({ url: '/api/v1/notes' });
  assert.deepEqual([first.status, first.headers['ratelimit-limit'], first.headers['ratelimit-remaining']], [200, '3', '2']);
  assert.equal((await bench.call({ url: '/nowhere' })).status, 404);
  assert.equal((await bench.call({ url: '/api/v1/notes' })).status, 200);
  const refused = await ask(bench, '/api/v1/notes', home);
  assert.deepEqual([refused.status, refused.json['error']], [429, 'RATE_LIMITED']);
  assert.equal(refused.headers['content-type'], 'application/problem+json');
  const waitS = Number(refused.headers['retry-after']);
  assert.ok(waitS >= 1 && waitS <= 60, String(waitS));
  assert.deepEqual([refused.json['retry_after'], refused.headers['ratelimit-remaining']], [waitS, '0']);
  assert.equal(refused.headers['access-control-allow-origin'], home);
  for (const url of ['/health', '/health/live', '/health/ready', '/health/db']) assert.equal((await bench.call({ url })).status, 200, url);
  assert.equal((await bench.call({ url: '/api/v1/notes', remoteAddress: '192.0.2.7' })).status, 200);
});

test('an address cannot be made up: X-Forwarded-For counts only behind as many proxies as are trusted', async () => {
  const limited = { RATE_LIMIT: 'on', RATE_LIMIT_PER_MINUTE: '1' };
  const from = (forwarded: string): { url: string; headers: Record<string, string> } => ({
    url: '/api/v1/notes',
    headers: { 'x-forwarded-for': forwarded },
  });
  {
    await using bench = await openBench({ environment: limited });
    assert.equal((await bench.call(from('192.0.2.1'))).status, 200);
    assert.equal((await bench.call(from('192.0.2.2'))).status, 429);
  }
  await using bench = await openBench({ environment: { ...limited, TRUST_PROXY: '1' } });
  assert.equal((await bench.call(from('192.0.2.1'))).status, 200);
  assert.equal((await bench.call(from('192.0.2.2'))).status, 200);
  assert.equal((await bench.call(from('192.0.2.9, 192.0.2.2'))).status, 429);
});

test('where the limit is off nothing is counted and nothing is told', async () => {
  await using bench = await openBench({ environment: { RATE_LIMIT: 'off', RATE_LIMIT_PER_MINUTE: '1' } });
  for (let call = 0; call < 3; call += 1) {
    const { status, headers } = await bench.call({ url: '/api/v1/notes' });
    assert.deepEqual([status, headers['ratelimit-limit']], [200, undefined]);
  }
});
