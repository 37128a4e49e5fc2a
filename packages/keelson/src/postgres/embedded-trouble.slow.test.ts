/** The embedded server in trouble: left-overs of crashes, taken ports, halfway folders, and a second one on the same folder. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { isRoot, ownerOf } from './embedded/account.ts';
import { portsFor } from './embedded/port.ts';
import { isAlive } from './embedded/process-identity.ts';
import { startProgram } from './embedded/program.ts';
import { ask, failureOf, keptLog, openTrial, pidIn } from './embedded/trial.fixture.ts';

test('a folder with blanks, quotes and a path longer than a socket could have is as good as any', async (t) => {
  const trial = await openTrial(t);
  const dataDirectory = join(trial.folder, `it's a "früh" $HOME`, 'deep'.repeat(20), 'deeper'.repeat(10), 'data');
  const server = await trial.start({ dataDirectory });
  assert.equal(server.dataDirectory, dataDirectory);
  assert.deepEqual(await ask(server.url, 'select 1'), [[1]]);
});

test('a second start adopts the server that runs, and its stop leaves it to the first', async (t) => {
  const trial = await openTrial(t);
  const { dataDirectory } = trial;
  const log = keptLog();
  const [one, two] = await Promise.all([trial.start(), trial.start()]);
  assert.equal([one, two].filter((server) => server.adopted).length, 1, 'of two that start at once, one starts');
  const [owner, adopter] = one.adopted ? [two, one] : [one, two];
  assert.equal(adopter.url, owner.url);
  await adopter.stop();
  assert.deepEqual(await ask(owner.url, 'select 1'), [[1]]);
  const third = await trial.start({ durable: true, log });
  assert.equal(third.adopted, true);
  assert.ok(log.lines.some((line) => line.includes('embedded.settings_differ')));
  const pid = await pidIn(dataDirectory);
  await owner.stop();
  assert.equal(isAlive(pid), false);
});

test('a port that is taken is passed over, and one asked for by name is not replaced in silence', async (t) => {
  const trial = await openTrial(t);
  const { dataDirectory } = trial;
  const [wanted, next] = portsFor(dataDirectory);
  const taken = createServer().listen({ port: wanted, host: '127.0.0.1' });
  await once(taken, 'listening');
  t.after(() => taken.close());
  const server = await trial.start();
  assert.ok(server.port >= (next ?? 0), 'the server did not go on to a later port');
  assert.notEqual(server.port, wanted);
  await server.stop();

  assert.ok(wanted !== undefined);
  const failure = await failureOf({ dataDirectory, port: wanted });
  assert.equal(failure.code, 'EMBEDDED_SERVER_FAILED');
  assert.match(failure.message, new RegExp(`Port ${wanted}`));
  const asked = await trial.start({ port: server.port });
  assert.equal(asked.port, server.port);
});

test('a postmaster.pid that a crash left behind hinders nobody, be its number free or another process’s', async (t) => {
  const trial = await openTrial(t);
  const { dataDirectory } = trial;
  const first = await trial.start();
  const path = join(dataDirectory, 'cluster', 'postmaster.pid');
  const lines = (await readFile(path, 'utf8')).split('\n');
  const account = isRoot() ? ownerOf(path) : undefined;
  await first.stop();
  // A process of the server's own account: of another's number PostgreSQL itself would say that it cannot be a server of this folder.
  const stranger = startProgram({ command: '/bin/sleep', arguments: ['600'], account, output: 'pipe', deathSignal: 'KILL' });
  trial.after(() => {
    stranger.kill('SIGKILL');
    return once(stranger, 'exit');
  });
  for (const pid of [2_147_483_646, stranger.pid]) {
    await writeFile(path, [String(pid), ...lines.slice(1)].join('\n'));
    const server = await trial.start();
    assert.equal(server.adopted, false);
    assert.deepEqual(await ask(server.url, 'select 1'), [[1]]);
    await server.stop();
  }
  assert.equal(stranger.exitCode ?? stranger.signalCode, null, 'the stranger was taken for a server and ended');
});

test('a data folder that was made halfway is made anew, and a good one is not touched', async (t) => {
  const trial = await openTrial(t);
  const { dataDirectory } = trial;
  await mkdir(join(dataDirectory, 'cluster.new-0123', 'base'), { recursive: true });
  await writeFile(join(dataDirectory, 'password.new-0123'), 'left');
  const first = await trial.start();
  await ask(first.url, 'create table kept (id int)');
  assert.equal(existsSync(join(dataDirectory, 'cluster.new-0123')), false);
  assert.equal(existsSync(join(dataDirectory, 'password.new-0123')), false);
  await first.stop();
  await mkdir(join(dataDirectory, 'cluster.new-4567'));
  const second = await trial.start();
  assert.deepEqual(await ask(second.url, 'select count(*) from kept'), [['0']]);
});

test('a lost password file costs the password, not the data', async (t) => {
  const trial = await openTrial(t);
  const { dataDirectory } = trial;
  const first = await trial.start();
  await ask(first.url, 'create table kept (id int)');
  await first.stop();
  for (const lose of [() => rm(join(dataDirectory, 'state.json')), () => writeFile(join(dataDirectory, 'state.json'), '{"passw')]) {
    await lose();
    const server = await trial.start();
    assert.notEqual(new URL(server.url).password, new URL(first.url).password);
    assert.deepEqual(await ask(server.url, 'select count(*) from kept'), [['0']]);
    await assert.rejects(ask(first.url, 'select 1'), { code: '28P01' });
    await server.stop();
  }
});

test('a server that does not start says why in its own words, where its log is and what to do', async (t) => {
  const trial = await openTrial(t);
  const { dataDirectory } = trial;
  const server = await trial.start();
  await server.stop();
  const wrong = await failureOf({ dataDirectory, settings: { work_mem: 'plenty' } });
  assert.equal(wrong.code, 'EMBEDDED_SERVER_FAILED');
  assert.match(wrong.message, /invalid value for parameter "work_mem": "plenty"/);
  assert.ok(wrong.message.includes(join(dataDirectory, 'server.log')));
  assert.match(wrong.hint, /DATABASE_URL/);

  await rm(join(dataDirectory, 'cluster', 'global', 'pg_control'));
  const broken = await failureOf({ dataDirectory });
  assert.match(broken.message, /pg_control/);
  assert.ok(broken.hint.includes(dataDirectory));
  assert.equal(existsSync(join(dataDirectory, 'start.lock')), false, 'the lock outlives the failure');
});
