/** Resources, through a whole app: seven routes from a table, for callers who see different rows. */
// LRP-12, LRP-15
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { writeFirstRevision } from '../migrate/render.ts';
import { testApp } from '../testing/app.ts';
import { cardsApp, cardsModel } from './cards.fixture.ts';

const directory = mkdtempSync(path.join(tmpdir(), 'keelson-cards-'));
const app = cardsApp(path.join(directory, 'migrations'));

before(() =>
  writeFirstRevision(path.join(directory, 'migrations'), { tables: cardsModel.tables, namespace: cardsModel.namespace, name: 'initial' }),
);
after(() => rmSync(directory, { recursive: true }));

type Body = Readonly<Record<string, unknown>>;

interface Answer {
  readonly status: number;
  readonly body: Body;
  readonly items: readonly Body[];
  readonly headers: Readonly<Record<string, unknown>>;
  readonly problems: readonly Body[];
}

interface Ask {
  readonly as?: string;
  readonly body?: object;
  readonly headers?: Readonly<Record<string, string>>;
}

type Method = 'DELETE' | 'GET' | 'HEAD' | 'PATCH' | 'POST' | 'PUT';

type Running = Awaited<ReturnType<typeof start>>;

const start = () => testApp(app);

class Cards implements AsyncDisposable {
  readonly #running: Running;

  constructor(running: Running) {
    this.#running = running;
  }

  /** The verbs of the statements that a block sends. */
  async verbs(block: () => Promise<unknown>): Promise<readonly string[]> {
    const { watch } = this.#running.database.postgres;
    const texts: string[] = [];
    watch.statement = (text) => {
      texts.push(text);
      return undefined;
    };
    await block();
    watch.statement = undefined;
    return texts.map((text) => text.split(' ')[0] ?? '');
  }

  async call(method: Method, url: string, { as = 'root', body, headers }: Ask = {}): Promise<Answer> {
    const answer = await this.#running.inject({
      method,
      url: `/api/v1${url}`,
      headers: { authorization: `Bearer ${as}`, ...headers },
      ...(body === undefined ? {} : { payload: body }),
    });
    const read = answer.body === '' ? {} : parseBody(answer.body);
    return {
      status: answer.statusCode,
      body: read,
      items: parseList(read['items']),
      headers: answer.headers,
      problems: parseList(read['validation_errors']),
    };
  }

  async board(name: string): Promise<string> {
    return String((await this.call('POST', '/wall-boards', { body: { name } })).body['id']);
  }

  async card(boardId: string, title: string, more: Body = {}): Promise<Body> {
    const made = await this.call('POST', '/cards', { body: { board_id: boardId, title, ...more } });
    assert.equal(made.status, 201, JSON.stringify(made.body));
    return made.body;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve(this.#running[Symbol.asyncDispose]());
  }
}

async function open(): Promise<Cards> {
  return new Cards(await start());
}

function parseBody(text: string): Body {
  return JSON.parse(text) as Body;
}

function parseList(value: unknown): readonly Body[] {
  return Array.isArray(value) ? (value as Body[]) : [];
}

function parseTexts(value: unknown): readonly string[] {
  return value as readonly string[];
}

const missing = '018f0000-0000-7000-8000-00000000ffff';

test('a row is made, read, changed, replaced and removed, in the names of the wire', async () => {
  await using cards = await open();
  const boardId = await cards.board('Kitchen');
  const made = await cards.call('POST', '/cards', {
    body: { board_id: boardId, title: 'Bread', points: 3, due_at: '2026-11-21T10:00:00+01:00', details: { colour: 'red' } },
  });
  assert.equal(made.status, 201, JSON.stringify(made.body));
  const { id } = made.body;
  assert.equal(made.headers['location'], `/api/v1/cards/${String(id)}`);
  assert.equal(made.headers['etag'], '"1"');
  assert.deepEqual(
    { ...made.body, id: 0, created_at: 0, updated_at: 0 },
    {
      id: 0,
      board_id: boardId,
      title: 'Bread',
      notes: null,
      points: 3,
      due_at: '2026-11-21T09:00:00.000Z',
      is_done: false,
      details: { colour: 'red' },
      label_names: [],
      version: 1,
      created_at: 0,
      updated_at: 0,
    },
  );
  assert.deepEqual((await cards.call('GET', `/cards/${String(id)}`)).body, made.body);
  const changed = await cards.call('PATCH', `/cards/${String(id)}`, { body: { is_done: true, due_at: null } });
  assert.deepEqual([changed.status, changed.body['is_done'], changed.body['due_at'], changed.body['points']], [200, true, null, 3]);
  assert.equal(changed.headers['etag'], '"2"');
  const replaced = await cards.call('PUT', `/cards/${String(id)}`, { body: { board_id: boardId, title: 'Rolls' } });
  assert.deepEqual([replaced.status, replaced.body['title'], replaced.body['points'], replaced.body['is_done']], [200, 'Rolls', 1, false]);
  assert.equal(replaced.body['details'], null);
  const removed = await cards.call('DELETE', `/cards/${String(id)}`);
  assert.deepEqual([removed.status, removed.body], [204, {}]);
  for (const method of ['GET', 'PATCH', 'DELETE'] as const) {
    const gone = await cards.call(method, `/cards/${String(id)}`, method === 'PATCH' ? { body: {} } : {});
    assert.deepEqual([gone.status, gone.body['message']], [404, `There is no card ${String(id)}.`]);
  }
});

