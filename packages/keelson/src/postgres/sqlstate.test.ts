/** What the server's refusals become, each caused on a real server. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, test } from 'node:test';
import { DatabaseError } from 'pg';
import { type ErrorCode, isKeelsonError, KeelsonError } from '../errors.ts';
import type { Statement } from '../schema/sql.ts';
import { fromDatabase, isConnectionLost, isSerializationFailure, sqlState } from './sqlstate.ts';
import { openTrial, unhandledRejections, unnamed } from './trial.fixture.ts';

after(() => assert.deepEqual(unhandledRejections(), []));

const TABLES = `
  create temp table parents (id int primary key, email text unique, small smallint, title varchar(5) not null,
    age int constraint parents_age_check check (age > 0), span int4range, exclude using gist (span with &&));
  create temp table children (id int primary key, parent int constraint children_parent_fkey references parents on delete restrict);
  insert into parents values (1, 'a@b.c', 1, 'one', 1, '[1,5)');
  insert into children values (1, 1)`;

/** Long, and nothing in it repeats, so that it cannot be compressed. */
const long = Array.from({ length: 200 }, (_, index) => createHash('sha512').update(String(index)).digest('base64')).join('');

const refusals: readonly (readonly [what: string, statement: Statement, code: ErrorCode, state: string])[] = [
  ['a NUL character in a text', unnamed('select $1::text', 'a\0b'), 'VALIDATION_ERROR', '22021'],
  ['a NUL character in a jsonb', unnamed('select $1::jsonb', '{"a":"\\u0000"}'), 'VALIDATION_ERROR', '22P05'],
  ['half a surrogate pair in a jsonb', unnamed('select $1::jsonb', '"\\ud800"'), 'VALIDATION_ERROR', '22P02'],
  ['a number where none is', unnamed('select $1::int', 'five'), 'VALIDATION_ERROR', '22P02'],
  ['a uuid that is none', unnamed('select $1::uuid', 'nope'), 'VALIDATION_ERROR', '22P02'],
  ['an int out of range', unnamed('select $1::int', '3000000000'), 'VALIDATION_ERROR', '22003'],
  ['a date out of range', unnamed('select $1::date', '2026-02-31'), 'VALIDATION_ERROR', '22008'],
  ['a date that is none', unnamed('select $1::date', 'soon'), 'VALIDATION_ERROR', '22007'],
  ['a negative limit', unnamed('select 1 limit $1', '-1'), 'VALIDATION_ERROR', '2201W'],
  ['a negative offset', unnamed('select 1 offset $1', '-1'), 'VALIDATION_ERROR', '2201X'],
  ['a pattern that is none', unnamed("select 'a' ~ $1", '('), 'VALIDATION_ERROR', '2201B'],
  ['a pattern that ends in the middle', unnamed("select 'a' like $1", '\\'), 'VALIDATION_ERROR', '22025'],
  ['a time zone that is none', unnamed('select now() at time zone $1', 'Nowhere/None'), 'VALIDATION_ERROR', '22023'],
  ['a path into jsonb that is none', unnamed("select jsonb_path_query('{}', $1::jsonpath)", 'strict $.a'), 'VALIDATION_ERROR', '2203A'],
  ['a text that is too long', unnamed('insert into parents (id, title) values (2, $1)', 'longer'), 'VALIDATION_ERROR', '22001'],
  [
    'a value too large for its index',
    unnamed("insert into parents (id, title, email) values (2, 'a', $1)", long),
    'VALIDATION_ERROR',
    '54000',
  ],
  ['jsonb that nests too deep', unnamed('select $1::jsonb', '['.repeat(100_000)), 'VALIDATION_ERROR', '54001'],
  ['a missing value', unnamed('insert into parents (id) values (2)'), 'VALIDATION_ERROR', '23502'],
  ['a check', unnamed("insert into parents (id, title, age) values (2, 'a', 0)"), 'VALIDATION_ERROR', '23514'],
  ['a taken key', unnamed("insert into parents (id, title, email) values (2, 'a', 'a@b.c')"), 'CONFLICT', '23505'],
  ['a missing parent', unnamed('insert into children values (2, 99)'), 'CONFLICT', '23503'],
  ['an overlap', unnamed("insert into parents (id, title, span) values (3, 'a', '[2,3)')"), 'CONFLICT', '23P01'],
  ['a table that is not there', unnamed('select * from nowhere'), 'DATABASE_ERROR', '42P01'],
  ['words that are no SQL', unnamed('selekt 1'), 'DATABASE_ERROR', '42601'],
  ['a division by zero', unnamed('select 1/0'), 'DATABASE_ERROR', '22012'],
];

test('each refusal has its code, its SQLSTATE and its cause, and says nothing that a client must not read', async (t) => {
  await using trial = await openTrial();
  const connection = await trial.connect();
  await connection.command(TABLES);
  for (const [what, statement, code, state] of refusals) {
    await t.test(what, async () => {
      await assert.rejects(connection.query(statement), (error: unknown) => {
        assert.ok(isKeelsonError(error));
        assert.deepEqual([error.code, sqlState(error), error.data?.['sqlState']], [code, state, state]);
        assert.ok(error.cause instanceof DatabaseError);
        assert.doesNotMatch(`${error.message} ${error.detail ?? ''}`, /parents|children|select|insert|_check|_fkey|email/iu);
        assert.deepEqual([isConnectionLost(error), isSerializationFailure(error)], [false, false]);
        return true;
      });
    });
  }
  await connection.close();
});

