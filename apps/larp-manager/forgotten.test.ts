/** What happens where somebody forgets to say who is asking: every repository and every call gives nothing, and writes nothing. */
// FND-8, LRP-8
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isKeelsonError } from 'keelson/errors';
import { defineApp } from 'keelson/http';
import { sql, tableInfo } from 'keelson/schema';
import { testApp } from 'keelson/testing';
import type { Database } from 'keelson/work';
import { larpManager } from './app.ts';
import { password } from './calls.fixture.ts';
import { Character } from './characters/entity.ts';
import { Game } from './games/entity.ts';
import { Gm } from './gms/entity.ts';
import { CharacterGroup } from './groups/entity.ts';
import { model, type Repositories } from './model.ts';
import { Player } from './players/entity.ts';
import { Plot } from './plots/entity.ts';
import { addTwoGames, newUser, openLarp, type TwoGames, viewOf } from './rows.fixture.ts';

/** Signing in has a view of its own, and counts failures before anybody has a name: these are its, not the caller's. */
const ofSignIn = /^\/(?:auth\/|users\/me|\.well-known\/)/u;

/** Everything in the database, as the superuser sees it; sessions change when somebody signs in. */
async function everything(database: Database<Repositories>): Promise<string> {
  const tables = model.tables.filter((table) => !/^(?:auth_|sessions)/u.test(tableInfo(table).name));
  const view = viewOf(database, { isSuperuser: true });
  const rows = await Promise.all(
    tables.map((table) =>
      view.read((reader) => reader.sql(sql<{ rows: string }>`select json_agg(t order by t::text)::text as rows from ${table} as t`)),
    ),
  );
  return JSON.stringify(rows);
}

test('every repository without settings lists, counts and finds nothing, and adds nothing', async () => {
  await using database = await openLarp();
  const { north, users } = await addTwoGames(database);
  const before = await everything(database);
  const names = Object.keys(model.repositories);
  await database.read(async (reader) => {
    const lists = [reader.users, reader.games, reader.gms, reader.players, reader.characters, reader.characterGroups, reader.plots];
    assert.equal(lists.length, names.length);
    for (const list of lists) {
      assert.deepEqual(await list.list(), []);
      assert.deepEqual([await list.count(), await list.exists({})], [0, false]);
    }
  });
  const gameId = north.game.id;
  const added = {
    users: newUser('eve'),
    games: new Game({ name: 'East' }),
    gms: new Gm({ gameId, userId: users.dora.id }),
    players: new Player({ gameId, userId: users.dora.id }),
    characters: new Character({ gameId, name: 'Spy' }),
    characterGroups: new CharacterGroup({ gameId, name: 'Spies' }),
    plots: new Plot({ gameId, name: 'Plot' }),
  };
  assert.deepEqual(Object.keys(added).toSorted(), names.toSorted());
  for (const write of [
    () => database.work((unit) => void unit.users.add(added.users)),
    () => database.work((unit) => void unit.games.add(added.games)),
    () => database.work((unit) => void unit.gms.add(added.gms)),
    () => database.work((unit) => void unit.players.add(added.players)),
    () => database.work((unit) => void unit.characters.add(added.characters)),
    () => database.work((unit) => void unit.characterGroups.add(added.characterGroups)),
    () => database.work((unit) => void unit.plots.add(added.plots)),
  ])
    await assert.rejects(write(), (error) => isKeelsonError(error, 'FORBIDDEN'));
  assert.equal(await everything(database), before);
});

/** A row of each kind, and a body that makes another, for whoever may. */
function asked({ north, users }: TwoGames): Readonly<Record<string, { readonly id: string; readonly body: object }>> {
  const gameId = north.game.id;
  const named = { game_id: gameId, name: 'New' };
  const member = { game_id: gameId, user_id: users.dora.id };
  return {
    users: { id: users.bob.id, body: { email: 'eve@example.com' } },
    games: { id: gameId, body: { name: 'New' } },
    gms: { id: north.gm.id, body: member },
    players: { id: north.annPlays.id, body: member },
    characters: { id: north.cnut.id, body: named },
    'character-groups': { id: north.crew.id, body: named },
    plots: { id: north.raid.id, body: named },
  };
}

test('every call of an app that forgot its session shows a superuser nothing, and changes nothing', async () => {
  const { session: _, ...forgetful } = larpManager;
  await using app = await testApp(defineApp(forgetful));
  const games = await addTwoGames(app.database);
  const { root } = games.users;
  await app.services.users.setPassword(root, password);
  const login = await app.inject({ method: 'POST', url: '/api/v1/auth/login', payload: { email: root.email, password } });
  const headers = { authorization: `Bearer ${parseBody(login.body).access_token}` };
  const before = await everything(app.database);
  const rows = asked(games);
  let calls = 0;
  for (const { method, url } of larpManager.routes) {
    // Users are added by signing in's own view.
    if (ofSignIn.test(url) || (method === 'POST' && url === '/users')) continue;
    const kind = url.split('/').findLast((part) => part in rows) ?? '';
    const row = rows[kind];
    assert.ok(row !== undefined, `${url} is of a kind that this test knows`);
    const payload = method === 'PATCH' ? { name: 'Taken' } : url.endsWith('/bulk') ? { items: [row.body] } : row.body;
    const answer = await app.inject({
      method,
      url: `/api/v1${url.replace(':id', row.id)}`,
      headers,
      ...(method !== 'GET' && method !== 'DELETE' && { payload }),
    });
    const says = `${method} ${url}: ${answer.statusCode} ${answer.body}`;
    if (method === 'GET' && !url.includes(':id')) assert.deepEqual([answer.statusCode, parseBody(answer.body).items], [200, []], says);
    else assert.ok([403, 404, 422].includes(answer.statusCode), says);
    assert.doesNotMatch(answer.body, /Astrid|Bjarne|Cnut|Raid|Crew|@example/u, says);
    calls += 1;
  }
  assert.ok(calls >= 40, `${calls} calls`);
  assert.equal(await everything(app.database), before);
});

function parseBody(text: string): { readonly access_token?: string; readonly items?: readonly unknown[] } {
  return JSON.parse(text) as { readonly access_token?: string; readonly items?: readonly unknown[] };
}
