/** What lists refuse: whatever would read a whole table, with what is allowed in its place; and cursors that are none of theirs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isKeelsonError } from '../errors.ts';
import { integer, text, uuid } from '../schema/column.ts';
import { sql } from '../schema/sql.ts';
import { index, primaryKey, table } from '../schema/table.ts';
import { readCursor } from './cursor.ts';
import { checkRequest } from './list-check.ts';
import { gameA, gameB, hiddenRules, idOf, itemRules, items, manyItems, openItems } from './list-items.fixture.ts';
import { type ListFilter, type ListRequest, readListRequest } from './list-request.ts';
import { listRules } from './list-rules.ts';

const inGame: ListFilter = { key: 'gameId', operator: 'equal', value: gameA };

/** What is wrong with a request, `field: message`; nothing where it is allowed. */
function problem(request: Partial<ListRequest>, scope: Readonly<Record<string, unknown>> = {}, rules = itemRules): string {
  try {
    checkRequest({ filters: [], size: 10, ...request }, { rules, scope });
    return '';
  } catch (error) {
    if (!isKeelsonError(error, 'VALIDATION_ERROR')) throw error;
    const [first] = error.validationErrors ?? [];
    return `${first?.field ?? ''}: ${first?.message ?? ''}`;
  }
}

function sortBy(key: string): Partial<ListRequest> {
  return { sort: { key, isDescending: false } };
}

test('what may be filtered and sorted by comes from the indexes of the table', () => {
  assert.deepEqual(Object.fromEntries(itemRules.filterable), {
    id: ['equal', 'not', 'in'],
    gameId: ['equal', 'not', 'in'],
    name: ['equal', 'not', 'gt', 'gte', 'lt', 'lte', 'in'],
    code: ['equal', 'not', 'gt', 'gte', 'lt', 'lte', 'in'],
    rank: ['equal', 'not', 'gt', 'gte', 'lt', 'lte', 'in', 'null'],
    at: ['equal', 'not', 'gt', 'gte', 'lt', 'lte', 'in', 'null'],
    price: ['equal', 'not', 'gt', 'gte', 'lt', 'lte', 'in'],
    weight: ['equal', 'not', 'gt', 'gte', 'lt', 'lte', 'in'],
    big: ['equal', 'not', 'gt', 'gte', 'lt', 'lte', 'in'],
    day: ['equal', 'not', 'gt', 'gte', 'lt', 'lte', 'in'],
    kind: ['equal', 'not', 'in'],
    isOpen: ['equal', 'not', 'in'],
    tags: ['has'],
  });
  assert.deepEqual([...itemRules.sortable.keys()], ['id', 'name', 'code', 'rank', 'at', 'price', 'weight', 'big', 'day']);
  assert.deepEqual(Object.fromEntries(hiddenRules.sortable), { id: [[]], name: [['gameId']], slot: [['gameId']] });
});

test('partial, expression and foreign indexes serve no list, and columns that are not shown are not to be asked for', () => {
  const tricky = table('tricky', { id: uuid().primaryKey(), a: integer(), b: integer(), c: text(), d: text(), size: integer() }, (t) => [
    index(t.a, { where: sql`${t.b} > 0` }),
    index(sql`lower(${t.c})`, t.d, { name: 'tricky_lower_idx' }),
    index(t.b, { using: 'brin' }),
    index(t.size, t.id),
  ]);
  const rules = listRules(tricky, { columns: ['id', 'a', 'b', 'c', 'd', 'size'] });
  assert.deepEqual([...rules.filterable.keys()], ['id'], 'size is how large a page is');
  assert.deepEqual([...rules.sortable.keys()], ['id', 'size']);
  assert.equal(
    problem({ filters: [{ key: 'secret', operator: 'equal', value: 'x' }] }).startsWith('query.secret: cannot be filtered by'),
    true,
  );
  assert.equal(problem(sortBy('secret')).startsWith('query.sort_by: cannot be secret'), true);
});

