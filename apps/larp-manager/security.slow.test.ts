/** A hundred people of two games at once over a pool of four: nobody sees a row of the other game, and no connection keeps a setting. */
// FND-8, LRP-8, LRP-15
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findPooler } from 'keelson/testing';
import { type Crowd, GMS, type Heard, PLAYERS, POOL_SIZE, type Said, type Side, sides, startCrowd } from './crowd.fixture.ts';

const REQUESTS_EACH = 100;

/** What somebody asks, and what is the right answer. */
interface Asked extends Said {
  readonly status: number;
  /** How many items the list must have. */
  readonly items?: number;
}

interface Person {
  readonly side: Side;
  readonly n: number;
  readonly token: string;
}

function otherSide(side: Side): Side {
  return side === 'north' ? 'south' : 'north';
}

/** The k-th question of somebody. */
function question({ games }: Crowd, { side, n }: Person, k: number): Asked {
  const [own, foreign] = [games[side], games[otherSide(side)]];
  const isGm = n < GMS;
  const theirs = foreign.characterIds[(n + k) % PLAYERS] ?? '';
  const mine = own.characterIds[isGm ? (n * 7) % PLAYERS : n - GMS] ?? '';
  const questions: readonly Asked[] = [
    { path: '/characters?size=100', status: 200, items: PLAYERS },
    { path: '/players?size=100', status: 200, items: isGm ? PLAYERS : 1 },
    { path: '/forgetful', status: 200 },
    { path: `/characters?size=100&game_id=${foreign.gameId}`, status: 200, items: 0 },
    { path: '/games', status: 200, items: 1 },
    { path: `/combined/games/${own.gameId}`, status: 200 },
    { path: `/combined/characters/${theirs}`, status: 404 },
    { path: `/characters/${theirs}`, status: 404 },
    isGm ? { path: '/plots?size=100', status: 200, items: 10 } : { path: '/character-groups', status: 200, items: 1 },
    { method: 'PATCH', path: `/characters/${theirs}`, body: { description: `taken by ${side}` }, status: 404 },
    { method: 'POST', path: '/characters', body: { game_id: foreign.gameId, name: `planted by ${side}` }, status: 403 },
    isGm
      ? { path: `/characters/${mine}`, status: 200 }
      : { method: 'PATCH', path: `/characters/${mine}`, body: { description: `${side}, said ${k}` }, status: 200 },
    { path: `/combined/games/${foreign.gameId}`, status: 404 },
    { path: '/users/me', status: 200 },
    { path: '/gms', status: 200, items: GMS },
  ];
  return questions[(n + k) % questions.length] ?? { path: '/users/me', status: 200 };
}

/** Whether an answer holds anything of the other game. */
function isForeign({ games }: Crowd, side: Side, { text }: Heard): boolean {
  const other = otherSide(side);
  return text.includes(other) || (text.includes('"items"') && text.includes(games[other].gameId));
}

/** One of the crowd asks their questions, one after another; gives how many, and how many answers held what is not theirs. */
async function live(crowd: Crowd, person: Person): Promise<{ readonly asked: number; readonly foreign: number }> {
  let foreign = 0;
  for (let k = 0; k < REQUESTS_EACH; k += 1) {
    const asked = question(crowd, person, k);
    const heard = await crowd.ask({ ...asked, token: person.token });
    assert.equal(heard.status, asked.status, `${person.side} ${person.n}: ${asked.method ?? 'GET'} ${asked.path}: ${heard.text}`);
    if (asked.items !== undefined) assert.equal(parseItems(heard.text).length, asked.items, asked.path);
    if (isForeign(crowd, person.side, heard)) foreign += 1;
  }
  return { asked: REQUESTS_EACH, foreign };
}

const LEFT = ['user_id', 'is_superuser', 'gm_games', 'player_games', 'sign_in']
  .map((name) => `coalesce(current_setting('app.${name}', true), '')`)
  .join(' || ');

/** How many of the server's connections still carry a setting; a transaction on each holds it, also behind a pooler. */
async function settingsLeft({ postgres: { pool } }: Crowd): Promise<number> {
  const connections = await Promise.all(Array.from({ length: POOL_SIZE }, () => pool.acquire('look')));
  const looks = await Promise.all(
    connections.map(async (connection) => {
      await connection.command('begin');
      return connection.query({ text: `select ${LEFT}, pg_backend_pid()`, name: undefined, values: [] });
    }),
  );
  await Promise.all(connections.map((connection) => connection.command('commit')));
  for (const connection of connections) pool.release(connection);
  assert.equal(new Set(looks.map(({ rows }) => rows[0]?.[1])).size, POOL_SIZE);
  return looks.filter(({ rows }) => rows[0]?.[0] !== '').length;
}

/** The whole proof. */
async function prove(crowd: Crowd): Promise<void> {
  const people: Person[] = [];
  // A few at a time: whoever asks for more passwords at once than can be hashed in a moment is sent away.
  for (let n = 0; n < GMS + PLAYERS; n += 1)
    people.push(...(await Promise.all(sides.map(async (side) => ({ side, n, token: await crowd.tokenOf(side, n) })))));
  const lived = await Promise.all(people.map((person) => live(crowd, person)));
  assert.equal(
    lived.reduce((sum, { asked }) => sum + asked, 0),
    10_000,
  );
  assert.equal(
    lived.reduce((sum, { foreign }) => sum + foreign, 0),
    0,
  );
  assert.equal(await settingsLeft(crowd), 0);
  const words = await crowd.owner.read((reader) => reader.characters.list({}, { limit: 1_000 }));
  assert.equal(words.length, 2 * PLAYERS);
  for (const { name, description } of words)
    assert.doesNotMatch(`${name} ${description ?? ''}`, /planted|taken|north.*south|south.*north/u);
}

test('10,000 requests of 100 people of two games over a pool of 4: 0 foreign rows, 0 settings left', async () => {
  await using crowd = await startCrowd({ isPooled: false });
  await prove(crowd);
});

test(
  'the same through PgBouncer in transaction mode',
  { skip: findPooler() === undefined ? 'PgBouncer is not installed' : false },
  async () => {
    await using crowd = await startCrowd({ isPooled: true });
    await prove(crowd);
  },
);

test('what forgets every filter shows a superuser both games: the proof can fail', async () => {
  await using crowd = await startCrowd({ isPooled: false });
  const heard = await crowd.ask({ path: '/forgetful', token: await crowd.tokenOfSuperuser() });
  assert.equal(heard.status, 200);
  for (const side of sides) assert.ok(isForeign(crowd, side, heard));
});

function parseItems(text: string): readonly unknown[] {
  return (JSON.parse(text) as { readonly items: readonly unknown[] }).items;
}
