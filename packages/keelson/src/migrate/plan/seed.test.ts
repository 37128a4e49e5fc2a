/** The rows that are made up, on a real PostgreSQL: every kind of table gets some, rules are kept, and what cannot be filled stays empty. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { useScratch } from '../trial.fixture.ts';
import { compareRows } from './rows-compare.ts';
import { readRows } from './rows.ts';
import { samplePattern } from './seed-pattern.ts';
import { seedRows, type SeedOptions } from './seed.ts';

const { connection } = await useScratch();
await connection.command('create extension btree_gist');

/** How many rows each table of a schema has after seeding, all in a transaction that is taken back. */
async function counted(ddl: string, options?: SeedOptions): Promise<Record<string, number>> {
  await connection.command(`begin; create schema app; set local search_path to app, public; ${ddl}`);
  try {
    await seedRows(connection, options);
    const rows = await readRows(connection);
    return Object.fromEntries([...rows.values()].map((table) => [table.name, table.rows.length]));
  } finally {
    await connection.command('rollback');
  }
}

test('a table with a column of each common type is filled', async () => {
  const types =
    'int2 int4 int8 numeric(3,1) float4 float8 money bool text varchar(3) char(2) uuid date timestamp timestamptz time timetz interval json jsonb bytea inet cidr macaddr point box path polygon circle bit(3) varbit(4) tsvector tsquery int4range tstzrange daterange int4multirange int[] text[][] pg_lsn oid';
  const columns = types.split(' ').map((type, at) => `c${at} ${type} not null`);
  assert.deepEqual(await counted(`create table app.wide (${columns.join(', ')});`), { 'app.wide': 3 });
});

test('enums, domains, composite types and arrays of them are filled', async () => {
  const found = await counted(`
    create type mood as enum ('sad', 'so so'); create domain code as text check (value ~ '^[A-Z]{3}-\\d+$') not null;
    create domain deep as code; create type pair as (a int, b text);
    create table things (mood mood not null, moods mood[] not null, code code, deep deep, codes code[] not null, pair pair not null);`);
  assert.deepEqual(found, { 'app.things': 3 });
});

test('checks, uniques and exclusions are kept', async () => {
  const found = await counted(`
    create table rules (
      kind text not null check (kind in ('x', 'y')), address varchar(42) not null unique check (address ~ '^0x[a-fA-F0-9]{40}$'),
      age int not null check (age between 18 and 30), mail text not null check (mail like '%@%'), flag bool not null,
      low int not null, high int not null, check (high > low or high = low), unique (kind, flag),
      room int not null, during tstzrange not null, exclude using gist (room with =, during with &&));
    create unique index on rules (lower(mail), kind);`);
  assert.ok((found['app.rules'] ?? 0) >= 2, JSON.stringify(found));
});

test('references point to rows that are there: in chains, to more than one column, in a circle, to themselves', async () => {
  const found = await counted(`
    create table c (id int primary key, b_id int not null);
    create table a (id uuid primary key default gen_random_uuid(), tenant int not null, unique (tenant, id));
    create table b (id int generated always as identity primary key, tenant int not null, a_id uuid not null, foreign key (tenant, a_id) references a (tenant, id));
    alter table c add foreign key (b_id) references b;
    create table one (id int primary key, other int); create table two (id int primary key, one int not null references one);
    alter table one add foreign key (other) references two;
    create table tree (id int primary key, parent int not null references tree);
    create table links (a uuid references a, b int references b, primary key (a, b));`);
  assert.deepEqual(
    Object.values(found),
    [3, 3, 3, 3, 3, 3, 3].concat(found['app.two'] ?? 0).slice(0, Object.keys(found).length),
    JSON.stringify(found),
  );
});

test('columns that fill themselves do so, odd names are no trouble, and partitions take what is theirs', async () => {
  const found = await counted(`
    create table selves (id serial primary key, n bigint generated always as identity, twice int generated always as (2) stored);
    create table "Odd ""name""" ("A b" text not null, "select" int not null);
    create table parts (kind text not null, at date not null) partition by list (kind);
    create table parts_x partition of parts for values in ('x y');
    create table days (at date not null) partition by range (at);
    create table days_2020 partition of days for values from ('2020-01-01') to ('2021-01-01');`);
  assert.deepEqual(found, { 'app."Odd ""name"""': 3, 'app.days_2020': 3, 'app.parts_x': 3, 'app.selves': 3 });
});

test('a table that cannot be filled stays empty, those that need it too, and the others are filled', async () => {
  const found = await counted(`
    create table never (id int primary key check (md5(id::text) = 'x')); create table hopeless (never_id int not null references never);
    create table fine (never_id int references never);`);
  assert.deepEqual(found, { 'app.fine': 3, 'app.hopeless': 0, 'app.never': 0 });
});

test('tables can be left out, and the number of rows be said', async () => {
  const ddl = 'create table a (id int); create table b (id int);';
  assert.deepEqual(await counted(ddl, { rowsPerTable: 1 }), { 'app.a': 1, 'app.b': 1 });
  assert.deepEqual(await counted(ddl, { except: new Set(['app.a']) }), { 'app.a': 0, 'app.b': 3 });
  assert.deepEqual(await counted(ddl, { rowsPerTable: 0 }), { 'app.a': 0, 'app.b': 0 });
});

test('outside a transaction a row that fails leaves nothing open', async () => {
  await connection.command('create schema loose; create table loose.flags (flag bool unique, n int not null check (n > 100))');
  await seedRows(connection);
  assert.equal(connection.transactionStatus, 'I');
  assert.equal([...(await readRows(connection)).values()][0]?.rows.length, 3);
  await connection.command('drop schema loose cascade');
});

test('contents that stay are the same whatever the tables and columns are called now', async () => {
  await connection.command("begin; create table old (id serial, name text); insert into old (name) values ('a'), ('b')");
  const first = await readRows(connection);
  await connection.command('alter table old rename to young; alter table young rename name to word');
  assert.deepEqual(compareRows(first, await readRows(connection)), { losses: [], faults: [] });
  await connection.command("update young set word = 'c' where id = 1; alter sequence old_id_seq restart with 2");
  assert.deepEqual(compareRows(first, await readRows(connection)), {
    losses: [],
    faults: [
      'column public.young.word: its values have changed',
      'column public.young.id: its counter gives 2 next, which is in the table already; set it with setval()',
    ],
  });
  await connection.command('rollback');
});

test('patterns of checks are followed, and those that cannot be are given up', () => {
  for (const source of [
    '^0x[a-fA-F0-9]{40}$',
    '^[a-z]+(_[a-z0-9]+)*$',
    '^(draft|live)$',
    '^\\d{3}-\\w+$',
    '^[[:alpha:]_]+$',
    '^[^@ ]+@[^@ ]+\\.[a-z]{2,}$',
    'a?b',
  ]) {
    const samples = samplePattern(source);
    assert.ok(samples.length > 0, source);
    const pattern = new RegExp(source.replace('[:alpha:]', 'a-zA-Z'), 'u');
    assert.deepEqual(
      samples.filter((sample) => !pattern.test(sample)),
      [],
      source,
    );
  }
  assert.deepEqual(samplePattern('a)b'), []);
});
