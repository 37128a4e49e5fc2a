/** What the shared connections promise: many statements at once on few connections, and nothing in the way of the next. */
import assert from 'node:assert/strict';
import net from 'node:net';
import { after, test } from 'node:test';
import { Connection } from './connection.ts';
import { Readers } from './readers.ts';
import { sqlState } from './sqlstate.ts';
import { named, openTrial, startCutter, unhandledRejections, unnamed } from './trial.fixture.ts';

after(() => assert.deepEqual(unhandledRejections(), []));

const whoAmI = named('who', 'select pg_backend_pid()');

async function backendsOf(readers: Readers, times: number): Promise<Set<string | null | undefined>> {
  const results = await Promise.all(Array.from({ length: times }, () => readers.query(whoAmI)));
  return new Set(results.map((result) => result.rows[0]?.[0]));
}

test('a hundred statements at once share the connections that there are', async () => {
  await using trial = await openTrial({ readers: 2 });
  assert.equal(trial.readers.size, 0);
  while (trial.readers.size < 2) await backendsOf(trial.readers, 2);
  const under = Promise.all(
    Array.from({ length: 100 }, (_, number) => trial.readers.query(named('echo', 'select $1::int, pg_backend_pid()', String(number)))),
  );
  assert.equal(trial.readers.pending, 100);
  const results = await under;
  assert.deepEqual(
    results.map((result) => result.rows[0]?.[0]),
    Array.from({ length: 100 }, (_, number) => String(number)),
  );
  const shares = Map.groupBy(results, (result) => result.rows[0]?.[1]);
  assert.deepEqual(
    [...shares.values()].map((share) => share.length),
    [50, 50],
  );
  assert.equal(trial.readers.pending, 0);
});

test('a failing statement harms none of its neighbours', async () => {
  await using trial = await openTrial({ readers: 1 });
  const [one, two, three] = await Promise.allSettled([
    trial.readers.query(unnamed('select 1')),
    trial.readers.query(unnamed('select 1/0')),
    trial.readers.query(unnamed('select 3')),
  ]);
  assert.deepEqual([one.status, two.status, three.status], ['fulfilled', 'rejected', 'fulfilled']);
});

test('a statement that takes too long is ended by the server, and those behind it run', async () => {
  await using trial = await openTrial({ readers: 1, statementTimeoutMs: 100 });
  const slow = trial.readers.query(unnamed('select pg_sleep(60)'));
  const behind = trial.readers.query(unnamed('select 2'));
  await assert.rejects(slow, { code: 'DATABASE_TIMEOUT' });
  assert.deepEqual((await behind).rows, [['2']]);
});

test('a lost connection is replaced; what was under way on it fails', async () => {
  await using trial = await openTrial({ readers: 1 });
  const observer = await trial.connect();
  const [pid] = await backendsOf(trial.readers, 1);
  const under = trial.readers.query(unnamed('select pg_sleep(60)'));
  const behind = trial.readers.query(unnamed('select 1'));
  await observer.query(unnamed('select pg_terminate_backend($1)', pid ?? ''));
  await assert.rejects(under, (error: Error) => sqlState(error) === '57P01');
  await assert.rejects(behind, (error: Error) => sqlState(error) === '57P01');
  const [fresh] = await backendsOf(trial.readers, 1);
  assert.notEqual(fresh, pid);
  await observer.close();
});

test('while one is being replaced the others serve', async () => {
  await using trial = await openTrial({ readers: 2 });
  const observer = await trial.connect();
  while (trial.readers.size < 2) await backendsOf(trial.readers, 2);
  const both = await backendsOf(trial.readers, 4);
  assert.equal(both.size, 2);
  const [pid] = both;
  await observer.query(unnamed('select pg_terminate_backend($1, 5000)', pid ?? ''));
  const left = await backendsOf(trial.readers, 4);
  assert.equal(left.has(pid), false);
  await observer.close();
});

