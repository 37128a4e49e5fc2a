/** Statement names: kinds and tables, and never a value. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StatementNames } from './statement-name.ts';

test('a statement is called by its kind and the first table that it names', () => {
  const names = new StatementNames();
  const cases: [string, string, string][] = [
    ['select "id" from "notes"."users" where "id" = $1', 'SELECT', 'SELECT notes.users'],
    ['  insert into notes.users (a) values ($1)', 'INSERT', 'INSERT notes.users'],
    ['update only users set a = $1', 'UPDATE', 'UPDATE users'],
    ['delete from "users" where a = $1', 'DELETE', 'DELETE users'],
    ['-- why\nselect 1', 'SELECT', 'SELECT'],
    ['/* why */ with gone as (delete from tokens returning id) select count(*) from gone', 'WITH', 'WITH tokens'],
    ['select count(*) from (select 1 from users) as few', 'SELECT', 'SELECT users'],
    ['begin', 'BEGIN', 'BEGIN'],
    ["begin; set local app.tenant = 'hunter2'", 'BEGIN', 'BEGIN'],
    ["set local app.tenant = 'from hunter2'", 'SET', 'SET'],
    ['hunter2', 'OTHER', 'OTHER'],
    ['', 'OTHER', 'OTHER'],
  ];
  for (const [text, operation, summary] of cases) assert.deepEqual(names.of(text), { operation, summary }, text);
  assert.equal(names.of('begin'), names.of('begin'));
});

test('texts without end are read without end in sight, and only so many are remembered', () => {
  const names = new StatementNames();
  assert.equal(names.of(`select ${'/* '.repeat(50_000)}`).operation, 'SELECT');
  assert.equal(names.of('/* '.repeat(50_000)).operation, 'OTHER');
  for (let index = 0; index < 2_001; index += 1) names.of(`select ${index}`);
  assert.notEqual(names.of('select 2000'), names.of('select 2000'));
  assert.deepEqual(names.of('select 2000'), { operation: 'SELECT', summary: 'SELECT' });
});