test('what is no column of the body is refused, and what no answer shows never leaves', async () => {
  await using cards = await open();
  const boardId = await cards.board('Kitchen');
  const { id } = await cards.card(boardId, 'Bread');
  for (const field of ['secret', 'version', 'label_names', 'created_at', 'id']) {
    const made = await cards.call('POST', '/cards', { body: { board_id: boardId, title: 'x', [field]: 'x' } });
    assert.deepEqual([made.status, made.problems], [422, [{ field: `body.${field}`, message: 'is not a known field' }]]);
    const changed = await cards.call('PATCH', `/cards/${String(id)}`, { body: { [field]: 'x' } });
    assert.equal(changed.status, 422, field);
  }
  assert.equal('secret' in (await cards.call('GET', `/cards/${String(id)}`)).body, false);
  assert.equal('secret' in ((await cards.call('GET', '/cards')).items[0] ?? {}), false);
  const empty = await cards.call('PUT', `/cards/${String(id)}`, { body: {} });
  assert.deepEqual(
    empty.problems.map(({ field }) => field),
    ['body.board_id', 'body.title'],
  );
  const short = await cards.call('PATCH', `/cards/${String(id)}`, { body: { title: '', points: 1.5 } });
  assert.deepEqual(
    short.problems.map(({ field }) => field),
    ['body.title', 'body.points'],
  );
});

test('a moment is any that RFC 3339 has and PostgreSQL keeps, and nothing else', async () => {
  await using cards = await open();
  const boardId = await cards.board('Kitchen');
  const url = `/cards/${String((await cards.card(boardId, 'Bread'))['id'])}`;
  for (const [given, kept] of [
    ['2026-01-01T00:00:00+05:30', '2025-12-31T18:30:00.000Z'],
    ['2026-01-01t00:00:00.1239z', '2026-01-01T00:00:00.123Z'],
    ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00.000Z'],
    ['9999-12-31T23:59:59Z', '9999-12-31T23:59:59.000Z'],
  ] as const) {
    const changed = await cards.call('PATCH', url, { body: { due_at: given } });
    assert.deepEqual([changed.status, changed.body['due_at']], [200, kept], given);
  }
  for (const given of ['2026-02-30T00:00:00Z', '2026-01-01', '2026-01-01T00:00:00', '2016-12-31T23:59:60+00:00', '', 7]) {
    const refused = await cards.call('PATCH', url, { body: { due_at: given } });
    assert.deepEqual([refused.status, refused.problems.map(({ field }) => field)], [422, ['body.due_at']], String(given));
  }
  for (const given of ['0000-01-01T00:00:00Z', '0001-01-01T00:00:00+05:00', '9999-12-31T23:59:59-05:00'])
    assert.ok([200, 422].includes((await cards.call('PATCH', url, { body: { due_at: given } })).status), given);
});

