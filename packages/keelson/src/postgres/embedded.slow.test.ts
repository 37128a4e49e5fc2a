/** The embedded server in bad company: killed parents, orphans, zombies, crowds, closed folders, users without rights or name. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { chmod, chown, cp, mkdir, readFile, rm, rmdir, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../clock.ts';
import { isKeelsonError } from '../errors.ts';
import { canEnter, chooseAccount, isRoot, type Account } from './embedded/account.ts';
import { openBinaries } from './embedded/binaries.ts';
import { openHome } from './embedded/home.ts';
import { findPackage, readPackage } from './embedded/package.ts';
import { endPostmaster, readPostmaster } from './embedded/postmaster.ts';
import { identify, isAlive } from './embedded/process-identity.ts';
import { diesWithParent, runProgram, startProgram } from './embedded/program.ts';
import { removeDead, takeStartLock } from './embedded/start-lock.ts';
import {
  ask,
  hastyClock,
  keptLog,
  openTrial,
  pidIn,
  processesIn,
  until,
  untilEnded,
  type Trial,
  failureOf,
  setting,
} from './embedded/trial.fixture.ts';

const onLinux = process.platform === 'linux';
const nobody: Account = { uid: 65_534, gid: 65_534 };
const nameless: Account = { uid: 54_321, gid: 54_321 };
const canActAsOthers =
  isRoot() &&
  onLinux &&
  (await canEnter(dirname(process.execPath), nobody)) &&
  (await canEnter(import.meta.dirname, nobody)) &&
  diesWithParent();

/** Starts the server of a data folder by hand, bound to nobody's life: an orphan. */
async function startOrphan(trial: Trial): Promise<number> {
  const home = await openHome(trial.dataDirectory);
  const binaries = await openBinaries(findPackage(), home.account);
  const child = spawn(binaries.postgres, ['-D', home.cluster, '-c', 'unix_socket_directories=', '-c', 'port=19321'], {
    cwd: '/',
    stdio: 'ignore',
    ...home.account,
  });
  await until('the orphan is ready', async () => (await readPostmaster(home.cluster))?.status === 'ready');
  assert.ok(child.pid !== undefined);
  return child.pid;
}

test('the server dies with its parent, however that dies, and nothing is lost', { skip: !diesWithParent() }, async (t) => {
  const trial = await openTrial(t);
  const starter = trial.startElsewhere({ durable: true });
  const { url } = await starter.report;
  await ask(url, 'create table kept (id int)');
  const pid = await pidIn(trial.dataDirectory);
  await starter.kill();
  await untilEnded(pid);
  assert.equal(existsSync(join(trial.dataDirectory, 'cluster', 'postmaster.pid')), false, 'it did not shut down in order');
  const next = await trial.start();
  assert.equal(next.adopted, false);
  assert.deepEqual(await ask(next.url, 'select count(*) from kept'), [['0']]);
});

test('a process that forgets to stop its server may still end, and takes it along', { skip: !onLinux }, async (t) => {
  const trial = await openTrial(t);
  for (const afterwards of ['leave', 'return'] as const) {
    const starter = trial.startElsewhere({}, { afterwards });
    const ended = new Promise((resolve) => {
      starter.process.once('exit', resolve);
    });
    assert.equal((await starter.report).code, undefined);
    assert.equal(await ended, 0);
    await until('no server is left', () => processesIn(trial.folder).length === 0);
  }
});

test('an orphan that a killed parent left is stopped, and its data is there', async (t) => {
  const trial = await openTrial(t);
  const starter = trial.startElsewhere();
  await ask((await starter.report).url, 'create table kept (id int)');
  assert.equal(await starter.finish(), 0);
  const orphan = await startOrphan(trial);
  const log = keptLog();
  const server = await trial.start({ log });
  assert.equal(server.adopted, false);
  assert.equal(isAlive(orphan), false);
  assert.ok(log.lines.some((line) => line.includes('embedded.left_over_stopped')));
  assert.deepEqual(await ask(server.url, 'select count(*) from kept'), [['0']]);
});

