/** The sweeper frees what the dead held and what has run out, and nothing else. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sql } from '../schema/sql.ts';
import { keepLog } from '../postgres/trial.fixture.ts';
import { eventually, openConnection, openTrial, parcels } from './liveness.fixture.ts';
import { lockClass } from './liveness.ts';
import { workers } from './worker-table.ts';

// GLK-14

test('rows of a dead process go back to the state they were claimed in, with their attempts, and the process leaves the list', async () => {
  const log = keepLog();
  await using trial = await openTrial({ log });
  const dead = await trial.addDead();
  await trial.lease(dead);
  await trial.lease(dead, { attempts: 2 });
  const freed: string[] = [];
  const sweeper = trial.sweeper({ onFreed: (table) => freed.push(table) });
  await sweeper.sweep();
  assert.deepEqual(await trial.parcels(), [
    ['packed', null, '1'],
    ['packed', null, '2'],
  ]);
  assert.deepEqual(await trial.rows(sql`select id from ${workers}`), []);
  assert.deepEqual(freed, ['parcels']);
  assert.deepEqual(sweeper.stats, { deadTotal: 1, freedTotal: 2, expiredTotal: 0 });
  assert.deepEqual(
    log.lines.filter(({ event }) => event.startsWith('worker.')).map(({ event, fields }) => [event, fields['worker_id'] ?? fields['rows']]),
    [
      ['worker.lost', dead],
      ['worker.recovered', 2],
    ],
  );
});

test('a row that has used up its attempts ends instead of going back', async () => {
  await using trial = await openTrial();
  await trial.lease(await trial.addDead(), { attempts: 3 });
  await trial.sweeper().sweep();
  assert.deepEqual(await trial.rows(sql`select state, lease_owner, note from ${parcels}`), [['lost', null, 'died three times']]);
});

test('neither a process that holds its lock nor one that was heard of a moment ago is taken for dead', async () => {
  await using trial = await openTrial();
  await using connection = await openConnection(trial);
  const silent = await trial.addDead();
  const lockless = await trial.addDead({ unheardMs: 100 });
  await connection.command(`select pg_advisory_lock(${lockClass('post')}, ${silent})`);
  await trial.lease(silent);
  await trial.lease(lockless);
  const freed: string[] = [];
  const sweeper = trial.sweeper({ onFreed: (table) => freed.push(table) });
  await sweeper.sweep();
  assert.deepEqual(
    (await trial.parcels()).map(([state, owner]) => [state, owner]),
    [
      ['under_way', String(silent)],
      ['under_way', String(lockless)],
    ],
  );
  await connection.command(`select pg_advisory_unlock(${lockClass('post')}, ${silent})`);
  await sweeper.sweep();
  assert.equal((await trial.parcels())[0]?.[1], null, 'without its lock it is dead');
});

test('the lock of a process in another namespace keeps nobody alive', async () => {
  await using trial = await openTrial();
  await using connection = await openConnection(trial);
  const dead = await trial.addDead();
  await connection.command(`select pg_advisory_lock(${lockClass('other')}, ${dead})`);
  await trial.lease(dead);
  await trial.sweeper().sweep();
  assert.equal((await trial.parcels())[0]?.[1], null);
});

test('a lease that has run out is freed although its process lives, and one that has not is not', async () => {
  await using trial = await openTrial();
  const registration = await trial.register();
  await trial.lease(registration.owner, { leaseMs: -1 });
  await trial.lease(registration.owner);
  const sweeper = trial.sweeper();
  await sweeper.sweep();
  assert.deepEqual(
    (await trial.parcels()).map(([state]) => state),
    ['packed', 'under_way'],
  );
  assert.equal(sweeper.stats.expiredTotal, 1);
  await registration.close();
});

test('a process without a lock is never taken for dead: its leases alone say that it lives', async () => {
  await using trial = await openTrial();
  const pooled = await trial.addDead({ isLocked: false });
  await trial.lease(pooled);
  const forgotten = await trial.addDead({ isLocked: false, unheardMs: 120_000 });
  await trial.sweeper().sweep();
  assert.equal((await trial.parcels())[0]?.[1], String(pooled));
  assert.deepEqual(await trial.rows(sql`select id from ${workers}`), [[String(pooled)]], `${forgotten} held nothing and is gone`);
});

test('a row that is being finished is left alone, and its process stays on the list until the next sweep has freed it', async () => {
  await using trial = await openTrial();
  await using connection = await openConnection(trial);
  const dead = await trial.addDead();
  await trial.lease(dead);
  await trial.lease(dead);
  await connection.command('begin');
  await connection.command('select 1 from post.parcels order by id limit 1 for update');
  const sweeper = trial.sweeper();
  await sweeper.sweep();
  assert.deepEqual(
    (await trial.parcels()).map(([, owner]) => owner),
    [String(dead), null],
  );
  assert.equal((await trial.rows(sql`select 1 from ${workers} where lost_at is not null`)).length, 1);
  await connection.command('rollback');
  await sweeper.sweep();
  assert.equal((await trial.parcels())[0]?.[1], null);
  assert.equal((await trial.rows(sql`select 1 from ${workers}`)).length, 0);
});

test('while one sweeps, another leaves it to him', async () => {
  await using trial = await openTrial();
  await trial.lease(await trial.addDead());
  const sweepers = Array.from({ length: 6 }, () => trial.sweeper());
  await Promise.all(sweepers.map((sweeper) => sweeper.sweep()));
  assert.equal(
    sweepers.reduce((total, { stats }) => total + stats.deadTotal, 0),
    1,
  );
});

test('more rows than one statement frees all come back in one sweep', async () => {
  await using trial = await openTrial();
  const dead = await trial.addDead();
  await trial.rows(sql`
    insert into ${parcels} (state, attempts, lease_owner, lease_until)
    select 'under_way', 1, ${dead}, now() from generate_series(1, 2500)`);
  await trial.sweeper().sweep();
  assert.deepEqual(await trial.rows(sql`select count(*) from ${parcels} where lease_owner is not null`), [['0']]);
});

test('a sweeper that runs frees by itself, and stops when told', async () => {
  await using trial = await openTrial();
  const sweeper = trial.sweeper();
  sweeper.start();
  await trial.lease(await trial.addDead());
  await eventually(async () => (await trial.parcels())[0]?.[1] === null, 'the row was freed');
  await sweeper.stop();
  const left = await trial.lease(await trial.addDead());
  assert.deepEqual(await trial.rows(sql`select lease_owner is not null from ${parcels} where id = ${left}`), [['t']]);
});
