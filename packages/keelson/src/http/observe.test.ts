/** Observation: metrics, spans and the lines of failures, as an operator sees them, with a real database behind. */
import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { test } from 'node:test';
import { type Context, context, type ContextManager, ROOT_CONTEXT, SpanKind, trace } from '@opentelemetry/api';
import { BasicTracerProvider, InMemorySpanExporter, type ReadableSpan, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { anna, type Bench, openBench } from './bench.fixture.ts';
import type { ServerChoices } from './notes.fixture.ts';

/** The samples of a text, by their name and labels. */
async function scrape(bench: Bench, headers: Record<string, string> = {}): Promise<ReadonlyMap<string, number>> {
  const { status, text, headers: answered } = await bench.call({ url: '/metrics', headers });
  assert.equal(status, 200);
  assert.equal(answered['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]));
}

const note = JSON.stringify({ title: 'One' });

// FND-2
test('the nine metrics of the pool are there by their names, and say how the pool stands', async () => {
  await using bench = await openBench();
  const { pool } = bench.database.postgres;
  const held = await pool.acquire('test');
  const samples = await scrape(bench);
  assert.equal(samples.get('db_client_connection_count{state="used"}'), 1);
  assert.equal(samples.get('db_client_connection_count{state="idle"}'), 0);
  assert.equal(samples.get('db_client_connection_idle_max'), 10);
  assert.equal(samples.get('db_client_connection_idle_min'), 0);
  assert.equal(samples.get('db_client_connection_max'), 10);
  assert.equal(samples.get('db_client_connection_pending_requests'), 0);
  assert.equal(samples.get('db_client_connection_timeouts_total'), 0);
  assert.equal(samples.get('db_client_connection_wait_time_seconds_count'), 1);
  assert.equal(samples.get('db_client_connection_use_time_seconds_count'), 0);
  const other = await pool.acquire('test');
  pool.release(held);
  pool.release(other);
  const later = await scrape(bench);
  assert.equal(later.get('db_client_connection_count{state="idle"}'), 2);
  assert.equal(later.get('db_client_connection_create_time_seconds_count'), 1);
  assert.equal(later.get('db_client_connection_use_time_seconds_count'), 2);
  assert.equal(later.get('db_client_connection_use_time_seconds_bucket{le="+Inf"}'), 2);
});

// FND-2
test('requests are counted by pattern and never by URL, statements by kind and holder, units by outcome', async () => {
  await using bench = await openBench();
  assert.equal((await bench.post('/api/v1/notes', note, anna)).status, 201);
  for (const id of ['01890000-0000-7000-8000-000000000001', '01890000-0000-7000-8000-000000000002']) {
    assert.equal((await bench.call({ url: `/api/v1/notes/${id}?secret=hunter2` })).status, 404);
    assert.equal((await bench.call({ url: `/nowhere/${id}` })).status, 404);
  }
  await bench.post('/api/v1/notes/broken', JSON.stringify({ title: 'Two' }));
  await bench.post('/api/v1/notes', note, anna);
  const samples = await scrape(bench);
  const requests = (labels: string): number | undefined => samples.get(`http_server_request_duration_seconds_count{${labels}}`);
  assert.equal(requests('method="POST",route="/api/v1/notes",status="201"'), 1);
  assert.equal(requests('method="GET",route="/api/v1/notes/:note_id",status="404"'), 2);
  assert.equal(requests('method="GET",route="none",status="404"'), 2);
  const names = [...samples.keys()].join('\n');
  assert.ok(!/01890000|hunter2|nowhere/u.test(names), names);
  const statements = (labels: string): number | undefined => samples.get(`db_client_operation_duration_seconds_count{${labels}}`);
  assert.equal(statements('operation="INSERT",holder="POST /api/v1/notes",outcome="ok"'), 1);
  assert.equal(statements('operation="INSERT",holder="POST /api/v1/notes",outcome="error"'), 1);
  assert.equal(statements('operation="SELECT",holder="read",outcome="ok"'), 2);
  assert.equal(statements('operation="ROLLBACK",holder="POST /api/v1/notes/broken",outcome="ok"'), 1);
  const units = (outcome: string): number | undefined => samples.get(`keelson_units_of_work_total{outcome="${outcome}"}`);
  assert.deepEqual([units('committed'), units('rolled_back'), units('retried')], [1, 2, 0]);
  assert.ok((samples.get('process_resident_memory_bytes') ?? 0) > 0);
});

test('metrics may be kept to this machine, a proxy on it kept out, or switched off and then nothing is measured', async () => {
  const production = { APP_ENV: 'production', SECRET_KEY: 'Vq3n8Xw1Lr6Zt0Yb5Kc9Hd2Gf7Js4Pm6AeUx' };
  for (const url of ['/metrics', '/health/db']) {
    await using bench = await openBench({ environment: { ...production, TRUST_PROXY: '1' } });
    const from = async (headers: Record<string, string>, remoteAddress = '127.0.0.1'): Promise<number> =>
      (await bench.call({ url, headers, remoteAddress })).status;
    assert.equal(await from({}), 200);
    assert.equal(await from({}, '10.0.0.7'), 404);
    assert.equal(await from({ 'x-forwarded-for': '10.0.0.7' }), 404);
    assert.equal(await from({ 'x-forwarded-for': '127.0.0.1' }, '10.0.0.7'), 404);
    assert.equal(await from({ forwarded: 'for=10.0.0.7' }), 404);
  }
  for (const url of ['/metrics', '/health/db']) {
    await using open = await openBench({ environment: { METRICS: 'open', HEALTH_DETAILS: 'open' } });
    assert.equal((await open.call({ url, remoteAddress: '10.0.0.7' })).status, 200);
  }
  await using off = await openBench({ environment: { METRICS: 'off', HEALTH_DETAILS: 'off' } });
  for (const url of ['/metrics', '/health/db']) assert.equal((await off.call({ url })).status, 404);
  assert.equal(off.database.postgres.watch.statement, undefined);
});

/** What the SDKs for Node bring: a context that follows what is awaited. */
class Following implements ContextManager {
  readonly #store = new AsyncLocalStorage<Context>();

  active(): Context {
    return this.#store.getStore() ?? ROOT_CONTEXT;
  }

  with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
    entered: Context,
    fn: F,
    thisArg?: ThisParameterType<F>,
    ...args: A
  ): ReturnType<F> {
    return this.#store.run(entered, () => fn.call(thisArg, ...args));
  }

  bind<T>(_context: Context, target: T): T {
    return target;
  }

  enable(): this {
    return this;
  }

  disable(): this {
    this.#store.disable();
    return this;
  }
}

interface Traced extends AsyncDisposable {
  readonly bench: Bench;
  /** The spans of what was called so far, the parent first. */
  spans(): readonly ReadableSpan[];
}

async function openTraced(choices: ServerChoices = {}): Promise<Traced> {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  assert.ok(trace.setGlobalTracerProvider(provider) && context.setGlobalContextManager(new Following()));
  const bench = await openBench(choices);
  return {
    bench,
    spans: () => {
      const spans = exporter.getFinishedSpans();
      exporter.reset();
      return [...spans.filter(({ kind }) => kind === SpanKind.SERVER), ...spans.filter(({ kind }) => kind !== SpanKind.SERVER)];
    },
    [Symbol.asyncDispose]: async () => {
      await bench[Symbol.asyncDispose]();
      await provider.shutdown();
      trace.disable();
      context.disable();
    },
  };
}

const caller = { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7' };

test('with an SDK a request is a span of the caller’s trace, its statements are children of it, and no value is told', async () => {
  await using traced = await openTraced();
  const { bench } = traced;
  const body = JSON.stringify({ title: 'hunter2' });
  const made = await bench.post('/api/v1/notes', body, { ...anna, traceparent: `00-${caller.traceId}-${caller.spanId}-01` });
  assert.equal(made.status, 201);
  const [server, ...statements] = traced.spans();
  assert.ok(server !== undefined);
  assert.deepEqual(
    [server.name, server.spanContext().traceId, server.parentSpanContext?.spanId],
    ['POST /api/v1/notes', caller.traceId, caller.spanId],
  );
  assert.equal(server.attributes['http.route'], '/api/v1/notes');
  assert.equal(server.attributes['http.response.status_code'], 201);
  assert.deepEqual(
    statements.map(({ name, kind, parentSpanContext }) => [name, kind, parentSpanContext?.spanId]),
    [['INSERT notes.notes', SpanKind.CLIENT, server.spanContext().spanId]],
  );
  const [insert] = statements;
  assert.equal(insert?.attributes['db.system.name'], 'postgresql');
  assert.equal(insert?.attributes['db.query.summary'], 'INSERT notes.notes');
  assert.match(String(insert?.attributes['db.namespace']), /^keelson/u);
  assert.ok(!JSON.stringify([server.attributes, insert?.attributes]).includes('hunter2'));
  assert.deepEqual(bench.log.of('http.request').at(-1)?.['trace_id'], caller.traceId);
});

test('a failed statement is an error by its SQLSTATE alone, and a request without a caller’s trace begins one', async () => {
  await using traced = await openTraced();
  const { bench } = traced;
  await bench.post('/api/v1/notes', note, anna);
  traced.spans();
  assert.equal((await bench.post('/api/v1/notes', note, anna)).status, 409);
  const [server, insert] = traced.spans();
  assert.equal(server?.parentSpanContext, undefined);
  assert.deepEqual(bench.log.of('http.request').at(-1)?.['trace_id'], server?.spanContext().traceId);
  assert.equal(insert?.attributes['db.response.status_code'], '23505');
  assert.equal(insert?.attributes['error.type'], '23505');
  assert.deepEqual([insert?.status.message, insert?.events], [undefined, []]);
  await bench.database.work(({ notes }) => notes.count());
  assert.deepEqual(traced.spans(), []);
  await bench.call({ url: '/api/v1/notes' });
  assert.deepEqual(
    traced.spans().map(({ name }) => name),
    ['GET /api/v1/notes', 'SELECT notes.notes'],
  );
});

test('the span of a call whose client went away ends too, and says so', async () => {
  const entered = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  await using traced = await openTraced({ services: { gate: gate.promise, entered: entered.resolve } });
  const { server } = traced.bench;
  const closed = Promise.withResolvers<void>();
  server.server.on('request', (_request, response) => response.once('close', closed.resolve));
  const url = await server.listen({ host: '127.0.0.1', port: 0 });
  const leaving = new AbortController();
  const call = fetch(`${url}/slow`, { signal: leaving.signal });
  await entered.promise;
  leaving.abort();
  await assert.rejects(call);
  await closed.promise;
  const [span] = traced.spans();
  assert.deepEqual(
    [span?.name, span?.attributes['error.type'], span?.attributes['http.response.status_code']],
    ['GET /slow', 'aborted', undefined],
  );
  gate.resolve();
});

test('without an SDK nothing is hung on requests or statements for its sake', async () => {
  await using bench = await openBench({ environment: { METRICS: 'off' } });
  await bench.call({ url: '/api/v1/notes' });
  assert.equal(bench.database.postgres.watch.statement, undefined);
  assert.ok(!('trace_id' in (bench.log.of('http.request').at(-1) ?? {})));
});

// GLK-13
test('a failure of the database is one line at error, with its SQLSTATE and whose request it was; a refusal is none', async () => {
  await using bench = await openBench();
  const { pool } = bench.database.postgres;
  const own = await bench.database.postgres.connect();
  await own.command('alter table notes.notes rename column title to name');
  const failed = await bench.post('/api/v1/notes', note, anna);
  await own.command('alter table notes.notes rename column name to title');
  await own.close();
  assert.equal(failed.status, 500);
  const errors = bench.log.lines.filter(({ level }) => level === 'error');
  assert.deepEqual(
    errors.map(({ event, fields }) => [event, fields['sqlstate'], fields['request_id']]),
    [['database.error', '42703', failed.json['request_id']]],
  );
  assert.equal(pool.stats.active, 0);
  await bench.post('/api/v1/notes', note, anna);
  assert.equal((await bench.post('/api/v1/notes', note, anna)).status, 409);
  assert.equal(bench.log.lines.filter(({ level }) => level === 'error').length, 1);
});

// GLK-13
test('a database that cannot be reached is its failure, without SQLSTATE; another service that cannot be is not', async () => {
  const refused = Object.assign(new TypeError('connect ECONNREFUSED 10.0.0.7:443'), { code: 'ECONNREFUSED' });
  const gate = Promise.reject(refused);
  gate.catch(() => undefined);
  await using bench = await openBench({ services: { gate } });
  assert.equal((await bench.call({ url: '/slow' })).status, 500);
  assert.equal((await bench.call({ url: '/fail/DATABASE_CONNECTION_FAILED' })).status, 503);
  const errors = bench.log.lines.filter(({ level }) => level === 'error');
  assert.deepEqual(
    errors.map(({ event, fields }) => [event, fields['sqlstate']]),
    [
      ['http.error', undefined],
      ['database.error', null],
    ],
  );
});
