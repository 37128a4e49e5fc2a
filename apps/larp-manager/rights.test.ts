/** Who sees and writes what, by the policies alone: every statement here forgets to ask whose a row is. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isKeelsonError } from 'keelson/errors';
import { sql, tableInfo } from 'keelson/schema';
import type { Database } from 'keelson/work';
import { auditLog, sessions } from './auth/table.ts';
import { Character } from './characters/entity.ts';
import { characters } from './characters/table.ts';
import { Game } from './games/entity.ts';
import { games } from './games/table.ts';
import { Gm } from './gms/entity.ts';
import { gms } from './gms/table.ts';
import { relink } from './links.ts';
import { model, type Repositories } from './model.ts';
import { Player } from './players/entity.ts';
import { players } from './players/table.ts';
import { addTwoGames, newUser, openLarp, type TwoGames, type Viewer, viewOf } from './rows.fixture.ts';
import { users } from './users/table.ts';

const forbidden = (error: unknown): boolean => isKeelsonError(error, 'FORBIDDEN');
const notFound = (error: unknown): boolean => isKeelsonError(error, 'NOT_FOUND');

const policed = model.tables.filter((table) => tableInfo(table).name !== 'auth_throttle');

/** The names of all rows that somebody sees, table by table; users and their rows by their first letters. */
async function seenBy(database: Database<Repositories>, viewer: Viewer): Promise<Record<string, string>> {
  const [row] = await viewOf(database, viewer).read((reader) =>
    reader.sql(sql<Record<string, string>>`
      select
        coalesce((select string_agg(name, ' ' order by name) from larp_manager.users), '') as users,
        coalesce((select string_agg(name, ' ' order by name) from larp_manager.games), '') as games,
        (select count(*)::text from larp_manager.gms) as gms,
        (select count(*)::text from larp_manager.players) as players,
        coalesce((select string_agg(name, ' ' order by name) from larp_manager.characters), '') as characters,
        coalesce((select string_agg(name, ' ' order by name) from larp_manager.character_groups), '') as groups,
        coalesce((select string_agg(name, ' ' order by name) from larp_manager.plots), '') as plots,
        (select count(*)::text from larp_manager.group_characters)
          || (select count(*)::text from larp_manager.plot_groups)
          || (select count(*)::text from larp_manager.plot_characters) as links`),
  );
  return row ?? {};
}

const nothing = { users: '', games: '', gms: '0', players: '0', characters: '', groups: '', plots: '', links: '000' };

/** What each of them sees, all else hidden. */
const expected: Readonly<Record<keyof TwoGames['viewers'], Record<string, string>>> = {
  superuser: {
    users: 'ann bob cat dora gerd root',
    games: 'North South',
    gms: '2',
    players: '3',
    characters: 'Astrid Bjarne Cnut Ximena',
    groups: 'Court Crew',
    plots: 'Ball Feud Raid',
    links: '323',
  },
  gerd: {
    users: 'ann bob gerd',
    games: 'North',
    gms: '1',
    players: '2',
    characters: 'Astrid Bjarne Cnut',
    groups: 'Crew',
    plots: 'Feud Raid',
    links: '212',
  },
  // GM of South and player of North: there she sees the plot of her own character only, and of the players herself.
  ann: {
    users: 'ann cat',
    games: 'North South',
    gms: '2',
    players: '2',
    characters: 'Astrid Bjarne Cnut Ximena',
    groups: 'Court Crew',
    plots: 'Ball Raid',
    links: '312',
  },
  bob: {
    users: 'bob',
    games: 'North',
    gms: '1',
    players: '1',
    characters: 'Astrid Bjarne Cnut',
    groups: 'Crew',
    plots: 'Feud',
    links: '211',
  },
  cat: { users: 'cat', games: 'South', gms: '1', players: '1', characters: 'Ximena', groups: 'Court', plots: 'Ball', links: '111' },
  dora: { ...nothing, users: 'dora' },
};

// LRP-12 FND-8
test('everybody sees what is theirs, and nothing of another game', async () => {
  await using database = await openLarp();
  const { viewers } = await addTwoGames(database);
  for (const [name, viewer] of Object.entries(viewers)) {
    assert.deepEqual({ name, ...(await seenBy(database, viewer)) }, { name, ...expected[parseName(name)] });
  }
  assert.deepEqual(await seenBy(database, { isSignIn: true }), { ...nothing, users: expected.superuser['users'], gms: '2', players: '3' });
});

