/** What a list promises: every row once, in one order, by cursors that cost the same wherever they are. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLog } from '../log.ts';
import { connectPostgres } from '../postgres/postgres.ts';
import { sql } from '../schema/sql.ts';
import type { Database } from './database.ts';
import { openDatabase } from './database.ts';
import { gameA, gameB, Hidden, hiddenRules, idOf, Item, itemModel, itemRules, items, manyItems, openItems } from './list-items.fixture.ts';
import type { ListFilter, ListPage, ListRequest } from './list-request.ts';
import { listRules } from './list-rules.ts';
import type { PlainRow } from './reader.ts';
import { Link, links, openTest } from './tokens.fixture.ts';
import { startWire } from './wire.fixture.ts';

type Items = Database<typeof itemModel.repositories>;
type Row = PlainRow<Item>;

const COUNT = 60;

/** The sortable columns without a condition on others. */
const sorts = ['id', 'name', 'code', 'rank', 'at', 'price', 'weight', 'big', 'day'] as const;

function pageOf(database: Items, request: Partial<ListRequest>): Promise<ListPage<Row>> {
  return database.read((reader) => reader.items.page({ filters: [], size: 7, ...request }, { rules: itemRules }));
}

/** Follows the cursors to the end. */
async function follow(database: Items, request: Partial<ListRequest>): Promise<Row[]> {
  const rows: Row[] = [];
  let cursor: string | undefined;
  // bounded by: COUNT
  for (let pages = 0; pages <= COUNT; pages += 1) {
    const page: ListPage<Row> = await pageOf(database, { ...request, ...(cursor !== undefined && { cursor }) });
    rows.push(...page.items);
    if (page.nextCursor === undefined) return rows;
    cursor = page.nextCursor;
  }
  return rows;
}

async function orderedIds(database: Items, column: string, direction: string): Promise<string[]> {
  const rows = await database.read((reader) =>
    reader.sql(
      sql<{
        id: string;
      }>`select id from ${items} order by ${sql.identifier(column)} is null, ${sql.identifier(column)} ${sql.raw(direction)}, id ${sql.raw(direction)}`,
    ),
  );
  return rows.map(({ id }) => id);
}

// LRP-15
test('cursors give every row once, in the order asked for, through ties and rows without a value, in both directions', async () => {
  await using database = await openItems();
  await database.work((unit) => unit.items.addMany(manyItems(COUNT)));
  for (const key of sorts) {
    for (const isDescending of [false, true]) {
      const wanted = await orderedIds(database, key, isDescending ? 'desc' : 'asc');
      const sort = { key, isDescending };
      assert.deepEqual(
        (await follow(database, { sort })).map(({ id }) => id),
        wanted,
        `${key} ${String(isDescending)}`,
      );
      const paged = await Promise.all(Array.from({ length: 9 }, (_, index) => pageOf(database, { sort, page: index + 1 })));
      assert.deepEqual(
        paged.flatMap((page) => page.items.map(({ id }) => id)),
        wanted,
        `${key} ${String(isDescending)} by page`,
      );
    }
  }
});

test('pages that end exactly where the values end, and lists that fill them exactly, have no page too many', async () => {
  await using database = await openItems();
  await database.work((unit) => unit.items.addMany(manyItems(40)));
  // 30 rows have a rank, 10 have none.
  for (const size of [10, 15, 30, 40]) {
    for (const isDescending of [false, true]) {
      const rows = await follow(database, { size, sort: { key: 'rank', isDescending } });
      assert.equal(new Set(rows.map(({ id }) => id)).size, 40);
      assert.equal(rows.length, 40);
    }
  }
  const full = await pageOf(database, { size: 40 });
  assert.equal(full.nextCursor, undefined);
  assert.deepEqual([full.page, full.size, full.total], [1, 40, undefined]);
});

