/** The network and the server fail at every possible moment: the process lives, and nothing is reported that did not happen. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import type { Connection } from './connection.ts';
import { startEmbedded } from './embedded.ts';
import type { Postgres } from './postgres.ts';
import { isConnectionLost } from './sqlstate.ts';
import {
  type Cutter,
  freePort,
  HandClock,
  named,
  openTrial,
  startCutter,
  type Trial,
  unhandledRejections,
  unnamed,
} from './trial.fixture.ts';

after(() => assert.deepEqual(unhandledRejections(), []));

const CUTS_MAX = 100;

interface Outcome {
  readonly committed: boolean | 'unknown';
  readonly wasCut: boolean;
}

/** One transaction of two packets, as a unit of work sends it. */
async function transfer(postgres: Postgres, cutter: Cutter, key: string): Promise<Outcome> {
  let connection: Connection | undefined;
  try {
    connection = await postgres.pool.acquire(`transfer ${key}`);
    const begun = connection.command('begin');
    const loaded = connection.query(named('load', 'select balance from accounts where id = $1', '1'));
    await begun;
    const balance = Number((await loaded).rows[0]?.[0]);
    const results = [
      connection.query(named('store', 'update accounts set balance = $1 where id = 1', String(balance + 1))),
      connection.query(named('note', 'insert into transfers values ($1)', key)),
      connection.command('commit'),
    ];
    const tags = (await Promise.all(results)).map((result) => result.tag);
    assert.deepEqual(tags, ['UPDATE', 'INSERT', 'COMMIT']);
    return { committed: true, wasCut: cutter.hasCut };
  } catch (error) {
    assert.ok(isConnectionLost(error), String(error));
    const isSent = connection?.lastStatement === 'commit';
    return { committed: isSent ? 'unknown' : false, wasCut: cutter.hasCut };
  } finally {
    if (connection !== undefined) postgres.pool.release(connection);
  }
}

async function stateOf(trial: Trial): Promise<{ readonly balance: number; readonly keys: ReadonlySet<string | null | undefined> }> {
  const balance = await trial.readers.query(unnamed('select balance from accounts'));
  const keys = await trial.readers.query(unnamed('select key from transfers'));
  return { balance: Number(balance.rows[0]?.[0]), keys: new Set(keys.rows.map(([key]) => key)) };
}

for (const pipeline of [true, false]) {
  test(`a connection cut after the n-th message of the server, for every n${pipeline ? '' : ', without pipelining'}`, async () => {
    await using trial = await openTrial();
    const admin = await trial.connect();
    await admin.command('drop table if exists accounts, transfers');
    await admin.command(
      'create table accounts (id int, balance int); create table transfers (key text); insert into accounts values (1, 0)',
    );
    await using cutter = await startCutter(trial.url);
    await using behind = await openTrial({ url: cutter.url, poolSize: 1, connectRetryMs: 5_000, pipeline });
    let n = 0;
    for (let wasCut = true; wasCut; n += 1) {
      assert.ok(n < CUTS_MAX, 'it must get through in the end');
      const before = await stateOf(trial);
      cutter.cutAfter(n);
      const outcome = await transfer(behind, cutter, `cut ${n}`);
      ({ wasCut } = outcome);
      cutter.cutAfter(Number.POSITIVE_INFINITY);
      // The lost transaction has ended on the server once its row can be locked.
      await admin.command('select * from accounts for update');
      const now = await stateOf(trial);
      const kept = now.keys.has(`cut ${n}`);
      assert.equal(now.balance, before.balance + (kept ? 1 : 0), 'everything or nothing');
      if (outcome.committed !== 'unknown') assert.equal(kept, outcome.committed);
      assert.deepEqual([behind.pool.stats.active, behind.pool.stats.waiting], [0, 0]);
    }
    assert.ok(n > 10, 'it was cut at many places');
    await admin.command('drop table accounts, transfers');
    await admin.close();
  });
}

