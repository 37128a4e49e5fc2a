/** Wake-ups reach this process at once and the others soon, many in one, and over connections that fail. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../clock.ts';
import { silentLog } from '../log.ts';
import { startCutter } from '../postgres/trial.fixture.ts';
import { connectPostgres } from '../postgres/postgres.ts';
import { sql } from '../schema/sql.ts';
import { eventually, openConnection, openTrial, type Trial } from './liveness.fixture.ts';
import { WakeUps, type WakeUpsOptions, workChannel } from './listen.ts';

// GLK-14

function openWakeUps(trial: Trial, options: Partial<WakeUpsOptions> = {}): Promise<WakeUps> {
  return WakeUps.open({ postgres: trial.postgres, namespace: 'post', clock: systemClock, log: silentLog, ...options });
}

test('who waits in this process is woken at once, who waits in another is woken too, and nobody for another name', async () => {
  await using trial = await openTrial();
  const [here, there] = [await openWakeUps(trial), await openWakeUps(trial)];
  const heard: string[] = [];
  const { promise, resolve } = Promise.withResolvers<string>();
  here.on('parcels', (kind) => heard.push(`here ${kind}`));
  here.on('letters', () => heard.push('letters'));
  there.on('parcels', resolve);
  here.wake('parcels', 'back');
  assert.deepEqual(heard, ['here back'], 'at once');
  assert.equal(await promise, 'back');
  assert.deepEqual(heard, ['here back'], 'its own notification does not wake it again');
  await Promise.all([here.close(), there.close()]);
});

test('a thousand wake-ups are a few notifications, and one that says that rows came back is not lost among them', async () => {
  await using trial = await openTrial();
  await using connection = await openConnection(trial);
  const payloads: string[] = [];
  await connection.listen(workChannel('post'), (payload) => payloads.push(payload));
  const wakeUps = await openWakeUps(trial, { pingMs: 1_000_000 });
  payloads.length = 0;
  for (let n = 0; n < 1_000; n += 1) wakeUps.wake('parcels', n === 500 ? 'back' : 'new');
  await eventually(() => payloads.some((payload) => payload.startsWith('parcels\nback')), 'the others were told');
  wakeUps.wake('letters');
  await eventually(() => payloads.some((payload) => payload.startsWith('letters\nnew')), 'the others were told of the second');
  assert.equal(payloads.filter((payload) => payload.startsWith('parcels')).length, 1);
  await wakeUps.close();
});

test('a notification by hand, with nothing but a name, wakes too', async () => {
  await using trial = await openTrial();
  const wakeUps = await openWakeUps(trial);
  const { promise, resolve } = Promise.withResolvers<string>();
  wakeUps.on('parcels', resolve);
  await trial.rows(sql`select pg_notify(${workChannel('post')}, 'parcels')`);
  assert.equal(await promise, 'new');
  await wakeUps.close();
});

test('when the connection is lost everybody is woken once it is back, since what was told meanwhile is not told again', async () => {
  await using trial = await openTrial();
  const wakeUps = await openWakeUps(trial);
  const { promise, resolve } = Promise.withResolvers<string>();
  wakeUps.on('parcels', resolve);
  await trial.terminate(sql`query like 'listen %'`);
  assert.equal(await promise, 'back');
  const after = Promise.withResolvers<string>();
  wakeUps.on('parcels', after.resolve);
  await trial.rows(sql`select pg_notify(${workChannel('post')}, 'parcels')`);
  assert.equal(await after.promise, 'new');
  await wakeUps.close();
});

test('a listener whose connection is only half there notices it, and listens on another', async () => {
  await using trial = await openTrial();
  const url = new URL(trial.postgres.url);
  await using cutter = await startCutter(url.href);
  const through = await connectPostgres({ url: cutter.url, log: silentLog, connectRetryMs: 0, readers: 1, poolSize: 1 });
  let way = through.connect;
  const wakeUps = await openWakeUps(trial, { direct: () => way(), pingMs: 20, silentMs: 100 });
  const { promise, resolve } = Promise.withResolvers<string>();
  wakeUps.on('parcels', resolve);
  way = trial.postgres.connect;
  cutter.freeze();
  assert.equal(await promise, 'back');
  await wakeUps.close();
  await through.close(0);
});

test('a listener that fails does not keep the others from being woken', async () => {
  await using trial = await openTrial();
  const wakeUps = await openWakeUps(trial);
  const heard: string[] = [];
  wakeUps.on('parcels', () => {
    throw new RangeError('not today');
  });
  const off = wakeUps.on('parcels', (kind) => heard.push(kind));
  wakeUps.wake('parcels');
  off();
  wakeUps.wake('parcels');
  assert.deepEqual(heard, ['new']);
  await wakeUps.close();
});

test('behind a transaction pooler nothing is heard from others, and waking works within the process', async () => {
  await using trial = await openTrial();
  const wakeUps = await openWakeUps(trial, { postgres: { ...trial.postgres, namedStatements: false } });
  const heard: string[] = [];
  wakeUps.on('parcels', (kind) => heard.push(kind));
  wakeUps.wake('parcels');
  assert.deepEqual(heard, ['new']);
  assert.deepEqual(await trial.rows(sql`select 1 from pg_stat_activity where datname = current_database() and query like 'listen %'`), []);
  await wakeUps.close();
});
