/** The order in which statements run, found on a real PostgreSQL. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isKeelsonError } from '../../errors.ts';
import { useScratch } from '../trial.fixture.ts';
import { runInOrder } from './order.ts';

const { connection } = await useScratch();

test('statements run in the order that works, in a transaction and outside one, and what never runs is named', async () => {
  const statements = ['create view v as select a from t', 'create index i on t (a)', 'create table t (a int)'];
  await connection.command('begin');
  const ordered = ['create table t (a int)', 'create view v as select a from t', 'create index i on t (a)'];
  assert.deepEqual(await runInOrder(connection, statements), ordered);
  await connection.command('rollback');
  assert.deepEqual(await runInOrder(connection, statements), ordered);
  await assert.rejects(
    runInOrder(connection, ['drop view v', 'drop table nowhere']),
    (error) => isKeelsonError(error, 'PLAN_FAILED') && /"nowhere" does not exist, in: drop table nowhere/.test(error.message),
  );
  assert.equal((await connection.command("select to_regclass('v')")).rows[0]?.[0], null);
});
