/** The request context: its id, its trace, its user and its tenant, in handlers, below them, in log lines and in the database. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { currentRequest, runInRequest } from '../context.ts';
import { createLog } from '../log.ts';
import { anna, openBench } from './bench.fixture.ts';
import { traceOf } from './trace.ts';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const parentId = '00f067aa0ba902b7';
const traceparent = `00-${traceId}-${parentId}-01`;

// LRP-8
test('a handler knows for whom it runs and since when, and so does all that runs below it', async () => {
  await using bench = await openBench();
  const headers = { ...anna, 'x-request-id': 'request-1234', traceparent, tracestate: 'vendor=1' };
  const { status, json } = await bench.call({ url: '/whose', headers });
  assert.equal(status, 200);
  assert.equal(json['below'], true);
  const { started_at: startedAt, ...context } = parseRecord(json['context']);
  assert.match(String(startedAt), /^\d{4}-\d\d-\d\dT/u);
  assert.deepEqual(context, {
    request_id: 'request-1234',
    trace_id: traceId,
    user_id: 'anna',
    tenant_id: 'annas',
    trace: { traceId, parentId, isSampled: true, traceparent, tracestate: 'vendor=1' },
  });
  assert.equal(currentRequest(), undefined);
});

// LRP-8
test('calls at the same time do not know each other', async () => {
  await using bench = await openBench();
  const names = Array.from({ length: 20 }, (_, index) => `caller${index}`);
  const answers = await Promise.all(names.map((name) => bench.call({ url: '/whose', headers: { authorization: `Bearer ${name}` } })));
  assert.deepEqual(
    answers.map(({ json }) => parseRecord(json['context'])['user_id']),
    names,
  );
});

// LRP-8
test('the lines of a call carry its id, its trace and who called', async () => {
  await using bench = await openBench();
  await bench.call({ url: '/whose', headers: { ...anna, 'x-request-id': 'request-1234', traceparent } });
  const whose = { request_id: 'request-1234', trace_id: traceId, user_id: 'anna', tenant_id: 'annas' };
  assert.deepEqual(bench.log.of('notes.asked'), [whose]);
  const [line] = bench.log.of('http.request');
  assert.deepEqual(pick(line, Object.keys(whose)), whose);
  await bench.call({ url: '/nowhere', headers: { traceparent } });
  await bench.call({ url: '/fail/none', headers: { traceparent } });
  for (const event of ['http.request', 'http.error']) assert.equal(bench.log.of(event).at(-1)?.['trace_id'], traceId, event);
});

// LRP-8
test('a log that knows nothing of requests says all the same for which one a line is', () => {
  const lines: string[] = [];
  const log = createLog({ level: 'info', format: 'json', destination: { write: (line) => lines.push(line) } });
  const context = { requestId: 'request-1234', startedAt: new Date(0), user: 'anna', tenant: undefined, trace: undefined };
  runInRequest(context, () => log.child({ worker_id: 'w' }).info('transaction.committed', { name: 'x' }));
  log.info('server.listening');
  const [within = {}, without = {}] = lines.map((line): Record<string, unknown> => parseRecord(JSON.parse(line)));
  assert.deepEqual([within['request_id'], within['user_id'], within['worker_id']], ['request-1234', 'anna', 'w']);
  assert.ok(!('request_id' in without));
});

test('a trace is joined where its header is well-formed, and passed over where it is not', () => {
  assert.deepEqual(traceOf({ traceparent }), { traceId, parentId, isSampled: true, traceparent, tracestate: undefined });
  assert.equal(traceOf({ traceparent: `00-${traceId}-${parentId}-00` })?.isSampled, false);
  assert.equal(traceOf({ traceparent: `00-${traceId}-${parentId}-ff` })?.isSampled, true);
  // A version to come may say more at the end.
  assert.equal(traceOf({ traceparent: `cc-${traceId}-${parentId}-01-what-comes` })?.traceparent, `cc-${traceId}-${parentId}-01`);
  const wrong = [
    '',
    'nonsense',
    `00-${traceId}-${parentId}`,
    `00-${traceId}-${parentId}-01-more`,
    `00-${traceId}-${parentId}-01-`,
    `cc-${traceId}-${parentId}-01.what`,
    `ff-${traceId}-${parentId}-01`,
    `00-${traceId.toUpperCase()}-${parentId}-01`,
    `00-${'0'.repeat(32)}-${parentId}-01`,
    `00-${traceId}-${'0'.repeat(16)}-01`,
    `00-${traceId.slice(1)}-${parentId}-01`,
    `00-${traceId}x-${parentId}-01`,
    `00-${traceId}-${parentId}-0g`,
    `0-${traceId}-${parentId}-01`,
    ` ${traceparent}`,
    `${traceparent}, ${traceparent}`,
  ];
  for (const header of wrong) assert.equal(traceOf({ traceparent: header, tracestate: 'vendor=1' }), undefined, header);
  assert.equal(traceOf({ tracestate: 'vendor=1' }), undefined);
});

test('a request with a broken trace is answered like any other', async () => {
  await using bench = await openBench();
  const { status, json } = await bench.call({ url: '/whose', headers: { ...anna, traceparent: `00-${traceId}-x-01` } });
  assert.equal(status, 200);
  assert.ok(!('trace_id' in parseRecord(json['context'])));
});

// LRP-8
test('what the app’s session gives is set in the transactions of the call, and in none after it', async () => {
  const seen: unknown[] = [];
  await using bench = await openBench({
    app: {
      session: ({ user, tenant, requestId, principal }) => {
        seen.push([user, tenant, requestId, principal]);
        return user === 'nobody' ? undefined : { 'app.user': user ?? '' };
      },
    },
  });
  const ask = async (name: string): Promise<unknown> =>
    (await bench.call({ url: '/whose', headers: { authorization: `Bearer ${name}`, 'x-request-id': 'request-1234' } })).json['setting'];
  assert.equal(await ask('anna'), 'anna');
  assert.equal(await ask('nobody'), null);
  assert.equal(await ask(`o_brien`), 'o_brien');
  assert.deepEqual(seen[0], ['anna', 'annas', 'request-1234', { name: 'anna' }]);
  assert.equal(seen.length, 3);
});

test('a call that never asks its database costs no session, and a stranger reaches none', async () => {
  let asked = 0;
  await using bench = await openBench({
    app: {
      session: () => {
        asked += 1;
        return undefined;
      },
    },
  });
  assert.equal((await bench.call({ url: '/slow' })).status, 200);
  assert.equal((await bench.call({ url: '/whose' })).status, 401);
  assert.equal(asked, 0);
});

function pick(line: Readonly<Record<string, unknown>> | undefined, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(names.map((name) => [name, line?.[name]]));
}

function parseRecord(value: unknown): Record<string, unknown> {
  return value as Record<string, unknown>;
}