test('what the database refuses is told as what the caller can mend', async () => {
  await using cards = await open();
  const boardId = await cards.board('Kitchen');
  await cards.card(boardId, 'Bread');
  const twice = await cards.call('POST', '/cards', { body: { board_id: boardId, title: 'Bread' } });
  assert.deepEqual([twice.status, twice.body['message']], [409, 'There is already one with this board_id and title.']);
  assert.equal(
    (await cards.call('POST', '/wall-boards', { body: { name: 'Kitchen' } })).body['message'],
    'There is already one with this name.',
  );
  const tooMany = await cards.call('POST', '/cards', { body: { board_id: boardId, title: 'Rolls', points: 101 } });
  assert.deepEqual([tooMany.status, tooMany.body['error']], [422, 'VALIDATION_ERROR']);
  const lost = await cards.call('POST', '/cards', { body: { board_id: missing, title: 'Rolls' } });
  assert.deepEqual([lost.status, lost.problems], [422, [{ field: 'body.board_id', message: 'refers to nothing' }]]);
  const bulk = await cards.call('POST', '/cards/bulk', { body: { items: [{ board_id: missing, title: 'Rolls' }] } });
  assert.deepEqual(bulk.problems, [{ field: 'body.items', message: 'must each refer by board_id to something' }]);
  const referred = await cards.call('DELETE', `/wall-boards/${boardId}`);
  assert.deepEqual([referred.status, referred.body['message']], [409, 'This board cannot be removed while others refer to it.']);
  assert.doesNotMatch(JSON.stringify([twice.body, lost.body, referred.body]), /fkey|_key|cards_|SQL/u);
  assert.equal((await cards.call('GET', '/cards')).items.length, 1);
});

test('callers see, change and remove what is in their scope, and make nothing beyond it', async () => {
  await using cards = await open();
  const [kitchen, cellar] = [await cards.board('Kitchen'), await cards.board('Cellar')];
  const [bread, wine] = [await cards.card(kitchen, 'Bread'), await cards.card(cellar, 'Wine')];
  const titles = async (as: string, query = ''): Promise<unknown> =>
    (await cards.call('GET', `/cards?sort_by=title${query}`, { as })).items.map(({ title }) => title);
  assert.deepEqual(await titles('root'), ['Bread', 'Wine']);
  assert.deepEqual(await titles(kitchen), ['Bread']);
  assert.deepEqual(await titles('guest'), []);
  assert.deepEqual(await titles(kitchen, `&board_id=${cellar}`), []);
  assert.deepEqual((await cards.call('GET', '/cards?total=true', { as: 'guest' })).body, { items: [], total: 0, page: 1, size: 20 });
  const url = `/cards/${String(wine['id'])}`;
  assert.equal((await cards.call('GET', `/cards/${String(bread['id']).toUpperCase()}`, { as: kitchen })).status, 200);
  for (const [method, ask] of [
    ['GET', {}],
    ['PATCH', { body: { title: 'Mine' } }],
    ['DELETE', {}],
  ] as const) {
    assert.equal((await cards.call(method, url, { as: kitchen, ...ask })).status, 404, method);
    assert.equal((await cards.call(method, url, { as: 'guest', ...ask })).status, 404, method);
  }
  assert.equal((await cards.call('POST', '/cards', { as: kitchen, body: { board_id: cellar, title: 'Mine' } })).status, 403);
  const moved = await cards.call('PATCH', `/cards/${String(bread['id'])}`, { as: kitchen, body: { board_id: cellar } });
  assert.equal(moved.status, 403);
  assert.deepEqual(await titles(cellar), ['Wine']);
  assert.equal((await cards.call('GET', '/cards', { headers: { authorization: '' } })).status, 401);
});

test('a page is found by filters with operators, in an order, in part, and by a cursor', async () => {
  await using cards = await open();
  const boardId = await cards.board('Kitchen');
  const made = [];
  for (const title of ['Apples', 'Bread', 'Cheese', 'Dates'])
    made.push(await cards.card(boardId, title, { due_at: `2026-11-2${made.length}T00:00:00Z` }));
  const titles = async (query: string): Promise<unknown> => (await cards.call('GET', `/cards?${query}`)).items.map(({ title }) => title);
  assert.deepEqual(await titles('title=Bread'), ['Bread']);
  assert.deepEqual(await titles('title[in]=Bread,Dates'), ['Bread', 'Dates']);
  assert.deepEqual(await titles('title%5Bgte%5D=Bread&title[lt]=Dates'), ['Bread', 'Cheese']);
  assert.deepEqual(await titles('due_at[gt]=2026-11-21T00:00:00Z&sort_by=due_at&sort_order=desc'), ['Dates', 'Cheese']);
  assert.deepEqual(await titles('due_at[null]=true'), []);
  assert.deepEqual(await titles('label_names[has]=fresh'), []);
  assert.deepEqual(await titles(`board_id=${boardId}&search=ea`), ['Bread']);
  const sparse = await cards.call('GET', '/cards?fields=id,title&sort_by=title&size=1&total=true');
  assert.deepEqual(sparse.items, [{ id: made[0]?.['id'], title: 'Apples' }]);
  assert.deepEqual([sparse.body['total'], sparse.body['page'], sparse.body['size']], [4, 1, 1]);
  const seen: unknown[] = [];
  // bounded by: the four cards
  for (let cursor = ''; seen.length < 5;) {
    const page = await cards.call('GET', `/cards?sort_by=title&size=3${cursor}`);
    seen.push(...page.items.map(({ title }) => title));
    const next = page.body['next_cursor'];
    if (typeof next !== 'string') break;
    cursor = `&cursor=${encodeURIComponent(next)}`;
  }
  assert.deepEqual(seen, ['Apples', 'Bread', 'Cheese', 'Dates']);
});