test('rows that come and go between two pages neither double nor hide another row', async () => {
  await using database = await openItems();
  const made = manyItems(COUNT);
  await database.work((unit) => unit.items.addMany(made));
  const sort = { key: 'name', isDescending: false };
  const first = await pageOf(database, { sort });
  const wanted = await orderedIds(database, 'name', 'asc');
  const gone = wanted[3] ?? '';
  const between = { gameId: gameA, name: '', code: 'new', price: '1', weight: 1, big: 1, day: '2026-01-01' } as const;
  await database.work(async (unit) => {
    unit.items.remove(await unit.items.get(gone));
    unit.items.add(new Item({ ...between, kind: 'sword', isOpen: true, tags: [], description: '', secret: '' }));
  });
  const rest = await follow(database, { sort, cursor: first.nextCursor ?? '' });
  assert.deepEqual(
    rest.map(({ id }) => id),
    wanted.slice(7),
  );
});

test('a moment keeps its microseconds in a cursor', async () => {
  await using database = await openItems();
  await database.work((unit) => unit.items.addMany(manyItems(20)));
  await database.work((unit) =>
    unit.sql(sql`update ${items} set at = timestamptz '2026-01-01 00:00:00' + (substr(code, 2)::int / 2) * interval '1 microsecond'`),
  );
  for (const isDescending of [false, true]) {
    const rows = await follow(database, { size: 1, sort: { key: 'at', isDescending } });
    assert.deepEqual(
      rows.map(({ id }) => id),
      await orderedIds(database, 'at', isDescending ? 'desc' : 'asc'),
    );
  }
  await database.work((unit) =>
    unit.sql(sql`update ${items} set at = case when code < 'C15' then 'infinity'::timestamptz else '-infinity' end`),
  );
  assert.equal((await follow(database, { size: 3, sort: { key: 'at', isDescending: false } })).length, 20);
});

const operators: readonly (readonly [ListFilter, (row: Row) => boolean])[] = [
  [{ key: 'name', operator: 'equal', value: 'Item 3' }, (row) => row.name === 'Item 3'],
  [{ key: 'rank', operator: 'equal', value: 3 }, (row) => row.rank === 3],
  [{ key: 'rank', operator: 'equal', value: '3' }, (row) => row.rank === 3],
  [{ key: 'rank', operator: 'gt', value: 2 }, (row) => row.rank !== null && row.rank > 2],
  [{ key: 'rank', operator: 'gte', value: 2 }, (row) => row.rank !== null && row.rank >= 2],
  [{ key: 'rank', operator: 'lt', value: 2 }, (row) => row.rank !== null && row.rank < 2],
  [{ key: 'rank', operator: 'lte', value: 2 }, (row) => row.rank !== null && row.rank <= 2],
  [{ key: 'rank', operator: 'in', value: ['1', '4'] }, (row) => row.rank === 1 || row.rank === 4],
  [{ key: 'rank', operator: 'null', value: true }, (row) => row.rank === null],
  [{ key: 'price', operator: 'lt', value: '-1' }, (row) => Number(row.price) < -1],
  [{ key: 'weight', operator: 'gte', value: 1 }, (row) => row.weight >= 1],
  [{ key: 'big', operator: 'lte', value: 2 ** 40 + 3 }, (row) => row.big <= 2 ** 40 + 3],
  [{ key: 'day', operator: 'gt', value: '2026-01-05' }, (row) => row.day > '2026-01-05'],
  [{ key: 'at', operator: 'gte', value: new Date(1_700_000_005_000) }, (row) => row.at !== null && row.at >= '2023-11-14T22:13:25'],
  [{ key: 'at', operator: 'lt', value: '2023-11-14T22:13:25Z' }, (row) => row.at !== null && row.at < '2023-11-14T22:13:25'],
  [{ key: 'kind', operator: 'equal', value: 'shield' }, (row) => row.kind === 'shield'],
  [{ key: 'kind', operator: 'in', value: ['shield', 'potion'] }, (row) => row.kind !== 'sword'],
  [{ key: 'isOpen', operator: 'equal', value: 'true' }, (row) => row.isOpen],
  [{ key: 'gameId', operator: 'in', value: [gameB] }, (row) => row.gameId === gameB],
  [{ key: 'id', operator: 'in', value: [idOf(1), idOf(2)] }, (row) => row.id === idOf(1) || row.id === idOf(2)],
  [{ key: 'tags', operator: 'has', value: 'rare' }, (row) => row.tags.includes('rare')],
];