test('twenty workers whose connections are terminated all the while lose nothing that was confirmed', async () => {
  const applicationName = 'trial of terminations';
  await using trial = await openTrial({ poolSize: 5, poolWaitMs: 60_000, applicationName });
  await using beside = await openTrial();
  const admin = await beside.connect();
  await admin.command('drop table if exists confirmed; create table confirmed (key text primary key)');
  const confirmed: string[] = [];
  let lost = 0;
  const over = new AbortController();
  const add = async (key: string): Promise<void> => {
    const connection = await trial.pool.acquire(`worker of ${key}`);
    try {
      const results = await Promise.all([
        connection.command('begin'),
        connection.query(named('add', 'insert into confirmed values ($1)', key)),
        connection.command('commit'),
      ]);
      if (results[2].tag === 'COMMIT') confirmed.push(key);
    } finally {
      trial.pool.release(connection);
    }
  };
  const worker = async (number: number): Promise<void> => {
    for (let round = 0; round < 15; round += 1) {
      await add(`${number}/${round}`).catch((error: unknown) => {
        assert.ok(isConnectionLost(error), String(error));
        lost += 1;
      });
    }
  };
  const killer = async (): Promise<void> => {
    const kill = unnamed('select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name = $1', applicationName);
    while (!over.signal.aborted) await admin.query(kill);
  };
  const killing = killer();
  await Promise.all(Array.from({ length: 20 }, (_, number) => worker(number)));
  over.abort();
  await killing;
  const { rows } = await admin.query(unnamed('select key from confirmed'));
  const kept = new Set(rows.map(([key]) => key));
  assert.deepEqual(
    confirmed.filter((key) => !kept.has(key)),
    [],
  );
  assert.ok(lost > 0, 'some were lost');
  assert.deepEqual([trial.pool.stats.active, trial.pool.stats.waiting], [0, 0]);
  await admin.command('drop table confirmed');
  await admin.close();
});

test('a server that falls silent is given up, while one that only has nothing to say is not', async () => {
  const clock = new HandClock();
  await using trial = await openTrial();
  await using cutter = await startCutter(trial.url);
  await using behind = await openTrial({ url: cutter.url, poolSize: 1, readers: 1, silentMs: 1_000, clock });
  const pass = async (): Promise<void> => {
    clock.advance(1_000);
    // The clock's sleepers have to go to sleep again.
    for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
  };
  const connection = await behind.pool.acquire('holder');
  await behind.readers.query(unnamed('select 1'));
  for (let round = 0; round < 5; round += 1) {
    // Always something under way when it is looked at, and always something else than before.
    const under = connection.query(unnamed('select 1'));
    await pass();
    await under;
  }
  assert.equal(connection.broken, false);
  cutter.freeze();
  const held = assert.rejects(connection.query(unnamed('select 1')), { message: 'The database does not answer any more.' });
  const read = assert.rejects(behind.readers.query(unnamed('select 1')), { message: 'The database does not answer any more.' });
  await pass();
  await pass();
  await held;
  await read;
  behind.pool.release(connection);
  assert.equal(behind.pool.stats.size, 0);
});

test('a restarted server is found again by pool and readers, without a word from the outside', async () => {
  const dataDirectory = mkdtempSync(path.join(tmpdir(), 'keelson-lost-'));
  const port = await freePort();
  const first = await startEmbedded({ dataDirectory, durable: false, port });
  const trial = await openTrial({ url: first.url, poolSize: 2 });
  const held = await trial.pool.acquire('holder');
  await held.command('begin');
  await trial.readers.query(unnamed('select 1'));
  const under = trial.readers.query(unnamed('select pg_sleep(60)'));
  const failed = assert.rejects(under, isConnectionLost);
  await first.stop();
  await failed;
  await held.ended;
  trial.pool.release(held);
  await assert.rejects(trial.pool.acquire('while it is down'), { code: 'DATABASE_CONNECTION_FAILED' });
  await assert.rejects(trial.readers.query(unnamed('select 1')), { code: 'DATABASE_CONNECTION_FAILED' });
  const second = await startEmbedded({ dataDirectory, durable: false, port });
  const fresh = await trial.pool.acquire('after');
  assert.deepEqual((await fresh.query(unnamed('select 1'))).rows, [['1']]);
  trial.pool.release(fresh);
  assert.deepEqual((await trial.readers.query(unnamed('select 2'))).rows, [['2']]);
  await trial.close();
  await second.stop();
  rmSync(dataDirectory, { recursive: true, force: true });
});
