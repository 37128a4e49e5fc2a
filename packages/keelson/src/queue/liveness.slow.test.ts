/** Chaos: processes killed, backends terminated without end, a database that restarts; rows of the dead come back, those of the living stay. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../clock.ts';
import { startEmbedded } from '../postgres/embedded.ts';
import { renderSchema } from '../schema/ddl.ts';
import { sql } from '../schema/sql.ts';
import { eventually, openConnection, openTrial, parcelModel, parcels, type Trial } from './liveness.fixture.ts';
import type { Registration } from './liveness.ts';
import type { Sweeper } from './sweep.ts';
import { workers } from './worker-table.ts';

// GLK-14

const program = path.join(import.meta.dirname, 'doomed-process.fixture.ts');

interface Doomed {
  readonly child: ChildProcess;
  readonly owner: number;
}

async function startDoomed(url: string, rows: number): Promise<Doomed> {
  const child = spawn(process.execPath, [program, url, String(rows)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const said: unknown = (await once(child.stdout.setEncoding('utf8'), 'data')).at(0);
  return { child, owner: Number(said) };
}

/** Several processes in one: each with its registration and its sweeper. */
interface Living {
  readonly registrations: readonly Registration[];
  readonly sweepers: readonly Sweeper[];
  end(): Promise<void>;
}

async function startLiving(trial: Trial, count: number, rowsEach: number): Promise<Living> {
  const registrations = await Promise.all(Array.from({ length: count }, () => trial.register()));
  for (const { owner } of registrations) for (let n = 0; n < rowsEach; n += 1) await trial.lease(owner, { leaseMs: 600_000 });
  const sweepers = registrations.map(() => trial.sweeper());
  for (const sweeper of sweepers) sweeper.start();
  return {
    registrations,
    sweepers,
    end: async () => {
      await Promise.all(sweepers.map((sweeper) => sweeper.stop()));
      await Promise.all(registrations.map((registration) => registration.close()));
    },
  };
}

async function leasedBy(trial: Trial, owner: number): Promise<number> {
  return Number((await trial.rows(sql`select count(*) from ${parcels} where lease_owner = ${owner}`))[0]?.[0]);
}

test('rows of processes killed one after another come back, those of the others stay', async (t) => {
  await using trial = await openTrial();
  const rows = 10;
  const living = await startLiving(trial, 2, rows);
  const doomed = await Promise.all(Array.from({ length: 8 }, () => startDoomed(trial.postgres.url, rows)));
  const tookMs: number[] = [];
  for (const { child, owner } of doomed) {
    assert.equal(await leasedBy(trial, owner), rows);
    const killedMs = systemClock.monotonicMs();
    child.kill('SIGKILL');
    await eventually(async () => (await leasedBy(trial, owner)) === 0, 'the rows of a killed process came back');
    tookMs.push(Math.round(systemClock.monotonicMs() - killedMs));
  }
  for (const { owner } of living.registrations) assert.equal(await leasedBy(trial, owner), rows);
  await eventually(async () => (await trial.rows(sql`select 1 from ${workers}`)).length === 2, 'the killed are off the list');
  await living.end();
  t.diagnostic(`rows of a killed process were free after ${tookMs.toSorted((a, b) => a - b).join(', ')} ms`);
});

test('backends terminated each 100 ms, all of them, cost no living process a row', async (t) => {
  await using trial = await openTrial();
  await using connection = await openConnection(trial);
  const rows = 10;
  const living = await startLiving(trial, 4, rows);
  const owners = living.registrations.map(({ owner }) => owner);
  const heartbeats = owners.map((owner) => trial.heartbeat(() => owner));
  const keys = await trial.rows(sql`select id, lease_owner from ${parcels}`);
  let lost = 0;
  for (const [place, heartbeat] of heartbeats.entries()) {
    heartbeat.start();
    for (const [key, owner] of keys) {
      if (Number(owner) === owners[place]) heartbeat.hold({ key: key ?? '', epoch: 1, leaseMs: 1_500, onLost: () => (lost += 1) });
    }
  }
  let terminated = 0;
  for (let round = 0; round < 60; round += 1) {
    const { rows: ended } = await connection.command(
      'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
    );
    terminated += ended.length;
    await systemClock.sleep(100);
  }
  assert.ok(terminated > 100, `only ${terminated} were terminated`);
  assert.equal(lost, 0);
  assert.deepEqual(
    living.registrations.map(({ owner }) => owner),
    owners,
    'nobody was taken for dead',
  );
  for (const owner of owners) assert.equal(await leasedBy(trial, owner), rows);
  await Promise.all(heartbeats.map((heartbeat) => heartbeat.stop()));
  await living.end();
  t.diagnostic(`${terminated} backends were terminated`);
});

test('a database that restarts costs no living process a row, however long it was away', async (t) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'keelson-liveness-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  let server = await startEmbedded({ dataDirectory: path.join(folder, 'data'), durable: false });
  const { url, port } = server;
  {
    await using trial = await openTrial({ url });
    await using connection = await openConnection(trial);
    await connection.command(renderSchema(parcelModel.tables, parcelModel.namespace).up.join('\n'));
    const living = await startLiving(trial, 3, 10);
    const owners = living.registrations.map(({ owner }) => owner);
    for (const awayMs of [0, 300, 1_500]) {
      await server.stop();
      await systemClock.sleep(awayMs);
      server = await startEmbedded({ dataDirectory: path.join(folder, 'data'), durable: false, port });
      const isLocked = async (): Promise<boolean> =>
        (await trial.rows(sql`select 1 from pg_locks where locktype = 'advisory' and objsubid = 2`)).length >= owners.length;
      await eventually(isLocked, 'everybody has his lock again');
      const { deadTotal } = living.sweepers[0]?.stats ?? { deadTotal: -1 };
      assert.equal(deadTotal, 0);
      await eventually(
        async () =>
          (await trial.rows(sql`select 1 from ${workers} where heartbeat_at > now() - interval '150 ms'`)).length === owners.length,
        'everybody is heard of again',
      );
    }
    assert.deepEqual(
      living.registrations.map(({ owner }) => owner),
      owners,
      'nobody was taken for dead',
    );
    for (const owner of owners) assert.equal(await leasedBy(trial, owner), 10);
    await living.end();
  }
  await server.stop();
});
