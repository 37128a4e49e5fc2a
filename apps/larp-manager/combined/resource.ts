/** Combined views: a row with what belongs to it. Who may see which rows is for the policies to say. */
import { KeelsonError } from 'keelson/errors';
import { rowSchema } from 'keelson/schema';
import type { Database } from 'keelson/work';
import * as Type from 'typebox';
import { Description, Ids } from '../bodies.ts';
import { characters } from '../characters/table.ts';
import { games } from '../games/table.ts';
import { gms } from '../gms/table.ts';
import { characterGroups } from '../groups/table.ts';
import type { Repositories } from '../model.ts';
import { players } from '../players/table.ts';
import { plots } from '../plots/table.ts';
import { route, signedIn } from '../route.ts';
import { runsGame } from '../users/service.ts';
import { users } from '../users/table.ts';
import { type Combined, COMBINED_ROWS_MAX, selectCharacter, selectGame, selectGm, selectPlayer, selectPlot, shown } from './repository.ts';

const tags = ['combined'];
const ById = Type.Object({ id: Type.String({ format: 'uuid' }) });

const User = Type.Union([rowSchema(users, shown.users), Type.Null()]);
const description = Type.Union([Description, Type.Null()]);
/** For GMs of the game. */
const plotIds = Type.Optional(Ids);
const GameRow = Type.Object({ ...rowSchema(games, shown.games).properties, description, gmIds: Ids, playerIds: Ids });
const CharacterRow = Type.Object({ ...rowSchema(characters, shown.characters).properties, description, groupIds: Ids, plotIds });
const GroupRow = Type.Object({ ...rowSchema(characterGroups, shown.characterGroups).properties, description, characterIds: Ids, plotIds });
const PlotRow = Type.Object({ ...rowSchema(plots, shown.plots).properties, description, characterIds: Ids, characterGroupIds: Ids });

const CombinedPlayer = Type.Object({ ...rowSchema(players, shown.players).properties, user: User });
const CombinedCharacter = Type.Object({ ...CharacterRow.properties, player: Type.Union([CombinedPlayer, Type.Null()]) });
const CombinedGm = Type.Object({ ...rowSchema(gms, shown.gms).properties, user: User, games: listOf(GameRow) });
const CombinedPlot = Type.Object({ ...PlotRow.properties, characters: listOf(CharacterRow), characterGroups: listOf(GroupRow) });
const Total = Type.Integer({ minimum: 0 });
const CombinedGame = Type.Object({
  ...GameRow.properties,
  gms: listOf(Type.Object({ ...rowSchema(gms, shown.gms).properties, user: User })),
  players: listOf(CombinedPlayer),
  characters: listOf(CharacterRow),
  characterGroups: listOf(GroupRow),
  plots: listOf(PlotRow),
  totals: Type.Object({ gms: Total, players: Total, characters: Total, characterGroups: Total, plots: Total }),
});

/** The five views. */
export const combinedRoutes = [
  route({
    method: 'GET',
    url: '/combined/players/:id',
    summary: 'Reads a player with their user',
    tags,
    guard: signedIn,
    params: ById,
    responses: { 200: CombinedPlayer },
    errors: ['NOT_FOUND'],
    handler: ({ database, params: { id } }) => found(database, 'player', id, selectPlayer<Type.Static<typeof CombinedPlayer>>(id)),
  }),
  route({
    method: 'GET',
    url: '/combined/characters/:id',
    summary: 'Reads a character with its player and user',
    tags,
    guard: signedIn,
    params: ById,
    responses: { 200: CombinedCharacter },
    errors: ['NOT_FOUND'],
    handler: async ({ database, principal, params: { id } }) => {
      const view = await found(database, 'character', id, selectCharacter<Type.Static<typeof CombinedCharacter>>(id));
      return runsGame(principal, view.gameId) ? view : withoutPlots(view);
    },
  }),
  route({
    method: 'GET',
    url: '/combined/games/:id',
    summary: 'Reads a game with everything in it',
    description: `At most ${COMBINED_ROWS_MAX} rows of each kind; \`totals\` says how many the caller may see.`,
    tags,
    guard: signedIn,
    params: ById,
    responses: { 200: CombinedGame },
    errors: ['NOT_FOUND'],
    handler: async ({ database, principal, params: { id } }) => {
      const view = await found(database, 'game', id, selectGame<Type.Static<typeof CombinedGame>>(id));
      return runsGame(principal, view.id) ? view : withLinked(view);
    },
  }),
  route({
    method: 'GET',
    url: '/combined/plots/:id',
    summary: 'Reads a plot with its characters and groups',
    tags,
    guard: signedIn,
    params: ById,
    responses: { 200: CombinedPlot },
    errors: ['NOT_FOUND'],
    handler: async ({ database, principal, params: { id } }) => {
      const view = await found(database, 'plot', id, selectPlot<Type.Static<typeof CombinedPlot>>(id));
      return runsGame(principal, view.gameId) ? view : withLinked(view);
    },
  }),
  route({
    method: 'GET',
    url: '/combined/gms/:id',
    summary: 'Reads a GM with their user and the games that they run',
    tags,
    guard: signedIn,
    params: ById,
    responses: { 200: CombinedGm },
    errors: ['NOT_FOUND'],
    handler: ({ database, params: { id } }) => found(database, 'GM', id, selectGm<Type.Static<typeof CombinedGm>>(id)),
  }),
];

function listOf<T extends Type.TSchema>(row: T): Type.TArray<T> {
  return Type.Array(row, { maxItems: COMBINED_ROWS_MAX });
}

/** A row as players see it: the keys of plots are for those who may read them all. */
function withoutPlots<T extends { readonly plotIds?: unknown }>(row: T): Omit<T, 'plotIds'> {
  const { plotIds: _, ...rest } = row;
  return rest;
}

/** A view whose characters and groups are as players see them. */
function withLinked<T extends Pick<Type.Static<typeof CombinedGame>, 'characters' | 'characterGroups'>>(view: T): T {
  return { ...view, characters: view.characters.map(withoutPlots), characterGroups: view.characterGroups.map(withoutPlots) };
}

/** The one row of a view; what the caller may not see is not there. */
async function found<T>(database: Database<Repositories>, noun: string, id: string, statement: Combined<T>): Promise<T> {
  const [row] = await database.read(({ sql }) => sql(statement));
  if (row === undefined) throw new KeelsonError('NOT_FOUND', { message: `There is no ${noun} ${id}.` });
  return row.found;
}
