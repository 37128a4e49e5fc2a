/** A process with workers is on the list as long as it lives, whatever happens to its connections. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sql } from '../schema/sql.ts';
import { eventually, openTrial, type Trial } from './liveness.fixture.ts';
import { lockClass } from './liveness.ts';
import { workers } from './worker-table.ts';

// GLK-14

const isLockOf = (owner: number) => sql`l.locktype = 'advisory' and l.classid = ${lockClass('post') >>> 0}::text::oid
  and l.objid = ${owner}::int::oid and l.database = (select oid from pg_database where datname = current_database())`;

async function lockHolder(trial: Trial, owner: number): Promise<string | null | undefined> {
  return (await trial.rows(sql`select l.pid from pg_locks as l where ${isLockOf(owner)}`))[0]?.[0];
}

test('a process is on the list with what it serves, holds its lock and is heard of again and again; then it signs off', async () => {
  await using trial = await openTrial();
  const registration = await trial.register({ name: 'packer' });
  const { owner } = registration;
  assert.deepEqual(await trial.rows(sql`select id, name, pid, queues, is_locked, lost_at from ${workers}`), [
    [String(owner), 'packer', String(process.pid), '{delivery}', 't', null],
  ]);
  assert.ok((await lockHolder(trial, owner)) !== undefined);
  const [first] = await trial.rows(sql`select heartbeat_at from ${workers}`);
  await eventually(
    async () => (await trial.rows(sql`select heartbeat_at from ${workers}`))[0]?.[0] !== first?.[0],
    'it was heard of again',
  );
  await registration.close();
  assert.deepEqual(await trial.rows(sql`select id from ${workers}`), []);
  await eventually(async () => (await lockHolder(trial, owner)) === undefined, 'the lock is gone');
});

test('two processes have two numbers, and a number never comes again', async () => {
  await using trial = await openTrial();
  const [one, two] = await Promise.all([trial.register(), trial.register()]);
  assert.notEqual(one.owner, two.owner);
  const gone = Math.max(one.owner, two.owner);
  await Promise.all([one.close(), two.close()]);
  const three = await trial.register();
  assert.ok(three.owner > gone);
  await three.close();
});

test('a terminated backend costs a process its lock for a moment and its rows not at all', async () => {
  await using trial = await openTrial();
  const registration = await trial.register();
  const { owner } = registration;
  await trial.lease(owner);
  const sweeper = trial.sweeper();
  for (let round = 0; round < 3; round += 1) {
    const before = await lockHolder(trial, owner);
    assert.equal(await trial.terminate(sql`pid = ${before}`), 1);
    await sweeper.sweep();
    await eventually(async () => {
      const now = await lockHolder(trial, owner);
      return now !== undefined && now !== before;
    }, 'the lock was taken again');
  }
  await sweeper.sweep();
  assert.equal(registration.owner, owner);
  assert.equal((await trial.parcels())[0]?.[1], String(owner));
  await registration.close();
});

test('a process that was taken for dead although it lives learns of it, and goes on under a new number', async () => {
  await using trial = await openTrial();
  const { promise, resolve } = Promise.withResolvers<{ readonly owner: number; readonly newOwner: number }>();
  const registration = await trial.register({ onReplaced: resolve });
  const { owner } = registration;
  await trial.rows(sql`update ${workers} set lost_at = now()`);
  const replaced = await promise;
  assert.equal(replaced.owner, owner);
  assert.equal(registration.owner, replaced.newOwner);
  assert.notEqual(replaced.newOwner, owner);
  await eventually(async () => (await lockHolder(trial, registration.owner)) !== undefined, 'the new number has its lock');
  await eventually(async () => (await lockHolder(trial, owner)) === undefined, 'the old number has none');
  await trial.sweeper().sweep();
  assert.deepEqual(await trial.rows(sql`select id from ${workers}`), [[String(registration.owner)]]);
  await registration.close();
});

test('a process that ends with rows in its hands says so, and they are free at the next sweep', async () => {
  await using trial = await openTrial();
  const registration = await trial.register();
  await trial.lease(registration.owner);
  await registration.close({ isHolding: true });
  await trial.sweeper().sweep();
  assert.deepEqual(await trial.parcels(), [['packed', null, '1']]);
  assert.deepEqual(await trial.rows(sql`select id from ${workers}`), []);
});

test('behind a transaction pooler a process takes no lock unless it is shown a way past it', async () => {
  await using trial = await openTrial();
  const pooled = { ...trial.postgres, namedStatements: false };
  const [without, past] = [await trial.register({ postgres: pooled }), await trial.register({ postgres: pooled, direct: pooled.connect })];
  assert.deepEqual(await trial.rows(sql`select is_locked from ${workers} order by id`), [['f'], ['t']]);
  assert.equal(await lockHolder(trial, without.owner), undefined);
  assert.ok((await lockHolder(trial, past.owner)) !== undefined);
  await Promise.all([without.close(), past.close()]);
});
