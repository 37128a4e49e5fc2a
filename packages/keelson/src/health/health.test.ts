/** Health: what the probes say, with a real database that is well, full, behind, silent or gone. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Clock, systemClock } from '../clock.ts';
import { KeelsonError } from '../errors.ts';
import { type Log, silentLog } from '../log.ts';
import type { Connection } from '../postgres/connection.ts';
import { testDatabase, type TestDatabase } from '../testing/database.ts';
import { defineModel } from '../work/model.ts';
import { createHealth, type Health, type HealthOptions } from './health.ts';
import type { HysteresisOptions } from './hysteresis.ts';

const source = { model: defineModel({ name: 'health', tables: [], repositories: {} }) };

interface Bench extends AsyncDisposable {
  readonly health: Health;
  readonly database: TestDatabase<{}>;
  /** The connections that were asked for, in order. */
  readonly opened: Promise<Connection>[];
}

async function open(changes: Partial<HealthOptions> = {}, poolSize = 10, given?: TestDatabase<{}>): Promise<Bench> {
  const database = given ?? (await testDatabase(source, { poolSize }));
  const { postgres } = database;
  const opened: Promise<Connection>[] = [];
  const health = createHealth({
    connect: () => {
      const opening = postgres.connect();
      opened.push(opening);
      return opening;
    },
    migrations: async () => 'up_to_date',
    poolStats: () => postgres.pool.stats,
    isDraining: () => false,
    version: '1.2.3',
    clock: systemClock,
    ...changes,
  });
  const dispose = async (): Promise<void> => {
    await health.close();
    await database[Symbol.asyncDispose]();
  };
  return { health, database, opened, [Symbol.asyncDispose]: dispose };
}

const gone = async (): Promise<Connection> => {
  throw new KeelsonError('DATABASE_CONNECTION_FAILED', { message: 'app@db.internal:5432 refused', cause: new TypeError('hunter2') });
};

// FND-3
test('a healthy service says so in the fields of the contract', async () => {
  await using bench = await open();
  assert.deepEqual(bench.health.live(), { status: 200, body: { status: 'healthy' } });
  assert.deepEqual(await bench.health.ready(), { status: 200, body: { status: 'healthy' } });
  const summary = await bench.health.summary();
  assert.deepEqual([summary.status, Object.keys(summary.body)], [200, ['status', 'timestamp', 'version', 'uptime_seconds']]);
  assert.deepEqual([summary.body['status'], summary.body['version'], summary.body['uptime_seconds']], ['healthy', '1.2.3', 0]);
  const { status, body } = await bench.health.database();
  assert.equal(status, 200);
  assert.deepEqual(Object.keys(body), [
    'status',
    'timestamp',
    'database_connected',
    'connection_pool',
    'response_time_ms',
    'migration_status',
  ]);
  assert.deepEqual(body['connection_pool'], { active_connections: 0, idle_connections: 1, waiting_requests: 0, pool_size: 10 });
  assert.deepEqual([body['database_connected'], body['migration_status'], typeof body['response_time_ms']], [true, 'up_to_date', 'number']);
  assert.match(String(body['timestamp']), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/u);
});

// FND-3
test('migrations that are pending, or not known, make it degraded, and traffic may come', async () => {
  for (const state of ['pending', 'unknown'] as const) {
    await using bench = await open({ migrations: async () => state });
    assert.deepEqual(await bench.health.ready(), { status: 200, body: { status: 'degraded' } });
    assert.equal((await bench.health.database()).body['migration_status'], state);
  }
  await using bench = await open({ migrations: () => Promise.reject(new KeelsonError('DATABASE_ERROR')) });
  const { body } = await bench.health.database();
  assert.deepEqual([body['status'], body['migration_status'], body['database_connected']], ['degraded', 'unknown', true]);
});

// FND-2, FND-9
test('a pool that is full is reported, not waited for', async () => {
  await using bench = await open({}, 2);
  const { pool } = bench.database.postgres;
  const held = [await pool.acquire('one'), await pool.acquire('two')];
  const { status, body } = await bench.health.database();
  assert.deepEqual([status, body['status'], body['database_connected']], [200, 'degraded', true]);
  assert.deepEqual(body['connection_pool'], { active_connections: 2, idle_connections: 0, waiting_requests: 0, pool_size: 2 });
  for (const connection of held) pool.release(connection);
  assert.equal((await bench.health.summary()).body['status'], 'healthy');
});

// GLK-8, FND-3
test('without its database it is unhealthy, and says nothing of where that was', async () => {
  await using bench = await open({ connect: gone });
  const message = 'The database cannot be reached.';
  assert.equal(bench.health.live().status, 200);
  assert.deepEqual(await bench.health.ready(), { status: 503, body: { status: 'unhealthy', errors: [message] } });
  const summary = await bench.health.summary();
  assert.equal(summary.status, 503);
  assert.deepEqual(summary.body['error'], { code: 'DATABASE_CONNECTION_FAILED', message });
  assert.deepEqual(summary.body['errors'], [message]);
  const database = await bench.health.database();
  assert.deepEqual([database.status, database.body['database_connected'], database.body['response_time_ms']], [503, false, null]);
  assert.ok(!/hunter2|db\.internal|app@|5432/u.test(JSON.stringify([summary, database])));
});