test('every operator finds what it says, and the total counts the same rows', async () => {
  await using database = await openItems();
  await database.work((unit) => unit.items.addMany(manyItems(COUNT)));
  const all = await follow(database, { size: 100 });
  for (const [filter, matches] of operators) {
    const page = await pageOf(database, { filters: [filter], size: 100, isTotalWanted: true });
    const wanted = all.filter(matches).map(({ id }) => id);
    assert.deepEqual(page.items.map(({ id }) => id).toSorted(), wanted.toSorted(), JSON.stringify(filter));
    assert.equal(page.total, wanted.length);
    assert.ok(wanted.length > 0 && wanted.length < COUNT, `${JSON.stringify(filter)} tells rows apart`);
    assert.deepEqual((await follow(database, { filters: [filter], size: 3 })).map(({ id }) => id).toSorted(), wanted.toSorted());
  }
  const inGame: ListFilter = { key: 'gameId', operator: 'equal', value: gameA };
  const notNull = await pageOf(database, { filters: [inGame, { key: 'rank', operator: 'null', value: 'false' }], size: 100 });
  assert.equal(notNull.items.length, all.filter((row) => row.gameId === gameA && row.rank !== null).length);
  const unlike = await pageOf(database, { filters: [inGame, { key: 'rank', operator: 'not', value: 3 }], size: 100 });
  assert.equal(unlike.items.length, all.filter((row) => row.gameId === gameA && row.rank !== 3).length, 'a row without a value is not 3');
});

test('whatever is asked for together, the pages have the rows that match, in the order of the whole list', async () => {
  await using database = await openItems();
  await database.work((unit) => unit.items.addMany(manyItems(COUNT)));
  const wholes = new Map<string, Row[]>();
  const inGame: ListFilter = { key: 'gameId', operator: 'equal', value: gameA };
  for (let round = 0; round < 40; round += 1) {
    // Every round another combination, the same in every run.
    const [first, second] = [operators[(round * 5) % operators.length], operators[(round * 11 + 3) % operators.length]];
    if (first === undefined || second === undefined) continue;
    const key = sorts[(round * 7) % sorts.length] ?? 'id';
    const sort = { key, isDescending: round % 2 === 0 };
    const name = `${key} ${String(sort.isDescending)}`;
    const whole = wholes.get(name) ?? (await follow(database, { sort, size: 100 }));
    wholes.set(name, whole);
    const wanted = whole.filter((row) => row.gameId === gameA && first[1](row) && second[1](row));
    const rows = await follow(database, { sort, filters: [inGame, first[0], second[0]], size: 1 + (round % 9) });
    assert.deepEqual(
      rows.map(({ id }) => id),
      wanted.map(({ id }) => id),
      `${name} ${JSON.stringify([first[0], second[0]])}`,
    );
  }
});

test('filters of the column that sorts hold on every page, also where they say nothing together', async () => {
  await using database = await openItems();
  await database.work((unit) => unit.items.addMany(manyItems(COUNT)));
  const all = await follow(database, { size: 100 });
  const empty: ListFilter = { key: 'rank', operator: 'null', value: true };
  const greater: ListFilter = { key: 'rank', operator: 'gte', value: 2 };
  const smaller: ListFilter = { key: 'rank', operator: 'lt', value: 4 };
  for (const isDescending of [false, true]) {
    const sort = { key: 'rank', isDescending };
    const count = async (filters: readonly ListFilter[]): Promise<number> => (await follow(database, { sort, filters, size: 3 })).length;
    assert.equal(await count([empty]), all.filter((row) => row.rank === null).length);
    assert.equal(await count([greater, smaller]), all.filter((row) => row.rank === 2 || row.rank === 3).length);
    for (const filters of [
      [empty, greater],
      [greater, empty],
      [empty, { ...empty, value: false }],
      [smaller, { ...greater, value: 4 }],
    ])
      assert.equal(await count([...filters, { key: 'gameId', operator: 'equal', value: gameA }]), 0);
  }
});

