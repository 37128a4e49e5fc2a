/** The sql tag: what becomes a parameter, what stands by its name, and what is refused before a byte leaves. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { isKeelsonError } from '../errors.ts';
import { testDatabase } from '../testing/database.ts';
import { defineModel } from '../work/model.ts';
import { integer, text, uuid } from './column.ts';
import { literal, quoteName, quoteText, sql, Statements, toText } from './sql.ts';
import { table } from './table.ts';

const misuse = (error: unknown): boolean => isKeelsonError(error, 'MISUSE');
const people = table('people', { id: uuid().primaryKey(), fullName: text(), age: integer() });
const empty = { model: defineModel({ name: 'sql', tables: [], repositories: {} }) };

test('values become parameters, tables and columns stand by their names, pieces nest', () => {
  const statements = new Statements('my app');
  const where = sql`${people.age} > ${18} and ${people.fullName} <> ${"o'hara"}`;
  const statement = statements.compile(sql`select ${sql.join([people.id, people.fullName])} from ${people} where ${where} limit ${5}`);
  assert.equal(statement.text, 'select "id", "full_name" from "my app"."people" where "age" > $1 and "full_name" <> $2 limit $3');
  assert.deepEqual(statement.values, ['18', "o'hara", '5']);
});

test('one call site is one named statement, whatever its values', () => {
  const statements = new Statements('app');
  const find = (value: number, condition = sql`true`): ReturnType<Statements['compile']> =>
    statements.compile(sql`select ${value}::int where ${condition}`);
  assert.equal(find(1).name, find(2).name);
  assert.notEqual(find(1).name, find(1, sql`false`).name);
  const plain = (value: number): ReturnType<Statements['compile']> => statements.compile(sql`select ${value}::int`);
  assert.equal(plain(1).name, plain(2).name);
  assert.equal(new Statements('app', { named: false }).compile(sql`select 1`).name, undefined);
});

test('so many texts that a server would fill with plans go unnamed', () => {
  const statements = new Statements('app');
  for (let count = 0; count < 2_000; count += 1) assert.ok(statements.name(`select ${count}`) !== undefined);
  assert.equal(statements.name('select one more'), undefined);
  assert.ok(statements.name('select 0') !== undefined);
});

test('what no column can hold is refused where it is written, with what to do', () => {
  const statements = new Statements('app');
  const circle: Record<string, unknown> = {};
  circle['self'] = circle;
  for (const value of [undefined, () => 1, Symbol('x'), new Date(Number.NaN), circle]) {
    assert.throws(() => statements.compile(sql`select ${value}`), misuse);
  }
  for (const value of ['nul \0', 'half \uD800', { key: 'nul \0' }, ['\uDC00']]) {
    assert.throws(
      () => statements.compile(sql`select ${value}`),
      (error) => isKeelsonError(error, 'VALIDATION_ERROR'),
    );
  }
  assert.throws(() => sql.join([]), misuse);
  assert.throws(() => quoteName('a\0b'), misuse);
});

test('any text, array and JSON comes back from the server as it went', async () => {
  await using database = await testDatabase(empty);
  const wellFormed = fc.string({ unit: 'grapheme' }).filter((value) => value.isWellFormed() && !value.includes('\0'));
  await fc.assert(
    fc.asyncProperty(wellFormed, fc.array(fc.option(wellFormed)), fc.jsonValue({ maxDepth: 3 }), async (word, words, json) => {
      const storable =
        JSON.stringify(json).includes('\\u0000') || !JSON.stringify(json).isWellFormed() || /\\ud[89a-f]/u.test(JSON.stringify(json))
          ? {}
          : json;
      const [row] = await database.read(({ sql: run }) =>
        run(
          sql<{
            word: string;
            words: string[];
            json: { value: unknown };
          }>`select ${word}::text as word, ${words}::text[] as words, ${{ value: storable }}::jsonb as json`,
        ),
      );
      assert.equal(row?.word, word);
      assert.deepEqual(row.words, words);
      assert.deepEqual(row.json.value, JSON.parse(JSON.stringify(storable)));
    }),
    { numRuns: 100 },
  );
});

test('names and literals survive every hostile character', async () => {
  await using database = await testDatabase(empty);
  await fc.assert(
    fc.asyncProperty(
      fc.string({ minLength: 1, maxLength: 20 }).filter((value) => !value.includes('\0') && value.isWellFormed()),
      async (value) => {
        const [row] = await database.work(({ sql: run }) =>
          run(sql<Record<string, string>>`select ${sql.raw(quoteText(value))} as ${sql.identifier(value)}`),
        );
        assert.deepEqual(Object.entries(row ?? {}), [[value, value]]);
      },
    ),
    { numRuns: 100 },
  );
});

test('in DDL values stand as literals', () => {
  assert.equal(
    toText(sql`${people.age} >= ${-1} and ${people.fullName} in (${'a'}, ${"b'c"}) or ${true} is ${null}`, 'app'),
    `"age" >= (-1) and "full_name" in ('a', 'b''c') or true is null`,
  );
  assert.equal(literal(['a', 1]), `'{"a","1"}'`);
  assert.equal(literal('back\\slash'), "E'back\\\\slash'");
  assert.equal(literal(Number.NaN), "'NaN'");
  assert.throws(() => literal(Buffer.from('x')), misuse);
});
