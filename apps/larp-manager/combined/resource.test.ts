/** Combined views, through the whole app: what they hold, for whom, and that each is one statement. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sql } from 'keelson/schema';
import { type RunningLarp, signInTwoGames, startLarp } from '../calls.fixture.ts';
import { Character } from '../characters/entity.ts';
import { plots } from '../plots/table.ts';
import { viewOf } from '../rows.fixture.ts';

let larp: RunningLarp;
let games: Awaited<ReturnType<typeof signInTwoGames>>;

before(async () => {
  larp = await startLarp();
  games = await signInTwoGames(larp);
});

after(() => larp[Symbol.asyncDispose]());

async function view(path: string, token: string): Promise<Readonly<Record<string, unknown>>> {
  const answer = await larp.call('GET', `/combined/${path}`, { token });
  assert.equal(answer.status, 200, answer.text);
  assert.ok(!/password|\$2b\$/iu.test(answer.text), answer.text);
  return answer.body;
}

/** A row as its own resource answers it. */
async function row(path: string, token: string): Promise<unknown> {
  const answer = await larp.call('GET', `/${path}`, { token });
  assert.equal(answer.status, 200, answer.text);
  return answer.body;
}

const personOf = ({ id, email, name }: { id: string; email: string; name: string | null }): unknown => ({ id, email, name, phone: null });

// LRP-15
test('a player is shown with their user, a character with player and user, each row as its own call shows it', async () => {
  const { north, users, tokens } = games;
  const player = { ...parseObject(await row(`players/${north.annPlays.id}`, tokens.gerd)), user: personOf(users.ann) };
  assert.deepEqual(await view(`players/${north.annPlays.id}`, tokens.gerd), player);
  const character = parseObject(await row(`characters/${north.astrid.id}`, tokens.gerd));
  assert.deepEqual(await view(`characters/${north.astrid.id}`, tokens.gerd), { ...character, player });
  assert.equal((await view(`characters/${north.cnut.id}`, tokens.gerd))['player'], null);
});

// LRP-15
test('a plot is shown with its characters and groups, a GM with their user and games', async () => {
  const { north, south, users, tokens } = games;
  const [bjarne, crew] = [
    await row(`characters/${north.bjarne.id}`, tokens.gerd),
    await row(`character-groups/${north.crew.id}`, tokens.gerd),
  ];
  const feud = parseObject(await row(`plots/${north.feud.id}`, tokens.gerd));
  assert.deepEqual(await view(`plots/${north.feud.id}`, tokens.gerd), { ...feud, characters: [bjarne], character_groups: [crew] });
  const gm = parseObject(await row(`gms/${south.gm.id}`, tokens.ann));
  const southern = await row(`games/${south.game.id}`, tokens.ann);
  assert.deepEqual(await view(`gms/${south.gm.id}`, tokens.ann), { ...gm, user: personOf(users.ann), games: [southern] });
});

// LRP-15
test('a game is shown with everything in it, as far as it is for whoever asks', async () => {
  const { north, tokens } = games;
  const forGerd = await view(`games/${north.game.id}`, tokens.gerd);
  const ids = (value: unknown): readonly unknown[] => parseRows(value).map(({ id }) => id);
  assert.deepEqual(ids(forGerd['gms']), [north.gm.id]);
  assert.deepEqual(new Set(ids(forGerd['players'])), new Set([north.annPlays.id, north.bobPlays.id]));
  assert.deepEqual(ids(forGerd['characters']), [north.astrid.id, north.bjarne.id, north.cnut.id]);
  assert.deepEqual(ids(forGerd['character_groups']), [north.crew.id]);
  assert.deepEqual(ids(forGerd['plots']), [north.feud.id, north.raid.id]);
  assert.deepEqual(forGerd['totals'], { gms: 1, players: 2, characters: 3, character_groups: 1, plots: 2 });
  assert.ok(parseRows(forGerd['players']).every(({ user }) => user !== null));
  const forBob = await view(`games/${north.game.id}`, tokens.bob);
  assert.deepEqual(ids(forBob['players']), [north.bobPlays.id]);
  assert.deepEqual(ids(forBob['plots']), [north.feud.id]);
  assert.deepEqual(forBob['totals'], { gms: 1, players: 1, characters: 3, character_groups: 1, plots: 1 });
  // Who a GM is, is not for players to know; and others' plots are not in what they read at all.
  assert.deepEqual(
    parseRows(forBob['gms']).map(({ user }) => user),
    [null],
  );
  assert.ok(!JSON.stringify(forBob).includes('Raid'));
  assert.ok(!JSON.stringify(forBob).includes(north.raid.id));
  const character = await view(`characters/${north.astrid.id}`, tokens.bob);
  assert.ok(!('plot_ids' in character));
  assert.equal(character['player'], null);
});

test('moments are told to the same digit as everywhere else', async () => {
  const { north, users, tokens } = games;
  const admin = viewOf(larp.database, { userId: users.root.id, isSuperuser: true });
  for (const fraction of ['', '.1', '.120', '.1234', '.123456']) {
    const moment = `2026-11-20T09:50:00${fraction}+01`;
    await admin.work((unit) => unit.sql(sql`update ${plots} set created_at = ${moment}::timestamptz where id = ${north.raid.id}`));
    const told = parseObject(await row(`plots/${north.raid.id}`, tokens.gerd))['created_at'];
    assert.equal((await view(`plots/${north.raid.id}`, tokens.gerd))['created_at'], told);
  }
});

/** The statements that a call asks of the database, but for the one that finds who is asking. */
async function statementsOf(path: string, token: string): Promise<readonly string[]> {
  const seen = larp.statements.length;
  await view(path, token);
  // BEGIN, settings and COMMIT go along with it in one packet.
  return larp.statements.slice(seen).filter((text) => text.includes('larp_manager') && !text.includes('"sessionId"'));
}

// LRP-15
test('each view is one statement, however many rows it shows', async () => {
  const { north, users, tokens } = games;
  const paths = [
    `players/${north.annPlays.id}`,
    `characters/${north.astrid.id}`,
    `games/${north.game.id}`,
    `plots/${north.raid.id}`,
    `gms/${north.gm.id}`,
  ];
  const asked = async (): Promise<readonly number[]> => {
    const counts: number[] = [];
    for (const path of paths) counts.push((await statementsOf(path, tokens.gerd)).length);
    return counts;
  };
  assert.deepEqual(await asked(), [1, 1, 1, 1, 1]);
  const admin = viewOf(larp.database, { userId: users.root.id, isSuperuser: true });
  const many = Array.from({ length: 300 }, (_, number) => new Character({ gameId: north.game.id, name: `Thrall ${number}` }));
  await admin.work(({ characters }) => characters.addMany(many));
  assert.equal(parseRows((await view(`games/${north.game.id}`, tokens.gerd))['characters']).length, 303);
  assert.deepEqual(await asked(), [1, 1, 1, 1, 1]);
});

test('what there is not, and what is no key, is said', async () => {
  const { tokens } = games;
  const answer = await larp.call('GET', '/combined/games/019aa1c8-0000-7000-8000-000000000001', { token: tokens.root });
  assert.equal(answer.status, 404);
  assert.equal(answer.body['message'], 'There is no game 019aa1c8-0000-7000-8000-000000000001.');
  assert.equal((await larp.call('GET', '/combined/games/1', { token: tokens.root })).status, 422);
});

function parseObject(value: unknown): Readonly<Record<string, unknown>> {
  return value as Readonly<Record<string, unknown>>;
}

function parseRows(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  return value as readonly Readonly<Record<string, unknown>>[];
}
