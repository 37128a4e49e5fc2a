/** GMs of games: added and removed by the GMs of the same game. */
import { lockGame, lockGames } from '../game-lock.ts';
import { resource, signedIn } from '../route.ts';
import { inTheirGames } from '../scopes.ts';
import { runsGame } from '../users/service.ts';
import { Gm } from './entity.ts';
import { gms } from './table.ts';

/** The calls of GMs. */
export const gmRoutes = resource('gms', {
  table: gms,
  entity: Gm,
  noun: 'GM',
  guard: signedIn,
  create: ['gameId', 'userId'],
  change: ['userId'],
  scope: inTheirGames,
  may: ({ gameId }, { principal }) => runsGame(principal, gameId),
  // The game tells who its GMs are.
  beforeCreate: (rows, { unit }) =>
    lockGames(
      unit,
      rows.map(({ entity }) => entity.gameId),
    ),
  beforeLock: ({ gameId }, { unit }) => lockGame(unit, gameId),
});