test('a key of several columns orders lists, and each part needs the ones in front of it', () => {
  const pairs = table('pairs', { leftId: uuid(), rightId: uuid() }, (t) => [primaryKey(t.leftId, t.rightId)]);
  const rules = listRules(pairs, { columns: ['leftId', 'rightId'] });
  assert.deepEqual(Object.fromEntries(rules.sortable), { leftId: [[]], rightId: [['leftId']] });
  assert.deepEqual(
    checkRequest({ filters: [], size: 1 }, { rules, scope: {} }).order.map(({ key }) => key),
    ['leftId', 'rightId'],
  );
});

// LRP-15
test('filters, sorts and searches that would read a whole table are refused with what is allowed', () => {
  const refusals: readonly (readonly [Partial<ListRequest>, string])[] = [
    [sortBy('description'), 'query.sort_by: cannot be description; allowed are id, name, code, rank, at, price, weight, big, day'],
    [sortBy('nothing'), 'query.sort_by: cannot be nothing; allowed are id, name, code, rank, at, price, weight, big, day'],
    [sortBy('createdAt'), 'query.sort_by: cannot be created_at; allowed are id, name, code, rank, at, price, weight, big, day'],
    [
      { filters: [{ key: 'description', operator: 'equal', value: 'x' }] },
      'query.description: cannot be filtered by; allowed are id, game_id, name, code, rank, at, price, weight, big, day, kind, is_open, tags',
    ],
    [{ filters: [{ key: 'kind', operator: 'gt', value: 'sword' }] }, 'query.kind[gt]: is not known; kind takes equal, not, in'],
    [
      { filters: [{ key: 'name', operator: 'not', value: 'x' }], search: 'x' },
      'query.name[not]: needs a filter that narrows the list beside it: id=… or game_id=… or name=… or code=… or rank=… or at=… or price=… or weight=… or big=… or day=… or kind=… or is_open=… or tags=…',
    ],
    [{ search: 'x' }, 'query.search: needs a filter that narrows the list beside it'],
    [
      { filters: [{ key: 'rank', operator: 'gt', value: 1 }], ...sortBy('name') },
      'query.rank[gt]: needs sort_by=rank, or a filter that narrows',
    ],
    [{ filters: [{ key: 'rank', operator: 'null', value: false }] }, 'query.rank[null]: needs a filter that narrows'],
    [{ page: 101, size: 100 }, 'query.page: times size must be at most 10000; to read on, follow next_cursor with cursor'],
    [{ page: 1, cursor: 'abc' }, 'query.page: cannot stand beside cursor'],
    [{ page: 0 }, 'query.page: must be a whole number from 1'],
    [{ size: 101 }, 'query.size: must be a whole number from 1 to 100'],
    [{ size: Number.NaN }, 'query.size: must be a whole number from 1 to 100'],
    [{ keys: ['id', 'secret'] }, 'query.fields: cannot be secret; allowed are id, game_id'],
    [{ keys: [] }, 'query.fields: cannot be empty'],
    [{ filters: [inGame], search: 'x'.repeat(201) }, 'query.search: must be at most 200 characters'],
    [{ filters: [inGame], search: 'a\0b' }, 'query.search: must be a text without NUL'],
    [{ filters: Array.from({ length: 21 }, () => inGame) }, 'query.filters: must be at most 20'],
  ];
  for (const [request, wanted] of refusals) {
    const found = problem(request);
    assert.ok(found.startsWith(wanted), `${JSON.stringify(request).slice(0, 200)}: ${found}`);
  }
  assert.equal(problem({ ...sortBy('rank'), filters: [{ key: 'rank', operator: 'gt', value: 1 }] }), '');
  assert.equal(problem({ filters: [inGame, { key: 'rank', operator: 'gt', value: 1 }], ...sortBy('name'), search: 'x' }), '');
});

