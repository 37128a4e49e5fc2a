/** What a pool promises: few connections, a fair line, a name for every holder, and nothing handed on that is not clean. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { isKeelsonError } from '../errors.ts';
import type { Connection } from './connection.ts';
import { Pool } from './pool.ts';
import type { PoolOptions } from './pool-member.ts';
import { freePort, HandClock, keepLog, openTrial, startCutter, unhandledRejections, unnamed } from './trial.fixture.ts';

after(() => assert.deepEqual(unhandledRejections(), []));

const NEVER_MS = 60_000;

type TestPool = Pool & AsyncDisposable & { readonly connect: () => Promise<Connection> };

/** A pool on the server of the run. */
async function openPool(options: Partial<PoolOptions> = {}): Promise<TestPool> {
  const trial = await openTrial();
  const pool = new Pool({ connect: () => trial.connect(), waitMs: NEVER_MS, sizeMax: 3, ...options });
  const dispose = async (): Promise<void> => {
    await pool.close(0);
    await trial.close();
  };
  return Object.assign(pool, { connect: () => trial.connect(), [Symbol.asyncDispose]: dispose });
}

// FND-2
test('connections are opened when they are asked for, and the one that came back last goes out first', async () => {
  await using pool = await openPool();
  assert.equal(pool.stats.size, 0);
  assert.equal(pool.tryAcquire('nobody'), undefined);
  const one = await pool.acquire('one');
  const two = await pool.acquire('two');
  assert.deepEqual([pool.stats.size, pool.stats.active, pool.stats.idle], [2, 2, 0]);
  pool.release(one);
  pool.release(two);
  assert.deepEqual([pool.stats.active, pool.stats.idle, pool.stats.connectsTotal], [0, 2, 2]);
  assert.equal(pool.tryAcquire('three'), two);
  assert.equal(await pool.acquire('four'), one);
  assert.equal(pool.stats.acquiredTotal, 4);
  pool.release(one);
  pool.release(two);
});

test('those who wait are served in the order in which they came', async () => {
  await using pool = await openPool({ sizeMax: 1 });
  const held = await pool.acquire('first');
  const order: number[] = [];
  const waiting = [1, 2, 3].map(async (number) => {
    const connection = await pool.acquire(`waiter ${number}`);
    order.push(number);
    pool.release(connection);
  });
  assert.equal(pool.stats.waiting, 3);
  pool.release(held);
  await Promise.all(waiting);
  assert.deepEqual(order, [1, 2, 3]);
  assert.deepEqual([pool.stats.waiting, pool.stats.connectsTotal], [0, 1]);
  assert.ok(pool.stats.acquireMsTotal >= pool.stats.acquireMsMax);
});

test('an exhausted pool says who holds its connections, with what and for how long', async () => {
  const clock = new HandClock();
  const log = keepLog();
  await using pool = await openPool({ sizeMax: 2, waitMs: 500, clock, log });
  const one = await pool.acquire('GET /api/v1/users');
  clock.advance(1_000);
  const two = await pool.acquire('worker generation');
  await one.query(unnamed(`select\n  1 -- ${'long '.repeat(50)}`));
  await two.query(unnamed('select 2'));
  const waiting = pool.acquire('POST /api/v1/auth/login');
  clock.advance(500);
  await assert.rejects(waiting, (error: Error) => {
    assert.ok(isKeelsonError(error, 'POOL_EXHAUSTED'));
    assert.equal(error.message, 'No database connection came free within 500 ms: 2 of 2 are held.');
    assert.match(error.hint, /GET \/api\/v1\/users for 1500 ms/u);
    const holders = [
      { holder: 'GET /api/v1/users', statement: `select 1 -- ${'long '.repeat(50)}`.slice(0, 119).concat('…'), ageMs: 1_500 },
      { holder: 'worker generation', statement: 'select 2', ageMs: 500 },
    ];
    assert.deepEqual(error.data, { waiter: 'POST /api/v1/auth/login', waitedMs: 500, holders });
    return true;
  });
  assert.deepEqual([pool.stats.timeoutsTotal, pool.stats.waiting], [1, 0]);
  assert.deepEqual(
    log.lines.map(({ level, event }) => `${level} ${event}`),
    ['warn pool.exhausted'],
  );
  pool.release(one);
  pool.release(two);
  const three = await pool.acquire('after');
  pool.release(three);
});

