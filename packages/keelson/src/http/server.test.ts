/** The server as a client sees it: bodies, answers, failures, headers and documents, with a real database behind it. */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import type { FastifyInstance, InjectOptions } from 'fastify';
import { catalogue } from '../errors.ts';
import { testDatabase } from '../testing/database.ts';
import { model, notesServer, type RecordingLog, type ServerChoices } from './notes.fixture.ts';

interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
  readonly json: Readonly<Record<string, unknown>>;
}

interface Bench extends AsyncDisposable {
  readonly server: FastifyInstance;
  readonly log: RecordingLog;
  readonly database: Awaited<ReturnType<typeof testDatabase<typeof model.repositories>>>;
  call(options: InjectOptions): Promise<Reply>;
  post(url: string, payload: unknown, headers?: Record<string, string>): Promise<Reply>;
}

async function open(choices: ServerChoices = {}): Promise<Bench> {
  const database = await testDatabase({ model });
  const { server, log, close } = await notesServer(database, choices);
  const call = async (options: InjectOptions): Promise<Reply> => {
    const { statusCode, headers, payload } = await server.inject(options);
    return { status: statusCode, headers, text: payload, json: parseJson(payload) };
  };
  return {
    server,
    log,
    database,
    call,
    post: (url, payload, headers = {}) =>
      call({ method: 'POST', url, payload: JSON.stringify(payload), headers: { 'content-type': 'application/json', ...headers } }),
    [Symbol.asyncDispose]: async () => {
      await close();
      await database[Symbol.asyncDispose]();
    },
  };
}

function parseJson(text: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(text) as Readonly<Record<string, unknown>>;
  } catch {
    return {};
  }
}

const anna = { authorization: 'Bearer anna' };

// INF-3
test('an answer of success comes after the commit, in the names of the wire, with what is declared and nothing else', async () => {
  await using bench = await open();
  const made = await bench.post('/api/v1/notes', { title: 'One', extra_data: { some_key: [1] } }, anna);
  assert.equal(made.status, 201);
  assert.deepEqual(Object.keys(made.json), ['id', 'title', 'author_name', 'extra_data', 'created_at']);
  assert.equal(made.json['author_name'], 'anna');
  assert.deepEqual(made.json['extra_data'], { some_key: [1] });
  assert.match(String(made.json['created_at']), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/u);
  assert.equal(made.headers['location'], `/api/v1/notes/${String(made.json['id'])}`);
  assert.equal(made.headers['content-type'], 'application/json; charset=utf-8');
  assert.ok(!made.text.includes('hash'));
  await using other = await bench.database.postgres
    .connect()
    .then((connection) => ({ connection, [Symbol.asyncDispose]: () => connection.close() }));
  const seen = await other.connection.command('select title from notes.notes');
  assert.deepEqual(seen.rows, [['One']]);
  const read = await bench.call({ url: `/api/v1/notes/${String(made.json['id'])}` });
  // The same moment; PostgreSQL leaves out zeros at the end of a fraction.
  const createdAt = new Date(String(read.json['created_at'])).toISOString();
  assert.deepEqual({ ...read.json, created_at: createdAt }, made.json);
});

// INF-3
test('a throw after a write leaves nothing, and its error is answered', async () => {
  await using bench = await open();
  const failed = await bench.post('/api/v1/notes/broken', { title: 'Two' });
  assert.equal(failed.status, 409);
  assert.equal(failed.json['message'], 'It failed after the write.');
  assert.deepEqual((await bench.call({ url: '/api/v1/notes' })).json, { items: [], page_size: 20 });
});

test('what a unique index refuses is a 409, without the names of tables', async () => {
  await using bench = await open();
  await bench.post('/api/v1/notes', { title: 'One' }, anna);
  const twice = await bench.post('/api/v1/notes', { title: 'One' }, anna);
  assert.equal(twice.status, 409);
  assert.equal(twice.json['error'], 'CONFLICT');
  assert.ok(!/notes_|insert|23505/u.test(twice.text.replace('/api/v1/notes', '')), twice.text);
});

test('an answer without a body is empty', async () => {
  await using bench = await open();
  const made = await bench.post('/api/v1/notes', { title: 'One' }, anna);
  const gone = await bench.call({ method: 'DELETE', url: `/api/v1/notes/${String(made.json['id'])}`, headers: anna });
  assert.deepEqual([gone.status, gone.text, gone.headers['content-type']], [204, '', undefined]);
  assert.equal((await bench.call({ url: `/api/v1/notes/${String(made.json['id'])}` })).status, 404);
});