test('a sort whose index begins with another column needs that column as one value, from a filter or from the scope', () => {
  const only = 'query.sort_by: cannot be name; allowed are id, name (with game_id=…), slot (with game_id=…)';
  assert.equal(problem(sortBy('name'), {}, hiddenRules), only);
  assert.equal(problem(sortBy('name'), { gameId: [gameA, gameB] }, hiddenRules), only);
  assert.equal(problem(sortBy('name'), { gameId: [gameA] }, hiddenRules), '');
  assert.equal(problem(sortBy('name'), { gameId: gameA }, hiddenRules), '');
  assert.equal(problem({ ...sortBy('slot'), filters: [inGame] }, {}, hiddenRules), '');
  assert.equal(problem({ ...sortBy('slot'), filters: [{ ...inGame, operator: 'in', value: [gameA] }] }, {}, hiddenRules), '');
  const bySlot: ListFilter = { key: 'slot', operator: 'equal', value: 1 };
  assert.equal(problem({ filters: [bySlot] }, {}, hiddenRules), 'query.slot: needs a filter beside it: game_id=…');
  assert.equal(problem({ filters: [bySlot, inGame] }, {}, hiddenRules), '');
});

test('trigram indexes allow a search of their columns, from three characters on, but not under a policy', () => {
  const games = table('games', { id: uuid().primaryKey(), name: text(), about: text() }, (t) => [
    index(sql`${t.name} gin_trgm_ops`, sql`${t.about} gin_trgm_ops`, { using: 'gin', name: 'games_search_idx' }),
  ]);
  const rules = listRules(games, { columns: ['id'], search: ['name', 'about'] });
  assert.equal(problem({ search: 'dra' }, {}, rules), '');
  assert.equal(problem({ search: 'dr' }, {}, rules), 'query.search: must be at least 3 characters');
  assert.equal(problem({ search: 'dragon' }, {}, listRules(games, { columns: ['id'] })), 'query.search: is not known to lists of games');
});

test('values that no column can hold are refused before they reach the database', () => {
  const bad: readonly (readonly [string, unknown])[] = [
    ['id', 'x'],
    ['id', 5],
    ['rank', 'abc'],
    ['rank', '2147483648'],
    ['rank', 1.5],
    ['rank', null],
    ['rank', {}],
    ['big', '9007199254740993'],
    ['at', 'yesterday'],
    ['at', '2026-02-31T00:00:00Z'],
    ['at', '2026-01-01T25:00:00Z'],
    ['at', new Date(Number.NaN)],
    ['day', '2026-13-01'],
    ['day', '2026-02-30'],
    ['day', '0000-01-01'],
    ['price', '1e5'],
    ['price', 'NaN'],
    ['weight', 'Infinity'],
    ['kind', 'axe'],
    ['isOpen', 'yes'],
    ['name', 'a\0b'],
    ['name', '\ud800'],
  ];
  for (const [key, value] of bad) assert.notEqual(problem({ filters: [{ key, operator: 'equal', value }] }), '', `${key}=${String(value)}`);
  for (const value of [[], Array.from({ length: 101 }, () => '1'), '1', ['x']])
    assert.notEqual(problem({ filters: [{ key: 'rank', operator: 'in', value }] }), '');
});