test('the line moves on when the first in it gives up', async () => {
  const clock = new HandClock();
  await using pool = await openPool({ sizeMax: 1, waitMs: 500, clock });
  const held = await pool.acquire('holder');
  const impatient = pool.acquire('impatient');
  clock.advance(300);
  const patient = pool.acquire('patient');
  clock.advance(200);
  await assert.rejects(impatient, { code: 'POOL_EXHAUSTED' });
  pool.release(held);
  assert.equal(await patient, held);
  pool.release(held);
});

test('twenty workers on three connections: each is alone on the one it has', async () => {
  await using pool = await openPool();
  const held = new Set<Connection>();
  const backends = new Set<number | undefined>();
  const worker = async (number: number): Promise<void> => {
    for (let round = 0; round < 20; round += 1) {
      const connection = await pool.acquire(`worker ${number}`);
      assert.equal(held.has(connection), false, 'somebody else has it');
      held.add(connection);
      const [, result] = await Promise.all([
        connection.command('begin'),
        connection.query(unnamed('select $1::int, pg_backend_pid()', String(number))),
        connection.command('commit'),
      ]);
      assert.deepEqual(result.rows, [[String(number), String(connection.backendId)]]);
      backends.add(connection.backendId);
      held.delete(connection);
      pool.release(connection);
    }
  };
  await Promise.all(Array.from({ length: 20 }, (_, number) => worker(number)));
  assert.ok(backends.size <= 3);
  assert.deepEqual([pool.stats.active, pool.stats.waiting, pool.stats.acquiredTotal], [0, 0, 400]);
});

// Trap 10
test('a connection with a statement under way is never handed on', async () => {
  const log = keepLog();
  await using pool = await openPool({ sizeMax: 1, log });
  const careless = await pool.acquire('careless');
  const left = careless.query(unnamed('select pg_sleep(60)'));
  const next = pool.acquire('next');
  pool.release(careless);
  const fresh = await next;
  assert.notEqual(fresh, careless);
  await assert.rejects(left, { code: 'DATABASE_CONNECTION_FAILED' });
  await fresh.query(unnamed('select 1'));
  pool.release(fresh);
  assert.deepEqual([pool.stats.size, pool.stats.discardedTotal], [1, 1]);
  assert.deepEqual(log.lines[0]?.fields, { holder: 'careless', pending: 1, transaction_status: 'I' });
});

for (const [state, end] of [
  ['open', ''],
  ['failed', 'select 1/0'],
] as const) {
  test(`a connection in a transaction that is ${state} is never handed on, and its work is rolled back`, async () => {
    await using pool = await openPool({ sizeMax: 1 });
    const observer = await pool.connect();
    await observer.command('create table if not exists left_open (id int)');
    const careless = await pool.acquire('careless');
    await careless.command('begin');
    await careless.query(unnamed('insert into left_open values (1)'));
    await careless.command(end).catch(() => undefined);
    pool.release(careless);
    await careless.ended;
    const fresh = await pool.acquire('next');
    assert.notEqual(fresh, careless);
    assert.equal(fresh.transactionStatus, 'I');
    assert.deepEqual((await fresh.query(unnamed('select count(*) from left_open'))).rows, [['0']]);
    pool.release(fresh);
    // Waits until the server has let the lost transaction's lock go.
    await observer.command('drop table left_open');
    await observer.close();
  });
}

