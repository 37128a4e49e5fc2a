/** The edge: what hostile or broken clients send, over real sockets where that matters, is refused in the one form of failure. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { anna, openBench, type Reply } from './bench.fixture.ts';

function refusal({ status, json }: Reply): readonly unknown[] {
  return [status, json['error']];
}

function assertProblem(reply: Reply, status: number, error: string, name: string): void {
  assert.deepEqual([reply.status, reply.json['error']], [status, error], `${name}: ${reply.text}`);
  assert.equal(reply.headers['content-type'], 'application/problem+json', name);
  assert.equal(reply.json['request_id'], reply.headers['x-request-id'], name);
  for (const member of ['type', 'title', 'status', 'instance', 'message', 'timestamp'])
    assert.ok(member in reply.json, `${name} ${member}`);
}

// FND-4
test('a body may be 64 levels deep and have 1,000 keys, and no more', async () => {
  await using bench = await openBench();
  const nested = (depth: number): string => `{"title":"deep ${depth}","extra_data":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`;
  assert.equal((await bench.post('/api/v1/notes', nested(64), anna)).status, 201);
  assert.deepEqual(refusal(await bench.post('/api/v1/notes', nested(65), anna)), [400, 'MALFORMED_REQUEST']);
  const wide = (keys: number): string => {
    const members = Array.from({ length: keys - 2 }, (_, index) => `"k${index}":"a:b"`);
    return `{"title":"wide ${keys}","extra_data":{${members.join(',')}}}`;
  };
  assert.equal((await bench.post('/api/v1/notes', wide(1_000), anna)).status, 201);
  const wider = await bench.post('/api/v1/notes', wide(1_001), anna);
  assert.deepEqual([...refusal(wider), wider.json['message']], [400, 'MALFORMED_REQUEST', 'The body has more than 1000 keys.']);
});

// FND-4
test('names of the prototype are refused anywhere in a body, however they are written; as values they are text', async () => {
  await using bench = await openBench();
  const bodies = [
    '{"title":"a","__proto__":{"is_admin":true}}',
    '{"title":"a","extra_data":{"deep":[{"__proto__":1}]}}',
    '{"title":"a","extra_data":{"constructor":{"prototype":{"x":1}}}}',
    '{"title":"a","extra_data":{"prototype":1}}',
    String.raw`{"title":"a","extra_data":{"\u005f_proto__":1}}`,
    String.raw`{"title":"a","extra_data":{"constr\u0075ctor":1}}`,
  ];
  for (const body of bodies) assert.deepEqual(refusal(await bench.post('/api/v1/notes', body, anna)), [400, 'MALFORMED_REQUEST'], body);
  const said = await bench.post('/api/v1/notes', '{"title":"__proto__ and constructor","extra_data":["prototype"]}', anna);
  assert.deepEqual([said.status, said.json['title'], said.json['extra_data']], [201, '__proto__ and constructor', ['prototype']]);
  assert.ok(!('is_admin' in {}));
});

test('of a key that is there twice the last one holds', async () => {
  await using bench = await openBench();
  const made = await bench.post('/api/v1/notes', '{"title":"first","title":"last"}', anna);
  assert.deepEqual([made.status, made.json['title']], [201, 'last']);
});

// FND-4
test('a parameter that is there twice is refused where one is meant, and a list where a list is', async () => {
  await using bench = await openBench();
  for (const url of ['/api/v1/notes?page_size=1&page_size=2', '/api/v1/notes?sort_by=title&sort_by=title']) {
    const twice = await bench.call({ url });
    assert.deepEqual(refusal(twice), [422, 'VALIDATION_ERROR'], url);
  }
  assert.equal((await bench.call({ url: '/api/v1/notes?titles=a&titles=b' })).status, 200);
  const form = await bench.post('/api/v1/sessions', 'grant_type=password&username=a&username=b&password=c', {
    'content-type': 'application/x-www-form-urlencoded',
  });
  assert.deepEqual(refusal(form), [422, 'VALIDATION_ERROR']);
});

const shapes: readonly (readonly [name: string, text: string])[] = [
  ['a length and chunks', 'POST /api/v1/notes HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
  ['chunks and a length', 'POST /api/v1/notes HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n'],
  ['two lengths', 'POST /api/v1/notes HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde'],
  ['a list of lengths', 'POST /api/v1/notes HTTP/1.1\r\nHost: a\r\nContent-Length: 4, 4\r\n\r\nabcd'],
  ['a length with a sign', 'POST /api/v1/notes HTTP/1.1\r\nHost: a\r\nContent-Length: +4\r\n\r\nabcd'],
  ['a length below nothing', 'POST /api/v1/notes HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n'],
  ['lines without carriage returns', 'GET /health/live HTTP/1.1\nHost: a\n\n'],
  ['one bare line feed', 'GET /health/live HTTP/1.1\r\nHost: a\nX-Other: b\r\n\r\n'],
  ['a bare carriage return', 'GET /health/live HTTP/1.1\r\nHost: a\rX-Other: b\r\n\r\n'],
  ['a folded header', 'GET /health/live HTTP/1.1\r\nHost: a\r\nX-Other: b\r\n c\r\n\r\n'],
  ['a space before the colon', 'GET /health/live HTTP/1.1\r\nHost : a\r\n\r\n'],
  ['a NUL in a header', 'GET /health/live HTTP/1.1\r\nHost: a\r\nX-Other: a\0b\r\n\r\n'],
  ['chunks that are not last', 'POST /api/v1/notes HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n'],
  [
    'a chunk size that is none',
    'POST /api/v1/sessions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n',
  ],
  ['no Host', 'GET /health/live HTTP/1.1\r\nConnection: close\r\n\r\n'],
  ['two Hosts', 'GET /health/live HTTP/1.1\r\nHost: a\r\nhOST: b\r\nConnection: close\r\n\r\n'],
  ['no version', 'GET /health/live\r\n\r\n'],
  ['a version to come', 'GET /health/live HTTP/1.2\r\nHost: a\r\n\r\n'],
  ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['a method that nobody knows', 'BREW /health/live HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['bytes beyond ASCII in the path', 'GET /nowh\u00e9re HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['no HTTP at all', 'hello\r\n\r\n'],
  ['a space in the path', 'GET /a b HTTP/1.1\r\nHost: a\r\n\r\n'],
];

// FND-4
test('what two servers could read in two ways is answered 400, on the socket, and the socket is closed', async () => {
  await using bench = await openBench();
  for (const [name, text] of shapes) assertProblem(await bench.raw(text), 400, 'MALFORMED_REQUEST', name);
  assert.equal((await bench.raw('GET /health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')).status, 200);
});

// FND-4
test('headers beyond 16 kB are a 431', async () => {
  await using bench = await openBench();
  const large = await bench.raw(`GET /health/live HTTP/1.1\r\nHost: a\r\nX-Large: ${'x'.repeat(20_000)}\r\n\r\n`);
  assertProblem(large, 431, 'HEADERS_TOO_LARGE', 'one large header');
  const many = await bench.raw(
    `GET /health/live HTTP/1.1\r\nHost: a\r\n${Array.from({ length: 1_500 }, (_, at) => `X-${at}: xxxxx\r\n`).join('')}\r\n`,
  );
  assertProblem(many, 431, 'HEADERS_TOO_LARGE', 'many headers');
});

// FND-4
test('TRACE and CONNECT are a 405 everywhere, and send nothing back', async () => {
  await using bench = await openBench();
  for (const path of ['/api/v1/notes', '/health', '/nowhere']) {
    const traced = await bench.raw(`TRACE ${path} HTTP/1.1\r\nHost: a\r\nX-Token: hunter2\r\nConnection: close\r\n\r\n`);
    assertProblem(traced, 405, 'METHOD_NOT_ALLOWED', path);
    assert.ok('allow' in traced.headers && !traced.text.includes('hunter2'));
  }
  assertProblem(await bench.raw('CONNECT db.internal:5432 HTTP/1.1\r\nHost: a\r\n\r\n'), 405, 'METHOD_NOT_ALLOWED', 'CONNECT');
});

test('an unclear request that follows another on its socket is not made, and nothing after it', async () => {
  await using bench = await openBench();
  const first = 'GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n';
  const { status, text } = await bench.raw(`${first}${shapes[0]?.[1]}GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n`);
  assert.equal(status, 404);
  assert.doesNotMatch(text, /healthy|HTTP\/1\.1 2/u);
  assert.equal(bench.log.lines.filter(({ fields }) => fields['path'] === '/api/v1/notes' || fields['path'] === '/health/live').length, 0);
});

test('a compressed body is not read', async () => {
  await using bench = await openBench();
  const headers = { ...anna, 'content-encoding': 'gzip' };
  assert.deepEqual(refusal(await bench.post('/api/v1/notes', '{"title":"a"}', headers)), [415, 'UNSUPPORTED_MEDIA_TYPE']);
  assert.equal((await bench.post('/api/v1/notes', '{"title":"a"}', { ...anna, 'content-encoding': 'identity' })).status, 201);
  const get = 'GET /health/live HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n';
  assert.equal((await bench.raw(get)).status, 200, 'where no body is read, none is refused');
});

test('HTTP/1.0 needs no Host, and an upgrade that nobody offers is passed over', async () => {
  await using bench = await openBench();
  assert.equal((await bench.raw('GET /health/live HTTP/1.0\r\n\r\n')).status, 200);
  const upgrade = 'GET /health/live HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\n\r\n';
  assert.equal((await bench.raw(upgrade)).status, 200);
});

test('an expectation that nobody knows is passed over', async () => {
  await using bench = await openBench();
  const reply = await bench.raw('GET /health/live HTTP/1.1\r\nHost: a\r\nExpect: a miracle\r\nConnection: close\r\n\r\n');
  assert.equal(reply.status, 200);
});

// FND-4
test('a head and a body that do not come are waited for no longer than the limits say, then told 408', async () => {
  await using bench = await openBench({ limits: { headersMs: 50, requestMs: 150, checkMs: 20 } });
  assertProblem(await bench.raw('GET /health/live HTTP/1.1\r\nHost: a\r\nX-Slow'), 408, 'REQUEST_TIMEOUT', 'half of a head');
  const half = 'POST /api/v1/sessions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"email"';
  assertProblem(await bench.raw(half), 408, 'REQUEST_TIMEOUT', 'half of a body');
});

test('where nothing else is said a head has 10 s, a request 30 s, and a quiet connection outlasts that of a proxy', async () => {
  await using bench = await openBench();
  const { headersTimeout, requestTimeout, keepAliveTimeout } = bench.server.server;
  assert.deepEqual([headersTimeout, requestTimeout], [10_000, 30_000]);
  assert.ok(keepAliveTimeout > 65_000);
});
