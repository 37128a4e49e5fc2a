/** Rows of LARP manager for its tests: two games with everything in them, and the database as each of their people sees it. */
import { silentLog } from 'keelson/log';
import { testDatabase, type TestDatabase, type TestDatabaseOptions } from 'keelson/testing';
import type { Database, Unit } from 'keelson/work';
import { Character } from './characters/entity.ts';
import { Game } from './games/entity.ts';
import { Gm } from './gms/entity.ts';
import { CharacterGroup } from './groups/entity.ts';
import { relink } from './links.ts';
import { model, type Repositories } from './model.ts';
import { Player } from './players/entity.ts';
import { Plot } from './plots/entity.ts';
import { User } from './users/entity.ts';

/** A database of LARP manager. */
export type LarpDatabase = TestDatabase<Repositories>;

/** A clean database, as the revisions of the app make it; without settings nobody sees anything in it. */
export function openLarp(options: TestDatabaseOptions = {}): Promise<LarpDatabase> {
  const source = { model, migrationsDirectory: new URL('./migrations', import.meta.url) };
  return testDatabase(source, { log: silentLog, ...options });
}

/** Who looks at the database, as a guard of the app would say it. */
export interface Viewer {
  readonly userId?: string;
  readonly isSuperuser?: boolean;
  readonly gmGames?: readonly string[];
  readonly playerGames?: readonly string[];
  readonly isSignIn?: boolean;
}

/** The database as somebody sees it. */
export function viewOf(database: Database<Repositories>, viewer: Viewer): Database<Repositories> {
  return database.for({ settings: settingsOf(viewer) });
}

/** The settings that somebody's transactions carry. */
function settingsOf(viewer: Viewer): Record<string, string> {
  const list = (ids: readonly string[]): string => `{${ids.join(',')}}`;
  return {
    ...(viewer.userId === undefined ? {} : { 'app.user_id': viewer.userId }),
    ...(viewer.isSuperuser === true ? { 'app.is_superuser': 'on' } : {}),
    ...(viewer.gmGames === undefined ? {} : { 'app.gm_games': list(viewer.gmGames) }),
    ...(viewer.playerGames === undefined ? {} : { 'app.player_games': list(viewer.playerGames) }),
    ...(viewer.isSignIn === true ? { 'app.sign_in': 'on' } : {}),
  };
}

/** A new user; not added yet. */
export function newUser(name: string, isSuperuser = false): User {
  return new User({ email: `${name}@example.com`, passwordHash: '-', name, isSuperuser });
}

/**
 * Two games. North: run by Gerd; Ann plays Astrid, Bob plays Bjarne, nobody plays Cnut; Astrid and Bjarne are the crew; the raid is about
 * Astrid, the feud about Bjarne and the crew. South: run by Ann; Cat plays Ximena, of the court; the ball is about her. Dora takes part in none.
 */
export async function addTwoGames(database: Database<Repositories>) {
  return viewOf(database, { isSuperuser: true }).work(async (unit) => {
    const [root, gerd, ann, bob, cat, dora] = [
      newUser('root', true),
      newUser('gerd'),
      newUser('ann'),
      newUser('bob'),
      newUser('cat'),
      newUser('dora'),
    ] as const;
    unit.users.addMany([root, gerd, ann, bob, cat, dora]);
    const north = await addNorth(unit, { gerd, ann, bob });
    const south = await addSouth(unit, { ann, cat });
    const viewers = {
      superuser: { userId: root.id, isSuperuser: true },
      gerd: { userId: gerd.id, gmGames: [north.game.id] },
      ann: { userId: ann.id, gmGames: [south.game.id], playerGames: [north.game.id] },
      bob: { userId: bob.id, playerGames: [north.game.id] },
      cat: { userId: cat.id, playerGames: [south.game.id] },
      dora: { userId: dora.id },
    } as const satisfies Record<string, Viewer>;
    return { users: { root, gerd, ann, bob, cat, dora }, north, south, viewers };
  });
}

/** Two games and their people. */
export type TwoGames = Awaited<ReturnType<typeof addTwoGames>>;

async function addNorth(unit: Unit<Repositories>, { gerd, ann, bob }: Readonly<Record<'gerd' | 'ann' | 'bob', User>>) {
  const game = unit.games.add(new Game({ name: 'North', startDate: '2027-05-01', endDate: '2027-05-04' }));
  const gameId = game.id;
  const gm = unit.gms.add(new Gm({ gameId, userId: gerd.id }));
  const annPlays = unit.players.add(new Player({ gameId, userId: ann.id, paymentStatus: { paid: true } }));
  const bobPlays = unit.players.add(new Player({ gameId, userId: bob.id }));
  const astrid = unit.characters.add(new Character({ gameId, playerId: annPlays.id, name: 'Astrid' }));
  const bjarne = unit.characters.add(new Character({ gameId, playerId: bobPlays.id, name: 'Bjarne' }));
  const cnut = unit.characters.add(new Character({ gameId, name: 'Cnut' }));
  const crew = unit.characterGroups.add(new CharacterGroup({ gameId, name: 'Crew', minCharacters: 1, maxCharacters: 9 }));
  const raid = unit.plots.add(new Plot({ gameId, name: 'Raid' }));
  const feud = unit.plots.add(new Plot({ gameId, name: 'Feud' }));
  await relink(unit, crew, { characterIds: [astrid.id, bjarne.id] });
  await relink(unit, raid, { characterIds: [astrid.id] });
  await relink(unit, feud, { characterIds: [bjarne.id], characterGroupIds: [crew.id] });
  return { game, gm, annPlays, bobPlays, astrid, bjarne, cnut, crew, raid, feud };
}

async function addSouth(unit: Unit<Repositories>, { ann, cat }: Readonly<Record<'ann' | 'cat', User>>) {
  const game = unit.games.add(new Game({ name: 'South' }));
  const gameId = game.id;
  const gm = unit.gms.add(new Gm({ gameId, userId: ann.id }));
  const catPlays = unit.players.add(new Player({ gameId, userId: cat.id }));
  const ximena = unit.characters.add(new Character({ gameId, playerId: catPlays.id, name: 'Ximena' }));
  const court = unit.characterGroups.add(new CharacterGroup({ gameId, name: 'Court' }));
  const ball = unit.plots.add(new Plot({ gameId, name: 'Ball' }));
  await relink(unit, court, { characterIds: [ximena.id] });
  await relink(unit, ball, { characterIds: [ximena.id], characterGroupIds: [court.id] });
  return { game, gm, catPlays, ximena, court, ball };
}
