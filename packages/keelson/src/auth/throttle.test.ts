/** The throttle on a real PostgreSQL: five failures are free, the waits grow and end, and nobody is shut out elsewhere. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Clock, systemClock } from '../clock.ts';
import { KeelsonError } from '../errors.ts';
import { sql } from '../schema/sql.ts';
import { testDatabase } from '../testing/database.ts';
import { defineModel } from '../work/model.ts';
import { keyRing } from './key-ring.ts';
import type { RunSql } from './session.ts';
import { type Attempt, networkOf, Throttle, throttleTable } from './throttle.ts';

const rows = throttleTable();
const model = defineModel({ name: 'throttle_test', tables: [rows], repositories: {} });
const ada: Attempt = { account: 'ada@example.com', address: '192.0.2.1' };
const startMs = Date.UTC(2026, 10, 20, 12);

async function ground(isOn = true) {
  const clock: Clock & { nowMs: number } = { ...systemClock, nowMs: startMs, now: () => new Date(clock.nowMs) };
  const database = await testDatabase({ model }, { poolSize: 20 });
  const run: RunSql = (piece) => database.work((unit) => unit.sql(piece));
  const keys = keyRing({ current: 'the secret of these tests, long enough for HS256' }, 'throttle');
  const throttle = new Throttle({ table: rows, keys, isOn, clock });
  return {
    clock,
    run,
    throttle,
    fail: (attempt: Attempt) => database.work((unit) => throttle.fail(unit.sql, attempt)),
    /** The seconds that a try has to wait; 0 when it is let through. */
    waitS: async (attempt: Attempt) => {
      try {
        await throttle.admit(run, attempt);
        return 0;
      } catch (error) {
        return secondsOf(error);
      }
    },
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  };
}

function secondsOf(error: unknown): number {
  assert.ok(error instanceof KeelsonError && error.code === 'RATE_LIMITED' && error.status === 429);
  return error.retryAfterS ?? assert.fail('It does not say how long to wait.');
}

// INF-6
test('five failures are free; from the sixth on the wait doubles, to a quarter of an hour and not above', async () => {
  await using on = await ground();
  const waits: number[] = [];
  for (let failure = 1; failure <= 20; failure += 1) {
    assert.equal(await on.fail(ada), null);
    const waitS = await on.waitS(ada);
    waits.push(waitS);
    on.clock.nowMs += waitS * 1_000;
    assert.equal(await on.waitS(ada), 0);
  }
  assert.deepEqual(waits, [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900, 900, 900]);
});

// INF-6
test('the same account is let in from another address, and other accounts from this one', async () => {
  await using on = await ground();
  for (let failure = 0; failure < 6; failure += 1) await on.fail(ada);
  assert.equal(await on.waitS(ada), 1);
  assert.equal(await on.waitS({ ...ada, address: '192.0.2.2' }), 0);
  assert.equal(await on.waitS({ ...ada, account: 'bob@example.com' }), 0);
});

test('an address that tries many accounts is held up with all of them, and a success of its own does not wash that away', async () => {
  await using on = await ground();
  for (let failure = 0; failure < 31; failure += 1) await on.fail({ ...ada, account: `user${failure}@example.com` });
  assert.equal(await on.waitS(ada), 1);
  on.clock.nowMs += 1_000;
  await on.throttle.succeed(on.run, ada);
  await on.fail(ada);
  assert.equal(await on.waitS({ ...ada, account: 'bob@example.com' }), 2);
  // An hour without a failure, and the address is like any other.
  on.clock.nowMs += 3_600_000;
  await on.fail(ada);
  assert.equal(await on.waitS(ada), 0);
});

test('a success forgets the failures of its account at its address', async () => {
  await using on = await ground();
  for (let failure = 0; failure < 5; failure += 1) await on.fail(ada);
  await on.throttle.succeed(on.run, ada);
  for (let failure = 0; failure < 5; failure += 1) await on.fail(ada);
  assert.equal(await on.waitS(ada), 0);
  await on.fail(ada);
  assert.equal(await on.waitS(ada), 1);
});

// INF-6
test('of sixty failures at once six are told, and the rest, like a success among them, have to wait', async () => {
  await using on = await ground();
  const verdicts = await Promise.all(Array.from({ length: 60 }, () => on.fail(ada)));
  assert.equal(verdicts.filter((verdict) => verdict === null).length, 6);
  for (const verdict of verdicts) if (verdict !== null) assert.equal(secondsOf(verdict), 1);
  await assert.rejects(on.throttle.succeed(on.run, ada), (error) => secondsOf(error) === 1);
  assert.equal(await on.waitS(ada), 1);
});

test('failures are forgotten after a day, and the rows of those who never come back are taken away by others', async () => {
  await using on = await ground();
  for (let failure = 0; failure < 8; failure += 1) {
    await on.fail(ada);
    on.clock.nowMs += 900_000;
  }
  on.clock.nowMs = startMs + 8 * 900_000 + 86_400_000;
  for (let failure = 0; failure < 5; failure += 1) await on.fail(ada);
  assert.equal(await on.waitS(ada), 0);
  on.clock.nowMs += 2 * 86_400_000;
  await on.fail({ account: 'bob@example.com', address: '192.0.2.9' });
  const left = await on.run(sql`select key from ${rows}`);
  assert.equal(left.length, 2);
});

test('neither the account nor the address stands in the table', async () => {
  await using on = await ground();
  await on.fail(ada);
  const text = JSON.stringify(await on.run(sql`select to_jsonb(t) as whole from ${rows} as t`));
  assert.ok(text.includes('failures'));
  for (const secret of [ada.account, ada.address, 'ada', 'example']) assert.ok(!text.includes(secret));
});

test('turned off it counts nothing', async () => {
  await using on = await ground(false);
  for (let failure = 0; failure < 10; failure += 1) assert.equal(await on.fail(ada), null);
  assert.equal(await on.waitS(ada), 0);
  assert.equal((await on.run(sql`select key from ${rows}`)).length, 0);
});

test('one client is one address: of IPv6 the network counts, and IPv4 is the same in every form', () => {
  assert.equal(networkOf('192.0.2.1'), '192.0.2.1');
  assert.equal(networkOf('::ffff:192.0.2.1'), '192.0.2.1');
  assert.equal(networkOf('2001:db8:1:2:3:4:5:6'), networkOf('2001:0DB8:0001:0002::9'));
  assert.notEqual(networkOf('2001:db8:1:2::1'), networkOf('2001:db8:1:3::1'));
  assert.equal(networkOf('fe80::1%eth0'), 'fe80:0:0:0');
  assert.equal(networkOf('::1'), '0:0:0:0');
});
