/** Games: superusers make and remove them, their GMs change them, and who plays in one reads it. */
import { Description, Ids, Json, Name } from '../bodies.ts';
import { resource, signedIn, superuser } from '../route.ts';
import { gamesOf } from '../scopes.ts';
import { runsGame } from '../users/service.ts';
import { Game } from './entity.ts';
import { checkGame, checkNewGame } from './service.ts';
import { games } from './table.ts';

const columns = ['name', 'description', 'startDate', 'endDate', 'additionalDetailsSchema'] as const;

/** The calls of games. */
export const gameRoutes = resource('games', {
  table: games,
  entity: Game,
  noun: 'game',
  guard: signedIn,
  guards: { create: superuser, remove: superuser },
  create: columns,
  change: columns,
  fields: { name: Name, description: Description, additionalDetailsSchema: Json, gmIds: Ids, playerIds: Ids },
  search: ['name', 'description'],
  scope: (principal) => {
    const ids = gamesOf(principal);
    if (ids === undefined) return undefined;
    return ids.length === 0 ? 'nothing' : { id: ids };
  },
  may: (game, { principal, action }) => (action === 'change' ? runsGame(principal, game.id) : principal.isSuperuser),
  onCreate: checkNewGame,
  // What is not said becomes a schema that asks nothing, or stays as it is.
  onChange: (game, { body, unit }) => checkGame(game, unit, { isSchemaNew: body.additionalDetailsSchema !== undefined }),
});
