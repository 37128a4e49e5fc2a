/** Characters, groups and plots, through the whole app: what links them is said with them and seen on both sides. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Answered, type RunningLarp, signInTwoGames, startLarp } from '../calls.fixture.ts';

let larp: RunningLarp;
let games: Awaited<ReturnType<typeof signInTwoGames>>;

before(async () => {
  larp = await startLarp();
  games = await signInTwoGames(larp);
});

after(() => larp[Symbol.asyncDispose]());

function ask(method: 'DELETE' | 'GET' | 'PATCH' | 'POST' | 'PUT', url: string, body?: unknown): Promise<Answered> {
  return larp.call(method, url, { token: games.tokens.gerd, ...(body !== undefined && { body }) });
}

async function read(url: string): Promise<Readonly<Record<string, unknown>>> {
  const answer = await ask('GET', url);
  assert.equal(answer.status, 200, answer.text);
  return answer.body;
}

// LRP-12 LRP-15
test('a character is made with its groups and plots, and both sides show it in the same answer and the next', async () => {
  const { north } = games;
  const body = { game_id: north.game.id, name: 'Dag', group_ids: [north.crew.id], plot_ids: [north.feud.id, north.raid.id] };
  const made = await ask('POST', '/characters', body);
  assert.equal(made.status, 201, made.text);
  assert.deepEqual(made.body['group_ids'], [north.crew.id]);
  assert.deepEqual(new Set(parseIds(made.body['plot_ids'])), new Set(body.plot_ids));
  const id = String(made.body['id']);
  assert.deepEqual(await read(`/characters/${id}`), made.body);
  assert.ok(parseIds((await read(`/character-groups/${north.crew.id}`))['character_ids']).includes(id));
  assert.ok(parseIds((await read(`/plots/${north.raid.id}`))['character_ids']).includes(id));
  const refused = await ask('DELETE', `/characters/${id}`);
  assert.equal(refused.status, 409, refused.text);
  const unlinked = await ask('PATCH', `/characters/${id}`, { group_ids: [], plot_ids: [] });
  assert.deepEqual([unlinked.body['group_ids'], unlinked.body['plot_ids']], [[], []], unlinked.text);
  assert.ok(!parseIds((await read(`/plots/${north.raid.id}`))['character_ids']).includes(id));
  assert.equal((await ask('DELETE', `/characters/${id}`)).status, 204);
  assert.equal((await ask('GET', `/characters/${id}`)).status, 404);
});

// LRP-15
test('what a body does not say of links stays, and what it says is all', async () => {
  const { north } = games;
  const renamed = await ask('PATCH', `/plots/${north.feud.id}`, { description: 'Old hatred.' });
  assert.deepEqual([renamed.body['character_ids'], renamed.body['character_group_ids']], [[north.bjarne.id], [north.crew.id]]);
  const more = await ask('PATCH', `/plots/${north.feud.id}`, { character_ids: [north.cnut.id, north.bjarne.id] });
  assert.deepEqual(new Set(parseIds(more.body['character_ids'])), new Set([north.cnut.id, north.bjarne.id]));
  assert.deepEqual(more.body['character_group_ids'], [north.crew.id]);
  const back = await ask('PUT', `/plots/${north.feud.id}`, { name: 'Feud', character_ids: [north.bjarne.id] });
  assert.deepEqual([back.body['description'], back.body['character_ids']], [null, [north.bjarne.id]]);
});

// LRP-15
test('a version is good for one change, also where only links are changed', async () => {
  const { north } = games;
  const url = `/character-groups/${north.crew.id}`;
  const etag = String((await ask('GET', url)).headers['etag']);
  const change = (ids: readonly string[]): Promise<Answered> =>
    larp.call('PATCH', url, { token: games.tokens.gerd, body: { character_ids: ids }, headers: { 'if-match': etag } });
  const first = await change([north.astrid.id, north.bjarne.id, north.cnut.id]);
  assert.equal(first.status, 200, first.text);
  assert.notEqual(first.headers['etag'], etag);
  const second = await change([north.astrid.id]);
  assert.equal(second.status, 412, second.text);
  assert.equal(second.headers['etag'], first.headers['etag']);
  const unchanged = await larp.call('GET', url, { token: games.tokens.gerd, headers: { 'if-none-match': String(first.headers['etag']) } });
  assert.deepEqual([unchanged.status, unchanged.text], [304, '']);
});

// LRP-15
test('who asks for links that cannot be is told which, and nothing is kept', async () => {
  const { north, south } = games;
  for (const [field, id] of [
    ['group_ids', south.court.id],
    ['plot_ids', '019aa1c8-0000-7000-8000-000000000001'],
  ] as const) {
    const answer = await ask('PATCH', `/characters/${north.astrid.id}`, { name: 'Nobody', [field]: [id] });
    assert.equal(answer.status, 422, answer.text);
    assert.match(answer.text, new RegExp(`"field":"body.${field}"`, 'u'));
  }
  assert.equal((await read(`/characters/${north.astrid.id}`))['name'], 'Astrid');
  const strange = { name: 'Nobody', player_id: south.catPlays.id };
  for (const answer of [
    await ask('PATCH', `/characters/${north.astrid.id}`, strange),
    await ask('POST', '/characters', { ...strange, game_id: north.game.id }),
  ]) {
    assert.equal(answer.status, 422, answer.text);
    assert.match(answer.text, /"field":"body.player_id","message":"refers to nothing"/u);
  }
});

// LRP-12
test('whoever writes several rows of a game waits for the game before they lock one, so that no two wait for each other', async () => {
  const { north } = games;
  const locked = async (method: 'DELETE' | 'PATCH', url: string, body?: unknown): Promise<readonly unknown[]> => {
    larp.statements.length = 0;
    await ask(method, url, body);
    const locks = larp.statements.filter((text) => text.includes(' for no key update'));
    return locks.slice(0, 2).map((text) => /"larp_manager"\."(\w+)"/u.exec(text)?.[1]);
  };
  const links = { character_ids: [north.cnut.id, north.bjarne.id] };
  assert.deepEqual(await locked('PATCH', `/plots/${north.feud.id}`, links), ['games', 'plots']);
  assert.deepEqual(await locked('DELETE', `/plots/${north.feud.id}`), ['games', 'plots']);
  assert.deepEqual(await locked('DELETE', `/characters/${north.bjarne.id}`), ['games', 'characters']);
  assert.equal((await locked('DELETE', `/players/${north.bobPlays.id}`))[0], 'games');
  larp.lines.length = 0;
  const edits = Array.from({ length: 4 }, (_, number) => [
    ask('PATCH', `/plots/${north.feud.id}`, { character_ids: number % 2 === 0 ? [north.bjarne.id] : [north.bjarne.id, north.cnut.id] }),
    ask('PATCH', `/characters/${north.cnut.id}`, { plot_ids: number % 2 === 0 ? [north.feud.id] : [] }),
  ]);
  const answers = await Promise.all(edits.flat());
  assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
  assert.deepEqual(
    larp.lines.filter((line) => line.includes('40P01')),
    [],
  );
});

// LRP-15
test('a thousand characters are made at once, or none', async () => {
  const { north } = games;
  const items = Array.from({ length: 1_000 }, (_, number) => ({ game_id: north.game.id, name: `Thrall ${number}` }));
  const made = await ask('POST', '/characters/bulk', { items });
  assert.equal(made.status, 201, made.text.slice(0, 500));
  const { body } = await ask('GET', `/characters?game_id=${north.game.id}&total=true&size=1`);
  assert.equal(body['total'], 1_003);
  const wrong = await ask('POST', '/characters/bulk', { items: [...items.slice(0, 3), { game_id: north.game.id, name: '' }] });
  assert.equal(wrong.status, 422);
  assert.match(wrong.text, /"field":"body.items\[3\].name"/u);
});

// LRP-15
test('lists are filtered, sorted, searched, paged and cut as they are asked for, and refuse what would scan', async () => {
  const { north } = games;
  const inNorth = `game_id=${north.game.id}`;
  const names = async (query: string): Promise<readonly unknown[]> =>
    parseRows((await read(`/characters?${query}`))['items']).map(({ name }) => name);
  assert.deepEqual(await names(`${inNorth}&sort_by=name&size=3`), ['Astrid', 'Bjarne', 'Cnut']);
  assert.deepEqual(await names(`${inNorth}&sort_by=name&sort_order=desc&size=2&search=THRALL%209`), ['Thrall 999', 'Thrall 998']);
  assert.deepEqual(await names(`${inNorth}&name=Cnut`), ['Cnut']);
  assert.deepEqual(await names(`${inNorth}&name[in]=Cnut,Astrid&sort_by=name`), ['Astrid', 'Cnut']);
  assert.deepEqual(await names('search=strid'), ['Astrid']);
  const first = await read(`/characters?${inNorth}&sort_by=name&size=2`);
  assert.deepEqual(await names(`${inNorth}&sort_by=name&size=1&cursor=${String(first['next_cursor'])}`), ['Cnut']);
  const cut = await read(`/characters?${inNorth}&size=1&fields=id,name`);
  assert.deepEqual(Object.keys(parseRows(cut['items'])[0] ?? {}).toSorted(), ['id', 'name']);
  for (const query of ['sort_by=description', 'description=x', 'fields=password_hash', 'page=200&size=100', 'size=101', 'nonsense=1']) {
    const answer = await ask('GET', `/characters?${inNorth}&${query}`);
    assert.equal(answer.status, 422, query);
  }
});

// LRP-15
test('sizes of a group in the wrong order are named', async () => {
  const { north } = games;
  const answer = await ask('PATCH', `/character-groups/${north.crew.id}`, { min_characters: 10 });
  assert.equal(answer.status, 422);
  assert.match(answer.text, /body\.max_characters/u);
});

// LRP-12 LRP-15
test('many rows are linked by as many statements as one, and what they are linked with is written once', async () => {
  const { north } = games;
  const make = async (count: number): Promise<number> => {
    const links = { group_ids: [north.crew.id], plot_ids: [north.raid.id, north.feud.id] };
    const items = Array.from({ length: count }, (_, number) => ({ game_id: north.game.id, name: `Karl ${number}`, ...links }));
    larp.statements.length = 0;
    const made = await ask('POST', '/characters/bulk', { items });
    assert.equal(made.status, 201, made.text.slice(0, 500));
    const rows = parseRows(made.body['items']);
    assert.ok(rows.every((row) => parseIds(row['group_ids']).length === 1 && parseIds(row['plot_ids']).length === 2));
    return larp.statements.length;
  };
  const one = await make(1);
  const earlier = await read(`/plots/${north.raid.id}`);
  assert.equal(await make(150), one, larp.statements.join('\n'));
  const later = await read(`/plots/${north.raid.id}`);
  assert.equal(parseIds(later['character_ids']).length, parseIds(earlier['character_ids']).length + 150);
  assert.equal(Number(later['version']), Number(earlier['version']) + 1);
});

// LRP-15
test('rows of a bulk are each linked in their own game, and each that cannot be is named', async () => {
  const { north, south, tokens } = games;
  const make = (path: string, items: readonly unknown[]): Promise<Answered> =>
    larp.call('POST', `/${path}/bulk`, { token: tokens.root, body: { items } });
  const inNorth = { game_id: north.game.id, name: 'Both' };
  const inSouth = { game_id: south.game.id, name: 'Both' };
  const made = await make('characters', [
    { ...inNorth, group_ids: [north.crew.id] },
    { ...inSouth, group_ids: [south.court.id.toUpperCase(), south.court.id] },
    { ...inNorth, group_ids: [] },
    inSouth,
  ]);
  assert.equal(made.status, 201, made.text);
  assert.deepEqual(
    parseRows(made.body['items']).map((row) => row['group_ids']),
    [[north.crew.id], [south.court.id], [], []],
  );
  const nobody = '019aa1c8-0000-7000-8000-000000000001';
  const count = async (): Promise<unknown> =>
    (await larp.call('GET', '/character-groups?total=true&size=1', { token: tokens.root })).body['total'];
  const kept = await count();
  const wrong = await make('character-groups', [
    { ...inNorth, character_ids: [north.astrid.id] },
    { ...inNorth, character_ids: [south.ximena.id, nobody] },
    { ...inSouth, character_ids: [south.ximena.id, north.astrid.id] },
  ]);
  assert.equal(wrong.status, 422, wrong.text);
  assert.deepEqual(wrong.body['validation_errors'], [
    { field: 'body.items[1].character_ids', message: 'names 2 characters that are not in this game' },
    { field: 'body.items[2].character_ids', message: 'names one of the characters that is not in this game' },
  ]);
  assert.equal(await count(), kept);
  const single = await ask('POST', '/plots', { ...inNorth, character_group_ids: [south.court.id] });
  assert.match(single.text, /"field":"body.character_group_ids"/u);
  const foreign = await ask('POST', '/characters/bulk', { items: [inNorth, { ...inSouth, group_ids: [south.court.id] }] });
  assert.equal(foreign.status, 403, foreign.text);
});

function parseIds(value: unknown): readonly string[] {
  return value as readonly string[];
}

function parseRows(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  return value as readonly Readonly<Record<string, unknown>>[];
}
