/** The heartbeat extends what is still ours, says what is not, and frees what nobody knows of. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sql } from '../schema/sql.ts';
import { eventually, openConnection, openTrial, parcels, type Trial } from './liveness.fixture.ts';

// GLK-14

const leaseMs = 30_000;

async function leftMs(trial: Trial): Promise<number[]> {
  const rows = await trial.rows(sql`select (extract(epoch from lease_until - now()) * 1000)::int from ${parcels} order by id`);
  return rows.map(([left]) => Number(left));
}

test('leases are extended, each by its own time', async () => {
  await using trial = await openTrial();
  const heartbeat = trial.heartbeat(() => 7);
  const keys = [
    await trial.lease(7, { leaseMs: 1_000 }),
    await trial.lease(7, { leaseMs: 1_000 }),
    await trial.lease(7, { leaseMs: 1_000 }),
  ];
  const lost: string[] = [];
  for (const [place, key] of keys.slice(0, 2).entries())
    heartbeat.hold({ key, epoch: 1, leaseMs: leaseMs * (place + 1), onLost: () => lost.push(key) });
  await heartbeat.beat();
  const [first = 0, second = 0, untouched = 0] = await leftMs(trial);
  assert.ok(first > leaseMs / 2 && first <= leaseMs);
  assert.ok(second > leaseMs && second <= 2 * leaseMs);
  assert.ok(untouched <= 1_000, 'a lease that is not held here is not extended');
  assert.deepEqual(lost, []);
});

test('a lease that another has taken is told to be lost, once, and is not extended', async () => {
  await using trial = await openTrial();
  const heartbeat = trial.heartbeat(() => 7);
  const [stolen, again, kept] = [await trial.lease(7), await trial.lease(7), await trial.lease(7)];
  const lost: string[] = [];
  for (const key of [stolen, again, kept]) heartbeat.hold({ key, epoch: 1, leaseMs, onLost: () => lost.push(key) });
  await trial.rows(sql`update ${parcels} set lease_owner = 8 where id = ${stolen}`);
  // Freed, and claimed again by this very process: another epoch.
  await trial.rows(sql`update ${parcels} set lease_epoch = 2 where id = ${again}`);
  await heartbeat.beat();
  await heartbeat.beat();
  assert.deepEqual(lost, [stolen, again]);
  assert.equal(heartbeat.size, 1);
});

test('a row that is being finished is neither waited for nor taken for lost', async () => {
  await using trial = await openTrial();
  await using connection = await openConnection(trial);
  const key = await trial.lease(7, { leaseMs: 1_000 });
  const heartbeat = trial.heartbeat(() => 7);
  let isLost = false;
  heartbeat.hold({ key, epoch: 1, leaseMs, onLost: () => (isLost = true) });
  await connection.command('begin');
  await connection.command('select 1 from post.parcels for update');
  await heartbeat.beat();
  assert.equal(isLost, false);
  assert.equal(heartbeat.size, 1);
  await connection.command('rollback');
  await heartbeat.beat();
  assert.ok(((await leftMs(trial))[0] ?? 0) > 1_000);
});

test('a lease that was released is let go, but not when its key is held again under another epoch', async () => {
  await using trial = await openTrial();
  const heartbeat = trial.heartbeat(() => 7);
  const onLost = (): void => assert.fail('it was let go');
  heartbeat.hold({ key: 'a', epoch: 1, leaseMs, onLost });
  heartbeat.hold({ key: 'a', epoch: 2, leaseMs, onLost });
  heartbeat.release('a', 1);
  assert.equal(heartbeat.size, 1);
  heartbeat.release('a', 2);
  assert.equal(heartbeat.size, 0);
});

test('a heartbeat that runs extends a short lease in time, again and again', async () => {
  await using trial = await openTrial();
  const heartbeat = trial.heartbeat(() => 7);
  heartbeat.start();
  const key = await trial.lease(7, { leaseMs: 300 });
  heartbeat.hold({ key, epoch: 1, leaseMs: 300, onLost: () => assert.fail('it was kept') });
  const until = async (): Promise<string> => (await trial.rows(sql`select lease_until from ${parcels}`))[0]?.[0] ?? '';
  for (let round = 0; round < 3; round += 1) {
    const before = await until();
    await eventually(async () => (await until()) !== before, 'the lease was extended');
  }
  await heartbeat.stop();
});

test('rows of a claim whose answer was lost are found and freed; those that are known are not', async () => {
  await using trial = await openTrial();
  const freed: string[] = [];
  const heartbeat = trial.heartbeat(
    () => 7,
    (table) => freed.push(table),
  );
  heartbeat.start();
  const [known, unknown] = [await trial.lease(7), await trial.lease(7)];
  await trial.lease(8);
  heartbeat.hold({ key: known, epoch: 1, leaseMs, onLost: () => assert.fail('it was kept') });
  heartbeat.suspect();
  await eventually(() => freed.length > 0, 'the unknown row was freed');
  await heartbeat.stop();
  assert.deepEqual(freed, ['parcels']);
  assert.deepEqual(await trial.rows(sql`select id from ${parcels} where lease_owner is null and state = 'packed'`), [[unknown]]);
});
