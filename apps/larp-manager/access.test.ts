/** Who may make which call, through the whole app: each person of two games on each call about the first of them. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Answered, type RunningLarp, signInTwoGames, startLarp } from './calls.fixture.ts';

type People = 'root' | 'gerd' | 'ann' | 'bob' | 'cat' | 'dora';
type Games = Awaited<ReturnType<typeof signInTwoGames>>;

/** Superuser; GM of North; player of North and GM of South; another player of North; player of South; in no game. */
const people = ['root', 'gerd', 'ann', 'bob', 'cat', 'dora'] as const satisfies readonly People[];

/** One number for each of them, in that order: statuses of calls, and how many rows a list has. */
type Each = readonly [root: number, gerd: number, ann: number, bob: number, cat: number, dora: number];

/** What is asked of a row of North, and what is said to whom. */
interface Asked {
  /** The row, which others depend on, so that nobody can remove it. */
  readonly id: (games: Games) => string;
  readonly create: (games: Games) => Readonly<Record<string, unknown>>;
  /** Says nothing new, so that the row stays as it is for whoever comes next. */
  readonly change: (games: Games) => Readonly<Record<string, unknown>>;
  readonly replace: (games: Games) => Readonly<Record<string, unknown>>;
  readonly says: Readonly<Record<'total' | 'read' | 'create' | 'change' | 'replace' | 'remove', Each>>;
}

const calls: Readonly<Record<string, Asked>> = {
  games: {
    id: ({ north }) => north.game.id,
    create: () => ({ name: 'East' }),
    change: () => ({ name: 'North' }),
    replace: () => ({ name: 'North' }),
    says: {
      total: [2, 1, 2, 1, 1, 0],
      read: [200, 200, 200, 200, 404, 404],
      create: [201, 403, 403, 403, 403, 403],
      change: [200, 200, 403, 403, 404, 404],
      replace: [200, 200, 403, 403, 404, 404],
      remove: [409, 403, 403, 403, 403, 403],
    },
  },
  players: {
    id: ({ north }) => north.annPlays.id,
    create: ({ north, users }) => ({ game_id: north.game.id, user_id: users.dora.id }),
    change: () => ({ additional_details: {} }),
    replace: () => ({ additional_details: {}, payment_status: { paid: true } }),
    says: {
      total: [3, 2, 2, 1, 1, 0],
      read: [200, 200, 200, 404, 404, 404],
      create: [201, 201, 403, 403, 403, 403],
      change: [200, 200, 200, 404, 404, 404],
      replace: [200, 200, 403, 404, 404, 404],
      remove: [409, 409, 403, 404, 404, 404],
    },
  },
  characters: {
    id: ({ north }) => north.astrid.id,
    create: ({ north }) => ({ game_id: north.game.id, name: 'Dag', group_ids: [], plot_ids: [] }),
    change: () => ({ name: 'Astrid' }),
    replace: ({ north }) => ({ name: 'Astrid', player_id: north.annPlays.id }),
    says: {
      total: [4, 3, 4, 3, 1, 0],
      read: [200, 200, 200, 200, 404, 404],
      create: [201, 201, 403, 403, 403, 403],
      change: [200, 200, 200, 403, 404, 404],
      replace: [200, 200, 403, 403, 404, 404],
      remove: [409, 409, 403, 403, 404, 404],
    },
  },
  'character-groups': {
    id: ({ north }) => north.crew.id,
    create: ({ north }) => ({ game_id: north.game.id, name: 'Guard' }),
    change: () => ({ name: 'Crew' }),
    replace: () => ({ name: 'Crew', min_characters: 1, max_characters: 9 }),
    says: {
      total: [2, 1, 2, 1, 1, 0],
      read: [200, 200, 200, 200, 404, 404],
      create: [201, 201, 403, 403, 403, 403],
      change: [200, 200, 403, 403, 404, 404],
      replace: [200, 200, 403, 403, 404, 404],
      remove: [409, 409, 403, 403, 404, 404],
    },
  },
  plots: {
    id: ({ north }) => north.raid.id,
    create: ({ north }) => ({ game_id: north.game.id, name: 'Siege' }),
    change: () => ({ name: 'Raid' }),
    replace: () => ({ name: 'Raid' }),
    says: {
      total: [3, 2, 2, 1, 1, 0],
      read: [200, 200, 200, 404, 404, 404],
      create: [201, 201, 403, 403, 403, 403],
      change: [200, 200, 403, 404, 404, 404],
      replace: [200, 200, 403, 404, 404, 404],
      remove: [409, 409, 403, 404, 404, 404],
    },
  },
};