test('a connection on which something outlasts the transaction is not handed on', async () => {
  await using pool = await openPool({ sizeMax: 1 });
  const listener = await pool.acquire('listener');
  await listener.listen('anything', () => undefined);
  pool.release(listener);
  const careful = await pool.acquire('next');
  assert.notEqual(careful, listener);
  await careful.command('set work_mem = 100000');
  careful.discard();
  pool.release(careful);
  const fresh = await pool.acquire('last');
  assert.notEqual(fresh, careful);
  pool.release(fresh);
});

test('a connection that is released twice, or belongs elsewhere, is refused', async () => {
  await using pool = await openPool();
  const connection = await pool.acquire('one');
  const foreign = await pool.connect();
  pool.release(connection);
  assert.throws(() => pool.release(connection), { code: 'MISUSE' });
  assert.throws(() => pool.release(foreign), { code: 'MISUSE' });
  assert.deepEqual([pool.stats.active, pool.stats.idle], [0, 1]);
  await foreign.close();
});

test('a backend terminated while idle is let go, and the next one gets another', async () => {
  await using pool = await openPool({ sizeMax: 1 });
  const observer = await pool.connect();
  const connection = await pool.acquire('one');
  pool.release(connection);
  await observer.query(unnamed('select pg_terminate_backend($1)', String(connection.backendId)));
  await connection.ended;
  assert.deepEqual([pool.stats.size, pool.stats.idle], [0, 0]);
  const fresh = await pool.acquire('two');
  assert.deepEqual((await fresh.query(unnamed('select 1'))).rows, [['1']]);
  pool.release(fresh);
  await observer.close();
});

test('a backend terminated while held is let go when it is released', async () => {
  await using pool = await openPool({ sizeMax: 1 });
  const observer = await pool.connect();
  const connection = await pool.acquire('one');
  const waiting = pool.acquire('two');
  await observer.query(unnamed('select pg_terminate_backend($1)', String(connection.backendId)));
  await connection.ended;
  assert.equal(pool.stats.active, 1);
  pool.release(connection);
  const fresh = await waiting;
  assert.notEqual(fresh.backendId, connection.backendId);
  pool.release(fresh);
  await observer.close();
});

// Trap 4
test('one connection with a stale plan renews them all', async () => {
  await using pool = await openPool({ sizeMax: 2 });
  const observer = await pool.connect();
  await observer.command('drop table if exists reshaped; create table reshaped (id int)');
  const statement = { text: 'select id from reshaped', name: 'reshaped', values: [] };
  const [one, two] = [await pool.acquire('one'), await pool.acquire('two')];
  await Promise.all([one.query(statement), two.query(statement)]);
  await observer.command('alter table reshaped alter column id type bigint');
  await assert.rejects(one.query(statement), { code: 'DATABASE_ERROR' });
  pool.release(one);
  pool.release(two);
  assert.equal(pool.stats.idle, 0);
  const fresh = await pool.acquire('three');
  assert.equal((await fresh.query(statement)).fields[0]?.typeId, 20);
  pool.release(fresh);
  await observer.command('drop table reshaped');
  await observer.close();
});

test('overflow opens more for a moment and closes them again', async () => {
  await using pool = await openPool({ sizeMax: 1, overflow: 2 });
  const held = [await pool.acquire('one'), await pool.acquire('two'), await pool.acquire('three')];
  const waiting = pool.acquire('four');
  assert.deepEqual([pool.stats.size, pool.stats.waiting], [3, 1]);
  for (const connection of held.splice(1)) pool.release(connection);
  pool.release(await waiting);
  for (const connection of held) pool.release(connection);
  assert.deepEqual([pool.stats.size, pool.stats.idle], [1, 1]);
});

test('a connection that cannot be opened fails the one who waits for it, and the next try is free', async () => {
  const port = await freePort();
  const down = await openTrial();
  let up = false;
  const pool = new Pool({
    sizeMax: 2,
    connect: () =>
      up ? down.connect() : openTrial({ url: `postgresql://nobody@127.0.0.1:${port}/none` }).then(({ connect }) => connect()),
  });
  const tries = await Promise.allSettled([1, 2, 3, 4].map((number) => pool.acquire(`try ${number}`)));
  assert.ok(tries.every((one) => one.status === 'rejected' && isKeelsonError(one.reason, 'DATABASE_CONNECTION_FAILED')));
  assert.deepEqual([pool.stats.connecting, pool.stats.waiting, pool.stats.connectFailuresTotal], [0, 0, 4]);
  up = true;
  pool.release(await pool.acquire('now'));
  await pool.close();
  await down.close();
});

