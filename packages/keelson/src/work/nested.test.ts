/** Nested units of work: savepoints of the one around them, in the database and in memory. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isKeelsonError, KeelsonError } from '../errors.ts';
import { sql } from '../schema/sql.ts';
import { Author, authors, Note, notes, openTest } from './tokens.fixture.ts';

const refusal = new KeelsonError('FORBIDDEN');

test('a nested unit that fails takes back its rows and its entities, and the outer one goes on', async () => {
  await using database = await openTest();
  const seen: string[] = [];
  const note = await database.work(({ notes: repository }) => repository.add(new Note({ title: 'before' })));
  await database.work(async ({ notes: repository, authors: others, nested, emit, after }) => {
    const loaded = await repository.get(note.id);
    const removed = repository.add(new Note({ title: 'to stay' }));
    await assert.rejects(
      nested(async () => {
        loaded.title = 'inside';
        others.add(new Author({ wallet: '0xgone' }));
        repository.remove(removed);
        emit('never');
        after(() => void seen.push('never'));
        throw refusal;
      }),
      (error) => error === refusal,
    );
    assert.equal(loaded.title, 'before');
    assert.equal(loaded.version, 1);
    loaded.stars = 5;
  });
  const rows = await database.read((reader) => reader.notes.list({}, { orderBy: 'title' }));
  assert.deepEqual(
    rows.map(({ title, stars, version }) => [title, stars, version]),
    [
      ['before', 5, 2],
      ['to stay', 0, 1],
    ],
  );
  assert.equal(await database.read((reader) => reader.authors.count()), 0);
  assert.equal(await database.read((reader) => reader.outbox.count()), 0);
  assert.deepEqual(seen, []);
});

test('a nested unit that fails after a flush, also of a removal, goes back as well', async () => {
  await using database = await openTest();
  const [one, two] = await database.work(({ notes: repository }) =>
    repository.addMany([new Note({ title: 'one' }), new Note({ title: 'two' })]),
  );
  assert.ok(one !== undefined && two !== undefined);
  await database.work(async ({ notes: repository, nested, flush }) => {
    const first = await repository.get(one.id);
    const second = await repository.get(two.id);
    await assert.rejects(
      nested(async () => {
        first.title = 'flushed';
        repository.remove(second);
        await flush();
        await nested(async () => {
          first.title = 'deeper';
          await flush();
        });
        throw refusal;
      }),
    );
    assert.equal(first.title, 'one');
    assert.equal(await repository.get(two.id), second, 'it is tracked again');
    second.stars = 2;
  });
  const rows = await database.read((reader) => reader.notes.list({}, { orderBy: 'title' }));
  assert.deepEqual(
    rows.map(({ title, stars }) => [title, stars]),
    [
      ['one', 0],
      ['two', 2],
    ],
  );
});

test('a statement that fails inside a nested unit does not fail the outer one', async () => {
  await using database = await openTest();
  await database.work(async ({ authors: repository, nested, sql: run }) => {
    repository.add(new Author({ wallet: '0xkept' }));
    await assert.rejects(nested(() => run(sql`select 1 / 0`)));
    await assert.rejects(
      nested(async () => {
        await run(sql`select 1 / 0`).catch(() => undefined);
      }),
      (error) => isKeelsonError(error, 'TRANSACTION_ABORTED'),
    );
  });
  assert.equal(await database.read((reader) => reader.authors.count()), 1);
});

test('a unit of work opened inside a block is a savepoint of it, never a second connection', async () => {
  await using database = await openTest({ poolSize: 1, poolWaitMs: 200 });
  await database.work(async ({ authors: repository, sql: run }) => {
    const [outer] = await run(sql<{ pid: number }>`select pg_backend_pid() as pid`);
    await database.work(async ({ authors: inner, sql: again }) => {
      inner.add(new Author({ wallet: '0xinner' }));
      const [nested] = await again(sql<{ pid: number }>`select pg_backend_pid() as pid`);
      assert.equal(nested?.pid, outer?.pid);
    });
    await assert.rejects(
      database.work(({ authors: inner }) => {
        inner.add(new Author({ wallet: '0xgone' }));
        throw refusal;
      }),
    );
    repository.add(new Author({ wallet: '0xouter' }));
  });
  const rows = await database.read((reader) => reader.authors.list({}, { orderBy: 'wallet' }));
  assert.deepEqual(
    rows.map((row) => row.wallet),
    ['0xinner', '0xouter'],
  );
});

test('nested units that are started together run one after another', async () => {
  await using database = await openTest();
  await database.work(async ({ nested }) => {
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, (_, position) =>
        nested(async () => {
          await database.work(({ authors: inner }) => void inner.add(new Author({ wallet: `0x${position}` })));
          if (position % 2 === 1) throw refusal;
        }),
      ),
    );
    assert.equal(outcomes.filter(({ status }) => status === 'rejected').length, 10);
  });
  const [row] = await database.read((reader) => reader.sql(sql<{ n: number }>`select count(*)::int as n from ${authors}`));
  assert.equal(row?.n, 10);
});

test('a nested unit cannot commit by hand, and one for another tenant is refused', async () => {
  await using database = await openTest();
  await database.work(async ({ nested, commit }) => {
    await assert.rejects(nested(commit), (error) => isKeelsonError(error, 'MISUSE'));
    await assert.rejects(
      database.for({ settings: { 'app.tenant': 'b' } }).work(() => 1),
      (error) => isKeelsonError(error, 'MISUSE'),
    );
    await assert.rejects(
      database.work(() => 1, { isolation: 'serializable' }),
      (error) => isKeelsonError(error, 'MISUSE'),
    );
  });
});

test('settings of a context hold in its transactions and are gone with them', async () => {
  await using database = await openTest({ poolSize: 1 });
  const read = sql<{ tenant: string | null }>`select current_setting('app.tenant', true) as tenant`;
  const tenant = "o'hara \\ co";
  const [inside] = await database.for({ settings: { 'app.tenant': tenant } }).work(({ sql: run }) => run(read));
  assert.equal(inside?.tenant, tenant);
  const [after] = await database.work(({ sql: run }) => run(read));
  assert.ok(after?.tenant === '' || after?.tenant === null);
  assert.throws(
    () => database.for({ settings: { 'x; drop table users; --': '1' } }),
    (error) => isKeelsonError(error, 'MISUSE'),
  );
});

test('a test that is rolled back sees its own work and leaves nothing', async () => {
  {
    await using database = await openTest({ isolation: 'rollback' });
    await database.work(({ notes: repository }) => void repository.add(new Note({ title: 'seen' })));
    await assert.rejects(
      database.work(({ notes: repository }) => {
        repository.add(new Note({ title: 'gone' }));
        throw refusal;
      }),
    );
    await assert.rejects(database.work(({ sql: run }) => run(sql`update ${notes} set stars = 1 / 0`)));
    assert.equal(await database.read((reader) => reader.notes.count()), 1);
    const twice = await Promise.all(
      [1, 2].map((stars) => database.work(({ notes: repository }) => repository.add(new Note({ title: 'x', stars })))),
    );
    assert.equal(twice.length, 2);
    assert.equal(await database.read((reader) => reader.notes.count()), 3);
  }
  await using database = await openTest();
  assert.equal(await database.read((reader) => reader.notes.count()), 0);
});