let larp: RunningLarp;
let games: Games;

before(async () => {
  larp = await startLarp();
  games = await signInTwoGames(larp);
});

after(() => larp[Symbol.asyncDispose]());

/** What each of them is answered. */
async function answersOf(ask: (token: string) => Promise<number>): Promise<Readonly<Record<People, number>>> {
  const answers: Partial<Record<People, number>> = {};
  // One after another: what one of them makes is gone before the next one looks.
  for (const who of people) answers[who] = await ask(games.tokens[who]);
  return parseAnswers(answers);
}

function named(each: Each): Readonly<Record<People, number>> {
  return parseAnswers(Object.fromEntries(people.map((who, index) => [who, each[index]])));
}

for (const [path, { id, create, change, replace, says }] of Object.entries(calls)) {
  // LRP-15 FND-8
  test(`${path}: each sees and does what their games allow, and nobody anything without signing in`, async () => {
    const row = `/${path}/${id(games)}`;
    assert.deepEqual(
      await answersOf(async (token) => Number((await larp.call('GET', `/${path}?total=true`, { token })).body['total'])),
      named(says.total),
      'list',
    );
    const list = await answersOf(async (token) => parseItems((await larp.call('GET', `/${path}`, { token })).body['items']).length);
    assert.deepEqual(list, named(says.total), 'items');
    const statusOf = (method: 'GET' | 'PATCH' | 'PUT' | 'DELETE', body?: unknown) => async (token: string) =>
      (await larp.call(method, row, { token, ...(body !== undefined && { body }) })).status;
    assert.deepEqual(await answersOf(statusOf('GET')), named(says.read), 'read');
    assert.deepEqual(await answersOf(statusOf('PATCH', change(games))), named(says.change), 'change');
    assert.deepEqual(await answersOf(statusOf('PUT', replace(games))), named(says.replace), 'replace');
    assert.deepEqual(await answersOf(statusOf('DELETE')), named(says.remove), 'remove');
    const body = create(games);
    const made = await answersOf(async (token) => makeAndRemove(`/${path}`, token, { body }));
    assert.deepEqual(made, named(says.create), 'create');
    const many = await answersOf(async (token) => makeAndRemove(`/${path}/bulk`, token, { body: { items: [body] } }));
    assert.deepEqual(many, named(says.create), 'bulk');
    for (const [method, url] of [
      ['GET', `/${path}`],
      ['POST', `/${path}`],
      ['POST', `/${path}/bulk`],
      ['GET', row],
      ['PUT', row],
      ['PATCH', row],
      ['DELETE', row],
    ] as const) {
      assert.equal((await larp.call(method, url, { body: body })).status, 401, `${method} ${url}`);
    }
  });
}

/** What making rows is answered; whoever may make them may remove them, too. */
async function makeAndRemove(url: string, token: string, { body }: { readonly body: unknown }): Promise<number> {
  const made = await larp.call('POST', url, { token, body });
  if (made.status !== 201) return made.status;
  const rows = url.endsWith('/bulk') ? parseItems(made.body['items']) : [made.body];
  for (const { id } of rows) {
    const removed = await larp.call('DELETE', `${url.replace('/bulk', '')}/${String(id)}`, { token });
    assert.equal(removed.status, 204, removed.text);
  }
  return made.status;
}

