/** What a connection does when statements are sent before the ones ahead are answered, and some of them fail. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { isKeelsonError } from '../errors.ts';
import type { Connection } from './connection.ts';
import { isConnectionLost, sqlState } from './sqlstate.ts';
import { named, openTrial, type Trial, unhandledRejections, unnamed } from './trial.fixture.ts';

after(() => assert.deepEqual(unhandledRejections(), []));

/** The outcome of each: its tag, or the code of its error and the SQLSTATE. */
async function outcomes(results: readonly Promise<{ readonly tag: string }>[]): Promise<string[]> {
  const settled = await Promise.allSettled(results);
  return settled.map((one) => {
    if (one.status === 'fulfilled') return one.value.tag;
    return isKeelsonError(one.reason) ? `${one.reason.code} ${sqlState(one.reason) ?? ''}`.trim() : String(one.reason);
  });
}

async function value(connection: Connection, text: string): Promise<string | null | undefined> {
  const { rows } = await connection.query(unnamed(text));
  return rows[0]?.[0];
}

/** A table of this test alone, gone with the session. */
async function withTable(trial: Trial): Promise<Connection> {
  const connection = await trial.connect();
  await connection.command('create temp table notes (id int primary key, title varchar(10) not null)');
  return connection;
}

test('values stay the text that PostgreSQL sent, whatever their type', async () => {
  await using trial = await openTrial();
  const connection = await trial.connect();
  const text = `select 1::int8, 2.50::numeric, true, null::int, '{"a": 1}'::jsonb, '{1,2}'::int[], date '2026-11-20', timestamptz '2026-11-20 09:50:00.123456Z'`;
  const { rows, fields, tag, rowCount } = await connection.query(unnamed(text));
  assert.deepEqual(rows, [['1', '2.50', 't', null, '{"a": 1}', '{1,2}', '2026-11-20', '2026-11-20 09:50:00.123456+00']]);
  assert.deepEqual(fields[0], { name: 'int8', typeId: 20 });
  assert.deepEqual([tag, rowCount], ['SELECT', 1]);
  await connection.close();
});

test('tags say what was done, and how many rows', async () => {
  await using trial = await openTrial();
  const connection = await withTable(trial);
  const insert = await connection.query(unnamed("insert into notes values (1, 'a'), (2, 'b')"));
  assert.deepEqual([insert.tag, insert.rowCount, insert.fields], ['INSERT', 2, []]);
  const update = await connection.query(named('u', "update notes set title = 'c' where id = $1", '7'));
  assert.deepEqual([update.tag, update.rowCount], ['UPDATE', 0]);
  const create = await connection.command('create temp table other (id int)');
  assert.deepEqual([create.tag, create.rowCount], ['CREATE TABLE', 0]);
  assert.equal((await connection.command('')).tag, '');
  const last = await connection.command('select 1; select 2, 3');
  assert.deepEqual(last.rows, [['2', '3']]);
  await connection.close();
});

test('a named statement is described once, and its fields are known ever after', async () => {
  await using trial = await openTrial();
  const connection = await trial.connect();
  const statement = named('once', 'select $1::int as number', '5');
  const both = await Promise.all([connection.query(statement), connection.query(statement)]);
  const later = await connection.query(named('once', 'select $1::int as number', '6'));
  assert.deepEqual(
    [...both, later].map((result) => [result.rows[0]?.[0], result.fields]),
    [
      ['5', [{ name: 'number', typeId: 23 }]],
      ['5', [{ name: 'number', typeId: 23 }]],
      ['6', [{ name: 'number', typeId: 23 }]],
    ],
  );
  await connection.close();
});

test('a statement that fails fails the rest of its transaction, and COMMIT says ROLLBACK', async () => {
  await using trial = await openTrial();
  const connection = await withTable(trial);
  const results = await outcomes([
    connection.command('begin'),
    connection.query(unnamed("insert into notes values (1, 'a')")),
    connection.query(unnamed('select 1/0')),
    connection.query(unnamed('select 1')),
    connection.command('commit'),
  ]);
  assert.deepEqual(results, ['BEGIN', 'INSERT', 'DATABASE_ERROR 22012', 'TRANSACTION_ABORTED 25P02', 'ROLLBACK']);
  assert.equal(await value(connection, 'select count(*) from notes'), '0');
  assert.equal(connection.transactionStatus, 'I');
  assert.equal(connection.failure, undefined);
  await connection.close();
});