test('idle connections and old ones go, and one held for long is reported once', async () => {
  const clock = new HandClock();
  const log = keepLog();
  await using pool = await openPool({ clock, log, idleMs: 8_000, lifetimeMs: 100_000, heldMsMax: 30_000 });
  const one = await pool.acquire('leaking');
  const two = await pool.acquire('two');
  pool.release(two);
  clock.advance(5_000);
  await Promise.resolve();
  assert.equal(pool.stats.idle, 1);
  clock.advance(5_000);
  await two.ended;
  assert.deepEqual([pool.stats.size, pool.stats.idle], [1, 0]);
  for (let round = 0; round < 10; round += 1) {
    clock.advance(5_000);
    await Promise.resolve();
  }
  assert.deepEqual(
    log.lines.map(({ event, fields }) => [event, fields['holder']]),
    [['pool.held_long', 'leaking']],
  );
  clock.advance(100_000);
  pool.release(one);
  await one.ended;
  assert.equal(pool.stats.size, 0);
});

// LRP-14
test('a connection that was idle for long is asked whether it is still there; a dead one is replaced', async () => {
  const clock = new HandClock();
  await using trial = await openTrial();
  await using cutter = await startCutter(trial.url);
  const behind = await openTrial({ url: cutter.url, poolSize: 2, clock });
  let source = behind;
  const pool = new Pool({ clock, sizeMax: 2, waitMs: NEVER_MS, validateAfterMs: 1_000, connect: () => source.connect() });
  const first = await pool.acquire('one');
  pool.release(first);
  clock.advance(2_000);
  assert.equal(pool.tryAcquire('at once'), undefined, 'not without asking');
  const same = await pool.acquire('two');
  assert.equal(same, first);
  const second = await pool.acquire('three');
  pool.release(second);
  pool.release(first);
  cutter.freeze();
  source = trial;
  clock.advance(2_000);
  const waiting = pool.acquire('four');
  clock.advance(2_000);
  const fresh = await waiting;
  assert.ok(fresh !== first && fresh !== second);
  assert.deepEqual([pool.stats.size, pool.stats.idle], [1, 0], 'the other, idle for as long, is gone with it');
  pool.release(fresh);
  await pool.close();
  clock.advance(NEVER_MS);
  await behind.close(0);
});

test('closing sends the waiting away, waits for the holders, and lets nobody in', async () => {
  await using pool = await openPool({ sizeMax: 1 });
  const held = await pool.acquire('holder');
  const waiting = pool.acquire('waiting');
  const refused = assert.rejects(waiting, { code: 'SERVICE_UNAVAILABLE' });
  let closed = false;
  const closing = pool.close(NEVER_MS).then(() => (closed = true));
  await refused;
  await assert.rejects(pool.acquire('late'), { code: 'SERVICE_UNAVAILABLE' });
  await held.query(unnamed('select 1'));
  assert.equal(closed, false);
  pool.release(held);
  await closing;
  await held.ended;
  assert.equal(pool.stats.size, 0);
});

test('closing ends what is held past the deadline, and a release after it does no harm', async () => {
  const clock = new HandClock();
  await using pool = await openPool({ sizeMax: 1, clock });
  const held = await pool.acquire('holder');
  const left = held.query(unnamed('select pg_sleep(60)'));
  const closing = pool.close(1_000);
  clock.advance(1_000);
  await assert.rejects(left, { code: 'DATABASE_CONNECTION_FAILED' });
  await closing;
  pool.release(held);
  assert.equal(pool.stats.size, 0);
});