// FND-9
test('many probes at once cost one question, on one connection', async () => {
  let asked = 0;
  await using bench = await open({
    migrations: async () => {
      asked += 1;
      return 'up_to_date';
    },
  });
  const answers = await Promise.all(Array.from({ length: 50 }, () => bench.health.database()));
  assert.deepEqual(
    answers.map(({ status }) => status),
    answers.map(() => 200),
  );
  assert.deepEqual([asked, bench.opened.length], [1, 1]);
  await bench.health.summary();
  assert.deepEqual([asked, bench.opened.length], [2, 1]);
});

test('a connection that was ended from outside is replaced before it is asked', async () => {
  await using bench = await open();
  await bench.health.ready();
  const first = await bench.opened[0];
  assert.ok(first);
  await using other = await bench.database.postgres
    .connect()
    .then((connection) => ({ connection, [Symbol.asyncDispose]: () => connection.close() }));
  await other.connection.command(`select pg_terminate_backend(${first.backendId})`);
  await first.ended;
  assert.equal((await bench.health.ready()).status, 200);
  assert.equal(bench.opened.length, 2);
});

// FND-9
test('a database that does not answer in time is unhealthy, and the next look begins anew', async () => {
  const late = Promise.withResolvers<void>();
  let looks = 0;
  const sleep: Clock['sleep'] = (durationMs, signal) => {
    looks += 1;
    return looks === 1 ? late.promise : systemClock.sleep(durationMs, signal);
  };
  const migrations: HealthOptions['migrations'] = () => (looks === 1 ? new Promise(() => undefined) : Promise.resolve('up_to_date'));
  await using bench = await open({ clock: { ...systemClock, sleep }, deadlineMs: 5_000, migrations });
  const looking = bench.health.summary();
  late.resolve();
  const { status, body } = await looking;
  assert.deepEqual([status, body['errors']], [503, ['The database did not answer within 5000 ms.']]);
  assert.equal((await bench.health.summary()).status, 200);
  assert.equal(bench.opened.length, 2);
});

/** A database that goes away and comes back, and what the log hears of it. */
async function openFlaky(
  hysteresis?: HysteresisOptions,
  clock: Clock = systemClock,
): Promise<Bench & { look(isThere: boolean): Promise<string>; readonly heard: string[] }> {
  const heard: string[] = [];
  const log: Log = { ...silentLog, error: (event) => heard.push(`error ${event}`), info: (event) => heard.push(`info ${event}`) };
  let isThere = true;
  let own: Connection | undefined;
  const database = await testDatabase(source);
  const bench = await open(
    {
      connect: async () => (own = isThere ? await database.postgres.connect() : await gone()),
      hysteresis,
      clock,
      log,
    },
    10,
    database,
  );
  const look = async (there: boolean): Promise<string> => {
    isThere = there;
    if (!there) own?.destroy();
    const { status, body } = await bench.health.ready();
    return `${status} ${String(body['status'])}${'errors' in body ? ' with errors' : ''}`;
  };
  return { ...bench, look, heard, [Symbol.asyncDispose]: () => bench[Symbol.asyncDispose]() };
}

// FND-9
test('a look or two that fail do not send the traffic away, a third does, and two good ones bring it back', async () => {
  await using bench = await openFlaky();
  const doubtful = '200 degraded with errors';
  const down = '503 unhealthy with errors';
  assert.equal(await bench.look(true), '200 healthy');
  assert.equal(await bench.look(false), doubtful);
  assert.equal((await bench.health.summary()).status, 503);
  assert.equal(await bench.look(true), '200 healthy');
  assert.deepEqual([await bench.look(false), await bench.look(false), await bench.look(false)], [doubtful, doubtful, down]);
  assert.equal(await bench.look(true), down);
  assert.equal(await bench.look(false), down);
  assert.deepEqual([await bench.look(true), await bench.look(true)], [down, '200 healthy']);
  const once = ['error database.error', 'info database.recovered'];
  assert.deepEqual(bench.heard, [...once, ...once, ...once]);
});

// FND-9
test('whoever looks seldom loses readiness by time, and a first look decides alone', async () => {
  let nowMs = 0;
  await using bench = await openFlaky({ failingMs: 10_000 }, { ...systemClock, monotonicMs: () => nowMs });
  assert.equal(await bench.look(false), '503 unhealthy with errors');
  assert.deepEqual([await bench.look(true), await bench.look(true)], ['503 unhealthy with errors', '200 healthy']);
  assert.equal(await bench.look(false), '200 degraded with errors');
  nowMs = 10_000;
  assert.equal(await bench.look(false), '503 unhealthy with errors');
});

test('an app that stops is not ready, without asking', async () => {
  await using bench = await open({ isDraining: () => true });
  assert.equal((await bench.health.ready()).status, 503);
  assert.deepEqual(bench.opened, []);
});