// LRP-15 FND-8
test('GMs are added and removed by the GMs of the same game', async () => {
  const { north, users } = games;
  const total = await answersOf(async (token) => Number((await larp.call('GET', '/gms?total=true', { token })).body['total']));
  assert.deepEqual(total, named([2, 1, 2, 1, 1, 0]));
  const row = `/gms/${north.gm.id}`;
  const read = await answersOf(async (token) => (await larp.call('GET', row, { token })).status);
  assert.deepEqual(read, named([200, 200, 200, 200, 404, 404]));
  const change = { user_id: users.gerd.id };
  const changed = await answersOf(async (token) => (await larp.call('PATCH', row, { token, body: change })).status);
  assert.deepEqual(changed, named([200, 200, 403, 403, 404, 404]));
  const body = { game_id: north.game.id, user_id: users.dora.id };
  assert.deepEqual(await answersOf((token) => makeAndRemove('/gms', token, { body })), named([201, 201, 403, 403, 403, 403]));
  for (const who of ['ann', 'bob'] as const) assert.equal((await larp.call('DELETE', row, { token: games.tokens[who] })).status, 403);
  for (const who of ['cat', 'dora'] as const) assert.equal((await larp.call('DELETE', row, { token: games.tokens[who] })).status, 404);
});

// LRP-15 FND-8
test('combined views are shown to whom their rows are', async () => {
  const { north } = games;
  const views: Readonly<Record<string, Each>> = {
    [`players/${north.annPlays.id}`]: [200, 200, 200, 404, 404, 404],
    [`characters/${north.astrid.id}`]: [200, 200, 200, 200, 404, 404],
    [`games/${north.game.id}`]: [200, 200, 200, 200, 404, 404],
    [`plots/${north.raid.id}`]: [200, 200, 200, 404, 404, 404],
    [`gms/${north.gm.id}`]: [200, 200, 200, 200, 404, 404],
  };
  for (const [path, each] of Object.entries(views)) {
    const answers = await answersOf(async (token) => (await larp.call('GET', `/combined/${path}`, { token })).status);
    assert.deepEqual(answers, named(each), path);
    assert.equal((await larp.call('GET', `/combined/${path}`)).status, 401, path);
  }
});

// LRP-15 FND-8
test('players are told no key of a plot that is not theirs, wherever they look; GMs are told all of their own game', async () => {
  const { north, south, tokens } = games;
  const inNorth = `game_id=${north.game.id}`;
  const paths = [
    '/characters',
    '/character-groups',
    '/plots',
    '/games',
    `/characters?${inNorth}&sort_by=name`,
    '/characters?fields=plot_ids',
    `/characters?plot_ids[has]=${north.raid.id}`,
    `/character-groups?fields=name,plot_ids&${inNorth}`,
    `/characters/${north.astrid.id}`,
    `/characters/${north.bjarne.id}`,
    `/character-groups/${north.crew.id}`,
    `/combined/characters/${north.astrid.id}`,
    `/combined/games/${north.game.id}`,
    `/combined/plots/${north.feud.id}`,
  ];
  const bobs = { token: tokens.bob };
  for (const path of paths) {
    const answer = await larp.call('GET', path, bobs);
    assert.equal(answer.status, 200, answer.text);
    assert.ok(!answer.text.includes(north.raid.id), `${path}: ${answer.text}`);
  }
  const renamed = await larp.call('PATCH', `/characters/${north.bjarne.id}`, { ...bobs, body: { name: 'Bjarne' } });
  assert.deepEqual([renamed.status, renamed.body['name'], 'plot_ids' in renamed.body], [200, 'Bjarne', false]);
  // Nor does a filter tell: what it finds is what they run.
  const has = (token: string, plot: string): Promise<Answered> =>
    larp.call('GET', `/characters?plot_ids[has]=${plot}&total=true`, { token });
  for (const token of [tokens.ann, tokens.bob]) {
    const { body } = await has(token, north.raid.id);
    assert.deepEqual([body['items'], body['total']], [[], 0]);
  }
  assert.equal((await has(tokens.gerd, north.raid.id)).body['total'], 1);
  assert.equal((await has(tokens.ann, south.ball.id)).body['total'], 1);
  // Ann plays in North and runs South, Gerd runs North, and a superuser all.
  const told = async (token: string): Promise<readonly unknown[]> => {
    const list = parseItems((await larp.call('GET', '/characters?fields=name,plot_ids&sort_by=name', { token })).body['items']);
    return list.flatMap(({ name, plot_ids: ids, ...rest }) => [[name, ids, ...Object.keys(rest)]]);
  };
  const [raid, feud, ball] = [[north.raid.id], [north.feud.id], [south.ball.id]];
  const all = [
    ['Astrid', raid],
    ['Bjarne', feud],
    ['Cnut', []],
    ['Ximena', ball],
  ];
  assert.deepEqual(await told(tokens.root), all);
  assert.deepEqual(await told(tokens.gerd), all.slice(0, 3));
  assert.deepEqual(await told(tokens.ann), [...all.slice(0, 3).map(([name]) => [name, undefined]), all[3]]);
  const group = await larp.call('GET', `/character-groups/${north.crew.id}`, { token: tokens.gerd });
  assert.deepEqual(group.body['plot_ids'], feud);
  const game = await larp.call('GET', `/combined/games/${north.game.id}`, { token: tokens.gerd });
  assert.deepEqual(
    parseItems(game.body['characters']).map(({ plot_ids: ids }) => ids),
    [raid, feud, []],
  );
});