// FND-8
test('without settings there is no row to see, to change or to remove, in any table that has an owner', async () => {
  await using database = await openLarp();
  const { users: people, north } = await addTwoGames(database);
  for (const viewer of [{}, { gmGames: [], playerGames: [] }]) assert.deepEqual(await seenBy(database, viewer), nothing);
  const superuser = viewOf(database, { isSuperuser: true });
  await superuser.work(async (unit) => {
    await unit.sql(sql`
      insert into ${sessions} (user_id, refreshed_at, idle_expires_at, absolute_expires_at) values (${people.bob.id}, now(), now(), now())`);
    await unit.sql(sql`insert into ${auditLog} (user_id, occurred_at, action) values (${people.bob.id}, now(), 'seen')`);
  });
  const own = viewOf(database, { userId: people.bob.id });
  const rowsOf = sql<{ rows: string }>`select (select count(*) from ${sessions}) || '' || (select count(*) from ${auditLog}) as rows`;
  assert.deepEqual(await own.read((reader) => reader.sql(rowsOf)), [{ rows: '10' }]);
  assert.deepEqual(await viewOf(database, { userId: people.dora.id }).read((reader) => reader.sql(rowsOf)), [{ rows: '00' }]);
  for (const table of policed) {
    const [all] = await superuser.read((reader) => reader.sql(sql<{ rows: number }>`select count(*)::int as rows from ${table}`));
    assert.notEqual(all?.rows, 0, tableInfo(table).name);
    const [counted] = await database.read((reader) => reader.sql(sql<{ rows: number }>`select count(*)::int as rows from ${table}`));
    assert.equal(counted?.rows, 0, tableInfo(table).name);
    assert.deepEqual(await database.work((unit) => unit.sql(sql`delete from ${table} returning 1`)), [], tableInfo(table).name);
  }
  const adds = [
    () => database.work((unit) => void unit.users.add(newUser('eve'))),
    () => database.work((unit) => void unit.games.add(new Game({ name: 'West' }))),
    () => database.work((unit) => void unit.gms.add(new Gm({ gameId: north.game.id, userId: people.dora.id }))),
    () => database.work((unit) => void unit.characters.add(new Character({ gameId: north.game.id, name: 'Eve' }))),
  ];
  for (const add of adds) await assert.rejects(add(), forbidden);
});

test('a GM writes everything of the own game, and nothing of another', async () => {
  await using database = await openLarp();
  const { users: people, north, south, viewers } = await addTwoGames(database);
  const gerd = viewOf(database, viewers.gerd);
  await gerd.work(async (unit) => {
    (await unit.games.get(north.game.id, { lock: true })).name = 'Far North';
    (await unit.players.get(north.bobPlays.id)).paymentStatus = { paid: 'half' };
    const dora = unit.players.add(new Player({ gameId: north.game.id, userId: people.dora.id }));
    const hilda = unit.characters.add(new Character({ gameId: north.game.id, playerId: dora.id, name: 'Hilda' }));
    await relink(unit, hilda, { groupIds: [north.crew.id], plotIds: [north.raid.id, north.feud.id] });
    await relink(unit, await unit.characters.get(north.astrid.id), { groupIds: [], plotIds: [] });
    unit.gms.add(new Gm({ gameId: north.game.id, userId: people.bob.id }));
  });
  await gerd.work(async ({ games: own }) => assert.equal((await own.get(north.game.id)).playerIds.length, 3));
  for (const write of [
    () => gerd.work((unit) => void unit.games.add(new Game({ name: 'West' }))),
    () => gerd.work((unit) => void unit.gms.add(new Gm({ gameId: south.game.id, userId: people.gerd.id }))),
    () => gerd.work((unit) => void unit.characters.add(new Character({ gameId: south.game.id, name: 'Spy' }))),
    () =>
      gerd.work(async (unit) => {
        (await unit.characters.get(north.cnut.id)).gameId = south.game.id;
      }),
  ]) {
    await assert.rejects(write(), forbidden);
  }
  await assert.rejects(
    gerd.work((unit) => unit.characters.update(south.ximena.id, { name: 'Taken' })),
    notFound,
  );
  assert.deepEqual(await changedBy(gerd), { users: 0, games: 1, gms: 2, players: 3, characters: 4 });
});