test('what fails after the first failure has the first one as its cause', async () => {
  await using trial = await openTrial();
  const connection = await trial.connect();
  void connection.command('begin');
  void connection.query(unnamed('select 1/0'));
  await assert.rejects(connection.query(unnamed('select 1')), (error: Error) => sqlState(error.cause) === '22012');
  assert.equal(connection.transactionStatus, 'E');
  assert.equal(sqlState(connection.failure), '22012');
  await connection.command('rollback');
  assert.equal(connection.failure, undefined);
  await connection.close();
});

test('a failure that a savepoint took back is forgotten', async () => {
  await using trial = await openTrial();
  const connection = await trial.connect();
  const results = await outcomes([
    connection.command('begin'),
    connection.command('savepoint one'),
    connection.query(unnamed('select 1/0')),
    connection.command('rollback to savepoint one'),
    connection.query(unnamed('select 1')),
  ]);
  assert.deepEqual(results, ['BEGIN', 'SAVEPOINT', 'DATABASE_ERROR 22012', 'ROLLBACK', 'SELECT']);
  assert.equal(connection.failure, undefined);
  assert.equal((await connection.command('commit')).tag, 'COMMIT');
  await connection.close();
});

// Trap 2 of pipelining: COMMIT would go through although a statement of the transaction never left.
test('a statement that cannot be sent fails the transaction around it as well', async () => {
  await using trial = await openTrial();
  const connection = await withTable(trial);
  const bad = { text: 'insert into notes values (2, $1)', name: undefined, values: [5] };
  const results = await outcomes([
    connection.command('begin'),
    connection.query(unnamed("insert into notes values (1, 'a')")),
    // @ts-expect-error: a number is no encoded parameter
    connection.query(bad),
    connection.command('commit'),
  ]);
  assert.deepEqual(results, ['BEGIN', 'INSERT', 'MISUSE', 'ROLLBACK']);
  assert.equal(await value(connection, 'select count(*) from notes'), '0');
  assert.equal(connection.reusable, true);
  await connection.close();
});

test('what cannot be a statement is refused by name, and the connection goes on', async () => {
  await using trial = await openTrial();
  const connection = await trial.connect();
  await connection.query(named('taken', 'select 1'));
  const many = Array.from({ length: 70_000 }, () => '1');
  await assert.rejects(connection.query(named('taken', 'select 2')), /taken was used for another statement/u);
  await assert.rejects(connection.query(unnamed('select \0')), /NUL/u);
  await assert.rejects(connection.query(unnamed('select 1', ...many)), /70000 parameters/u);
  assert.equal(await value(connection, 'select 3'), '3');
  assert.equal(connection.pending, 0);
  await connection.close();
});

// Trap 3: in the driver itself a first use that fails to bind poisons the name for ever (26000).
test('a name whose first use failed to bind works the next time', async () => {
  await using trial = await openTrial();
  const connection = await trial.connect();
  await assert.rejects(connection.query(named('bind', 'select $1::int', 'five')), { code: 'VALIDATION_ERROR' });
  const { rows } = await connection.query(named('bind', 'select $1::int', '5'));
  assert.deepEqual(rows, [['5']]);
  assert.equal(connection.broken, false);
  await connection.close();
});

test('a name whose first use failed to bind inside a transaction works in the next one', async () => {
  await using trial = await openTrial();
  const connection = await trial.connect();
  const first = await outcomes([
    connection.command('begin'),
    connection.query(named('bind', 'select $1::int', 'five')),
    connection.query(named('bind', 'select $1::int', '5')),
    connection.command('commit'),
  ]);
  assert.deepEqual(first, ['BEGIN', 'VALIDATION_ERROR 22P02', 'TRANSACTION_ABORTED 25P02', 'ROLLBACK']);
  const second = await outcomes([
    connection.command('begin'),
    connection.query(named('bind', 'select $1::int', '5')),
    connection.command('commit'),
  ]);
  assert.deepEqual(second, ['BEGIN', 'SELECT', 'COMMIT']);
  await connection.close();
});