test('a cursor is refused by every list but its own, and by its own once it was changed', async () => {
  await using database = await openItems();
  await database.work((unit) => unit.items.addMany(manyItems(30)));
  const page = (request: Partial<ListRequest>) =>
    database.read((reader) => reader.items.page({ filters: [], size: 5, ...request }, { rules: itemRules }));
  const { nextCursor: cursor = '' } = await page({ filters: [inGame], sort: { key: 'rank', isDescending: true } });
  assert.equal((await page({ filters: [inGame], cursor })).items.length, 5, 'it carries its sort');
  const refused = async (request: Partial<ListRequest>): Promise<void> => {
    await assert.rejects(
      page(request),
      (error) => isKeelsonError(error, 'VALIDATION_ERROR') && error.validationErrors?.[0]?.field === 'query.cursor',
    );
  };
  await refused({ cursor });
  await refused({ cursor, filters: [{ ...inGame, value: gameB }] });
  await refused({ cursor, filters: [inGame], search: 'x' });
  await refused({ cursor, filters: [inGame], ...sortBy('rank') });
  await refused({ cursor, filters: [inGame], ...sortBy('name') });
  const { digest } = readCursor(cursor) ?? { digest: '' };
  const forged = (content: unknown): string => Buffer.from(JSON.stringify(content)).toString('base64url');
  const hostile = [
    '',
    'x',
    '%',
    'a'.repeat(20_000),
    forged(null),
    forged({}),
    forged([]),
    forged(['+rank', ['1', idOf(1)]]),
    forged(['rank', ['1', idOf(1)], digest]),
    forged(['+secret', ['1', idOf(1)], digest]),
    forged(['+__proto__', ['1', idOf(1)], digest]),
    forged(['+rank', ['1'], digest]),
    forged(['+rank', ['1', null], digest]),
    forged(['+rank', ['1', 'x'], digest]),
    forged(['+rank', [1, idOf(1)], digest]),
    forged(['+rank', ['1; drop table items', idOf(1)], digest]),
    forged(['+name', [null, idOf(1)], digest]),
    forged(['+name', ['a\0', idOf(1)], digest]),
    forged(['+at', ['2023-11-14 22:13:25+00; --', idOf(1)], digest]),
    forged(['+rank', ['1', idOf(1)], 'other']),
    forged(['+rank', { length: 2, 0: '1', 1: idOf(1) }, digest]),
  ];
  for (const forgery of hostile) await refused({ cursor: forgery, filters: [inGame] });
  // A place that no row has is a place all the same.
  assert.equal((await page({ cursor: forged(['+rank', ['-99', idOf(1)], digest]), filters: [inGame] })).items.length, 5);
  await assert.rejects(page({ cursor: forged(['+at', ['2023-99-99 22:13:25+00', idOf(1)], digest]), filters: [inGame] }), (error) =>
    isKeelsonError(error, 'VALIDATION_ERROR'),
  );
});

test('the parameters of a query become a request, in the names of the wire or of the code', () => {
  const request = readListRequest(
    {
      page: '2',
      size: 5,
      sort_by: 'game_id',
      sortOrder: 'desc',
      total: 'true',
      fields: 'id,game_id',
      'is_open[in]': 'true,false',
      gameId: gameA,
      search: 'x',
    },
    itemRules,
  );
  assert.deepEqual(request, {
    page: 2,
    size: 5,
    sort: { key: 'gameId', isDescending: true },
    isTotalWanted: true,
    keys: ['id', 'gameId'],
    search: 'x',
    filters: [
      { key: 'isOpen', operator: 'in', value: ['true', 'false'] },
      { key: 'gameId', operator: 'equal', value: gameA },
    ],
  });
  assert.deepEqual(readListRequest({}, itemRules), { size: 20, filters: [] });
  assert.deepEqual(readListRequest({ sortOrder: 'desc' }, itemRules).sort, { key: 'id', isDescending: true });
  for (const query of [{ sort_order: 'up' }, { total: 'maybe' }, { page: ['1', '2'] }, { cursor: {} }, { game_id: gameA, gameId: gameA }])
    assert.throws(() => readListRequest(query, itemRules));
  for (const name of ['nothing', 'rank[]', 'rank[gt', 'rank[drop]', '__proto__[in]', 'rank[gt][gt]']) {
    const wanted = readListRequest(Object.fromEntries([[name, '1']]), itemRules);
    assert.notEqual(problem(wanted), '', name);
  }
  void items;
});
