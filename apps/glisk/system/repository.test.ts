/** What the app remembers is kept by name, and replaced in one statement. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openGlisk } from '../rows.fixture.ts';

// T033 GLK-2
test('T033: system state upsert', async () => {
  await using database = await openGlisk();
  await database.work(({ systemState }) => systemState.setState('key', 'value1'));
  await database.work(({ systemState }) => systemState.setState('key', 'value2'));
  assert.equal(await database.work(({ systemState }) => systemState.getState('key')), 'value2');
  assert.equal(await database.read(({ systemState }) => systemState.count()), 1);
});

// GLK-2
test('any JSON value comes back as it was, also within the unit of work that has set it', async () => {
  await using database = await openGlisk();
  const values = [0, -1.5, true, false, '', '"', 'a\nb 🏮', [], [1, [2]], {}, { a: { b: [null] } }, '{"not": "parsed"}', 'null'];
  await database.work(async ({ systemState }) => {
    for (const value of values) {
      await systemState.setState('last_block', value);
      assert.deepEqual(await systemState.getState('last_block'), value);
    }
  });
});

// GLK-2
test('what was never set is null; forgetting it twice is no error', async () => {
  await using database = await openGlisk();
  await database.work(async ({ systemState }) => {
    assert.equal(await systemState.getState('nothing'), null);
    await systemState.setState('something', 1);
    await systemState.deleteState('something');
    await systemState.deleteState('something');
    assert.equal(await systemState.getState('something'), null);
  });
});

// GLK-2
test('many who set one name at the same time all succeed, and one value stays', async () => {
  await using database = await openGlisk();
  await Promise.all(Array.from({ length: 10 }, (_, number) => database.work(({ systemState }) => systemState.setState('cursor', number))));
  const value = await database.work(({ systemState }) => systemState.getState('cursor'));
  assert.ok(typeof value === 'number' && value >= 0 && value < 10);
  assert.equal(await database.read(({ systemState }) => systemState.count()), 1);
});

// GLK-1
test('a name has letters, digits and underscores, and a value is one that JSON has and PostgreSQL keeps', async () => {
  await using database = await openGlisk();
  for (const key of ['', 'a b', 'a-b', 'ä', "a';--", 'a\n']) {
    await assert.rejects(
      database.work(({ systemState }) => systemState.setState(key, 1)),
      { code: 'VALIDATION_ERROR' },
      key,
    );
  }
  await assert.rejects(
    database.work(({ systemState }) => systemState.setState('key', 'a\0b')),
    { code: 'VALIDATION_ERROR' },
  );
  await assert.rejects(
    database.work(({ systemState }) => systemState.setState('key', undefined)),
    { code: 'VALIDATION_ERROR' },
  );
  assert.equal(await database.read(({ systemState }) => systemState.count()), 0);
});
