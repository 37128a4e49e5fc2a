/** What breaks outside: connections cut at every message, backends that are ended, a server that goes away and comes back. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isKeelsonError } from '../errors.ts';
import { silentLog } from '../log.ts';
import { connectPostgres } from '../postgres/postgres.ts';
import { sql } from '../schema/sql.ts';
import { type Database, openDatabase } from './database.ts';
import { Author, authorWithTokens, model, Note, openTest } from './tokens.fixture.ts';
import { startWire } from './wire.fixture.ts';

type TestModel = typeof model.repositories;

/** Loads, changes, adds and removes; returns what must be true afterwards if it was committed. */
async function business(database: Database<TestModel>, noteId: string, mark: string): Promise<void> {
  await database.work(async (unit) => {
    const note = await unit.notes.get(noteId);
    note.title = mark;
    const author = unit.authors.add(new Author({ wallet: mark }));
    await unit.flush();
    author.tags = [mark];
    unit.notes.add(new Note({ title: `with ${mark}` }));
  });
}

test('a connection cut at the n-th message leaves all or nothing, and says so truly, for every n', async () => {
  await using direct = await openTest();
  const note = await direct.work((unit) => unit.notes.add(new Note({ title: 'start' })));
  const rejections: unknown[] = [];
  const listener = (reason: unknown): void => void rejections.push(reason);
  process.on('unhandledRejection', listener);
  let committed = 0;
  let unknown = 0;
  let wasCut = true;
  // bounded by: the messages that the block sends
  for (let messages = 0; wasCut && messages < 60; messages += 1) {
    await using wire = await startWire(direct.postgres.url);
    const postgres = await connectPostgres({ url: wire.url, poolSize: 2, readers: 1, connectRetryMs: 0, log: silentLog });
    const database = openDatabase(model, postgres, { log: silentLog });
    await database.work((unit) => unit.notes.count());
    wire.cutAfter(messages);
    const mark = `cut ${messages}`;
    const outcome = await business(database, note.id, mark).then(
      () => 'committed',
      (error: unknown) => (isKeelsonError(error) ? error.code : String(error)),
    );
    wasCut = wire.wasCut;
    wire.cutAfter(Number.POSITIVE_INFINITY);
    const [title, authors, notes] = await direct.read((reader) =>
      Promise.all([
        reader.notes.get(note.id).then((row) => row.title),
        reader.authors.list({ wallet: mark }),
        reader.notes.count({ title: `with ${mark}` }),
      ]),
    );
    const isThere = title === mark;
    assert.deepEqual([authors.length, notes], isThere ? [1, 1] : [0, 0], `half of it at message ${messages}`);
    if (outcome === 'committed') assert.ok(isThere);
    else if (outcome === 'COMMIT_UNKNOWN') unknown += 1;
    else {
      assert.equal(outcome, 'DATABASE_CONNECTION_FAILED');
      assert.ok(!isThere, 'a failure that is told as certain was kept');
    }
    committed += isThere ? 1 : 0;
    // The pool recovers by itself.
    assert.ok((await database.work((unit) => unit.notes.count())) >= 1);
    await postgres.close();
  }
  process.off('unhandledRejection', listener);
  assert.deepEqual(rejections, []);
  assert.ok(!wasCut && committed >= 1, 'the last round went through uncut');
  assert.ok(unknown >= 1, 'at some message the outcome cannot be known');
});

test('a terminated backend ends its unit of work and nothing else', async () => {
  await using database = await openTest({ poolSize: 4 });
  const { author, tokens: made } = authorWithTokens(2);
  await database.work((unit) => {
    unit.authors.add(author);
    unit.tokens.addMany(made);
  });
  const killed = database.work(async (unit) => {
    const [mine] = await unit.sql(sql<{ pid: number }>`select pg_backend_pid() as pid`);
    const loaded = await unit.authors.get(author.id);
    loaded.tags = ['lost'];
    await database.read((reader) => reader.sql(sql`select pg_terminate_backend(${mine?.pid}::int, 5000)`));
    await unit.authors.count();
  });
  await assert.rejects(killed, (error) => isKeelsonError(error, 'DATABASE_CONNECTION_FAILED') && error.retryable);
  const working = assert.rejects(
    database.work((unit) => unit.sql(sql`select pg_sleep(30)`)),
    (error) => isKeelsonError(error, 'DATABASE_CONNECTION_FAILED'),
  );
  const found = await untilRow(
    database,
    sql<{
      pid: number;
    }>`select pid from pg_stat_activity where query like '%pg_sleep(30)%' and pid <> pg_backend_pid() and state = 'active' and datname = current_database()`,
  );
  await database.read((reader) => reader.sql(sql`select pg_terminate_backend(${found.pid}::int, 5000)`));
  await working;
  assert.deepEqual((await database.work((unit) => unit.authors.get(author.id))).tags, []);
  assert.equal(database.postgres.pool.stats.active, 0);
});

test('a table that changed under a prepared statement does not fail the next unit', async () => {
  await using database = await openTest({ poolSize: 1, isolation: 'database' });
  const note = await database.work((unit) => unit.notes.add(new Note({ title: 'a' })));
  await database.work((unit) => unit.notes.get(note.id));
  await database.work((unit) => unit.sql(sql`alter table unit.notes alter column stars type bigint`));
  assert.equal((await database.work((unit) => unit.notes.get(note.id))).title, 'a');
});

/** Asks until the server shows a row: a statement of another session has no other signal. */
async function untilRow<Row>(database: Database<TestModel>, question: ReturnType<typeof sql<Row>>): Promise<Row> {
  for (let asked = 0; asked < 10_000; asked += 1) {
    const [row] = await database.read((reader) => reader.sql(question));
    if (row !== undefined) return row;
  }
  throw new Error('The server never showed what was waited for.');
}
