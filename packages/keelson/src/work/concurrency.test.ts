/** Many units of work at once: claims that never overlap, deadlocks that are run again, orders that never deadlock. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isKeelsonError } from '../errors.ts';
import { sql } from '../schema/sql.ts';
import { Author, authorWithTokens, Note, notes, openTest } from './tokens.fixture.ts';

const WORKERS = 24;

/** Lets all of them start at the same moment. */
function together<T>(block: (worker: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: WORKERS }, (_, worker) => block(worker)));
}

test('24 workers claim every token exactly once, the oldest first', async () => {
  await using database = await openTest();
  const { author, tokens: made } = authorWithTokens(600);
  await database.work((unit) => {
    unit.authors.add(author);
    unit.tokens.addMany(made);
  });
  const batches = await together(async () => {
    const mine: number[] = [];
    for (let claimed = 1; claimed > 0;) {
      claimed = await database.work(async (unit) => {
        const batch = await unit.tokens.getPending(7);
        assert.deepEqual(
          batch.map((token) => token.tokenId),
          batch.map((token) => token.tokenId).toSorted((a, b) => a - b),
        );
        for (const token of batch) {
          token.markGenerating();
          mine.push(token.tokenId);
        }
        return batch.length;
      });
    }
    return mine;
  });
  const all = batches.flat();
  assert.equal(all.length, 600);
  assert.equal(new Set(all).size, 600);
  assert.equal(await database.read((reader) => reader.tokens.count({ status: 'generating' })), 600);
});

test('what another transaction holds is skipped by a claim, not waited for', async () => {
  await using database = await openTest();
  const { author, tokens: made } = authorWithTokens(2);
  await database.work((unit) => {
    unit.authors.add(author);
    unit.tokens.addMany(made);
  });
  const held = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const holder = database.work(async (unit) => {
    const [token] = await unit.tokens.getPending(1);
    held.resolve();
    await release.promise;
    return token?.tokenId;
  });
  await held.promise;
  const second = await database.work((unit) => unit.tokens.getPending(10));
  assert.deepEqual(
    second.map((token) => token.tokenId),
    [1],
  );
  release.resolve();
  assert.equal(await holder, 0);
});

test('24 units that change the same rows in any order never deadlock', async () => {
  await using database = await openTest({ poolSize: WORKERS });
  const made = await database.work((unit) =>
    unit.notes.addMany(Array.from({ length: 60 }, (_, position) => new Note({ title: `${position}` }))),
  );
  const [before] = await database.read((reader) =>
    reader.sql(sql<{ deadlocks: string }>`select deadlocks from pg_stat_database where datname = current_database()`),
  );
  const results = await together(async (worker) => {
    // Each takes twenty of them, starting elsewhere and going the other way round every second time.
    const chosen = Array.from({ length: 20 }, (_, step) => made[(worker * 7 + (worker % 2 === 0 ? step : 60 - step)) % 60]?.id ?? '');
    return database
      .work(async (unit) => {
        const loaded = await Promise.all(chosen.map((id) => unit.notes.get(id)));
        for (const note of loaded) note.stars += 1;
      })
      .then(() => 'written')
      .catch((error: unknown) => {
        if (isKeelsonError(error, 'STALE_VERSION')) return 'stale';
        throw error;
      });
  });
  const written = results.filter((result) => result === 'written').length;
  assert.ok(written > 0);
  const [after] = await database.read((reader) =>
    reader.sql(sql<{ deadlocks: string }>`select deadlocks from pg_stat_database where datname = current_database()`),
  );
  assert.equal(after?.deadlocks, before?.deadlocks);
  const [sum] = await database.read((reader) => reader.sql(sql<{ stars: number }>`select sum(stars)::int as stars from ${notes}`));
  assert.equal(sum?.stars, written * 20, 'every unit that said it wrote did, and no other');
});

test('a counter that 24 units raise with a lock loses nothing', async () => {
  await using database = await openTest();
  const note = await database.work((unit) => unit.notes.add(new Note({ title: 'counter' })));
  await together(() =>
    database.work(async (unit) => {
      (await unit.notes.get(note.id, { lock: true })).stars += 1;
    }),
  );
  assert.equal((await database.read((reader) => reader.notes.get(note.id))).stars, WORKERS);
});

test('a row that was read before it was locked is refreshed, unless this unit had changed it', async () => {
  await using database = await openTest();
  const note = await database.work((unit) => unit.notes.add(new Note({ title: 'old' })));
  const elsewhere = (title: string): Promise<unknown> =>
    database.read((reader) => reader.sql(sql`update ${notes} set title = ${title}, version = version + 1`));
  await database.work(async (unit) => {
    const loaded = await unit.notes.get(note.id);
    await elsewhere('theirs');
    assert.equal(await unit.notes.get(note.id, { lock: true }), loaded);
    assert.equal(loaded.title, 'theirs');
    loaded.stars = 3;
  });
  await assert.rejects(
    database.work(async (unit) => {
      const loaded = await unit.notes.get(note.id);
      loaded.title = 'mine';
      await elsewhere('theirs again');
      await unit.notes.get(note.id, { lock: true });
    }),
    (error) => isKeelsonError(error, 'STALE_VERSION'),
  );
});