test('a server that is not there fails the statement, and the next one tries again', async () => {
  await using trial = await openTrial();
  await using cutter = await startCutter(trial.url);
  await using behind = await openTrial({ url: cutter.url, readers: 2 });
  cutter.refuse(true);
  await assert.rejects(behind.readers.query(unnamed('select 1')), { code: 'DATABASE_CONNECTION_FAILED' });
  cutter.refuse(false);
  assert.deepEqual((await behind.readers.query(unnamed('select 1'))).rows, [['1']]);
});

// Trap 4: what is refused because its plan is out of date has certainly not run.
test('a plan that no longer fits its table is made anew, unseen by the caller', async () => {
  await using trial = await openTrial({ readers: 1 });
  const observer = await trial.connect();
  await observer.command('drop table if exists reread; create table reread (id int); insert into reread values (7)');
  const statement = named('reread', 'select id from reread');
  await trial.readers.query(statement);
  await observer.command('alter table reread alter column id type bigint');
  const results = await Promise.all([trial.readers.query(statement), trial.readers.query(whoAmI), trial.readers.query(statement)]);
  assert.deepEqual([results[0].rows, results[2].rows], [[['7']], [['7']]]);
  assert.equal(results[0].fields[0]?.typeId, 20);
  assert.deepEqual((await trial.readers.query(statement)).rows, [['7']]);
  await observer.command('drop table reread');
  await observer.close();
});

test('what certainly never left is sent once more on another connection', async () => {
  await using trial = await openTrial();
  await using cutter = await startCutter(trial.url);
  const socket = new net.Socket();
  const first = await Connection.open({ connectionString: cutter.url, stream: () => socket });
  const connections = [first, await trial.connect(), await trial.connect()];
  const readers = new Readers({ size: 1, connect: async () => connections.shift() ?? trial.connect() });
  await readers.query(whoAmI);
  // The other end has hung up, and the connection has not heard of it yet: what is sent now goes nowhere.
  const hungUp = new Promise((resolve) => socket.once('end', resolve));
  const again = hungUp.then(() => Promise.all([readers.query(whoAmI), readers.query(whoAmI)]));
  cutter.hangUp();
  const pids = (await again).map((result) => result.rows[0]?.[0]);
  assert.equal(first.broken, true);
  assert.deepEqual(pids, [pids[0], pids[0]]);
  assert.notEqual(pids[0], String(first.backendId));
  await readers.close();
  await Promise.all(connections.map((unused) => unused.close()));
});

test('a transaction that was left open on a shared connection catches nobody else', async () => {
  await using trial = await openTrial({ readers: 1 });
  const [pid] = await backendsOf(trial.readers, 1);
  await trial.readers.query(unnamed('begin'));
  const [next] = await backendsOf(trial.readers, 1);
  assert.notEqual(next, pid);
});

test('more than a connection can take is refused at once', async () => {
  await using trial = await openTrial();
  const readers = new Readers({ size: 1, pendingMax: 2, connect: () => trial.connect() });
  await readers.query(whoAmI);
  const taken = [readers.query(whoAmI), readers.query(whoAmI)];
  await assert.rejects(readers.query(whoAmI), { code: 'SERVICE_UNAVAILABLE' });
  await Promise.all(taken);
  await readers.query(whoAmI);
  await readers.close();
});

test('closing lets finish what is under way and takes nothing more', async () => {
  await using trial = await openTrial({ readers: 2 });
  await backendsOf(trial.readers, 2);
  const under = trial.readers.query(unnamed('select 1'));
  const closed = trial.readers.close();
  await assert.rejects(trial.readers.query(unnamed('select 2')), { code: 'SERVICE_UNAVAILABLE' });
  assert.deepEqual((await under).rows, [['1']]);
  await closed;
});

test('closing ends what does not finish by the deadline', async () => {
  await using trial = await openTrial({ readers: 1 });
  await backendsOf(trial.readers, 1);
  const under = trial.readers.query(unnamed('select pg_sleep(60)'));
  const failed = assert.rejects(under, { code: 'DATABASE_CONNECTION_FAILED' });
  await trial.readers.close(0);
  await failed;
});