test('a list that no index serves is refused, with what is allowed', async () => {
  await using cards = await open();
  const refused = async (query: string): Promise<Body> => {
    const answer = await cards.call('GET', `/cards?${query}`);
    assert.equal(answer.status, 422, query);
    return answer.problems[0] ?? {};
  };
  assert.match(String((await refused('sort_by=points'))['message']), /title/u);
  assert.match(String((await refused('notes=x'))['message']), /allowed are .*title/u);
  assert.equal((await refused('secret=x'))['field'], 'query.secret');
  assert.equal((await refused('fields=secret'))['field'], 'query.fields[0]');
  assert.equal((await refused('title[like]=x'))['field'], 'query.title[like]');
  assert.equal((await refused('due_at[gt]=yesterday'))['field'], 'query.due_at[gt]');
  assert.equal((await refused('label_names[has]=%00a'.replace('%00', '') + '&size=101'))['field'], 'query.size');
  assert.match(String((await refused('page=101&size=100'))['message']), /cursor/u);
  assert.equal((await refused('cursor=abc'))['field'], 'query.cursor');
  assert.equal((await refused('title=a&title=b'))['field'], 'query.title');
  assert.equal((await refused('__proto__=a&size=1'))['field'], 'query.__proto__');
});

test('an answer that is known is not sent again; a write upon another version is refused with the one there is', async () => {
  await using cards = await open();
  const boardId = await cards.board('Kitchen');
  const url = `/cards/${String((await cards.card(boardId, 'Bread'))['id'])}`;
  for (const known of ['"1"', 'W/"1"', '"7", W/"1"', '*']) {
    const same = await cards.call('GET', url, { headers: { 'if-none-match': known } });
    assert.deepEqual([same.status, same.body, same.headers['etag']], [304, {}, '"1"'], known);
  }
  const head = await cards.call('HEAD', url, { headers: { 'if-none-match': '"1"' } });
  assert.deepEqual([head.status, head.headers['etag']], [304, '"1"']);
  for (const other of ['"2"', '1', '"1', ''])
    assert.equal((await cards.call('GET', url, { headers: { 'if-none-match': other } })).status, 200);
  for (const method of ['PATCH', 'PUT', 'DELETE'] as const) {
    const body = method === 'DELETE' ? {} : { body: { board_id: boardId, title: 'Rolls' } };
    for (const stale of ['"2"', 'W/"1"', '"2", "3"']) {
      const refused = await cards.call(method, url, { ...body, headers: { 'if-match': stale } });
      assert.deepEqual(
        [refused.status, refused.body['error'], refused.headers['etag']],
        [412, 'PRECONDITION_FAILED', '"1"'],
        `${method} ${stale}`,
      );
    }
    assert.equal((await cards.call(method, url, { ...body, headers: { 'if-match': '1' } })).status, 400);
  }
  const done = await cards.call('PATCH', url, { body: { title: 'Rolls' }, headers: { 'if-match': '"0", "1"' } });
  assert.deepEqual([done.status, done.headers['etag']], [200, '"2"']);
  assert.equal((await cards.call('PATCH', url, { body: { title: 'Toast' }, headers: { 'if-match': '*' } })).status, 200);
  assert.equal((await cards.call('DELETE', url, { headers: { 'if-match': '"3"' } })).status, 204);
});