test('a row cannot be moved into another game, nor made in one by its field', async () => {
  const { north, south, tokens } = games;
  for (const body of [{ game_id: south.game.id }, { id: south.ximena.id }, { version: 7 }, { plot_ids: 'x' }]) {
    const answer = await larp.call('PATCH', `/characters/${north.astrid.id}`, { token: tokens.root, body });
    assert.equal(answer.status, 422, answer.text);
  }
  // Ann runs South and plays in North: neither right lends itself to the other game.
  const links = { character_ids: [south.ximena.id] };
  const linked = await larp.call('PATCH', `/plots/${north.raid.id}`, { token: tokens.gerd, body: links });
  assert.equal(linked.status, 422, linked.text);
  assert.deepEqual(linked.body['validation_errors'], [
    { field: 'body.character_ids', message: 'names one of the characters that is not in this game' },
  ]);
  const player = await larp.call('PATCH', `/characters/${south.ximena.id}`, { token: tokens.ann, body: { player_id: north.annPlays.id } });
  assert.ok([409, 422].includes(player.status), player.text);
});

test('who plays a character names it, and says neither who plays it nor what it is linked with', async () => {
  const { north, tokens } = games;
  const url = `/characters/${north.bjarne.id}`;
  const renamed = await larp.call('PATCH', url, { token: tokens.bob, body: { name: 'Bjarne', description: 'Has one eye.' } });
  assert.equal(renamed.body['description'], 'Has one eye.', renamed.text);
  for (const body of [{ player_id: north.annPlays.id }, { player_id: null }, { group_ids: [] }, { plot_ids: [north.raid.id] }]) {
    const answer = await larp.call('PATCH', url, { token: tokens.bob, body });
    assert.equal(answer.status, 403, answer.text);
  }
  const stolen = await larp.call('PATCH', `/characters/${north.cnut.id}`, { token: tokens.bob, body: { player_id: north.bobPlays.id } });
  assert.equal(stolen.status, 403, stolen.text);
  const paid = await larp.call('PATCH', `/players/${north.bobPlays.id}`, { token: tokens.bob, body: { payment_status: { paid: true } } });
  assert.equal(paid.status, 403, paid.text);
});

function parseAnswers(answers: unknown): Readonly<Record<People, number>> {
  return answers as Readonly<Record<People, number>>;
}

function parseItems(items: unknown): readonly Readonly<Record<string, unknown>>[] {
  return items as readonly Readonly<Record<string, unknown>>[];
}
