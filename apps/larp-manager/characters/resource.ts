/** Characters: kept by the GMs of the game; who plays one gives it its name and tells its story. */
import { KeelsonError } from 'keelson/errors';
import { Description, Ids, Links, Name } from '../bodies.ts';
import { queueLinks, queueLinksOf, relink, relinkAll } from '../links.ts';
import { resource, signedIn } from '../route.ts';
import { inGamesTheyRun, inTheirGames } from '../scopes.ts';
import { takesPart, runsGame } from '../users/service.ts';
import { Character } from './entity.ts';
import { characters } from './table.ts';

const links = { groupIds: Links, plotIds: Links };
const forGms = ['playerId', 'groupIds', 'plotIds'] as const;

/** The calls of characters. */
export const characterRoutes = resource('characters', {
  table: characters,
  entity: Character,
  noun: 'character',
  guard: signedIn,
  create: ['gameId', 'playerId', 'name', 'description'],
  change: ['playerId', 'name', 'description'],
  fields: { name: Name, description: Description, groupIds: Ids, plotIds: Ids },
  extra: { create: links, change: links },
  search: ['name', 'description'],
  scope: inTheirGames,
  // Players read no plots but their own, so they are told no keys of them.
  showWithin: { plotIds: inGamesTheyRun },
  may: ({ gameId }, { principal, action }) => (action === 'change' ? takesPart(principal, gameId) : runsGame(principal, gameId)),
  onChange: async ({ gameId, playerId }, { body, unit, principal }) => {
    if (runsGame(principal, gameId)) return;
    const player = playerId === null ? null : await unit.players.find({ id: playerId, userId: principal.id });
    if (player === null) throw new KeelsonError('FORBIDDEN', { message: 'Only GMs of the game, and who plays it, change a character.' });
    if (forGms.some((key) => body[key] !== undefined))
      throw new KeelsonError('FORBIDDEN', { message: 'Only GMs of the game say who plays a character, and what it is linked with.' });
  },
  beforeCreate: (rows, { unit }) => queueLinksOf(unit, rows),
  beforeLock: (character, { body, unit }) => queueLinks(unit, character, body),
  afterCreate: (rows, { unit }) => relinkAll(unit, rows),
  afterChange: (character, { body, unit }) => relink(unit, character, body),
});
