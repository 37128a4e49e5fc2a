/** How a server is reached: settings of the session, patience at the start, and one clear message when it does not come. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { isKeelsonError } from '../errors.ts';
import { testServer } from '../testing/server.ts';
import { connectPostgres } from './postgres.ts';
import { freePort, HandClock, keepLog, openTrial, startCutter, unhandledRejections, unnamed } from './trial.fixture.ts';

after(() => assert.deepEqual(unhandledRejections(), []));

const NEVER_MS = 60_000;

async function settingsOf(
  query: (text: string) => Promise<{ readonly rows: readonly (readonly (string | null)[])[] }>,
  names: readonly string[],
): Promise<unknown> {
  const { rows } = await query(`select name, setting from pg_settings where name in ('${names.join("', '")}')`);
  return Object.fromEntries(rows);
}

async function urlWith(change: (url: URL) => void): Promise<string> {
  const { url } = await testServer();
  const changed = new URL(url);
  change(changed);
  return changed.href;
}

async function failureOf(
  url: string,
  options: { readonly connectRetryMs?: number; readonly connectTimeoutMs?: number } = {},
): Promise<{ message: string; hint: string }> {
  const error = await openTrial({ url, ...options }).then(
    () => assert.fail('it connected'),
    (reason: unknown) => reason,
  );
  assert.ok(isKeelsonError(error, 'DATABASE_CONNECTION_FAILED'));
  return { message: error.message, hint: error.hint };
}

// GLK-7
test('every session is in UTC and has its time-outs, in the pool and beside it', async () => {
  await using trial = await openTrial({ statementTimeoutMs: 1_234, lockTimeoutMs: 567, applicationName: 'trial of settings' });
  const names = ['TimeZone', 'statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'application_name'];
  const expected = {
    TimeZone: 'UTC',
    statement_timeout: '1234',
    lock_timeout: '567',
    idle_in_transaction_session_timeout: '10000',
    application_name: 'trial of settings',
  };
  const held = [await trial.pool.acquire('one'), await trial.pool.acquire('two')];
  for (const connection of held) {
    assert.deepEqual(await settingsOf((text) => connection.query(unnamed(text)), names), expected);
    trial.pool.release(connection);
  }
  assert.deepEqual(await settingsOf((text) => trial.readers.query(unnamed(text)), names), expected);
  assert.ok(trial.serverVersion >= 140_000);
});

test('a server that knows transaction_timeout has it on every connection, an older one is spared', async () => {
  await using trial = await openTrial({ transactionTimeoutMs: 4_321 });
  const held = [await trial.pool.acquire('first'), await trial.pool.acquire('second')];
  for (const connection of held) {
    const expected = trial.serverVersion >= 170_000 ? { transaction_timeout: '4321' } : {};
    assert.deepEqual(await settingsOf((text) => connection.query(unnamed(text)), ['transaction_timeout']), expected);
    trial.pool.release(connection);
  }
});

test('a transaction that takes too long is ended, and says by which setting', async (t) => {
  await using trial = await openTrial({ transactionTimeoutMs: 50, poolSize: 1 });
  if (trial.serverVersion < 170_000) {
    t.skip('the server is older than 17');
    return;
  }
  const connection = await trial.pool.acquire('slow');
  void connection.command('begin');
  await assert.rejects(connection.query(unnamed('select pg_sleep(60)')), {
    code: 'DATABASE_TIMEOUT',
    message: /DATABASE_TRANSACTION_TIMEOUT_MS/u,
  });
  await connection.ended;
  trial.pool.release(connection);
  const fresh = await trial.pool.acquire('next');
  assert.deepEqual((await fresh.query(unnamed('select 1'))).rows, [['1']]);
  trial.pool.release(fresh);
});

test('behind a transaction pooler the session has no settings of ours; each transaction is to set them', async () => {
  await using trial = await openTrial({ pooler: 'transaction', statementTimeoutMs: 1_234 });
  const { rows } = await trial.readers.query(unnamed("select source from pg_settings where name = 'statement_timeout'"));
  assert.notDeepEqual(rows, [['client']]);
  assert.equal(trial.namedStatements, false);
  assert.equal(trial.transactionSettings['statement_timeout'], '1234');
  assert.equal(trial.transactionSettings['TimeZone'], 'UTC');
  assert.equal('transaction_timeout' in trial.transactionSettings, trial.serverVersion >= 170_000);
});

test('user, password and database may have any characters, percent-encoded', async () => {
  await using trial = await openTrial();
  const user = 'odd user: %@/?#';
  const password = 'p@ss:w/rd?#%ü';
  const database = 'odd db/% ?#ü';
  const admin = await trial.connect();
  await admin.command(`drop database if exists "${database}"`);
  await admin.command(`drop role if exists "${user}"`);
  await admin.command(`create role "${user}" login password '${password}'`);
  await admin.command(`create database "${database}"`);
  const url = await urlWith((changed) => {
    changed.username = encodeURIComponent(user);
    changed.password = encodeURIComponent(password);
    changed.pathname = `/${encodeURIComponent(database)}`;
  });
  {
    await using odd = await openTrial({ url });
    assert.deepEqual((await odd.readers.query(unnamed('select current_user, current_database()'))).rows, [[user, database]]);
  }
  await admin.command(`drop database "${database}"`);
  await admin.command(`drop role "${user}"`);
  await admin.close();
});

test('nothing that listens: the message says where, and what to do', async () => {
  const port = await freePort();
  const { message, hint } = await failureOf(`postgresql://someone:secret@127.0.0.1:${port}/shop`);
  assert.equal(message, `PostgreSQL at 127.0.0.1:${port}, database "shop", user "someone": nothing listens there.`);
  assert.match(hint, /Start the server/u);
  assert.match((await failureOf(`postgresql://a@localhost:${port}/b`)).message, /nothing listens there/u);
});

test('an unknown host, a wrong password and a missing database are told apart', async () => {
  assert.match((await failureOf('postgresql://a@no-such-host.invalid/b')).message, /the host is not known/u);
  const noDatabase = await urlWith((url) => (url.pathname = '/no_such_database'));
  const failure = await failureOf(noDatabase, { connectRetryMs: NEVER_MS });
  assert.match(failure.message, /database "no_such_database".*: the database does not exist\.$/u);
  assert.match(failure.hint, /createdb/u);
});

test('a wrong password is said at once, and never shown', async (t) => {
  const { url } = await testServer();
  if (new URL(url).password === '') {
    t.skip('this server asks for no password');
    return;
  }
  const wrong = await urlWith((changed) => (changed.password = 'wrong-and-secret'));
  const { message, hint } = await failureOf(wrong, { connectRetryMs: NEVER_MS });
  assert.match(message, /the password is wrong\.$/u);
  assert.doesNotMatch(message + hint, /wrong-and-secret/u);
  const none = await urlWith((changed) => (changed.password = ''));
  assert.match((await failureOf(none, { connectRetryMs: NEVER_MS })).message, /asks for a password/u);
});

test('a server without TLS, a silent host and what is no PostgreSQL are told apart', async () => {
  const { url } = await testServer();
  await using cutter = await startCutter(url);
  const withTls = await urlWith((changed) => changed.searchParams.set('sslmode', 'verify-full'));
  const { message } = await failureOf(withTls);
  assert.match(message, /does not offer TLS|TLS certificate cannot be trusted/u);
  await using preferring = await openTrial({ url: await urlWith((changed) => changed.searchParams.set('sslmode', 'prefer')) });
  assert.equal((await preferring.readers.query(unnamed('select 1'))).tag, 'SELECT');
  cutter.freeze();
  assert.match((await failureOf(cutter.url, { connectTimeoutMs: 50 })).message, /does not answer/u);
});

test('a server that has no connection left says so', async () => {
  await using trial = await openTrial();
  const admin = await trial.connect();
  await admin.command('drop role if exists trial_alone');
  await admin.command("create role trial_alone login password 'alone' connection limit 1");
  const url = await urlWith((changed) => {
    changed.username = 'trial_alone';
    changed.password = 'alone';
  });
  await using one = await openTrial({ url, poolSize: 2, poolWaitMs: NEVER_MS });
  assert.match((await failureOf(url)).message, /no connection left/u);
  // Who has a connection of a full server waits for it to come back, instead of failing.
  const held = await one.pool.acquire('holder');
  const waiting = one.pool.acquire('waiting');
  await assert.rejects(one.connect(), { code: 'DATABASE_CONNECTION_FAILED' });
  one.pool.release(held);
  assert.equal(await waiting, held);
  one.pool.release(held);
  await one.close();
  await held.ended;
  await admin.command('drop role trial_alone');
  await admin.close();
});

// LRP-14
test('the start waits for a server that is not up yet, and tells so', async () => {
  const { url } = await testServer();
  const clock = new HandClock();
  const log = keepLog();
  const port = await freePort();
  const later = new URL(url);
  later.port = String(port);
  const waiting = log.next('database.waiting');
  const connecting = connectPostgres({ url: later.href, log, clock, connectRetryMs: 30_000 });
  const { attempt, why, port: named } = await waiting;
  assert.deepEqual([attempt, why, named], [1, 'nothing listens there', port]);
  await using cutter = await startCutter(url, port);
  assert.equal(new URL(cutter.url).port, String(port));
  clock.advance(5_000);
  const postgres = await connecting;
  assert.deepEqual((await postgres.readers.query(unnamed('select 1'))).rows, [['1']]);
  await postgres.close();
});

test('the start gives up when its time is over, and tells how often it tried', async () => {
  const clock = new HandClock();
  const log = keepLog();
  const port = await freePort();
  const connecting = connectPostgres({ url: `postgresql://a:b@127.0.0.1:${port}/c`, log, clock, connectRetryMs: 1_000 });
  const refused = assert.rejects(connecting, {
    code: 'DATABASE_CONNECTION_FAILED',
    message: /nothing listens there \(tried 2 times\)\.$/u,
  });
  await log.next('database.waiting');
  clock.advance(2_000);
  await refused;
});

test('the start can be called off', async () => {
  const log = keepLog();
  const port = await freePort();
  const stop = new AbortController();
  const connecting = connectPostgres({ url: `postgresql://a:b@127.0.0.1:${port}/c`, log, connectRetryMs: NEVER_MS, signal: stop.signal });
  const refused = assert.rejects(connecting, { name: 'AbortError' });
  await log.next('database.waiting');
  stop.abort();
  await refused;
});

test('a pool that comes near what the server can take is warned about', async () => {
  const log = keepLog();
  const modest = keepLog();
  await using one = await openTrial({ log, poolSize: 10_000 });
  await using other = await openTrial({ log: modest, poolSize: 1, readers: 1 });
  assert.deepEqual(
    log.lines.map(({ event, fields }) => [event, fields['wanted']]),
    [['pool.near_server_limit', 10_002]],
  );
  assert.deepEqual(modest.lines, []);
  assert.deepEqual([one.pool.stats.sizeMax, other.pool.stats.sizeMax], [10_000, 1]);
});

test('closing ends every connection to the server', async () => {
  await using trial = await openTrial();
  const admin = await trial.connect();
  const postgres = await openTrial({ applicationName: 'trial of closing' });
  const held = await Promise.all([1, 2, 3].map((number) => postgres.pool.acquire(`holder ${number}`)));
  await postgres.readers.query(unnamed('select 1'));
  for (const connection of held) postgres.pool.release(connection);
  await postgres.close();
  const left = unnamed("select count(*) from pg_stat_activity where application_name = 'trial of closing'");
  while ((await admin.query(left)).rows[0]?.[0] !== '0') continue;
  await admin.close();
});