test('a server that was killed comes back with what it had committed', async (t) => {
  const trial = await openTrial(t);
  const first = await trial.start({ durable: true });
  await ask(first.url, 'create table kept as select generate_series(1, 1000)');
  const pid = await pidIn(trial.dataDirectory);
  process.kill(pid, 'SIGKILL');
  const second = await trial.start({ durable: true });
  assert.equal(second.adopted, false);
  assert.deepEqual(await ask(second.url, 'select count(*) from kept'), [['1000']]);
  const running = await pidIn(trial.dataDirectory);
  await first.stop();
  assert.equal(isAlive(running), true, 'the stop of the server that was killed ended the one after it');
});

/** Starts the server of a data folder under a parent that never asks what became of it. */
async function startUnderNeglect(trial: Trial): Promise<number> {
  const home = await openHome(trial.dataDirectory);
  const binaries = await openBinaries(findPackage(), home.account);
  // The shell starts the server and becomes a sleep.
  const script = '"$0" -D "$1" -c unix_socket_directories= -c port=19322 >/dev/null 2>&1 & exec sleep 600';
  const shell = spawn('/bin/sh', ['-c', script, binaries.postgres, home.cluster], { cwd: '/', stdio: 'ignore', ...home.account });
  trial.after(() => {
    shell.kill('SIGKILL');
    return Promise.resolve();
  });
  await until('the server is ready', async () => (await readPostmaster(home.cluster))?.status === 'ready');
  return pidIn(trial.dataDirectory);
}

test('an orphan whose new parent reaps nobody is seen to have ended', { skip: !onLinux }, async (t) => {
  const trial = await openTrial(t);
  const starter = trial.startElsewhere();
  await starter.report;
  assert.equal(await starter.finish(), 0);
  const orphan = await startUnderNeglect(trial);
  const log = keptLog();
  const server = await trial.start({ log });
  assert.deepEqual(await ask(server.url, 'select 1'), [[1]]);
  assert.ok(existsSync(`/proc/${orphan}`), 'the orphan was reaped: this test shows nothing');
  assert.ok(
    log.lines.some((line) => line.includes('embedded.left_over_stopped') && line.includes('SIGINT')),
    'it was thought to live on',
  );
});

test('a dead server that nobody reaps is not waited for', { skip: !onLinux }, async (t) => {
  const trial = await openTrial(t);
  const first = await trial.start();
  await first.stop();
  const zombie = await startUnderNeglect(trial);
  process.kill(zombie, 'SIGKILL');
  await until('it is a zombie', async () => (await readFile(`/proc/${zombie}/stat`, 'utf8')).includes(') Z '));
  const second = await trial.start();
  assert.equal(second.adopted, false);
  assert.ok(existsSync(`/proc/${zombie}`), 'the zombie was reaped: this test shows nothing');
  assert.deepEqual(await ask(second.url, 'select 1'), [[1]]);
});

test('of several processes that start at once on a fresh folder, one starts the server and the others adopt it', async (t) => {
  const trial = await openTrial(t);
  const starters = [1, 2, 3, 4].map((number) => trial.startElsewhere({ database: `of_${number}` }));
  const reports = await Promise.all(starters.map((starter) => starter.report));
  assert.deepEqual(
    reports.map((report) => report.code),
    [undefined, undefined, undefined, undefined],
  );
  assert.equal(reports.filter((report) => report.adopted).length, 3);
  assert.equal(new Set(reports.map((report) => report.port)).size, 1);
  const adopters = starters.filter((_, index) => reports[index]?.adopted === true);
  for (const adopter of adopters) assert.equal(await adopter.finish(), 0);
  for (const { url } of reports) assert.deepEqual(await ask(url, 'select 1'), [[1]], 'a stop of one that adopted ended the server');
  const pid = await pidIn(trial.dataDirectory);
  await Promise.all(starters.map((starter) => starter.finish()));
  await untilEnded(pid);
});

