/** Character groups: kept by the GMs of the game. */
import { KeelsonError } from 'keelson/errors';
import { Description, Ids, Links, Name } from '../bodies.ts';
import { queueLinks, queueLinksOf, relink, relinkAll } from '../links.ts';
import { resource, signedIn } from '../route.ts';
import { inGamesTheyRun, inTheirGames } from '../scopes.ts';
import { runsGame } from '../users/service.ts';
import { CharacterGroup } from './entity.ts';
import { characterGroups } from './table.ts';

const links = { characterIds: Links, plotIds: Links };
const columns = ['name', 'description', 'minCharacters', 'maxCharacters'] as const;

/** The calls of character groups. */
export const groupRoutes = resource('characterGroups', {
  table: characterGroups,
  entity: CharacterGroup,
  noun: 'character group',
  guard: signedIn,
  create: ['gameId', ...columns],
  change: columns,
  fields: { name: Name, description: Description, characterIds: Ids, plotIds: Ids },
  extra: { create: links, change: links },
  search: ['name', 'description'],
  scope: inTheirGames,
  // Players read no plots but their own, so they are told no keys of them.
  showWithin: { plotIds: inGamesTheyRun },
  may: ({ gameId }, { principal }) => runsGame(principal, gameId),
  onCreate: checkSizes,
  onChange: checkSizes,
  beforeCreate: (rows, { unit }) => queueLinksOf(unit, rows),
  beforeLock: (group, { body, unit }) => queueLinks(unit, group, body),
  afterCreate: (rows, { unit }) => relinkAll(unit, rows),
  afterChange: (group, { body, unit }) => relink(unit, group, body),
});

function checkSizes({ minCharacters, maxCharacters }: CharacterGroup): void {
  const problems = [];
  if (minCharacters !== null && minCharacters < 0) problems.push({ field: 'body.min_characters', message: 'must be 0 or more' });
  if (minCharacters !== null && maxCharacters !== null && maxCharacters < minCharacters)
    problems.push({ field: 'body.max_characters', message: 'must not be below min_characters' });
  if (problems.length > 0) throw new KeelsonError('VALIDATION_ERROR', { validationErrors: problems });
}