test('a search finds part of a text in any case, and takes its wild cards as they are written', async () => {
  await using database = await openItems();
  await database.work((unit) => unit.items.addMany(manyItems(COUNT)));
  const search = async (text: string): Promise<number> => {
    const page = await database.read((reader) =>
      reader.items.page({ filters: [], size: 100, search: text }, { rules: itemRules, scope: { gameId: [gameA, gameB] } }),
    );
    return page.items.length;
  };
  assert.equal(await search('iTEM 3'), 7);
  assert.equal(await search('100% OF_it \\'), 1);
  assert.equal(await search('%'), 1);
  assert.equal(await search('Item_3'), 0);
  assert.equal(await search('\\'), 1);
  assert.equal(await search(''), COUNT);
});

test('answers have the columns of the rules, or those of them that are asked for, and never another', async () => {
  await using database = await openItems();
  await database.work((unit) => unit.items.addMany(manyItems(3)));
  const [whole] = (await pageOf(database, {})).items;
  assert.deepEqual(Object.keys(whole ?? {}).toSorted(), [...itemRules.columns].toSorted());
  const sparse = await pageOf(database, { size: 1, keys: ['tags', 'rank', 'data'], sort: { key: 'name', isDescending: true } });
  assert.deepEqual(Object.keys(sparse.items[0] ?? {}), ['rank', 'tags', 'data']);
  const next = await pageOf(database, { size: 2, keys: ['name'], cursor: sparse.nextCursor ?? '' });
  assert.equal(next.items.length, 2);
});

test('a scope narrows whatever is asked for', async () => {
  await using database = await openItems();
  await database.work((unit) => unit.items.addMany(manyItems(COUNT)));
  const page = await database.read((reader) =>
    reader.items.page(
      { filters: [{ key: 'gameId', operator: 'equal', value: gameB }], size: 100, isTotalWanted: true },
      { rules: itemRules, scope: { gameId: [gameA] } },
    ),
  );
  assert.deepEqual([page.items.length, page.total], [0, 0]);
});

test('a key of several columns is a place like any other', async () => {
  await using database = await openTest();
  const made = Array.from({ length: 20 }, (_, number) => new Link({ leftId: idOf(number % 4), rightId: idOf(number), weight: number }));
  await database.work((unit) => unit.links.addMany(made));
  const rules = listRules(links, { columns: ['leftId', 'rightId'] });
  const seen: string[] = [];
  let cursor: string | undefined;
  for (let pages = 0; pages < 7; pages += 1) {
    const request = { filters: [], size: 3, ...(cursor !== undefined && { cursor }) };
    const page = await database.read((reader) => reader.links.page(request, { rules }));
    seen.push(...page.items.map(({ leftId, rightId }) => `${leftId} ${rightId}`));
    cursor = page.nextCursor;
  }
  assert.equal(cursor, undefined);
  assert.deepEqual(seen, made.map(({ leftId, rightId }) => `${leftId} ${rightId}`).toSorted());
});

// LRP-15
test('a list reads as who asks: rows that a policy hides are neither listed nor counted', async () => {
  await using database = await openItems();
  for (const gameId of [gameA, gameB]) {
    const rows = [1, 2, 3].map((slot) => new Hidden({ gameId, name: `n${String(slot)}`, slot }));
    await database.for({ settings: { 'app.game_id': gameId } }).work((unit) => unit.hidden.addMany(rows));
  }
  const request = { filters: [], size: 2, isTotalWanted: true };
  const of = (view: Items): Promise<ListPage<PlainRow<Hidden>>> =>
    view.read((reader) => reader.hidden.page(request, { rules: hiddenRules, scope: {} }));
  const own = await of(database.for({ settings: { 'app.game_id': gameB } }));
  assert.deepEqual([own.total, own.items.map(({ gameId }) => gameId)], [3, [gameB, gameB]]);
  const stranger = await of(database);
  assert.deepEqual([stranger.total, stranger.items, stranger.nextCursor], [0, [], undefined]);
});

test('a page with its total is one round trip', async () => {
  await using database = await openItems();
  await using wire = await startWire(database.postgres.url);
  const postgres = await connectPostgres({ url: wire.url, poolSize: 1, readers: 1, log: silentLog });
  const proxied = openDatabase(itemModel, postgres, { log: silentLog });
  await pageOf(proxied, { isTotalWanted: true });
  wire.packets.length = 0;
  await pageOf(proxied, { isTotalWanted: true });
  assert.equal(wire.packets.length, 1);
  await postgres.close();
});