test('a start that meets the stop of the owner ends with a server that runs', async (t) => {
  const trial = await openTrial(t);
  let current = await trial.start();
  for (let round = 0; round < 15; round += 1) {
    const owner = current;
    const [next] = await Promise.all([trial.start(), systemClock.sleep(round).then(() => owner.stop())]);
    current = next;
    if (current.adopted) {
      // It was quicker than the stop, which then took the server away: that is the rule. The next start brings it back.
      current = await trial.start();
    }
    assert.deepEqual(await ask(current.url, 'select 1'), [[1]]);
  }
});

test('a process that is killed while it makes the data folder leaves nothing that hinders the next', async (t) => {
  const trial = await openTrial(t);
  for (const mark of ['start.lock', 'cluster.new-', 'cluster']) {
    const starter = trial.startElsewhere();
    await until(
      `there is ${mark}`,
      () => existsSync(trial.dataDirectory) && readdirSync(trial.dataDirectory).some((name) => name.startsWith(mark)),
    );
    await starter.kill();
  }
  const server = await trial.start();
  assert.equal(server.adopted, false);
  assert.deepEqual(await ask(server.url, 'select 1'), [[1]]);
  const left = readdirSync(trial.dataDirectory).filter((name) => name.includes('.new-') || name.startsWith('start.lock.'));
  assert.deepEqual(
    left.filter((name) => name.includes('.new-')),
    [],
  );
});

test('the start lock lets one in at a time, and a dead holder nobody out', async (t) => {
  const { folder } = await openTrial(t);
  await writeFile(join(folder, 'start.lock'), JSON.stringify({ pid: 2_147_483_646, began: '1' }));
  let inside = 0;
  let insideMax = 0;
  let passed = 0;
  const enter = async (): Promise<void> => {
    const release = await takeStartLock(folder, systemClock);
    inside += 1;
    insideMax = Math.max(insideMax, inside);
    await systemClock.sleep(1);
    inside -= 1;
    passed += 1;
    await release();
  };
  await Promise.all(Array.from({ length: 20 }, enter));
  assert.equal(passed, 20);
  assert.equal(insideMax, 1);
  assert.deepEqual(readdirSync(folder), []);
  await writeFile(join(folder, 'start.lock'), '{"pi');
  await (
    await takeStartLock(folder, systemClock)
  )();
  // This process's number, but another life of it, as after the restart of a container.
  await writeFile(join(folder, 'start.lock'), JSON.stringify({ pid: process.pid, began: '1' }));
  await (
    await takeStartLock(folder, systemClock)
  )();
});

test('one that saw a dead holder does not remove the lock of the living one that came after', async (t) => {
  const { folder } = await openTrial(t);
  const release = await takeStartLock(folder, systemClock);
  await removeDead(join(folder, 'start.lock'), systemClock);
  assert.deepEqual(readdirSync(folder), ['start.lock']);
  await release();
});

test('a start lock that is never given back ends in a message, not in a wait for ever', async (t) => {
  const { folder } = await openTrial(t);
  const release = await takeStartLock(folder, systemClock);
  await assert.rejects(takeStartLock(folder, hastyClock()), (error) => {
    assert.ok(isKeelsonError(error, 'EMBEDDED_SERVER_FAILED'));
    assert.ok(error.message.includes(String(process.pid)));
    assert.ok(error.hint.includes(join(folder, 'start.lock')));
    return true;
  });
  await release();
});

test('a removal of a dead lock that was itself cut off does not hold everybody up', async (t) => {
  const { folder } = await openTrial(t);
  await writeFile(join(folder, 'start.lock'), JSON.stringify({ pid: 2_147_483_646, began: '1' }));
  await writeFile(join(folder, 'start.lock.removal'), '');
  const later = { ...systemClock, now: () => new Date(systemClock.now().getTime() + 60_000) };
  await (
    await takeStartLock(folder, later)
  )();
  assert.deepEqual(readdirSync(folder), []);
});

