/** What lone statements promise: in a full pool they share, and are in nobody's way. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openTrial, unhandledRejections, unnamed } from './trial.fixture.ts';

after(() => assert.deepEqual(unhandledRejections(), []));

const whoAmI = unnamed('select pg_backend_pid()');

test('while the pool has connections to give, each lone statement has its own', async () => {
  await using trial = await openTrial({ poolSize: 4 });
  const opened = await Promise.all(Array.from({ length: 4 }, () => trial.pool.acquire('warm')));
  for (const connection of opened) trial.pool.release(connection);
  const results = await Promise.all(Array.from({ length: 4 }, () => trial.lone.run(whoAmI, 'lone')));
  assert.equal(new Set(results.map(({ rows }) => rows[0]?.[0])).size, 4);
  assert.deepEqual([trial.pool.stats.active, trial.pool.stats.idle], [0, 4]);
});

test('in a full pool a hundred of them share its connections, and one that fails harms no neighbour', async () => {
  await using trial = await openTrial({ poolSize: 2 });
  await Promise.all([trial.lone.run(whoAmI, 'warm'), trial.lone.run(whoAmI, 'warm')]);
  const outcomes = await Promise.allSettled(
    Array.from({ length: 100 }, (_, number) => trial.lone.run(number % 10 === 3 ? unnamed('select 1 / 0') : whoAmI, `lone ${number}`)),
  );
  const pids = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value.rows[0]?.[0]] : []));
  assert.equal(pids.length, 90);
  assert.equal(new Set(pids).size, 2);
  assert.deepEqual([trial.pool.stats.active, trial.pool.stats.waiting, trial.pool.stats.size], [0, 0, 2]);
});

test('whoever waits for a connection of his own gets it, however many lone statements keep coming', async () => {
  await using trial = await openTrial({ poolSize: 1 });
  await trial.lone.run(whoAmI, 'warm');
  const served = new AbortController();
  let ran = 0;
  const stream = Array.from({ length: 4 }, async () => {
    for (; !served.signal.aborted && ran < 10_000; ran += 1) await trial.lone.run(whoAmI, 'stream');
  });
  const connection = await trial.pool.acquire('transaction');
  served.abort();
  await connection.command('begin');
  await connection.command('commit');
  trial.pool.release(connection);
  await Promise.all(stream);
  assert.ok(ran < 100, `${ran} lone statements went first`);
});

test('a connection that is lost fails those who share it, and is not handed on', async () => {
  await using trial = await openTrial({ poolSize: 1 });
  const observer = await trial.connect();
  const first = trial.lone.run(unnamed('select pg_sleep(30), pg_backend_pid()'), 'slow');
  const second = trial.lone.run(whoAmI, 'behind');
  const lost = Promise.all([
    assert.rejects(first, { code: 'DATABASE_CONNECTION_FAILED' }),
    assert.rejects(second, { code: 'DATABASE_CONNECTION_FAILED' }),
  ]);
  let ended = 0;
  for (let asked = 0; ended === 0 && asked < 10_000; asked += 1) {
    const { rows } = await observer.query(
      unnamed(
        `select count(pg_terminate_backend(pid)) from pg_stat_activity where query like 'select pg_sleep(30), pg_b%' and state = 'active' and pid <> pg_backend_pid()`,
      ),
    );
    ended = Number(rows[0]?.[0]);
  }
  await lost;
  assert.equal((await trial.lone.run(whoAmI, 'next')).rows.length, 1);
  await observer.close();
});