test('of those who write upon one version at once, one succeeds', async () => {
  await using cards = await open();
  const url = `/cards/${String((await cards.card(await cards.board('Kitchen'), 'Bread'))['id'])}`;
  const answers = await Promise.all(
    Array.from({ length: 8 }, (_, index) =>
      cards.call('PATCH', url, {
        body: index % 2 === 0 ? { title: `Try ${index}` } : { labels: [`l${index}`] },
        headers: { 'if-match': '"1"' },
      }),
    ),
  );
  assert.deepEqual(
    answers.map(({ status }) => status).toSorted((one, other) => one - other),
    [200, 412, 412, 412, 412, 412, 412, 412],
  );
  assert.equal((await cards.call('GET', url)).body['version'], 2);
});

test('who names no version writes upon whatever the row is by then, however many do', async () => {
  await using cards = await open();
  const url = `/wall-boards/${await cards.board('Kitchen')}`;
  const answers = await Promise.all(
    Array.from({ length: 8 }, (_, index) => cards.call('PATCH', url, { body: { name: `Board ${index}` } })),
  );
  assert.deepEqual(
    answers.map(({ status, body }) => [status, body['name']]),
    answers.map((_, index) => [200, `Board ${index}`]),
  );
});

test('what is written beside a row at once is written one after another, each upon what the other left', async () => {
  await using cards = await open();
  const url = `/cards/${String((await cards.card(await cards.board('Kitchen'), 'Bread'))['id'])}`;
  const answers = await Promise.all(
    Array.from({ length: 6 }, (_, index) => cards.call('PATCH', url, { body: { points: index, labels: [`l${index}`] } })),
  );
  assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
  const { body } = await cards.call('GET', url);
  assert.equal(parseTexts(body['label_names']).length, 6);
  assert.ok(Number(body['version']) >= 12, String(body['version']));
});

test('hooks write in the same unit: the answer shows what triggers made of it, and a throw takes all back', async () => {
  await using cards = await open();
  const boardId = await cards.board('Kitchen');
  const card = await cards.card(boardId, 'Bread', { labels: ['fresh', 'brown'] });
  assert.deepEqual([card['label_names'], card['notes'], card['version']], [['fresh', 'brown'], 'labelled 2', 3]);
  const changed = await cards.call('PATCH', `/cards/${String(card['id'])}`, { body: { title: 'Rolls', labels: ['warm'] } });
  assert.deepEqual(
    [changed.body['label_names'], changed.body['title'], changed.headers['etag']],
    [['fresh', 'brown', 'warm'], 'Rolls', '"5"'],
  );
  assert.deepEqual((await cards.call('GET', '/cards?label_names[has]=warm')).items.length, 1);
  const refused = await cards.call('POST', '/cards', { body: { board_id: boardId, title: 'Forbidden words' } });
  assert.deepEqual([refused.status, refused.body['message']], [409, 'This title is not wanted.']);
  assert.equal((await cards.call('DELETE', `/cards/${String(card['id'])}`)).status, 409);
});