test('a deadlock runs the whole block again with fresh entities', async () => {
  await using database = await openTest();
  const [one, two] = await database.work((unit) => unit.notes.addMany([new Note({ title: 'a' }), new Note({ title: 'b' })]));
  assert.ok(one !== undefined && two !== undefined);
  const bothHold = Array.from({ length: 2 }, () => Promise.withResolvers<void>());
  const tries = [0, 0];
  const cross = (self: 0 | 1, ids: readonly [string, string]): Promise<void> =>
    database.work(async (unit) => {
      tries[self] = (tries[self] ?? 0) + 1;
      const first = await unit.notes.get(ids[0], { lock: true });
      bothHold[self]?.resolve();
      await Promise.all(bothHold.map(({ promise }) => promise));
      const second = await unit.notes.get(ids[1], { lock: true });
      first.stars += 1;
      second.stars += 1;
    });
  await Promise.all([cross(0, [one.id, two.id]), cross(1, [two.id, one.id])]);
  assert.ok(
    tries.some((count) => count > 1),
    'one of them was the victim',
  );
  const rows = await database.read((reader) => reader.notes.list());
  assert.deepEqual(
    rows.map((row) => row.stars),
    [2, 2],
  );
});

test('a serialization failure is run again, but not a block that has committed by hand', async () => {
  await using database = await openTest();
  await database.work((unit) => unit.notes.add(new Note({ title: 'sum' })));
  const raise = (byHand: boolean): Promise<number[]> => {
    const meeting = Array.from({ length: 2 }, () => Promise.withResolvers<void>());
    const tries = [0, 0];
    const one = (self: 0 | 1): Promise<void> =>
      database.work(
        async (unit) => {
          tries[self] = (tries[self] ?? 0) + 1;
          if (byHand) await unit.commit();
          const [note] = await unit.notes.list();
          meeting[self]?.resolve();
          await Promise.all(meeting.map(({ promise }) => promise));
          if (note !== undefined) note.stars += 1;
        },
        { isolation: 'serializable' },
      );
    return Promise.all([one(0), one(1)]).then(() => tries);
  };
  assert.deepEqual(
    (await raise(false)).toSorted((a, b) => a - b),
    [1, 2],
  );
  await assert.rejects(raise(true), (error) => isKeelsonError(error, 'TRANSACTION_CONFLICT') || isKeelsonError(error, 'STALE_VERSION'));
  const [row] = await database.read((reader) => reader.notes.list());
  assert.equal(row?.stars, 3);
});

test('a conflict that does not end is given up after the last try', async () => {
  await using database = await openTest();
  let tries = 0;
  await assert.rejects(
    database.work(
      async (unit) => {
        tries += 1;
        await unit.sql(sql`do $$ begin raise exception 'always' using errcode = '40001'; end $$`);
      },
      { retriesMax: 2 },
    ),
    (error) => isKeelsonError(error, 'TRANSACTION_CONFLICT') && error.retryable,
  );
  assert.equal(tries, 3);
});

test('a full pool is waited for, then refused with the names of those who hold it', async () => {
  await using database = await openTest({ poolSize: 2, poolWaitMs: 500 });
  const release = Promise.withResolvers<void>();
  const holding = Array.from({ length: 2 }, () => Promise.withResolvers<void>());
  const holders = holding.map(({ resolve }, position) =>
    database.for({ name: `POST /slow/${position}` }).work(async (unit) => {
      await unit.authors.count();
      resolve();
      await release.promise;
    }),
  );
  await Promise.all(holding.map(({ promise }) => promise));
  await assert.rejects(
    database.work((unit) => unit.authors.count()),
    (error) =>
      isKeelsonError(error, 'POOL_EXHAUSTED') && error.retryable && JSON.stringify([error.message, error.data]).includes('POST /slow/1'),
  );
  release.resolve();
  await Promise.all(holders);
  assert.equal(await database.work((unit) => unit.authors.count()), 0);
  assert.equal(database.postgres.pool.stats.active, 0);
});

test('the connection is given back on every path', async () => {
  await using database = await openTest({ poolSize: 3 });
  const author = new Author({ wallet: '0x1' });
  await database.work((unit) => unit.authors.add(author));
  await together(async (worker) => {
    const outcome = database.work(async (unit) => {
      const loaded = await unit.authors.get(author.id, { lock: true });
      loaded.tags = [`${worker}`];
      if (worker % 4 === 1) throw new RangeError('mine');
      if (worker % 4 === 2) await unit.sql(sql`select 1 / 0`);
      if (worker % 4 === 3) await unit.rollback();
    });
    await outcome.catch(() => undefined);
  });
  const { active, waiting, size } = database.postgres.pool.stats;
  assert.deepEqual([active, waiting], [0, 0]);
  assert.ok(size <= 3);
  const [open] = await database.read((reader) =>
    reader.sql(
      sql<{
        n: number;
      }>`select count(*)::int as n from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'`,
    ),
  );
  assert.equal(open?.n, 0);
});