test('a row that others refer to may not go', async () => {
  await using trial = await openTrial();
  const connection = await trial.connect();
  await connection.command(TABLES);
  // PostgreSQL 18 says 23001 for ON DELETE RESTRICT, older servers 23503.
  await assert.rejects(connection.query(unnamed('delete from parents where id = 1')), { code: 'CONFLICT' });
  await connection.close();
});

test('the names of what was violated are in data, for the log', async () => {
  await using trial = await openTrial();
  const connection = await trial.connect();
  await connection.command(TABLES);
  await assert.rejects(connection.query(unnamed("insert into parents (id, title, age) values (2, 'a', 0)")), (error: unknown) => {
    assert.ok(isKeelsonError(error));
    const { schema, ...data } = error.data ?? {};
    assert.deepEqual(data, { sqlState: '23514', constraint: 'parents_age_check', table: 'parents' });
    assert.match(String(schema), /^pg_temp/u);
    return true;
  });
  await assert.rejects(connection.query(unnamed('insert into parents (id) values (2)')), (error: unknown) => {
    assert.ok(isKeelsonError(error));
    assert.equal(error.data?.['column'], 'title');
    return true;
  });
  await connection.close();
});

test('time-outs name the setting that ends them', async () => {
  await using trial = await openTrial({ statementTimeoutMs: 50 });
  await assert.rejects(trial.readers.query(unnamed('select pg_sleep(60)')), {
    code: 'DATABASE_TIMEOUT',
    message: /DATABASE_STATEMENT_TIMEOUT_MS/u,
  });
  await using other = await openTrial({ lockTimeoutMs: 50 });
  const [holder, waiter] = [await other.connect(), await other.connect()];
  await holder.command('create table if not exists locked_by_trial (id int)');
  await holder.command('begin; lock table locked_by_trial');
  await assert.rejects(waiter.query(unnamed('select * from locked_by_trial')), {
    code: 'DATABASE_TIMEOUT',
    message: /DATABASE_LOCK_TIMEOUT_MS/u,
  });
  await holder.command('commit; drop table locked_by_trial');
  await holder.close();
  await waiter.close();
});

test('a transaction that waits too long between two statements is ended, and says so', async () => {
  await using trial = await openTrial({ idleInTransactionTimeoutMs: 20 });
  const connection = await trial.connect();
  await connection.command('begin');
  await connection.ended;
  const failure = fromDatabase(connection.failure);
  assert.deepEqual([failure.code, sqlState(failure), isConnectionLost(failure)], ['DATABASE_TIMEOUT', '25P03', true]);
});

test('two that stand in each other’s way: one is told to repeat', async () => {
  await using trial = await openTrial();
  const [one, two] = [await trial.connect(), await trial.connect()];
  await one.command(
    'drop table if exists crossing; create table crossing (id int primary key, n int); insert into crossing values (1, 0), (2, 0)',
  );
  const change = (id: string): Statement => unnamed('update crossing set n = n + 1 where id = $1', id);
  await Promise.all([one.command('begin'), one.query(change('1')), two.command('begin'), two.query(change('2'))]);
  const crossed = await Promise.allSettled([one.query(change('2')), two.query(change('1'))]);
  const failures = crossed.flatMap((each): unknown[] => (each.status === 'rejected' ? [each.reason] : []));
  assert.equal(failures.length, 1);
  assert.ok(isKeelsonError(failures[0], 'TRANSACTION_CONFLICT'));
  assert.deepEqual([sqlState(failures[0]), isSerializationFailure(failures[0]), failures[0].retryable], ['40P01', true, true]);
  await Promise.all([one.command('rollback'), two.command('rollback')]);
  const repeatable = 'begin isolation level repeatable read';
  await Promise.all([one.command(repeatable), one.query(unnamed('select * from crossing')), two.command('begin')]);
  await Promise.all([two.query(change('1')), two.command('commit')]);
  await assert.rejects(one.query(change('1')), (error: unknown) => isSerializationFailure(error) && sqlState(error) === '40001');
  await one.command('rollback');
  await one.command('drop table crossing');
  await one.close();
  await two.close();
});

test('errors of the catalogue pass unchanged, and what is not of the database is not called so', () => {
  const own = new KeelsonError('NOT_FOUND');
  assert.equal(fromDatabase(own), own);
  assert.equal(fromDatabase(new TypeError('x is not a function')).code, 'INTERNAL_SERVER_ERROR');
  assert.equal(fromDatabase(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })).code, 'DATABASE_CONNECTION_FAILED');
  assert.equal(fromDatabase(new Error('Connection terminated unexpectedly')).code, 'DATABASE_CONNECTION_FAILED');
  assert.deepEqual(
    [sqlState(own), sqlState(undefined), isSerializationFailure(own), isConnectionLost('text')],
    [undefined, undefined, false, false],
  );
});

test('a refusal without a meaning of its own is lost by its class or its severity', () => {
  const made = (state: string, severity: string): DatabaseError =>
    Object.assign(new DatabaseError('words', 5, 'error'), { code: state, severity });
  assert.equal(fromDatabase(made('08006', 'ERROR')).code, 'DATABASE_CONNECTION_FAILED');
  assert.equal(fromDatabase(made('XX000', 'FATAL')).code, 'DATABASE_CONNECTION_FAILED');
  assert.equal(fromDatabase(made('XX000', 'ERROR')).code, 'DATABASE_ERROR');
  for (const state of ['53300', '57P01', '57P02', '57P03', '57P05']) {
    assert.equal(fromDatabase(made(state, 'FATAL')).code, 'DATABASE_CONNECTION_FAILED', state);
    assert.equal(isConnectionLost(fromDatabase(made(state, 'FATAL'))), true, state);
  }
});
