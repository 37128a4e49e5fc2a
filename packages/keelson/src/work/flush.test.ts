/** How changes are written: which statements, in which order, guarded by what. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isKeelsonError } from '../errors.ts';
import { sql, Statements } from '../schema/sql.ts';
import { collectChanges } from './changes.ts';
import { mapperOf, metaOf } from './entity.ts';
import { renderFlush } from './flush.ts';
import { IdentityMap } from './identity-map.ts';
import {
  Author,
  authorWithTokens,
  Everything,
  everything,
  Link,
  links,
  model,
  Note,
  openTest,
  notes,
  Token,
  tokens,
} from './tokens.fixture.ts';

const now = (): Date => new Date(0);

function flushOf(...maps: readonly IdentityMap[]): { readonly text: string; readonly values: readonly unknown[] }[] {
  const ordered = model.writeOrder.flatMap((meta) => maps.find((map) => map.meta === meta) ?? []);
  return renderFlush(collectChanges(ordered, now), new Statements('unit')).map(({ statement }) => ({
    text: statement.text,
    values: statement.values,
  }));
}

function mapOf(entityClass: typeof Note | typeof Token | typeof Author): IdentityMap {
  return new IdentityMap(metaOf(entityClass), mapperOf(entityClass));
}

const noteRow = (id: string, title = 't'): (string | null)[] => [id, title, '0', '3', '2026-01-01 00:00:00+00'];
const tokenRow = (id: string, status: string): (string | null)[] => [
  id,
  '1',
  'a',
  null,
  status,
  '2026-01-01 00:00:00+00',
  null,
  null,
  '2026-01-01 00:00:00+00',
];

test('one changed row with a version is written by one guarded statement that names only what changed', () => {
  const map = mapOf(Note);
  const { entity } = map.load(noteRow('b'), false);
  entity['title'] = 'new';
  assert.deepEqual(flushOf(map), [
    {
      text:
        'with u as (update "unit"."notes" set "title" = $2, "version" = $3, "updated_at" = $4 ' +
        'where "id" = $1 and "version" is not distinct from $5 returning 1) select 1 / count(*)::int from u',
      values: ['b', 'new', '4', '1970-01-01T00:00:00.000Z', '3'],
    },
  ]);
});

test('many changed rows are one statement, sorted by key whatever the order of loading', () => {
  const map = mapOf(Note);
  for (const id of ['c', 'a', 'b']) map.load(noteRow(id), false).entity['title'] = `new ${id}`;
  const [statement, ...more] = flushOf(map);
  assert.deepEqual(more, []);
  assert.match(
    statement?.text ?? '',
    /^with l as \(select "id" from "unit"\."notes" where \("id"\) in \(select \* from unnest\(\$1::uuid\[\]\)\) order by "id" for update\), u as \(update "unit"\."notes" as t set .* from unnest\(\$1::uuid\[\], \$2::text\[\], .*\) as v\(.*\) where t\."id" = v\.c0 and t\."version" is not distinct from v\.c4 and \(t\."id"\) in \(select "id" from l\) returning 1\) select 1 \/ \(count\(\*\) = \$6::int\)::int from u$/u,
  );
  assert.equal(statement?.values[0], '{"a","b","c"}');
  assert.equal(statement?.values[1], '{"new a","new b","new c"}');
  assert.equal(statement?.values.at(-1), '3');
});

test('the guard is the old state where there is a life cycle, the old values elsewhere, and none for locked rows', () => {
  const free = mapOf(Token);
  free.load(tokenRow('t', 'detected'), false).entity['status'] = 'generating';
  assert.match(flushOf(free)[0]?.text ?? '', /set "status" = \$2 where "id" = \$1 and "status" is not distinct from \$3 returning 1/u);
  const locked = mapOf(Token);
  locked.load(tokenRow('t', 'detected'), true).entity['status'] = 'generating';
  assert.equal(flushOf(locked)[0]?.text, 'update "unit"."tokens" set "status" = $2 where "id" = $1');
  const plain = mapOf(Author);
  plain.load(['a', '0x1', '{}', '2026-01-01 00:00:00+00'], false).entity['wallet'] = '0x2';
  const [statement] = flushOf(plain);
  assert.match(statement?.text ?? '', /where "id" = \$1 and "wallet" is not distinct from \$4 returning 1/u);
  assert.equal(statement?.values[3], '0x1');
});

test('inserts go along the foreign keys, deletes against them, tables always in the same order', () => {
  const [tokenMap, authorMap, noteMap] = [mapOf(Token), mapOf(Author), mapOf(Note)];
  const author = new Author({ wallet: '0x1' });
  tokenMap.add({ ...new Token({ tokenId: 1, authorId: author.id, mintTimestamp: now() }) });
  authorMap.add({ ...author });
  const oldToken = tokenMap.load(tokenRow('t', 'detected'), true);
  const oldAuthor = authorMap.load(['a', '0x1', '{}', '2026-01-01 00:00:00+00'], true);
  noteMap.load(noteRow('n'), true).entity['stars'] = 1;
  tokenMap.remove(oldToken.entity);
  authorMap.remove(oldAuthor.entity);
  const actions = flushOf(noteMap, authorMap, tokenMap).map(({ text }) =>
    text.split('"unit".').slice(0, 2).join('').split(/\s/u).slice(0, 3).join(' '),
  );
  assert.deepEqual(actions, [
    'insert into "authors"',
    'insert into "tokens"',
    'update "notes" set',
    'delete from "tokens"',
    'delete from "authors"',
  ]);
});

test('more than a thousand rows go in chunks, and all arrive', async () => {
  await using database = await openTest();
  const { author, tokens: made } = authorWithTokens(2_500);
  await database.work((unit) => {
    unit.authors.add(author);
    unit.tokens.addMany(made);
  });
  const map = mapOf(Token);
  for (const token of made) map.add({ ...token });
  assert.equal(flushOf(map).length, 3);
  await database.work(async (unit) => {
    // bounded by: the number of tokens made
    for (let claimed = await unit.tokens.getPending(1_000); claimed.length > 0; claimed = await unit.tokens.getPending(1_000)) {
      for (const token of claimed) token.markGenerating();
      await unit.flush();
    }
  });
  assert.equal(await database.read((reader) => reader.tokens.count({ status: 'generating' })), 2_500);
});

test('every type of column goes in and comes back as it was, one at a time and many at once', async () => {
  await using database = await openTest();
  const full = (key: string): Everything =>
    new Everything({
      key,
      big: -9_007_199_254_740_991,
      real: 0.1,
      price: '12345678901.123456789',
      flag: false,
      day: '2024-02-29',
      at: new Date('1999-12-31T23:59:59.999Z'),
      data: { a: [1, null, 'x"\\'], b: {} },
      bytes: Buffer.from([0, 255, 92]),
      ids: ['01a1f8a1-d055-7191-a3c1-d75ecf75c6cc'],
      times: [new Date(0), new Date('2020-01-01T00:00:00Z')],
      words: ['', 'NULL', 'a,b', '{"}', 'é\n\\'],
    });
  const empty = new Everything({ key: 'empty' });
  await database.work(({ everything: repository }) => {
    repository.addMany([full('one'), empty]);
    repository.add(full('two'));
  });
  await database.work(({ everything: repository }) => repository.add(full('three')));
  for (const key of ['one', 'two', 'three']) {
    const loaded = await database.work(({ everything: repository }) => repository.get(key));
    assert.deepEqual({ ...loaded }, { ...full(key), serial: 42, shout: key.toUpperCase() });
  }
  assert.equal(empty.serial, 42, 'what the database makes is known after the flush');
  assert.equal(empty.shout, 'EMPTY');
  const versions = sql<{ xmin: string }>`select xmin::text from ${everything} order by key`;
  const before = await database.read(({ sql: run }) => run(versions));
  await database.work(async ({ everything: repository }) => assert.equal((await repository.list()).length, 4));
  assert.deepEqual(await database.read(({ sql: run }) => run(versions)), before, 'what was not changed is not written');
  await database.work(async ({ everything: repository }) => {
    for (const row of await repository.list({ key: ['one', 'two'] })) {
      row.words = ['changed'];
      row.at = new Date(5);
      row.data = null;
    }
  });
  const rows = await database.read((reader) => reader.everything.list({ key: ['one', 'two'] }));
  for (const row of rows) assert.deepEqual([row.words, row.at, row.data, row.serial], [['changed'], '1970-01-01T00:00:00.005Z', null, 42]);
});

test('a row with a key of several columns is tracked, changed and removed', async () => {
  await using database = await openTest();
  const [left, right] = ['01a1f8a1-d055-7191-a3c1-d75ecf75c6cc', '01a1f8a1-d055-7191-a3c1-d75ecf75c6cd'];
  await database.work(({ links: repository }) => {
    repository.add(new Link({ leftId: left, rightId: right, weight: 1 }));
    repository.add(new Link({ leftId: right, rightId: left, weight: 1 }));
  });
  await database.work(async ({ links: repository }) => {
    const [first, second] = await repository.list({}, { orderBy: 'leftId' });
    assert.ok(first !== undefined && second !== undefined);
    first.weight = 9;
    repository.remove(second);
  });
  const rows = await database.read(({ sql: run }) => run(sql`select left_id, weight from ${links}`));
  assert.deepEqual(rows, [{ left_id: left, weight: 9 }]);
});

test('a row that was changed by another since it was read is not overwritten', async () => {
  await using database = await openTest();
  const note = await database.work(({ notes: repository }) => repository.add(new Note({ title: 'mine' })));
  const author = await database.work(({ authors: repository }) => repository.add(new Author({ wallet: '0x1' })));
  const token = await database.work(({ tokens: repository }) =>
    repository.add(new Token({ tokenId: 1, authorId: author.id, mintTimestamp: now() })),
  );
  const stale = (error: unknown): boolean => isKeelsonError(error, 'STALE_VERSION');
  await assert.rejects(
    database.work(async (unit) => {
      (await unit.notes.get(note.id)).title = 'lost';
      unit.authors.add(new Author({ wallet: '0xlost' }));
      await database.read(({ sql: run }) => run(sql`update ${notes} set version = version + 1`));
    }),
    stale,
  );
  await assert.rejects(
    database.work(async (unit) => {
      (await unit.tokens.get(token.id)).markGenerating();
      await database.read(({ sql: run }) => run(sql`update ${tokens} set status = 'failed'`));
    }),
    stale,
  );
  await assert.rejects(
    database.work(async (unit) => {
      unit.authors.remove(await unit.authors.get(author.id));
      unit.tokens.remove(await unit.tokens.get(token.id));
      await database.read(({ sql: run }) => run(sql`delete from ${tokens}`));
    }),
    stale,
  );
  await assert.rejects(
    database.work(async (unit) => {
      (await unit.notes.get(note.id)).title = 'lost';
      await database.read(({ sql: run }) => run(sql`update ${notes} set version = version + 1`));
      await unit.flush();
    }),
    stale,
  );
  const left = await database.read((reader) => Promise.all([reader.authors.list(), reader.notes.get(note.id)]));
  assert.deepEqual(
    left[0].map((row) => row.wallet),
    ['0x1'],
  );
  assert.equal(left[1].title, 'mine');
});

test('a write that a trigger or a column cannot take says which rule it broke and keeps nothing', async () => {
  await using database = await openTest();
  const author = await database.work(({ authors: repository }) => repository.add(new Author({ wallet: '0x1' })));
  const cases: readonly (readonly [string, () => Token | Author | Everything])[] = [
    ['VALIDATION_ERROR', () => new Author({ wallet: 'x'.repeat(43) })],
    ['VALIDATION_ERROR', () => new Author({ wallet: 'nul \0' })],
    ['VALIDATION_ERROR', () => new Author({ wallet: 'half \uD800' })],
    ['VALIDATION_ERROR', () => new Token({ tokenId: 1.5, authorId: author.id, mintTimestamp: now() })],
    ['VALIDATION_ERROR', () => new Everything({ key: 'json', data: { 'bad \u0000': 1 } })],
    ['CONFLICT', () => new Token({ tokenId: 1, authorId: '01a1f8a1-d055-7191-a3c1-d75ecf75c6cc', mintTimestamp: now() })],
    ['CONFLICT', () => new Author({ wallet: '0x1' })],
  ];
  for (const [code, make] of cases) {
    await assert.rejects(
      database.work((unit) => {
        const made = make();
        if (made instanceof Token) unit.tokens.add(made);
        else if (made instanceof Author) unit.authors.add(made);
        else unit.everything.add(made);
      }),
      (error) => isKeelsonError(error) && error.code === code,
      code,
    );
  }
  const tooLong = Array.from({ length: 3 }, (_, position) => new Author({ wallet: `${position}`.repeat(43) }));
  await assert.rejects(
    database.work(({ authors: repository }) => void repository.addMany(tooLong)),
    (error) => isKeelsonError(error, 'VALIDATION_ERROR'),
  );
  assert.equal(await database.read((reader) => reader.authors.count()), 1);
});

test('updated_at moves with every change, also by other writers, and created_at never', async () => {
  await using database = await openTest();
  const note = await database.work(({ notes: repository }) => repository.add(new Note({ title: 'a' })));
  await database.read(({ sql: run }) => run(sql`update ${notes} set updated_at = '2000-01-01'`));
  await database.read(({ sql: run }) => run(sql`update ${notes} set title = 'b'`));
  const other = await database.read((reader) => reader.notes.get(note.id));
  assert.notEqual(other.updatedAt.slice(0, 4), '2000', 'the trigger serves other writers');
  await database.read(({ sql: run }) => run(sql`update ${notes} set updated_at = '2000-01-01'`));
  const changed = await database.work(async ({ notes: repository }) => {
    const loaded = await repository.get(note.id);
    loaded.title = 'c';
    return loaded;
  });
  const row = await database.read((reader) => reader.notes.get(note.id));
  assert.equal(row.updatedAt, changed.updatedAt.toISOString(), 'the entity is true without reading back');
  assert.notEqual(row.updatedAt.slice(0, 4), '2000');
});
