/** The embedded server as an application meets it: it starts, is found again, is private, and says plainly why it cannot start. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { isKeelsonError } from '../errors.ts';
import { isRoot } from './embedded/account.ts';
import { openBinaries } from './embedded/binaries.ts';
import { makeCluster } from './embedded/cluster.ts';
import { openHome } from './embedded/home.ts';
import { findPackage } from './embedded/package.ts';
import { ask, failureOf, keptLog, openTrial, pidIn, setting } from './embedded/trial.fixture.ts';

test('a server that runs', async (t) => {
  const trial = await openTrial(t);
  const { dataDirectory } = trial;
  const log = keptLog();
  await mkdir(dataDirectory);
  await writeFile(join(dataDirectory, 'server.log'), 'x'.repeat(1_000_001));
  const server = await trial.start({ durable: true, log });
  const pid = await pidIn(dataDirectory);

  await t.test('is small, private, in UTF-8 and UTC, and keeps what it has committed', async () => {
    const expected = {
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      password_encryption: 'scram-sha-256',
      server_encoding: 'UTF8',
      TimeZone: 'UTC',
      max_connections: '100',
      shared_buffers: '16MB',
      shared_preload_libraries: 'pg_stat_statements',
      fsync: 'on',
      synchronous_commit: 'on',
      full_page_writes: 'on',
      autovacuum: 'on',
    };
    for (const [name, value] of Object.entries(expected)) assert.equal(await setting(server.url, name), value, name);
    assert.deepEqual(await ask(server.url, `select datlocprovider, datlocale from pg_database where datname = 'app'`), [['b', 'C.UTF-8']]);
    assert.deepEqual(await ask(server.url, `select distinct auth_method from pg_hba_file_rules`), [['scram-sha-256']]);
  });

  await t.test('lets nobody in without the password, which is in one file that only its owner can read and in no log', async () => {
    const { password } = new URL(server.url);
    assert.ok(password.length >= 32);
    await assert.rejects(ask(server.url.replace(password, 'wrong'), 'select 1'), { code: '28P01' });
    assert.equal((await stat(join(dataDirectory, 'state.json'))).mode & 0o777, 0o600);
    assert.equal((await stat(join(dataDirectory, 'server.log'))).mode & 0o777, 0o600);
    assert.equal((await stat(join(dataDirectory, 'cluster'))).mode & 0o777, 0o700);
    assert.ok(log.lines.some((line) => line.includes('embedded.started')));
    assert.ok(!log.lines.join('\n').includes(password));
    assert.ok(!(await readFile(join(dataDirectory, 'server.log'), 'utf8')).includes(password));
  });

  await t.test('is given a database when it is missing, whatever its name; one that is there is left alone', async () => {
    const name = `odd "name" of ünits`;
    const odd = await trial.start({ database: name });
    assert.deepEqual(await ask(odd.url, 'select current_database()'), [[name]]);
    await ask(odd.url, 'create table kept (id int)');
    const again = await trial.start({ database: name });
    assert.deepEqual(await ask(again.url, 'select count(*) from kept'), [['0']]);
  });

  await t.test('does not let its log grow for ever', async () => {
    assert.equal((await stat(join(dataDirectory, 'server.log.1'))).size, 1_000_001);
    assert.ok((await stat(join(dataDirectory, 'server.log'))).size < 100_000);
  });

  await t.test('is in a session of its own: Ctrl-C reaches the application alone', { skip: process.platform !== 'linux' }, async () => {
    const status = await readFile(`/proc/${pid}/stat`, 'utf8');
    const [, , group, session] = status.slice(status.lastIndexOf(')') + 2).split(' ');
    assert.equal(Number(group), pid);
    assert.equal(Number(session), pid);
  });

  await t.test('never runs as root, but as a user that the machine has', { skip: !isRoot() }, async () => {
    const { uid } = await stat(`/proc/${pid}`);
    assert.notEqual(uid, 0);
    assert.equal((await stat(join(dataDirectory, 'cluster'))).uid, uid);
    assert.equal((await stat(join(dataDirectory, 'state.json'))).uid, 0);
  });
});

test('the data of another major version is refused with the way out, and not touched', async (t) => {
  const { dataDirectory } = await openTrial(t);
  await mkdir(join(dataDirectory, 'cluster'), { recursive: true });
  await writeFile(join(dataDirectory, 'cluster', 'PG_VERSION'), '15\n');
  const failure = await failureOf({ dataDirectory });
  assert.equal(failure.code, 'EMBEDDED_SERVER_FAILED');
  assert.match(failure.message, /PostgreSQL 15.*PostgreSQL 18/);
  assert.ok(failure.hint.includes(`remove ${dataDirectory}`));
  assert.equal(await readFile(join(dataDirectory, 'cluster', 'PG_VERSION'), 'utf8'), '15\n');
});

test('a data folder of an installed PostgreSQL is not taken over', async (t) => {
  const { folder: dataDirectory } = await openTrial(t);
  await writeFile(join(dataDirectory, 'PG_VERSION'), '18\n');
  const failure = await failureOf({ dataDirectory });
  assert.equal(failure.code, 'EMBEDDED_SERVER_FAILED');
  assert.match(failure.hint, /another folder/);
});

test('a folder that cannot be made is named', async (t) => {
  const { folder } = await openTrial(t);
  const file = join(folder, 'file');
  await writeFile(file, '');
  const failure = await failureOf({ dataDirectory: join(file, 'data') });
  assert.equal(failure.code, 'EMBEDDED_SERVER_FAILED');
  assert.ok(failure.message.includes(join(file, 'data')));
  const inTheWay = await failureOf({ dataDirectory: file });
  assert.equal(inTheWay.code, 'EMBEDDED_SERVER_FAILED');
  assert.ok(inTheWay.message.includes(file));
});

test('a failing initdb is quoted, and leaves nothing behind', async (t) => {
  const { dataDirectory } = await openTrial(t);
  const home = await openHome(dataDirectory);
  const binaries = await openBinaries(findPackage(), home.account);
  for (const [initdb, said] of [
    // Any program that is not initdb refuses initdb's options.
    ['/bin/ls', /unrecognized option '--pgdata'/],
    ['/not/there', /\/not\/there/],
  ] as const) {
    await assert.rejects(makeCluster(home, { ...binaries, initdb }, 'password'), (error) => {
      assert.ok(isKeelsonError(error, 'EMBEDDED_SERVER_FAILED'));
      assert.match(error.message, said);
      assert.match(error.message, /initdb could not make a data folder/);
      return true;
    });
  }
  assert.equal(existsSync(home.cluster), false);
  assert.deepEqual(readdirSync(home.path), []);
});

test('a machine without the programs is told to use DATABASE_URL', () => {
  for (const machine of [
    { platform: 'win32', arch: 'x64', interpreter: undefined },
    { platform: 'linux', arch: 'x64', interpreter: '/lib64/not-there.so' },
    { platform: 'linux', arch: 'riscv64', interpreter: undefined },
  ]) {
    assert.throws(
      () => findPackage(machine),
      (error) => {
        assert.ok(isKeelsonError(error, 'EMBEDDED_SERVER_FAILED'));
        assert.match(error.hint, /DATABASE_URL/);
        assert.ok(error.message.includes(`${machine.platform}-${machine.arch}`));
        return true;
      },
    );
  }
});