test('a server that does not heed is ended by force, within bounds', { skip: !onLinux }, async (t) => {
  const trial = await openTrial(t);
  const server = await trial.start({ clock: hastyClock() });
  const pid = await pidIn(server.dataDirectory);
  process.kill(pid, 'SIGSTOP');
  assert.equal(await endPostmaster(pid, hastyClock()), 'SIGKILL');
  // The clock is in more of a hurry than the system, which may still be at it.
  await until('the server is gone', () => !isAlive(pid));
});

test('an open transaction does not hold up the stop', async (t) => {
  const trial = await openTrial(t);
  const server = await trial.start();
  const held = ask(server.url, 'select pg_sleep(600)');
  const ended = assert.rejects(held);
  await until('the statement runs', async () => {
    const rows = await ask(server.url, `select 1 from pg_stat_activity where query like 'select pg_sleep%' and state = 'active'`);
    return rows.length === 1;
  });
  const pid = identify(await pidIn(server.dataDirectory));
  await server.stop();
  assert.equal(isAlive(pid.pid), false);
  await ended;
});

test('data in a folder that the server may not enter stays there all the same', { skip: !isRoot() || !onLinux }, async (t) => {
  const trial = await openTrial(t);
  const closed = join(trial.folder, 'closed');
  await mkdir(closed, { mode: 0o700 });
  const dataDirectory = join(closed, 'project', '.keelson', 'postgres');
  const first = await trial.start({ dataDirectory });
  assert.equal(first.dataDirectory, dataDirectory);
  await ask(first.url, 'create table kept (id int)');
  await ask(first.url, `alter system set work_mem = '9MB'`);
  await ask(first.url, 'select pg_reload_conf()');
  await ask(first.url, 'create extension pg_trgm');
  const adopter = await trial.start({ dataDirectory });
  assert.equal(adopter.adopted, true);
  await first.stop();
  assert.equal((await stat(closed)).mode & 0o777, 0o700, 'the folder was opened behind the user’s back');
  await rm(join(dataDirectory, 'state.json'));
  const second = await trial.start({ dataDirectory });
  assert.deepEqual(await ask(second.url, 'select count(*) from kept'), [['0']]);
  assert.deepEqual(await ask(second.url, 'show work_mem'), [['9MB']]);
  const wrong = { dataDirectory: join(closed, 'other'), settings: { work_mem: 'plenty' } };
  await assert.rejects(trial.start(wrong), { code: 'EMBEDDED_SERVER_FAILED' });
});

test(
  'where a program cannot work inside a closed folder, the data is kept elsewhere and a note says where',
  { skip: !isRoot() },
  async (t) => {
    const trial = await openTrial(t);
    const wanted = join(trial.folder, 'closed', 'data');
    await mkdir(join(trial.folder, 'closed'), { mode: 0o700 });
    const home = await openHome(wanted, false);
    trial.after(async () => {
      await rm(home.path, { recursive: true });
      // Others may have their data beside it.
      await rmdir(dirname(home.path)).catch(() => undefined);
    });
    assert.equal(home.movedFrom, wanted);
    assert.notEqual(home.path, wanted);
    assert.ok(await canEnter(home.path, home.account));
    assert.ok((await readFile(join(wanted, 'MOVED.txt'), 'utf8')).includes(home.path));
    assert.equal((await openHome(wanted, false)).path, home.path);
    const server = await trial.start({ dataDirectory: home.path });
    assert.deepEqual(await ask(server.url, 'select 1'), [[1]]);
  },
);