// FND-4
test('what does not fit is told field by field, of the whole request at once', async () => {
  await using bench = await open();
  const list = await bench.call({ url: '/api/v1/notes?page_size=101&sort_by=secret&page=1' });
  assert.equal(list.status, 422);
  assert.deepEqual(list.json['validation_errors'], [
    { field: 'query.page_size', message: 'must be at most 100' },
    { field: 'query.sort_by', message: 'must be one of title, createdAt' },
    { field: 'query.page', message: 'is not a known field' },
  ]);
  const body = await bench.post('/api/v1/notes', { title: 'x'.repeat(41), is_admin: 'hunter2' }, anna);
  assert.deepEqual(body.json['validation_errors'], [
    { field: 'body.title', message: 'must have at most 40 characters' },
    { field: 'body.is_admin', message: 'is not a known field' },
  ]);
  assert.ok(!body.text.includes('hunter2'));
  const key = await bench.call({ url: '/api/v1/notes/7' });
  assert.deepEqual(key.json['validation_errors'], [{ field: 'params.note_id', message: 'must be a UUID' }]);
});

// FND-4
test('what cannot be read is malformed', async () => {
  await using bench = await open();
  const deep = `{"title":"a","extra_data":${'['.repeat(70)}${']'.repeat(70)}}`;
  const bodies: [string, string | Buffer][] = [
    ['nothing', ''],
    ['half of an object', '{"title":'],
    ['a NUL character', String.raw`{"title":"a\u0000b"}`],
    ['a NUL character in a name', String.raw`{"title":"a","extra_data":{"\u0000":1}}`],
    ['half of a surrogate pair', String.raw`{"title":"\ud800"}`],
    ['bytes that are not UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d])],
    ['too many levels', deep],
  ];
  for (const [name, payload] of bodies) {
    const refused = await bench.call({
      method: 'POST',
      url: '/api/v1/notes',
      payload,
      headers: { 'content-type': 'application/json', ...anna },
    });
    assert.deepEqual([refused.status, refused.json['error']], [400, 'MALFORMED_REQUEST'], name);
  }
  const escaped = await bench.post('/api/v1/notes', { title: String.raw`\u0000 😀` }, anna);
  assert.equal(escaped.status, 201);
  for (const url of ['/api/v1/notes?titles=%00', '/api/v1/notes?titles=%FF', '/api/v1/notes/%FF', '/api/v1/notes/%zz']) {
    assert.equal((await bench.call({ url })).json['error'], 'MALFORMED_REQUEST', url);
  }
});

test('bodies of another type, and bodies too large, are refused as such', async () => {
  await using bench = await open();
  const typed = await bench.call({
    method: 'POST',
    url: '/api/v1/notes',
    payload: '<a/>',
    headers: { 'content-type': 'text/xml', ...anna },
  });
  assert.deepEqual([typed.status, typed.json['error']], [415, 'UNSUPPORTED_MEDIA_TYPE']);
  const large = await bench.post('/api/v1/notes', { title: 'a', extra_data: 'x'.repeat(102_400) }, anna);
  assert.deepEqual([large.status, large.json['error']], [413, 'PAYLOAD_TOO_LARGE']);
});

// INF-9
test('a form is read where the route takes forms, and nowhere else', async () => {
  await using bench = await open();
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const form = 'grant_type=password&username=a%40b.org&password=x+y';
  const read = await bench.call({ method: 'POST', url: '/api/v1/sessions', payload: form, headers });
  assert.deepEqual([read.status, read.json], [200, { who: 'a@b.org' }]);
  assert.equal((await bench.post('/api/v1/sessions', { email: 'c', password: 'd' })).json['who'], 'c');
  const broken = await bench.call({ method: 'POST', url: '/api/v1/sessions', payload: 'username=%ff', headers });
  assert.equal(broken.json['error'], 'MALFORMED_REQUEST');
  const missing = await bench.call({ method: 'POST', url: '/api/v1/sessions', payload: 'grant_type=password&username=a', headers });
  assert.deepEqual(missing.json['validation_errors'], [{ field: 'body.password', message: 'is required' }]);
  const elsewhere = await bench.call({ method: 'POST', url: '/api/v1/notes', payload: form, headers: { ...headers, ...anna } });
  assert.equal(elsewhere.status, 415);
});

// GLK-14
test('a route that takes bytes is given them as they were sent, whatever they are, and up to its own limit', async () => {
  await using bench = await open();
  const headers = { 'content-type': 'application/json' };
  const echoOf = async (payload: Buffer): Promise<unknown> =>
    (await bench.call({ method: 'POST', url: '/bytes', payload, headers })).json['base64'];
  for (const sent of ['{ "a" :\t1}\n', '{"broken', '[', '\ufeff{}', '"\\u0000"', 'x'.repeat(150_000)]) {
    const bytes = Buffer.from(sent);
    assert.equal(await echoOf(bytes), bytes.toString('base64'));
  }
  assert.equal(await echoOf(Buffer.from([0xff, 0x00, 0xfe])), '/wD+');
  const large = await bench.call({ method: 'POST', url: '/bytes', payload: Buffer.alloc(200_001), headers });
  assert.deepEqual([large.status, large.json['error']], [413, 'PAYLOAD_TOO_LARGE']);
  const form = await bench.call({ method: 'POST', url: '/bytes', payload: 'a=b', headers: { 'content-type': 'text/plain' } });
  assert.equal(form.status, 415);
  const elsewhere = await bench.post('/api/v1/notes', { title: 'a', extra_data: 'x'.repeat(150_000) }, anna);
  assert.equal(elsewhere.status, 413);
});

// INF-6
test('the guard decides before the body is read', async () => {
  await using bench = await open();
  const stranger = await bench.call({
    method: 'POST',
    url: '/api/v1/notes',
    payload: '{"broken',
    headers: { 'content-type': 'application/json' },
  });
  assert.deepEqual([stranger.status, stranger.json['error'], stranger.headers['www-authenticate']], [401, 'UNAUTHENTICATED', 'Bearer']);
  const mallory = await bench.post('/api/v1/notes', { title: 'a' }, { authorization: 'Bearer mallory' });
  assert.deepEqual([mallory.status, mallory.json['error'], mallory.headers['www-authenticate']], [403, 'FORBIDDEN', undefined]);
});

test('an unknown path is a 404, a known path with another method a 405 that says which', async () => {
  await using bench = await open();
  const nowhere = await bench.call({ method: 'POST', url: '/api/v1/nowhere', payload: '<a/>', headers: { 'content-type': 'text/xml' } });
  assert.deepEqual([nowhere.status, nowhere.json['error']], [404, 'NOT_FOUND']);
  const wrong = await bench.call({ method: 'PATCH', url: '/api/v1/notes' });
  assert.deepEqual([wrong.status, wrong.json['error'], wrong.headers['allow']], [405, 'METHOD_NOT_ALLOWED', 'GET, HEAD, POST']);
  const byKey = await bench.call({ method: 'PUT', url: '/api/v1/notes/7' });
  assert.equal(byKey.headers['allow'], 'DELETE, GET, HEAD');
});

// FND-4
test('every code answers with every member, and none with what is inside', async () => {
  await using bench = await open();
  for (const code of Object.keys(catalogue)) {
    const { status, headers, json, text } = await bench.call({ url: `/fail/${code}?token=hunter3` });
    for (const member of ['type', 'title', 'status', 'instance', 'error', 'message', 'timestamp', 'request_id'])
      assert.ok(member in json, `${code} ${member}`);
    assert.equal(headers['content-type'], 'application/problem+json');
    assert.deepEqual([json['status'], json['instance'], json['request_id']], [status, `/fail/${code}`, headers['x-request-id']]);
    assert.equal(json['type'], `/errors/${String(json['error'])}`);
    assert.equal((await bench.call({ url: `/errors/${String(json['error'])}` })).status, 200);
    if (status >= 500) assert.ok(!text.replace(`/fail/${code}`, '').includes('hunter') && !text.includes('db.internal'), text);
    assert.equal('retry_after' in json, 'retry-after' in headers);
  }
  assert.equal((await bench.call({ url: '/fail/POOL_EXHAUSTED' })).headers['retry-after'], '1');
  assert.equal((await bench.call({ url: '/fail/MISUSE' })).json['error'], 'INTERNAL_SERVER_ERROR');
});

// FND-4
test('a crash is a 500 that says nothing, and the log says all', async () => {
  await using bench = await open();
  const crashed = await bench.call({ url: '/fail/none' });
  assert.deepEqual([crashed.status, crashed.json['error']], [500, 'INTERNAL_SERVER_ERROR']);
  assert.ok(!/hunter2|TypeError|stack|\.ts/u.test(crashed.text), crashed.text);
  const [line] = bench.log.of('http.error');
  assert.equal(line?.['request_id'], crashed.json['request_id']);
  assert.ok(line?.['error'] instanceof TypeError);
  assert.equal((await bench.call({ url: '/fail/418' })).status, 400);
});

test('who named a version in If-Match is told that this failed', async () => {
  await using bench = await open();
  assert.equal((await bench.call({ url: '/fail/STALE_VERSION' })).status, 409);
  const named = await bench.call({ url: '/fail/STALE_VERSION', headers: { 'if-match': '"1"' } });
  assert.deepEqual([named.status, named.json['error']], [412, 'PRECONDITION_FAILED']);
});

// LRP-8
test('the id of a request is ours, or the client’s own where it is harmless', async () => {
  await using bench = await open();
  const ours = await bench.call({ url: '/nowhere' });
  assert.match(String(ours.headers['x-request-id']), /^[0-9a-f]{8}-[0-9a-f]{4}-7/u);
  const theirs = await bench.call({ url: '/nowhere', headers: { 'x-request-id': 'trace-1234' } });
  assert.equal(theirs.json['request_id'], 'trace-1234');
  for (const id of ['short', 'a b c d e f', 'x'.repeat(129), 'line\u0000break']) {
    const { headers } = await bench.call({ url: '/nowhere', headers: { 'x-request-id': id } });
    assert.notEqual(headers['x-request-id'], id);
  }
});

// GLK-13
test('each request is one line, with the pattern of its route and without its query', async () => {
  await using bench = await open();
  await bench.call({ url: '/api/v1/notes?titles=secret' });
  const refused = await bench.call({ url: '/api/v1/notes/7' });
  const [first, second, ...more] = bench.log.of('http.request');
  assert.deepEqual(more, []);
  assert.deepEqual(
    { ...first, request_id: '', duration_ms: 0 },
    { request_id: '', method: 'GET', path: '/api/v1/notes', route: '/api/v1/notes', status: 200, duration_ms: 0 },
  );
  assert.deepEqual(
    [second?.['route'], second?.['error'], second?.['request_id']],
    ['/api/v1/notes/:note_id', 'VALIDATION_ERROR', refused.json['request_id']],
  );
  assert.ok(!JSON.stringify(bench.log.lines).includes('secret'));
});

test('every answer carries the headers that keep a browser from guessing', async () => {
  await using bench = await open();
  for (const url of ['/api/v1/notes', '/nowhere', '/health', '/%zz']) {
    const { headers } = await bench.call({ url });
    assert.equal(headers['x-content-type-options'], 'nosniff', url);
    assert.equal(headers['cache-control'], 'no-store', url);
    assert.equal(headers['content-security-policy'], "default-src 'none'; frame-ancestors 'none'", url);
    assert.equal(headers['strict-transport-security'], undefined, url);
  }
});

// GLK-8, LRP-4
test('only the listed origins may call from a browser', async () => {
  await using closed = await open();
  assert.equal(
    (await closed.call({ url: '/health/live', headers: { origin: 'https://a.example' } })).headers['access-control-allow-origin'],
    undefined,
  );
  await closed[Symbol.asyncDispose]();
  await using bench = await open({ environment: { CORS_ORIGINS: 'https://a.example' } });
  const preflight = { origin: 'https://a.example', 'access-control-request-method': 'POST' };
  const allowed = await bench.call({ method: 'OPTIONS', url: '/api/v1/notes', headers: preflight });
  assert.deepEqual([allowed.status, allowed.headers['access-control-allow-origin']], [204, 'https://a.example']);
  const refused = await bench.call({ url: '/api/v1/notes', headers: { origin: 'https://b.example' } });
  assert.notEqual(refused.headers['access-control-allow-origin'], 'https://b.example');
});

test('neither Ajv nor fast-json-stringify is loaded, and plain Fastify routes are checked all the same', async () => {
  await using bench = await open({
    app: {
      extend: (server) => {
        const body = { type: 'object', required: ['a'], properties: { a: { type: 'integer' } } };
        server.post('/plain', { schema: { body, response: { 200: { type: 'object' } } } }, (request, reply) => reply.send(request.body));
      },
    },
  });
  assert.deepEqual((await bench.post('/plain', { a: 1, b: 2 })).json, { a: 1, b: 2 });
  const refused = await bench.post('/plain', { a: 'x' });
  assert.deepEqual([refused.status, refused.json['validation_errors']], [422, [{ field: 'body.a', message: 'must be integer' }]]);
  const loaded = Object.keys(createRequire(import.meta.url).cache);
  assert.ok(loaded.some((file) => file.includes('/fastify/')));
  assert.deepEqual(
    loaded.filter((file) => /\/ajv|fast-json-stringify\/index|json-stringify-compiler|ajv-compiler/u.test(file)),
    [],
  );
});

// INF-9
test('the page of the documents is strict, and its files are there', async () => {
  await using bench = await open();
  const page = await bench.call({ url: '/docs' });
  assert.match(String(page.headers['content-security-policy']), /script-src 'self'; style-src 'self'/u);
  assert.ok(!/unsafe|<script>|style=/u.test(page.text));
  for (const [, file = ''] of page.text.matchAll(/(?:href|src)="(\/[^"]+)"/gu)) {
    assert.equal((await bench.call({ url: file })).status, 200, file);
  }
});
