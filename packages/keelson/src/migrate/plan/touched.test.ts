/** Which tables the rows of a proof go into: all that a revision can reach, by whatever name it says, and no others. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { useScratch } from '../trial.fixture.ts';
import { touchedTables } from './touched.ts';

const { connection } = await useScratch();
await connection.command(`
  create schema app;
  create type app.mood as enum ('calm', 'wild');
  create domain app.word as text constraint word_is_short check (length(value) < 9);
  create function app.shout(text) returns text language sql immutable as 'select upper($1)';
  create table app.hats (id int primary key, size int constraint hats_size_check check (size > 0));
  create index hats_size_idx on app.hats (size);
  create table app.moods (id int primary key, mood app.mood, word app.word);
  create table app.days (id int, at date) partition by range (at);
  create table app.days_2026 partition of app.days for values from ('2026-01-01') to ('2027-01-01');
  create view app.large as select * from app.hats where size > 9;
  create table app."Odd ""Name" (id int primary key);
  create table app.apart (id int primary key)`);

const reach = async (...texts: readonly string[]): Promise<string[] | undefined> => {
  const touched = await touchedTables(connection, { texts });
  return touched === undefined ? undefined : [...touched].toSorted();
};

for (const { by, text, tables } of [
  { by: 'its name', text: 'alter table app.hats add column brim int', tables: ['app.hats'] },
  { by: 'an index', text: 'drop index app.hats_size_idx', tables: ['app.hats'] },
  { by: 'a constraint', text: 'alter table if exists x rename constraint HATS_SIZE_CHECK to y', tables: ['app.hats'] },
  { by: 'the type of a column', text: "alter type app.mood add value 'sad'", tables: ['app.moods'] },
  { by: 'the constraint of a domain', text: 'alter domain x drop constraint word_is_short', tables: ['app.moods'] },
  { by: 'a view that reads it', text: 'drop view app.large', tables: ['app.hats'] },
  { by: 'its partition', text: 'alter table app.days_2026 set (fillfactor = 70)', tables: ['app.days', 'app.days_2026'] },
  { by: 'a name in quotes', text: 'alter table app."Odd ""Name" add column x int', tables: ['app."Odd ""Name"'] },
  { by: 'nothing', text: 'create table app.shoes (id int primary key)', tables: [] },
]) {
  test(`a table that is reached by ${by} is among those that are touched, and no other is`, async () => {
    assert.deepEqual(await reach(text), tables);
  });
}

for (const text of [
  'update app.hats set size = 1',
  'delete from app.hats',
  'truncate app.hats',
  'alter table app.hats add column loud text generated always as (app.shout(size::text)) stored',
  "do $$ begin execute 'drop table ' || 'app.hats'; end $$",
  'alter schema app rename to other',
]) {
  test(`what may reach any table counts as touching all: ${text}`, async () => {
    assert.equal(await reach('alter table app.apart add column x int', text), undefined);
  });
}

test('what differs in the catalog counts as named', async () => {
  const touched = await touchedTables(connection, { texts: ['select 1'], changed: ['column app.apart.x'] });
  assert.deepEqual([...(touched ?? [])], ['app.apart']);
});