test('programs in a closed folder, or without their links, are copied once and run from there', async (t) => {
  const trial = await openTrial(t);
  const installed = findPackage();
  const root = join(trial.folder, 'closed', 'package');
  await mkdir(join(trial.folder, 'closed'), { mode: 0o700 });
  await cp(dirname(installed.native), root, { recursive: true, verbatimSymlinks: true });
  // As npm leaves it with --ignore-scripts.
  for (const link of installed.links) await rm(join(root, 'native', link.target));
  // As an installation under a strict umask leaves it.
  await chmod(join(root, 'native', 'bin', 'postgres'), 0o700);
  const account = chooseAccount(join(trial.folder, 'no-cluster'));
  const cache = join(trial.folder, 'cache');
  const found = readPackage(root);
  const several = await Promise.all([1, 2, 3].map(() => openBinaries(found, account, [cache])));
  const [binaries] = several;
  assert.ok(binaries !== undefined);
  assert.ok(binaries.postgres.startsWith(cache));
  assert.deepEqual(new Set(several.map((one) => one.postgres)), new Set([binaries.postgres]));
  assert.equal(readdirSync(cache).length, 1, 'drafts are left');
  const before = (await stat(binaries.postgres)).ctimeMs;
  assert.deepEqual(await openBinaries(found, account, [cache]), binaries);
  assert.equal((await stat(binaries.postgres)).ctimeMs, before, 'it was copied again');
  const ended = await runProgram({ command: binaries.postgres, arguments: ['--version'], account });
  assert.deepEqual(ended, { exitCode: 0, output: 'postgres (PostgreSQL) 18.4\n' });
});

test('a cache that another user could have filled is not trusted', { skip: !isRoot() }, async (t) => {
  const trial = await openTrial(t);
  const planted = join(trial.folder, 'planted');
  await mkdir(planted);
  await chown(planted, nobody.uid, nobody.gid);
  const linked = join(trial.folder, 'linked');
  await symlink(planted, linked);
  const found = { ...findPackage(), links: [{ source: 'lib/x', target: 'lib/not-there' }] };
  await assert.rejects(openBinaries(found, undefined, [planted, linked]), (error) => {
    assert.ok(isKeelsonError(error, 'EMBEDDED_SERVER_FAILED'));
    assert.ok(error.message.includes(planted) && error.message.includes(linked));
    return true;
  });
  assert.deepEqual(readdirSync(planted), []);
});

test('root takes the owner of the data, else a user it knows, else any; with root alone it says so', { skip: !isRoot() }, async (t) => {
  const trial = await openTrial(t);
  const passwd = join(trial.folder, 'passwd');
  const choose = async (lines: string): Promise<Account | undefined> => {
    await writeFile(passwd, lines);
    return chooseAccount(trial.dataDirectory, passwd);
  };
  assert.deepEqual(await choose('root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\npostgres:x:70:71::/:/bin/sh\n'), {
    uid: 70,
    gid: 71,
  });
  assert.deepEqual(await choose('root:x:0:0::/:/bin/sh\nbuild:x:9:9::/:/bin/sh\nnode:x:1000:1001::/:/bin/sh\n'), { uid: 1000, gid: 1001 });
  assert.deepEqual(await choose('root:x:0:0::/:/bin/sh\nbuild:x:9:10::/:/bin/sh'), { uid: 9, gid: 10 });
  await assert.rejects(choose('root:x:0:0::/:/bin/sh\n'), { code: 'EMBEDDED_SERVER_FAILED' });
  await mkdir(trial.dataDirectory);
  await chown(trial.dataDirectory, 4321, 4322);
  assert.deepEqual(await choose('root:x:0:0::/:/bin/sh\n'), { uid: 4321, gid: 4322 });
});

test('without root the server is this user’s own, and dies with its parent too', { skip: !canActAsOthers }, async (t) => {
  const trial = await openTrial(t);
  const own = join(trial.folder, 'own');
  await mkdir(own, { mode: 0o700 });
  await chown(own, nobody.uid, nobody.gid);
  const dataDirectory = join(own, 'data');
  const starter = trial.startElsewhere({ dataDirectory }, { account: nobody });
  const report = await starter.report;
  assert.equal(report.message, undefined);
  await ask(report.url, 'create table kept (id int)');
  const pid = await pidIn(dataDirectory);
  assert.equal((await stat(`/proc/${pid}`)).uid, nobody.uid);
  await starter.kill();
  await untilEnded(pid);
  assert.equal(existsSync(join(dataDirectory, 'cluster', 'postmaster.pid')), false);

  // Root goes on with that user's data as that user, and leaves it usable for them.
  const asRoot = await trial.start({ dataDirectory });
  assert.equal((await stat(`/proc/${await pidIn(dataDirectory)}`)).uid, nobody.uid);
  assert.deepEqual(await ask(asRoot.url, 'select count(*) from kept'), [['0']]);
  await asRoot.stop();
  const again = trial.startElsewhere({ dataDirectory }, { account: nobody });
  assert.equal((await again.report).message, undefined);
  assert.equal(await again.finish(), 0);
});