/** How many rows somebody changes who sets what is no change, everywhere. */
async function changedBy(view: Database<Repositories>): Promise<Record<string, number>> {
  const counts = Object.entries({ users, games, gms, players, characters }).map(async ([name, table]) => {
    const rows = await view.work((unit) => unit.sql(sql`update ${table} set version = version + 1 returning id`));
    return [name, rows.length] as const;
  });
  return { ...Object.fromEntries(await Promise.all(counts)), users: 0 };
}

test('a player changes the own details and the words of the own characters, and no other column or row', async () => {
  await using database = await openLarp();
  const { users: people, north, viewers } = await addTwoGames(database);
  const bob = viewOf(database, viewers.bob);
  await bob.work(async (unit) => {
    (await unit.players.get(north.bobPlays.id)).additionalDetails = { diet: 'fish' };
    Object.assign(await unit.characters.get(north.bjarne.id), { name: 'Bjarne the Bold', description: 'A smith.' });
  });
  const refused = [
    () => bob.work((unit) => unit.players.update(north.bobPlays.id, { paymentStatus: { paid: true } })),
    () => bob.work((unit) => unit.players.update(north.bobPlays.id, { userId: people.dora.id })),
    () => bob.work((unit) => unit.characters.update(north.bjarne.id, { playerId: null })),
    () => bob.work((unit) => unit.sql(sql`update ${characters} set created_at = now() where id = ${north.bjarne.id}`)),
    () =>
      bob.work((unit) => void unit.characters.add(new Character({ gameId: north.game.id, playerId: north.bobPlays.id, name: 'Second' }))),
    () => bob.work(async (unit) => relink(unit, await unit.characters.get(north.bjarne.id), { plotIds: [north.feud.id] })),
  ];
  for (const write of refused) await assert.rejects(write(), forbidden);
  await bob.work(async (unit) => relink(unit, await unit.characters.get(north.bjarne.id), { groupIds: [] }));
  for (const change of [
    () => bob.work((unit) => unit.characters.update(north.astrid.id, { name: 'Mine' })),
    () => bob.work((unit) => unit.players.update(north.annPlays.id, { additionalDetails: {} })),
    () => bob.work((unit) => unit.games.update(north.game.id, { name: 'Mine' })),
    () => bob.work((unit) => unit.plots.update(north.feud.id, { name: 'Mine' })),
  ]) {
    await assert.rejects(change(), notFound);
  }
  assert.deepEqual(await changedBy(bob), { users: 0, games: 0, gms: 0, players: 1, characters: 1 });
  assert.deepEqual(await bob.work(({ characters: seen }) => seen.get(north.bjarne.id).then(({ groupIds }) => groupIds)), [north.crew.id]);
});

test('users change themselves, but not what they may do; superusers and signing in do', async () => {
  await using database = await openLarp();
  const { users: people, viewers } = await addTwoGames(database);
  const dora = viewOf(database, viewers.dora);
  await dora.work((unit) => unit.users.update(people.dora.id, { name: 'Dora D.', phone: '+49 30 1' }));
  await assert.rejects(
    dora.work((unit) => unit.users.update(people.dora.id, { isSuperuser: true })),
    forbidden,
  );
  await assert.rejects(
    dora.work((unit) => unit.users.update(people.ann.id, { name: 'Not Ann' })),
    notFound,
  );
  assert.deepEqual(await dora.work((unit) => unit.sql(sql`delete from ${users} returning id`)), []);
  await viewOf(database, viewers.superuser).work((unit) => unit.users.update(people.dora.id, { isActive: false }));
  await viewOf(database, { isSignIn: true }).work(async (unit) => {
    unit.users.add(newUser('eve'));
    (await unit.users.get(people.dora.id)).passwordHash = 'another';
  });
});

test('settings that are no keys are an error, and open nothing', async () => {
  await using database = await openLarp();
  await addTwoGames(database);
  const broken = database.for({ settings: { 'app.gm_games': "{x'}" } });
  await assert.rejects(
    broken.read((reader) => reader.games.count()),
    (error) => isKeelsonError(error, 'VALIDATION_ERROR'),
  );
});

function parseName(name: string): keyof TwoGames['viewers'] {
  return name as keyof TwoGames['viewers'];
}
