/** How values of free SQL come out, under any time zone and with every digit. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openTrial, unhandledRejections, unnamed } from './trial.fixture.ts';
import { toRfc3339 } from '../schema/time.ts';
import { toObjects } from './values.ts';

after(() => assert.deepEqual(unhandledRejections(), []));

test('each type becomes what JSON can say without losing a digit', async () => {
  await using trial = await openTrial();
  const result = await trial.readers.query(
    unnamed(`select 1::int2 as two, 2::int4 as four, 9007199254740993::int8 as eight, 123.4500::numeric as exact, 1.5::float8 as float,
      true as yes, false as no, null::int as nothing, '{"a": [1]}'::jsonb as b, '"t"'::json as j, 'text' as t,
      timestamptz '2026-11-20 09:50:00.123456+01' as moment, date '2026-11-20' as day, timestamp '2026-11-20 09:50:00' as wall,
      '5f0c1a4e-0000-7000-8000-000000000001'::uuid as id, '\\xdeadbeef'::bytea as bytes`),
  );
  assert.deepEqual(toObjects(result), [
    {
      two: 1,
      four: 2,
      eight: '9007199254740993',
      exact: '123.4500',
      float: 1.5,
      yes: true,
      no: false,
      nothing: null,
      b: { a: [1] },
      j: 't',
      t: 'text',
      moment: '2026-11-20T08:50:00.123456Z',
      day: '2026-11-20',
      wall: '2026-11-20 09:50:00',
      id: '5f0c1a4e-0000-7000-8000-000000000001',
      bytes: String.raw`\xdeadbeef`,
    },
  ]);
});

test('arrays are arrays of the same, nested and with nulls', async () => {
  await using trial = await openTrial();
  const result = await trial.readers.query(
    unnamed(`select array[1, null, 3] as ints, array[[1, 2], [3, 4]] as grid, array['a,"b"', 'NULL', null, ''] as texts,
      array[true, false] as flags, array[9007199254740993] as big, array['{"a": 1}'::jsonb] as docs, '{}'::int[] as none,
      array[timestamptz 'epoch'] as moments, array['5f0c1a4e-0000-7000-8000-000000000001'::uuid] as ids, array[1.50] as exact`),
  );
  assert.deepEqual(toObjects(result), [
    {
      ints: [1, null, 3],
      grid: [
        [1, 2],
        [3, 4],
      ],
      texts: ['a,"b"', 'NULL', null, ''],
      flags: [true, false],
      big: ['9007199254740993'],
      docs: [{ a: 1 }],
      none: [],
      moments: ['1970-01-01T00:00:00.000Z'],
      ids: ['5f0c1a4e-0000-7000-8000-000000000001'],
      exact: ['1.50'],
    },
  ]);
});

test('a column may have any name, the dangerous ones too', async () => {
  await using trial = await openTrial();
  const [row] = toObjects(await trial.readers.query(unnamed('select 1 as "__proto__", 2 as "constructor", 3 as "full name"')));
  assert.deepEqual(Object.entries(row ?? {}), [
    ['__proto__', 1],
    ['constructor', 2],
    ['full name', 3],
  ]);
  assert.equal(Object.getPrototypeOf(row), Object.prototype);
});

// GLK-7
test('a moment is the same text in UTC whatever the time zone of the session', async () => {
  await using trial = await openTrial();
  const connection = await trial.connect();
  for (const zone of ['UTC', 'Europe/Berlin', 'America/St_Johns', 'Asia/Kathmandu', 'Pacific/Kiritimati', '<-13>13']) {
    await connection.query(unnamed("select set_config('TimeZone', $1, false)", zone));
    const { rows } = await connection.query(
      unnamed("select timestamptz '2026-11-20 23:50:00.123456Z', timestamptz '1890-01-01 00:00:00Z', timestamptz '2027-01-01 00:00:00Z'"),
    );
    assert.deepEqual(
      rows[0]?.map((text) => toRfc3339(text ?? '')),
      ['2026-11-20T23:50:00.123456Z', '1890-01-01T00:00:00.000Z', '2027-01-01T00:00:00.000Z'],
      zone,
    );
  }
  await connection.close();
});

test('what RFC 3339 cannot say stays as PostgreSQL says it', async () => {
  await using trial = await openTrial();
  const texts = ['infinity', '-infinity', '10000-01-01 00:00:00+00', '0044-03-15 12:00:00+00 BC'];
  for (const text of texts) {
    const { rows } = await trial.readers.query(unnamed('select $1::timestamptz', text));
    assert.deepEqual(rows, [[text]]);
    assert.equal(toRfc3339(text), text);
  }
  assert.equal(toRfc3339('9999-12-31 23:30:00-01'), '9999-12-31 23:30:00-01');
});