test('another user’s data is refused with its owner’s number', { skip: !canActAsOthers }, async (t) => {
  const trial = await openTrial(t);
  const server = await trial.start();
  await server.stop();
  const { message, code, hint } = await trial.startElsewhere({}, { account: nobody }).report;
  assert.equal(code, 'EMBEDDED_SERVER_FAILED');
  assert.match(message, /belongs to user \d+; this process runs as user 65534/);
  assert.match(hint, /as that user or as root/);
});

test('a user without a name is told so before initdb is, and can run data that is there', { skip: !canActAsOthers }, async (t) => {
  const trial = await openTrial(t);
  const own = join(trial.folder, 'own');
  await mkdir(own);
  await chown(own, nameless.uid, nameless.gid);
  const dataDirectory = join(own, 'data');
  const refused = await trial.startElsewhere({ dataDirectory }, { account: nameless }).report;
  assert.equal(refused.code, 'EMBEDDED_SERVER_FAILED');
  assert.match(refused.message, /user 54321, who has no name on this machine/);
  assert.match(refused.hint, /\/etc\/passwd.*DATABASE_URL/);

  const made = join(trial.folder, 'made');
  const server = await trial.start({ dataDirectory: made });
  await server.stop();
  const given = startProgram({
    command: '/bin/chown',
    arguments: ['-R', `${nameless.uid}:${nameless.gid}`, made],
    account: undefined,
    output: 'pipe',
    deathSignal: 'KILL',
  });
  await new Promise((resolve) => {
    given.once('exit', resolve);
  });
  const starter = trial.startElsewhere({ dataDirectory: made }, { account: nameless });
  const report = await starter.report;
  assert.equal(report.message, undefined);
  assert.equal(await starter.finish(), 0);
});

// INF-8
test('a folder keeps its data, its port and its password from one start to the next', async (t) => {
  const trial = await openTrial(t);
  const dataDirectory = join(trial.folder, 'not', 'there', 'yet');
  const first = await trial.start({ dataDirectory });
  assert.equal(first.adopted, false);
  await ask(first.url, `create table kept as select 'yes' as word`);
  const pid = await pidIn(dataDirectory);
  await first.stop();
  assert.equal(isAlive(pid), false, 'the server runs on after its stop');
  assert.equal(existsSync(join(dataDirectory, 'cluster', 'postmaster.pid')), false);

  const second = await trial.start({ dataDirectory });
  assert.equal(second.url, first.url);
  assert.deepEqual(await ask(second.url, 'select word from kept'), [['yes']]);
  await second.stop();
  await second.stop();
});

test('a server for tests does without the care for a crash, and settings of the caller go before ours', async (t) => {
  const trial = await openTrial(t);
  const { dataDirectory } = trial;
  const server = await trial.start({ settings: { work_mem: '7MB', max_connections: '33' } });
  const expected = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', autovacuum: 'off', shared_buffers: '64MB' };
  for (const [name, value] of Object.entries(expected)) assert.equal(await setting(server.url, name), value, name);
  assert.equal(await setting(server.url, 'work_mem'), '7MB');
  assert.equal(await setting(server.url, 'max_connections'), '33');
  const misuse = await failureOf({ dataDirectory: join(dataDirectory, 'other'), settings: { 'work mem': '1' } });
  assert.equal(misuse.code, 'MISUSE');
});
