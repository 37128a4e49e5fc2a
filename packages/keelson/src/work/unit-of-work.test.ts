/** What a unit of work promises: one transaction, few round trips, everything or nothing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isKeelsonError, KeelsonError } from '../errors.ts';
import { type Fields, type Log, silentLog } from '../log.ts';
import { connectPostgres } from '../postgres/postgres.ts';
import { sql } from '../schema/sql.ts';
import { openDatabase } from './database.ts';
import { Author, authorWithTokens, model, Note, openTest, Token, tokens } from './tokens.fixture.ts';
import { startWire } from './wire.fixture.ts';

const aToken = (author: Author): Token => new Token({ tokenId: 1, authorId: author.id, mintTimestamp: new Date(0) });

// INF-3
test('an empty unit of work takes no connection and sends nothing', async () => {
  await using database = await openTest();
  const before = database.postgres.pool.stats.acquiredTotal;
  assert.equal(await database.work(() => 42), 42);
  await database.work(({ tokens: unused }) => void unused);
  assert.equal(database.postgres.pool.stats.acquiredTotal, before);
});

test('load, change, commit takes two round trips: BEGIN leaves with the first statement, COMMIT with the last', async () => {
  await using database = await openTest();
  const note = await database.work(({ notes }) => notes.add(new Note({ title: 'first' })));
  await using wire = await startWire(database.postgres.url);
  const postgres = await connectPostgres({ url: wire.url, poolSize: 1, readers: 1, log: silentLog });
  const proxied = openDatabase(model, postgres, { log: silentLog });
  const change = (title: string): Promise<void> =>
    proxied.work(async ({ notes }) => {
      const loaded = await notes.get(note.id);
      loaded.title = title;
    });
  await change('warm');
  wire.packets.length = 0;
  await change('second');
  // Q: begin; B E S: the SELECT by name. Then B E S: the UPDATE; Q: commit.
  assert.deepEqual(wire.packets, ['QBES', 'BESQ']);
  wire.packets.length = 0;
  await proxied.work(({ notes }) => notes.add(new Note({ title: 'alone' })));
  await proxied.work(({ notes }) => notes.add(new Note({ title: 'alone' })));
  assert.deepEqual(wire.packets.at(-1), 'BES', 'a lone write goes without BEGIN and COMMIT');
  wire.packets.length = 0;
  await proxied.work(({ notes }) => Promise.all([notes.get(note.id), notes.count(), notes.exists({ stars: 1 })]));
  wire.packets.length = 0;
  await proxied.work(({ notes }) => Promise.all([notes.get(note.id), notes.count(), notes.exists({ stars: 1 })]));
  assert.deepEqual(wire.packets, ['QBESBESBES', 'Q'], 'what is asked for together leaves together');
  await postgres.close();
});

test('leaving the block commits what changed, and only that', async () => {
  await using database = await openTest();
  const { author, tokens: made } = authorWithTokens(3);
  await database.work(({ authors, tokens: repository }) => {
    repository.addMany(made);
    authors.add(author);
  });
  const first = made[0]?.id ?? '';
  await database.work(async (unit) => {
    const token = await unit.tokens.get(first);
    token.errorData = { message: 'seen' };
    // Another changes a column that this unit does not touch, and is not overwritten.
    await database.read((reader) => reader.sql(sql`update ${tokens} set metadata_cid = 'theirs' where id = ${first}`));
  });
  const row = await database.read((reader) => reader.tokens.get(first));
  assert.equal(row.metadataCid, 'theirs');
  assert.deepEqual(row.errorData, { message: 'seen' });
});

test('who listens is told after each commit which tables it wrote, and nothing of what was rolled back or only read', async () => {
  await using database = await openTest();
  const told: string[][] = [];
  const end = database.onWritten((tables) => told.push([...tables].toSorted()));
  const note = await database.work(({ notes }) => notes.add(new Note({ title: 'heard' })));
  await database.work(({ notes }) => notes.get(note.id));
  const thrown = database.work(async ({ notes, flush }) => {
    notes.add(new Note({ title: 'taken back' }));
    await flush();
    throw new KeelsonError('CONFLICT');
  });
  await assert.rejects(thrown);
  await database.work(async ({ notes, authors, flush }) => {
    notes.add(new Note({ title: 'flushed first' }));
    await flush();
    authors.add(new Author({ wallet: '0x1' }));
  });
  assert.deepEqual(told, [['notes'], ['authors', 'notes']]);
  end();
  await database.work(({ notes }) => notes.add(new Note({ title: 'unheard' })));
  assert.equal(told.length, 2);
});

test('a throw takes everything back and passes on as it was', async () => {
  await using database = await openTest();
  const reason = new KeelsonError('FORBIDDEN');
  await assert.rejects(
    database.work(async ({ authors, flush }) => {
      authors.add(new Author({ wallet: '0xgone' }));
      await flush();
      assert.equal(await authors.count(), 1);
      throw reason;
    }),
    (error) => error === reason,
  );
  assert.equal(await database.read(({ authors }) => authors.count()), 0);
});

test('an entity is a plain object: it prints, spreads and turns into JSON as what it is', async () => {
  await using database = await openTest();
  const author = await database.work(({ authors }) => authors.add(new Author({ wallet: '0xab' })));
  const loaded = await database.work(({ authors }) => authors.get(author.id));
  assert.ok(loaded instanceof Author);
  assert.deepEqual(Object.keys(loaded), ['id', 'wallet', 'tags', 'updatedAt']);
  assert.deepEqual({ ...loaded }, { ...author });
  assert.equal(JSON.stringify(loaded), JSON.stringify(author));
});

test('within a unit the same row is the same object, and is asked for once', async () => {
  await using database = await openTest();
  const author = await database.work(({ authors }) => authors.add(new Author({ wallet: '0xab' })));
  await database.work(async ({ authors }) => {
    const one = await authors.get(author.id);
    assert.equal(await authors.get(author.id), one);
    assert.equal(await authors.find({ wallet: '0xab' }), one);
    assert.equal((await authors.list())[0], one);
  });
});

test('changes inside JSON, arrays and dates are seen', async () => {
  await using database = await openTest();
  const { author, tokens: made } = authorWithTokens(1);
  await database.work((unit) => {
    unit.authors.add(author);
    unit.tokens.addMany(made);
  });
  const id = made[0]?.id ?? '';
  await database.work(async (unit) => {
    const [token, owner] = await Promise.all([unit.tokens.get(id), unit.authors.get(author.id)]);
    token.errorData = { message: 'x', at: [1] };
    owner.tags.push('new');
  });
  await database.work(async (unit) => {
    const token = await unit.tokens.get(id);
    token.errorData?.at?.push(2);
    token.mintTimestamp.setUTCFullYear(2001);
  });
  const row = await database.read((reader) => reader.tokens.get(id));
  assert.deepEqual(row.errorData, { message: 'x', at: [1, 2] });
  assert.ok(row.mintTimestamp.startsWith('2001-'));
  assert.deepEqual((await database.read((reader) => reader.authors.get(author.id))).tags, ['new']);
});

test('an unchanged entity writes nothing, whatever its types', async () => {
  await using database = await openTest();
  const { author, tokens: made } = authorWithTokens(1);
  await database.work((unit) => {
    unit.authors.add(author);
    unit.tokens.add(made[0] ?? aToken(author));
  });
  await database.read(({ sql: run }) =>
    run(sql`update ${tokens} set mint_timestamp = '2026-01-01 00:00:00.123456+00', error_data = '{"z": 1, "a": [1,  2]}'`),
  );
  await database.work(async (unit) => {
    await unit.tokens.list();
    await unit.authors.list();
  });
  const [row] = await database.read(({ sql: run }) =>
    run(
      sql<{
        at: string;
        same: boolean;
      }>`select mint_timestamp as at, xmin::text = (select xmin::text from ${tokens}) as same from ${tokens}`,
    ),
  );
  assert.equal(row?.at, '2026-01-01T00:00:00.123456Z', 'microseconds that a Date cannot hold are still there');
});

test('a statement that failed and was swallowed still fails the block', async () => {
  await using database = await openTest();
  await assert.rejects(
    database.work(async ({ authors, sql: run }) => {
      authors.add(new Author({ wallet: '0xlost' }));
      try {
        await run(sql`select 1 / 0`);
      } catch {
        // Swallowed: PostgreSQL would answer COMMIT with ROLLBACK, and most libraries would report success.
      }
    }),
    (error) => isKeelsonError(error, 'TRANSACTION_ABORTED') && isKeelsonError(error.cause),
  );
  assert.equal(await database.read(({ authors }) => authors.count()), 0);
});

test('the n-th statement of a flush fails: nothing of it is kept, and the first failure is told', async () => {
  await using database = await openTest();
  const author = new Author({ wallet: '0x1' });
  await database.work(({ authors }) => authors.add(author));
  for (const failing of [0, 1, 2]) {
    await assert.rejects(
      database.work((unit) => {
        unit.authors.add(new Author({ wallet: failing === 0 ? '0x1' : '0x2' }));
        unit.tokens.add(new Token({ tokenId: failing === 1 ? -1 : 1, authorId: author.id, mintTimestamp: new Date(0) }));
        unit.notes.add(new Note({ title: 'n', stars: failing === 2 ? 2 ** 40 : 1 }));
      }),
      (error) => isKeelsonError(error, failing === 0 ? 'CONFLICT' : 'VALIDATION_ERROR'),
    );
    const left = await database.read((reader) => Promise.all([reader.authors.count(), reader.tokens.count(), reader.notes.count()]));
    assert.deepEqual(left, [1, 0, 0]);
  }
});

test('commit by hand ends one transaction and begins the next', async () => {
  await using database = await openTest();
  await assert.rejects(
    database.work(async ({ authors, commit }) => {
      authors.add(new Author({ wallet: '0xkept' }));
      await commit();
      authors.add(new Author({ wallet: '0xlost' }));
      throw new KeelsonError('FORBIDDEN');
    }),
  );
  const rows = await database.read(({ authors }) => authors.list());
  assert.deepEqual(
    rows.map((row) => row.wallet),
    ['0xkept'],
  );
});

test('rollback by hand forgets what was done, and the block may go on', async () => {
  await using database = await openTest();
  await database.work(async ({ authors, flush, rollback }) => {
    authors.add(new Author({ wallet: '0xlost' }));
    await flush();
    await rollback();
    authors.add(new Author({ wallet: '0xkept' }));
  });
  assert.deepEqual(
    (await database.read(({ authors }) => authors.list())).map((row) => row.wallet),
    ['0xkept'],
  );
});

test('what waits in after() runs only when the commit is certain, and cannot undo it', async () => {
  await using database = await openTest();
  const seen: string[] = [];
  await database.work(({ authors, after }) => {
    authors.add(new Author({ wallet: '0x1' }));
    after(async () => void seen.push(`rows: ${await database.read((reader) => reader.authors.count())}`));
    after(() => {
      throw new KeelsonError('FORBIDDEN');
    });
    after(() => void seen.push('last'));
  });
  await assert.rejects(
    database.work(({ after }) => {
      after(() => void seen.push('never'));
      throw new KeelsonError('FORBIDDEN');
    }),
  );
  assert.deepEqual(seen, ['rows: 1', 'last']);
});

test('an emitted event is in the outbox when its cause is in the table, and else nowhere', async () => {
  await using database = await openTest();
  const listener = await database.postgres.connect();
  const woken = Promise.withResolvers<string>();
  await listener.listen('unit.outbox', woken.resolve);
  await database.work(({ authors, emit }) => {
    const author = authors.add(new Author({ wallet: '0x1' }));
    emit('author.added', { id: author.id });
    emit('author.seen');
  });
  assert.equal(await woken.promise, '', 'a wake-up without a payload');
  await assert.rejects(
    database.work(({ emit }) => {
      emit('never', {});
      throw new KeelsonError('FORBIDDEN');
    }),
  );
  const events = await database.work(({ outbox }) => outbox.claimOldest(10));
  assert.deepEqual(
    events.map((event) => event.type),
    ['author.added', 'author.seen'],
  );
  await listener.close();
});

test('a unit of work is refused after its block has ended', async () => {
  await using database = await openTest();
  const leaked = await database.work((unit) => unit);
  await assert.rejects(
    async () => leaked.authors.list(),
    (error) => isKeelsonError(error, 'MISUSE'),
  );
});

// GLK-5
test('a commit and a rollback are events, an empty block is none', async () => {
  const events: string[] = [];
  const record = (event: string, fields: Fields = {}): void =>
    void events.push([event, fields['name'], fields['error']].filter(Boolean).join(' '));
  const log: Log = { ...silentLog, info: record, child: () => log };
  await using database = await openTest({ log });
  const named = database.for({ name: 'POST /authors' });
  await named.work(() => 1);
  await named.work(({ authors }) => authors.add(new Author({ wallet: '0x1' })));
  await assert.rejects(
    named.work(async ({ authors }) => {
      await authors.count();
      throw new KeelsonError('FORBIDDEN');
    }),
  );
  assert.deepEqual(
    events.filter((event) => event.startsWith('transaction.')),
    ['transaction.committed POST /authors', 'transaction.rolled_back POST /authors FORBIDDEN'],
  );
});
