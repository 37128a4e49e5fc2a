/** What Kysely promises inside a unit of work: it sees what the unit has changed, and stands or falls with it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sql } from 'kysely';
import { isKeelsonError, KeelsonError } from '../errors.ts';
import { Author, authors, authorWithTokens, everything, Everything, links, Note, notes, openTest, tokens } from '../work/tokens.fixture.ts';
import { gameA, gameB, hidden, Hidden, openItems } from '../work/list-items.fixture.ts';
import { kysely } from './kysely.ts';
import { json } from './values.ts';

const tables = { authors, tokens, notes, everything, links };

// FND-8
test('a query of Kysely sees what its unit has changed and not yet written, and nobody else does', async () => {
  await using database = await openTest();
  const kept = await database.work((unit) => unit.notes.add(new Note({ title: 'kept', stars: 1 })));
  await database.work(async (unit) => {
    const db = kysely(unit, tables);
    const note = await unit.notes.get(kept.id);
    note.stars = 5;
    unit.notes.add(new Note({ title: 'new', stars: 7 }));
    const rows = await db.selectFrom('notes').select(['title', 'stars', 'version']).orderBy('stars').execute();
    assert.deepEqual(rows, [
      { title: 'kept', stars: 5, version: 2 },
      { title: 'new', stars: 7, version: 1 },
    ]);
    const outside = await database.read((reader) => kysely(reader, tables).selectFrom('notes').select('stars').execute());
    assert.deepEqual(outside, [{ stars: 1 }]);
  });
});

test('what Kysely writes is committed and rolled back with the unit, savepoints included', async () => {
  await using database = await openTest();
  await database.work(async (unit) => {
    const db = kysely(unit, tables);
    await db.insertInto('notes').values({ title: 'first', stars: 1 }).execute();
    const failed = unit.nested(async () => {
      await db.updateTable('notes').set({ stars: 99 }).execute();
      throw new KeelsonError('CONFLICT');
    });
    await assert.rejects(failed, (error) => isKeelsonError(error, 'CONFLICT'));
    const updated = await db
      .updateTable('notes')
      .set((eb) => ({ stars: eb('stars', '+', 1) }))
      .where('title', '=', 'first')
      .executeTakeFirst();
    assert.equal(updated.numUpdatedRows, 1n);
  });
  const undone = database.work(async (unit) => {
    await kysely(unit, tables).deleteFrom('notes').execute();
    throw new KeelsonError('FORBIDDEN');
  });
  await assert.rejects(undone, (error) => isKeelsonError(error, 'FORBIDDEN'));
  assert.deepEqual(
    (await database.read((reader) => reader.notes.list())).map(({ title, stars }) => [title, stars]),
    [['first', 2]],
  );
});

test('queries that leave together write what the unit had changed once', async () => {
  await using database = await openTest();
  await database.work(async (unit) => {
    const db = kysely(unit, tables);
    unit.notes.addMany([new Note({ title: 'a' }), new Note({ title: 'b' })]);
    const count = db.selectFrom('notes').select((eb) => eb.fn.countAll().as('count'));
    const counts = await Promise.all([count.executeTakeFirstOrThrow(), count.executeTakeFirstOrThrow(), count.executeTakeFirstOrThrow()]);
    assert.deepEqual(counts, [{ count: 2 }, { count: 2 }, { count: 2 }]);
  });
  assert.equal(await database.read((reader) => reader.notes.count()), 2);
});

test('joins, nested JSON and common table expressions run in the schema of the app', async () => {
  await using database = await openTest();
  const { author, tokens: made } = authorWithTokens(2);
  await database.work((unit) => {
    unit.authors.add(author);
    unit.tokens.addMany(made);
  });
  const rows = await database.read((reader) => {
    const db = kysely(reader, tables);
    return db
      .with('waiting', (q) => q.selectFrom('tokens').select(['author_id', 'token_id']).where('status', '=', 'detected'))
      .selectFrom('authors')
      .innerJoin('waiting', 'waiting.author_id', 'authors.id')
      .select(['authors.wallet', sql<number[]>`json_agg(waiting.token_id order by waiting.token_id)`.as('tokens')])
      .groupBy('authors.wallet')
      .execute();
  });
  assert.deepEqual(rows, [{ wallet: '0x2', tokens: [0, 1] }]);
});

test('values come as the tables say: moments as text, whole numbers as numbers, JSON as it is, bytes as bytes', async () => {
  await using database = await openTest();
  await database.work(async (unit) => {
    const db = kysely(unit, tables);
    unit.everything.add(new Everything({ key: 'a', big: 2 ** 50, bytes: Buffer.from([1, 2]), at: new Date(0), times: [new Date(0)] }));
    await db
      .insertInto('everything')
      .values({ key: 'b', data: json(['x', 1]), words: ['it', "isn't"], price: '1.5', at: new Date(5), flag: true })
      .execute();
    const [first, second] = await db.selectFrom('everything').selectAll().orderBy('key').execute();
    assert.deepEqual(
      [first?.big, first?.bytes, first?.at, first?.times],
      [2 ** 50, Buffer.from([1, 2]), '1970-01-01T00:00:00.000Z', ['1970-01-01T00:00:00.000Z']],
    );
    assert.deepEqual(
      [second?.data, second?.words, second?.price, second?.flag, second?.shout],
      [['x', 1], ['it', "isn't"], '1.500000000', true, 'B'],
    );
    const tooLarge = db.selectNoFrom(sql`9007199254740993::int8`.as('n')).execute();
    await assert.rejects(tooLarge, (error) => isKeelsonError(error, 'DATABASE_ERROR'));
  });
});

test('hostile values stay values', async () => {
  await using database = await openTest();
  const title = `'; drop table notes; -- $1 "`;
  await database.work((unit) => kysely(unit, tables).insertInto('notes').values({ title }).execute());
  const found = await database.read((reader) =>
    kysely(reader, tables).selectFrom('notes').select('title').where('title', '=', title).execute(),
  );
  assert.deepEqual(found, [{ title }]);
});

test('who listens for writes is told of the tables that Kysely wrote', async () => {
  await using database = await openTest();
  const told: string[][] = [];
  const end = database.onWritten((written) => told.push([...written].toSorted()));
  await database.work(async (unit) => {
    const db = kysely(unit, tables);
    await db.selectFrom('tokens').selectAll().execute();
    await db.insertInto('notes').values({ title: 'x' }).execute();
    await db
      .with('gone', (q) => q.deleteFrom('links').where('weight', '<', 0).returningAll())
      .updateTable('authors')
      .set({ wallet: '0x0' })
      .where('id', 'in', (q) => q.selectFrom('gone').select('left_id'))
      .execute();
  });
  await database.work((unit) => kysely(unit, tables).selectFrom('notes').selectAll().execute());
  assert.deepEqual(told, [['authors', 'links', 'notes']]);
  end();
});

// FND-8
test('the settings of the view hold, in units and readers', async () => {
  await using database = await openItems();
  for (const gameId of [gameA, gameB]) {
    const own = database.for({ settings: { 'app.game_id': gameId } });
    await own.work((unit) => unit.hidden.add(new Hidden({ gameId, name: 'x', slot: 1 })));
    const read = await own.read((reader) => kysely(reader, { hidden }).selectFrom('hidden').select('game_id').execute());
    assert.deepEqual(read, [{ game_id: gameId }]);
    const changed = await own.work((unit) => kysely(unit, { hidden }).updateTable('hidden').set({ slot: 2 }).executeTakeFirst());
    assert.equal(changed.numUpdatedRows, 1n);
  }
  assert.deepEqual(await database.read((reader) => kysely(reader, { hidden }).selectFrom('hidden').selectAll().execute()), []);
});

test('what cannot work is refused with what to do', async () => {
  await using database = await openTest();
  const misuse = (error: unknown): boolean => isKeelsonError(error, 'MISUSE');
  await database.work(async (unit) => {
    const db = kysely(unit, tables);
    await assert.rejects(
      db.transaction().execute((inner) => inner.selectFrom('notes').selectAll().execute()),
      misuse,
    );
    await assert.rejects(async () => {
      for await (const row of db.selectFrom('notes').selectAll().stream()) assert.fail(JSON.stringify(row));
    }, misuse);
    assert.throws(() => kysely(unit, { papers: notes }), misuse);
    assert.throws(() => kysely({ sql: unit.sql }, { notes }), misuse);
  });
  const written = database.read((reader) => kysely(reader, tables).insertInto('notes').values({ title: 'x' }).execute());
  await assert.rejects(written, misuse);
  const late = await database.work((unit) => kysely(unit, tables));
  await assert.rejects(late.selectFrom('notes').selectAll().execute(), misuse);
  const taken = database.work(async (unit) => {
    unit.authors.add(new Author({ wallet: '0x1' }));
    await kysely(unit, tables).insertInto('authors').values({ wallet: '0x1' }).execute();
  });
  await assert.rejects(taken, (error) => isKeelsonError(error, 'CONFLICT'));
  assert.equal(await database.read((reader) => reader.authors.count()), 0);
});
