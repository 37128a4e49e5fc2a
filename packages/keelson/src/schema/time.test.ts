/** Moments as PostgreSQL writes them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { testDatabase } from '../testing/database.ts';
import { defineModel } from '../work/model.ts';
import { sql } from './sql.ts';
import { parseTime, toRfc3339 } from './time.ts';

test('a moment is read to the millisecond in every form that PostgreSQL writes in UTC', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['2026-11-20 09:50:00+00', '2026-11-20T09:50:00.000Z'],
    ['2026-11-20 09:50:00.1+00', '2026-11-20T09:50:00.100Z'],
    ['2026-11-20 09:50:00.12+00', '2026-11-20T09:50:00.120Z'],
    ['2026-11-20 09:50:00.123456+00', '2026-11-20T09:50:00.123Z'],
    ['0001-01-01 00:00:00+00', '0001-01-01T00:00:00.000Z'],
    ['0044-03-15 12:00:00+00 BC', '-000043-03-15T12:00:00.000Z'],
    ['12026-01-02 00:00:00+00', '+012026-01-02T00:00:00.000Z'],
    ['2026-11-20T09:50:00.123Z', '2026-11-20T09:50:00.123Z'],
    ['2026-11-20 10:50:00.5+01', '2026-11-20T09:50:00.500Z'],
    ['2026-11-20 04:20:00-05:30', '2026-11-20T09:50:00.000Z'],
  ];
  for (const [text, wanted] of cases) assert.equal(parseTime(text).toISOString(), wanted, text);
  assert.ok(Number.isNaN(parseTime('infinity').getTime()));
});

test('as RFC 3339 nothing is lost, and what has no such form stays as it is', () => {
  assert.equal(toRfc3339('2026-11-20 09:50:00.123456+00'), '2026-11-20T09:50:00.123456Z');
  assert.equal(toRfc3339('2026-11-20 09:50:00+00'), '2026-11-20T09:50:00.000Z');
  assert.equal(toRfc3339('2026-11-20 09:50:00.5+00'), '2026-11-20T09:50:00.500Z');
  assert.equal(toRfc3339('2026-11-20 09:50:00.28+00'), '2026-11-20T09:50:00.280Z');
  assert.equal(toRfc3339('2026-11-20 10:50:00.5+01'), '2026-11-20T09:50:00.500Z');
  assert.equal(toRfc3339('infinity'), 'infinity');
});

test('any moment comes back from the server as it went', async () => {
  await using database = await testDatabase({ model: defineModel({ name: 'time', tables: [], repositories: {} }) });
  await fc.assert(
    fc.asyncProperty(
      fc.date({ noInvalidDate: true, min: new Date('0001-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59Z') }),
      async (date) => {
        const [row] = await database.read(({ sql: run }) => run(sql<{ at: string }>`select ${date}::timestamptz as at`));
        assert.equal(parseTime(row?.at ?? '').getTime(), date.getTime());
      },
    ),
    { numRuns: 100 },
  );
});
