/** What schedules promise: one job for each slot, whoever tries to make it, in the time zone that they name. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Clock, systemClock } from '../clock.ts';
import { isKeelsonError } from '../errors.ts';
import { silentLog } from '../log.ts';
import { sql } from '../schema/sql.ts';
import { defineJobs } from './define-jobs.ts';
import { type ErrandDatabase, jobRows, model, Numbered, openErrands } from './jobs.fixture.ts';
import { schedules } from './jobs.ts';
import type { Schedule } from './schedule.ts';
import { ScheduleClock } from './schedule-clock.ts';

const kinds = defineJobs<undefined>()({ add: { payload: Numbered, run: () => undefined } });
const payload = { n: 1 };

function slots(schedule: Schedule, from: string, count: number): string[] {
  const found: string[] = [];
  let slot: Date | undefined = new Date(from);
  while (found.length < count && slot !== undefined) {
    slot = schedule.nextAfter(slot);
    if (slot !== undefined) found.push(slot.toISOString());
  }
  return found;
}

function clockOf(database: ErrandDatabase, declared: readonly Schedule[], clock: Clock = systemClock): ScheduleClock {
  return new ScheduleClock({
    postgres: database.postgres,
    namespace: model.namespace,
    schedules: declared,
    clock,
    log: silentLog,
    onMade: () => undefined,
  });
}

/** Says that the last job of each schedule was made so long ago. */
function setBack(database: ErrandDatabase, agoMs: number): Promise<unknown> {
  return database.work((unit) => unit.sql(sql`update ${schedules} set "last_slot" = now() - ${agoMs} * interval '1 millisecond'`));
}

test('slots are those of the time zone, also when its clocks are changed', () => {
  const daily = kinds.schedule('daily', { cron: '30 2 * * *', timeZone: 'Europe/Berlin', kind: 'add', payload });
  // On 29 March 2026 there is no 02:30 in Berlin; on 25 October there are two.
  assert.deepEqual(slots(daily, '2026-03-27T12:00:00Z', 3), [
    '2026-03-28T01:30:00.000Z',
    '2026-03-29T01:00:00.000Z',
    '2026-03-30T00:30:00.000Z',
  ]);
  assert.deepEqual(slots(daily, '2026-10-24T12:00:00Z', 2), ['2026-10-25T00:30:00.000Z', '2026-10-26T01:30:00.000Z']);
  const hourly = kinds.schedule('hourly', { cron: '0 * * * *', kind: 'add', payload });
  assert.deepEqual(slots(hourly, '2026-03-29T00:30:00Z', 2), ['2026-03-29T01:00:00.000Z', '2026-03-29T02:00:00.000Z']);
});

test('a pattern or a time zone that is none is refused when it is declared', () => {
  for (const wrong of [{ cron: '61 * * * *' }, { cron: 'soon' }, { cron: '0 3 * * *', timeZone: 'Mars/Olympus' }]) {
    assert.throws(
      () => kinds.schedule('wrong', { ...wrong, kind: 'add', payload }),
      (error) => isKeelsonError(error, 'MISUSE') && error.message.includes('wrong'),
      JSON.stringify(wrong),
    );
  }
  assert.throws(
    () => kinds.schedule('wrong', { cron: '0 3 * * *', kind: 'add', payload: { n: 1.5 } }),
    (error) => isKeelsonError(error, 'VALIDATION_ERROR'),
  );
});

test('of many processes that try the same slots, each slot makes one job', async () => {
  await using database = await openErrands();
  const declared = [kinds.schedule('often', { cron: '* * * * * *', kind: 'add', payload, backfillMs: 10_000 })];
  const clocks = Array.from({ length: 4 }, () => clockOf(database, declared));
  await clocks[0]?.makeDue();
  await setBack(database, 5_000);
  await Promise.all(clocks.map((each) => each.makeDue()));
  const [row] = await database.work((unit) => unit.sql(sql<{ readonly last: string }>`select "last_slot" as last from ${schedules}`));
  const made = await jobRows(database);
  // Set back by five seconds: five slots, or six when a second has passed meanwhile.
  assert.ok(made.length === 5 || made.length === 6, `${made.length} jobs, the last for ${row?.last}`);
});

test('without backfill only the slots of the last moments are made, with it those that were missed', async () => {
  await using database = await openErrands();
  const start = async (name: string, backfillMs: number): Promise<number> => {
    const before = (await jobRows(database)).length;
    const clock = clockOf(database, [kinds.schedule(name, { cron: '* * * * *', kind: 'add', payload, backfillMs })]);
    await clock.makeDue();
    await setBack(database, 600_000);
    await clock.makeDue();
    return (await jobRows(database)).length - before;
  };
  assert.ok((await start('forgetful', 0)) <= 1);
  assert.ok([5, 6].includes(await start('mindful', 300_000)));
});

test('a schedule begins when it is first seen, and with a unique key does not pile up', async () => {
  await using database = await openErrands();
  const declared = [kinds.schedule('piling', { cron: '* * * * * *', kind: 'add', payload, uniqueKey: 'one', backfillMs: 60_000 })];
  const clock = clockOf(database, declared);
  await clock.makeDue();
  assert.deepEqual(await jobRows(database), []);
  await setBack(database, 3_000);
  await clock.makeDue();
  assert.equal((await jobRows(database)).length, 1);
});

test('a running clock makes the jobs by itself, and says so', async () => {
  await using database = await openErrands();
  const made = Promise.withResolvers<void>();
  const clock = new ScheduleClock({
    postgres: database.postgres,
    namespace: model.namespace,
    schedules: [kinds.schedule('ticking', { cron: '* * * * * *', kind: 'add', payload })],
    clock: systemClock,
    log: silentLog,
    onMade: made.resolve,
  });
  clock.start();
  await made.promise;
  await clock.stop();
  assert.ok((await jobRows(database)).length > 0);
});
