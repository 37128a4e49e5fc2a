/** SQL made readable: what becomes smaller and shorter, and what must not change by a letter. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Connection } from '../postgres/connection.ts';
import { testServer } from '../testing/server.ts';
import { keywords } from './sql-text-keywords.ts';
import { readableName, readableSql, readableStatement } from './sql-text.ts';

test('a name has quotes only where PostgreSQL wants them', () => {
  const names = ['users', 'user', 'Users', 'a b', 'größe', 'a"b', '1a', 'order', 'name', '_x$1', ''];
  assert.deepEqual(names.map(readableName), [
    'users',
    '"user"',
    '"Users"',
    '"a b"',
    '"größe"',
    '"a""b"',
    '"1a"',
    '"order"',
    'name',
    '_x$1',
    '""',
  ]);
});

test('the keywords are those of the server, so that no name loses quotes that it needs', async () => {
  const server = await testServer();
  const connection = await Connection.open({ connectionString: server.url });
  const { rows } = await connection.command("select word from pg_get_keywords() where catcode <> 'U'");
  const missing = rows.map(([word]) => word ?? '').filter((word) => !keywords.has(word));
  await connection.close();
  await server.stop();
  assert.deepEqual(missing, []);
  assert.ok(rows.length > 100);
});

test('words become small and types short, and texts, bodies and comments stay as they are', () => {
  const cases = [
    ['ALTER TABLE "app"."t" ADD COLUMN "Nick" CHARACTER VARYING(64)', 'alter table app.t add column "Nick" varchar(64)'],
    [`SELECT 'It''S "A" character varying' AS "x"`, `select 'It''S "A" character varying' as x`],
    ['CREATE FUNCTION F() AS $B$ SELECT "A" $B$', 'create function f() as $B$ SELECT "A" $B$'],
    ['SELECT 1 -- Keep THIS\n/* AND "this" */', 'select 1 -- Keep THIS\n/* AND "this" */'],
    ['"a"."At" timestamp(3) with time zone', 'a."At" timestamptz(3)'],
    [String.raw`U&"\0061B"`, String.raw`u&"\0061B"`],
    ['ÄB "char" "user"', 'Äb "char" "user"'],
    [String.raw`E'\'"X"' || "y"`, String.raw`E'\'"X"' || y`],
  ] as const;
  for (const [from, to] of cases) assert.equal(readableSql(from), to);
});

test('a table and a long enum have an element on every line, and an index no words that are understood', () => {
  assert.equal(
    readableStatement('CREATE TABLE "app"."t" ("a" numeric(10, 2) DEFAULT 1, "b" text[], CHECK (("a" > \'1, (2\')))'),
    "create table app.t (\n  a numeric(10, 2) default 1,\n  b text[],\n  check ((a > '1, (2'))\n);",
  );
  const values = Array.from({ length: 12 }, (_, index) => `'value_${index}'`).join(', ');
  assert.equal(readableStatement(`CREATE TYPE "app"."e" AS ENUM (${values})`).split('\n').length, 14);
  assert.equal(readableStatement('CREATE TYPE "app"."e" AS ENUM (\'a\', \'b\');'), "create type app.e as enum ('a', 'b');");
  assert.equal(readableStatement('CREATE INDEX i ON app.t USING btree (a)'), 'create index i on app.t (a);');
  assert.equal(readableStatement('CREATE INDEX i ON app.t USING gin (a)'), 'create index i on app.t using gin (a);');
});
