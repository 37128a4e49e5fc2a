/** Connections that are lost one after another: without pipelining, and among many workers. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { cutEverywhere } from './cut.fixture.ts';
import { isConnectionLost } from './sqlstate.ts';
import { named, openTrial, unhandledRejections, unnamed, freePort } from './trial.fixture.ts';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startEmbedded } from './embedded.ts';

after(() => assert.deepEqual(unhandledRejections(), []));

test('a connection cut after the n-th message of the server, for every n, without pipelining', () => cutEverywhere({ pipeline: false }));

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

after(() => assert.deepEqual(unhandledRejections(), []));

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