// Trap 4: 0A000 stays for ever on a connection that keeps the plan.
test('a plan whose result type has changed makes its connection unfit', async () => {
  await using trial = await openTrial();
  const connection = await withTable(trial);
  const statement = named('all', 'select id, title from notes');
  await connection.query(statement);
  await connection.command('alter table notes alter column id type bigint');
  await assert.rejects(connection.query(statement), (error: Error) => sqlState(error) === '0A000');
  assert.deepEqual([connection.broken, connection.outdated, connection.reusable], [true, true, false]);
  await connection.close();
});

test('statements that the server has forgotten make their connection unfit', async () => {
  await using trial = await openTrial();
  const connection = await trial.connect();
  await connection.query(named('gone', 'select 1'));
  await connection.command('deallocate all');
  await assert.rejects(connection.query(named('gone', 'select 1')), (error: Error) => sqlState(error) === '26000');
  assert.deepEqual([connection.broken, connection.outdated], [true, true]);
  await connection.close();
});

// Trap 5: the second of two uses sent together would be told 26000, which says nothing.
test('a text that does not parse is reported alike by all who were sent with its name', async () => {
  await using trial = await openTrial();
  const connection = await trial.connect();
  const statement = named('nonsense', 'select * from nowhere_at_all');
  const results = await outcomes([connection.query(statement), connection.query(statement), connection.query(unnamed('select 1'))]);
  assert.deepEqual(results, ['DATABASE_ERROR 42P01', 'DATABASE_ERROR 42P01', 'SELECT']);
  assert.equal(connection.broken, false);
  await connection.command('create temp table nowhere_at_all (id int)');
  assert.equal((await connection.query(statement)).tag, 'SELECT');
  await connection.close();
});

// Trap 6
test('a failure that nobody listens to does not end the process', async () => {
  await using trial = await openTrial();
  const connection = await trial.connect();
  void connection.query(unnamed('select 1/0'));
  void connection.query(named('x', 'select nonsense'));
  void connection.command('begin');
  void connection.query(unnamed('select 1/0'));
  assert.equal((await connection.command('commit')).tag, 'ROLLBACK');
  await connection.close();
  void connection.query(unnamed('select 1'));
  await assert.rejects(connection.query(unnamed('select 1')), { code: 'DATABASE_CONNECTION_FAILED' });
  assert.deepEqual(unhandledRejections(), []);
});

test('the stack of a failure leads to those who waited for it', async () => {
  await using trial = await openTrial();
  const connection = await trial.connect();
  async function findNothing(): Promise<void> {
    await connection.query(unnamed('select nonsense'));
  }
  await assert.rejects(findNothing(), (error: Error) => error.stack?.includes('at async findNothing') === true);
  await connection.close();
});

// Trap 7
test('a backend terminated while at work fails all under way with that cause, and only them', async () => {
  await using trial = await openTrial();
  const connection = await trial.connect();
  const other = await trial.connect();
  const under = outcomes([
    connection.command('begin'),
    connection.query(unnamed('select pg_sleep(60)')),
    connection.query(unnamed('select 1')),
    connection.command('commit'),
  ]);
  await untilActive(other, connection);
  await other.query(unnamed('select pg_terminate_backend($1)', String(connection.backendId)));
  assert.deepEqual(await under, [
    'BEGIN',
    'DATABASE_CONNECTION_FAILED 57P01',
    'DATABASE_CONNECTION_FAILED 57P01',
    'DATABASE_CONNECTION_FAILED 57P01',
  ]);
  assert.equal(connection.broken, true);
  await assert.rejects(connection.query(unnamed('select 1')), (error: Error) => isConnectionLost(error) && sqlState(error) === '57P01');
  await connection.ended;
  await other.close();
});

