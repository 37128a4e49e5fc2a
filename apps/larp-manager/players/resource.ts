/** Players of games: kept by the GMs of the game; each says of themselves what the game asks. */
import { KeelsonError } from 'keelson/errors';
import { Json } from '../bodies.ts';
import { lockGame } from '../game-lock.ts';
import { resource, signedIn } from '../route.ts';
import { inTheirGames } from '../scopes.ts';
import { runsGame } from '../users/service.ts';
import { Player } from './entity.ts';
import { checkPlayer } from './service.ts';
import { players } from './table.ts';

/** The calls of players. */
export const playerRoutes = resource('players', {
  table: players,
  entity: Player,
  noun: 'player',
  guard: signedIn,
  create: ['gameId', 'userId', 'paymentStatus', 'additionalDetails'],
  change: ['paymentStatus', 'additionalDetails'],
  fields: { paymentStatus: Json, additionalDetails: Json },
  scope: inTheirGames,
  may: ({ gameId, userId }, { principal, action }) => runsGame(principal, gameId) || (action === 'change' && userId === principal.id),
  beforeLock: ({ gameId }, { body, unit }) => (body === undefined ? lockGame(unit, gameId) : undefined),
  onCreate: (player, { unit }) => checkPlayer(player, unit, { isNew: true }),
  onChange: async (player, { body, unit, principal }) => {
    if (body.paymentStatus !== undefined && !runsGame(principal, player.gameId))
      throw new KeelsonError('FORBIDDEN', { message: 'Only GMs of the game change the payment status.' });
    await checkPlayer(player, unit, { isNew: false });
  },
});
