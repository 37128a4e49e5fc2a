/** Columns in their order: what the comparer adds after a table stands in the table, whatever names and defaults hold. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { namesIn, withColumnsInOrder } from './column-order.ts';

test('columns that are added after a table are put into it, in order, and nothing else is touched', () => {
  const statements = [
    `CREATE TABLE "app"."hats" ("id" integer NOT NULL, "a,""b" text DEFAULT 'x), (y', "n" numeric(4, 2)[], CONSTRAINT "k" PRIMARY KEY (id, n)) PARTITION BY RANGE (id)`,
    'CREATE TYPE "app"."mood" AS ENUM (\'glad\')',
    'ALTER TABLE "app"."hats" ADD COLUMN "feels" app.mood DEFAULT E\'it\\\'s, (\'::app.mood;',
    'ALTER TABLE "app"."other" ADD COLUMN "x" integer',
  ];
  const orders = new Map([['app.hats', ['id', 'feels', 'a,"b', 'n']]]);
  assert.deepEqual(withColumnsInOrder(statements, orders), [
    `CREATE TABLE "app"."hats" ("id" integer NOT NULL, "feels" app.mood DEFAULT E'it\\'s, ('::app.mood, "a,""b" text DEFAULT 'x), (y', "n" numeric(4, 2)[], CONSTRAINT "k" PRIMARY KEY (id, n)) PARTITION BY RANGE (id)`,
    statements[1],
    statements[3],
  ]);
});

test('names are read out of a list with and without quotes', () => {
  assert.deepEqual(namesIn('id, "Odd, name", "a""b"'), ['id', 'Odd, name', 'a"b']);
});