test('a bulk is made whole or not at all, and says which of its rows does not fit', async () => {
  await using cards = await open();
  const boardId = await cards.board('Kitchen');
  const item = (index: number, more: Body = {}): Body => ({
    board_id: boardId,
    title: `Card ${index}`,
    points: 1,
    is_done: false,
    ...more,
  });
  const thousand = await cards.call('POST', '/cards/bulk', { body: { items: Array.from({ length: 1_000 }, (_, index) => item(index)) } });
  assert.equal(thousand.status, 201, JSON.stringify(thousand.body).slice(0, 300));
  assert.deepEqual([thousand.items.length, thousand.items[999]?.['title'], thousand.items[0]?.['version']], [1_000, 'Card 999', 1]);
  const clash = await cards.call('POST', '/cards/bulk', { body: { items: [item(1_000), item(0)] } });
  assert.equal(clash.status, 409);
  const wrong = await cards.call('POST', '/cards/bulk', {
    body: { items: [item(2_000), item(2_001, { title: 7 }), item(2_002, { points: null })] },
  });
  assert.deepEqual(wrong.problems, [
    { field: 'body.items[1].title', message: 'must be a text' },
    { field: 'body.items[2].points', message: 'must be a whole number' },
  ]);
  const [tooMany, none] = [Array.from({ length: 1_001 }, (_, index) => item(index)), []];
  for (const items of [tooMany, none]) assert.equal((await cards.call('POST', '/cards/bulk', { body: { items } })).status, 422);
  const large = await cards.call('POST', '/cards/bulk', { body: { items: [item(1, { notes: 'x'.repeat(2_100_000) })] } });
  assert.deepEqual([large.status, large.body['error']], [413, 'PAYLOAD_TOO_LARGE']);
  const wide = Object.fromEntries(Array.from({ length: 20_001 }, (_, index) => [`k${index}`, 1]));
  assert.equal((await cards.call('POST', '/cards/bulk', { body: { items: [item(1, wide)] } })).status, 400);
  assert.equal((await cards.call('POST', '/cards', { body: item(1, { notes: 'x'.repeat(110_000) }) })).status, 413);
  const foreign = await cards.call('POST', '/cards/bulk', { as: missing, body: { items: [item(3_000)] } });
  assert.equal(foreign.status, 403);
  assert.equal((await cards.call('GET', '/cards?total=true&size=1')).body['total'], 1_000);
  const empty = await cards.call('POST', '/cards/bulk', { body: { items: [item(5_000), item(5_001, { labels: [''] })] } });
  assert.deepEqual(empty.problems, [{ field: 'body.items[1].labels[0]', message: 'must say something' }]);
  const labelled = await cards.call('POST', '/cards/bulk', { body: { items: [item(4_000, { labels: ['a'] }), item(4_001)] } });
  assert.deepEqual(
    labelled.items.map((made) => made['label_names']),
    [['a'], []],
  );
  const torn = await cards.call('POST', '/cards/bulk', { body: { items: [item(6_000), item(6_001, { labels: ['torn'] })] } });
  assert.deepEqual(torn.problems, [{ field: 'body.items[1].labels', message: 'must hold' }]);
  const single = await cards.call('POST', '/cards', { body: item(6_000, { labels: ['torn'] }) });
  assert.deepEqual(single.problems, [{ field: 'body.labels', message: 'must hold' }]);
  assert.equal((await cards.call('GET', '/cards?total=true&size=1')).body['total'], 1_002);
});

test('no call sends more statements than it needs, and many rows no more than one', async () => {
  await using cards = await open();
  const boardId = await cards.board('Kitchen');
  const items = Array.from({ length: 50 }, (_, index) => ({ name: `Board ${index}` }));
  const url = `/wall-boards/${boardId}`;
  assert.deepEqual(await cards.verbs(() => cards.call('POST', '/wall-boards', { body: items[0] ?? {} })), ['insert']);
  assert.deepEqual(await cards.verbs(() => cards.call('GET', url)), ['select']);
  assert.deepEqual(await cards.verbs(() => cards.call('GET', '/wall-boards?sort_by=name')), ['select']);
  assert.deepEqual(await cards.verbs(() => cards.call('GET', '/wall-boards?total=true')), ['select', 'select']);
  assert.deepEqual(await cards.verbs(() => cards.call('PATCH', url, { body: { name: 'Cellar' } })), [
    'begin',
    'select',
    // An update that is guarded by a version.
    'with',
    'commit',
  ]);
  const bulk = Array.from({ length: 300 }, (_, index) => ({ board_id: boardId, title: `Card ${index}` }));
  const verbs = await cards.verbs(() => cards.call('POST', '/cards/bulk', { body: { items: bulk } }));
  assert.deepEqual(
    verbs.filter((verb) => verb === 'insert'),
    ['insert'],
  );
  assert.ok(verbs.length <= 4, verbs.join(' '));
});

test('calls that a resource goes without are not there, and others may say their own', async () => {
  await using cards = await open();
  const id = await cards.board('Kitchen');
  assert.equal((await cards.call('PUT', `/wall-boards/${id}`, { body: { name: 'x' } })).status, 405);
  assert.equal((await cards.call('POST', '/wall-boards/bulk', { body: { items: [{ name: 'x' }] } })).status, 405);
  // Without a version there is no tag, and nothing to be matched.
  const read = await cards.call('GET', `/wall-boards/${id}`, { headers: { 'if-none-match': '*' } });
  assert.deepEqual([read.status, read.headers['etag'], read.body], [200, undefined, { id, name: 'Kitchen' }]);
  assert.equal((await cards.call('PATCH', `/wall-boards/${id}`, { body: { name: 'Cellar' } })).status, 200);
});
