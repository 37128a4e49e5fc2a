/** Plots: kept by the GMs of the game, read by those whose characters are in them. */
import { Description, Ids, Links, Name } from '../bodies.ts';
import { queueLinks, queueLinksOf, relink, relinkAll } from '../links.ts';
import { resource, signedIn } from '../route.ts';
import { inTheirGames } from '../scopes.ts';
import { runsGame } from '../users/service.ts';
import { Plot } from './entity.ts';
import { plots } from './table.ts';

const links = { characterIds: Links, characterGroupIds: Links };

/** The calls of plots. */
export const plotRoutes = resource('plots', {
  table: plots,
  entity: Plot,
  noun: 'plot',
  guard: signedIn,
  create: ['gameId', 'name', 'description'],
  change: ['name', 'description'],
  fields: { name: Name, description: Description, characterIds: Ids, characterGroupIds: Ids },
  extra: { create: links, change: links },
  search: ['name', 'description'],
  scope: inTheirGames,
  may: ({ gameId }, { principal }) => runsGame(principal, gameId),
  beforeCreate: (rows, { unit }) => queueLinksOf(unit, rows),
  beforeLock: (plot, { body, unit }) => queueLinks(unit, plot, body),
  afterCreate: (rows, { unit }) => relinkAll(unit, rows),
  afterChange: (plot, { body, unit }) => relink(unit, plot, body),
});
