/** What the database refuses, as a client sees it: real errors, raised inside a handler, by the table of SQLSTATEs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as Type from 'typebox';
import { sql } from '../schema/sql.ts';
import { type Bench, openBench } from './bench.fixture.ts';
import { everyone } from './guard.ts';
import { notesApp, route } from './notes.fixture.ts';

/** Whatever PostgreSQL lets a function say; none of it may be told. */
const FAIL = `
  create or replace function notes.fail(state text) returns text language plpgsql as $$
  begin
    raise exception 'hunter2: insert into secrets failed' using errcode = state, detail = 'hunter2', hint = 'hunter2',
      schema = 'hunter2', table = 'secrets', column = 'secrets', constraint = 'secrets_check';
  end $$`;

const failing = route({
  method: 'POST',
  url: '/states/:state',
  summary: 'Fails as the database does',
  guard: everyone,
  params: Type.Object({ state: Type.String() }),
  responses: { 200: Type.Object({ said: Type.Unknown() }) },
  handler: ({ params, database }) =>
    database.work(async ({ sql: run }) => ({ said: await run(sql`select notes.fail(${params.state})`) }), { retriesMax: 1 }),
});

async function open(): Promise<Bench> {
  const bench = await openBench({ app: { routes: [...notesApp().routes, failing] } });
  const connection = await bench.database.postgres.connect();
  await connection.command(FAIL);
  await connection.close();
  return bench;
}

/** States that the values of a request can bring about. */
const byInput: readonly (readonly [status: number, error: string, states: string])[] = [
  [
    422,
    'VALIDATION_ERROR',
    '22000 22001 22003 22004 22007 22008 22009 22011 22018 22019 22021 22023 22024 22025 2201B 2201E 2201F 2201W 2201X 22026 22030 22031 22032 22033 22036 2203F 22P01 22P02 22P03 22P05',
  ],
  [422, 'VALIDATION_ERROR', '23502 23514 54000 54001 54011 54023'],
  [403, 'FORBIDDEN', 'KS403'],
  [409, 'CONFLICT', '23000 23001 23503 23505 23P01'],
];

/** States that pass by themselves. */
const passing: readonly (readonly [status: number, error: string, states: string])[] = [
  [503, 'TRANSACTION_CONFLICT', '40000 40001 40P01'],
  [503, 'SERVICE_UNAVAILABLE', '53000 53100 53200 53400'],
  [503, 'DATABASE_CONNECTION_FAILED', '08000 08003 08006 08P01 53300 57P01 57P02 57P03'],
  [504, 'DATABASE_TIMEOUT', '25P03 25P04 55P03 57014'],
];

/** States that only a fault of ours explains. */
const ours = '0A000 21000 22012 25006 42501 42601 42703 42804 42883 42P01 42P18 55000 58030 P0001 P0002 XX000 XX001';

// FND-4
test('every state that input can cause is a 4xx that names nothing', async () => {
  await using bench = await open();
  for (const [status, error, states] of byInput) {
    for (const state of states.split(' ')) await assertAnswer(bench, state, { status, error });
  }
  assert.equal(lastFailure(bench), undefined);
});

// FND-4
test('every fault that passes is a 503 with Retry-After, or a 504; the log has the cause', async () => {
  await using bench = await open();
  for (const [status, error, states] of passing) {
    for (const state of states.split(' ')) {
      const headers = await assertAnswer(bench, state, { status, error });
      assert.equal(headers['retry-after'], status === 503 ? '1' : undefined, state);
      assert.match(causesOf(lastFailure(bench)), /hunter2/u, state);
    }
  }
  assert.equal((await bench.call({ url: '/api/v1/notes' })).status, 200);
});

// FND-4
test('every other state is a 500 that says nothing; the log has the cause', async () => {
  await using bench = await open();
  for (const state of ours.split(' ')) {
    await assertAnswer(bench, state, { status: 500, error: 'INTERNAL_SERVER_ERROR' });
    assert.match(causesOf(lastFailure(bench)), /hunter2/u, state);
  }
});

async function assertAnswer(
  bench: Bench,
  state: string,
  expected: { readonly status: number; readonly error: string },
): Promise<Readonly<Record<string, unknown>>> {
  const { status, json, text, headers } = await bench.call({ method: 'POST', url: `/api/v1/states/${state}` });
  assert.deepEqual({ status, error: json['error'] }, expected, `${state}: ${text}`);
  assert.equal(headers['content-type'], 'application/problem+json', state);
  const told = text.replaceAll(`/api/v1/states/${state}`, '');
  assert.doesNotMatch(told, /hunter2|secrets|select|insert|\.ts|stack|sqlstate/iu, state);
  assert.ok(!told.replaceAll(String(json['request_id']), '').replaceAll(String(json['timestamp']), '').includes(state), told);
  return headers;
}

function lastFailure(bench: Bench): unknown {
  return bench.log.lines.findLast(({ level }) => level === 'error')?.fields['error'];
}

function causesOf(error: unknown): string {
  return error instanceof Error ? `${error.message} ${causesOf(error.cause)}` : '';
}