for (const [state, prepare] of [
  ['idle', ''],
  ['idle in a transaction', 'begin'],
] as const) {
  test(`a backend terminated while ${state} is noticed without ending the process`, async () => {
    await using trial = await openTrial();
    const connection = await trial.connect();
    const other = await trial.connect();
    let ends = 0;
    connection.onEnd = () => (ends += 1);
    await connection.command(prepare);
    await other.query(unnamed('select pg_terminate_backend($1)', String(connection.backendId)));
    await connection.ended;
    assert.deepEqual([ends, connection.broken, connection.pending], [1, true, 0]);
    assert.equal(sqlState(connection.failure), '57P01');
    await other.close();
  });
}

// Trap 8
test('a cancelled statement fails its transaction, and the connection lives', async () => {
  await using trial = await openTrial();
  const connection = await trial.connect();
  const other = await trial.connect();
  const under = outcomes([
    connection.command('begin'),
    connection.query(unnamed('select pg_sleep(60)')),
    connection.query(unnamed('select 1')),
    connection.command('commit'),
  ]);
  await untilActive(other, connection);
  await other.query(unnamed('select pg_cancel_backend($1)', String(connection.backendId)));
  assert.deepEqual(await under, ['BEGIN', 'DATABASE_TIMEOUT 57014', 'TRANSACTION_ABORTED 25P02', 'ROLLBACK']);
  assert.equal(connection.reusable, true);
  await connection.close();
  await other.close();
});

test('notifications of a channel are heard, and such a connection is not handed on', async () => {
  await using trial = await openTrial();
  const connection = await trial.connect();
  const other = await trial.connect();
  const heard = Promise.withResolvers<string>();
  await connection.listen('Odd "channel"', heard.resolve);
  await other.query(unnamed("select pg_notify('another', 'no'), pg_notify($1, 'hello')", 'Odd "channel"'));
  assert.equal(await heard.promise, 'hello');
  assert.deepEqual([connection.broken, connection.reusable], [false, false]);
  await connection.close();
  await other.close();
});

test('COPY is refused, and the connection goes on', async () => {
  await using trial = await openTrial();
  const connection = await withTable(trial);
  await assert.rejects(connection.command('copy notes from stdin'), (error: Error) => sqlState(error) === '57014');
  const results = await outcomes([connection.command('copy (select 1) to stdout'), connection.query(unnamed('select 1'))]);
  assert.deepEqual(results, ['COPY', 'SELECT']);
  await connection.close();
});

test('closing lets finish what is under way, destroying does not', async () => {
  await using trial = await openTrial();
  const one = await trial.connect();
  const other = await trial.connect();
  const finishing = one.query(unnamed('select 1'));
  const closed = one.close();
  await assert.rejects(one.query(unnamed('select 2')), { code: 'DATABASE_CONNECTION_FAILED' });
  assert.equal((await finishing).tag, 'SELECT');
  await closed;
  const lost = other.query(unnamed('select 1'));
  other.destroy();
  await assert.rejects(lost, { code: 'DATABASE_CONNECTION_FAILED' });
  await other.ended;
});

test('without pipelining everything means the same', async () => {
  await using trial = await openTrial({ pipeline: false });
  const connection = await withTable(trial);
  const statement = named('n', 'select $1::int', 'five');
  const results = await outcomes([
    connection.command('begin'),
    connection.query(statement),
    connection.query(named('n', 'select $1::int', '5')),
    connection.command('commit'),
    connection.query(named('n', 'select $1::int', '5')),
  ]);
  assert.deepEqual(results, ['BEGIN', 'VALIDATION_ERROR 22P02', 'TRANSACTION_ABORTED 25P02', 'ROLLBACK', 'SELECT']);
  await connection.close();
});

/** Waits until the server says that a connection's statement runs. */
async function untilActive(observer: Connection, observed: Connection): Promise<void> {
  const asked = unnamed(
    "select count(*) from pg_stat_activity where pid = $1 and state = 'active' and wait_event = 'PgSleep'",
    String(observed.backendId),
  );
  while ((await observer.query(asked)).rows[0]?.[0] !== '1') continue;
}
