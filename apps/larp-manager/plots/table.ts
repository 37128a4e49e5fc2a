/** Plots: what happens in a game, and to whom. */
import {
  createdAt,
  index,
  policy,
  primaryKey,
  references,
  sql,
  table,
  text,
  unique,
  updatedAt,
  uuid,
  varchar,
  version,
} from 'keelson/schema';
import { characters } from '../characters/table.ts';
import { games } from '../games/table.ts';
import { characterGroups } from '../groups/table.ts';
import { followsIds, keepsIds, sameGame } from '../id-arrays.ts';
import { gmDoesAll, isOfPlayer, ownCharacters, superuserDoesAll } from '../rights.ts';

export const plots = table(
  'plots',
  {
    id: uuid().primaryKey(),
    gameId: references(() => games, { onDelete: 'restrict' }),
    name: varchar(256),
    description: text().nullable(),
    /** The characters and groups that it is linked with; kept by triggers. */
    characterIds: uuid().array().default([]),
    characterGroupIds: uuid().array().default([]),
    version: version(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [
    unique(t.gameId, t.id),
    index(t.gameId, t.name, t.id),
    index(t.gameId, t.createdAt, t.id),
    index(t.name, t.id),
    index(t.characterIds, { using: 'gin' }),
    index(t.characterGroupIds, { using: 'gin' }),
    superuserDoesAll,
    gmDoesAll(t.gameId),
    policy('player_reads', {
      for: 'select',
      using: sql`${isOfPlayer(t.gameId)} and ${t.characterIds} && array(${ownCharacters})`,
    }),
    ...followsIds('plots', ['character_ids', 'character_group_ids']),
  ],
);

/** The plots that somebody sees: the policies of `plots` hold inside of this, too. */
const seenPlots = sql`select p.id from ${plots} as p`;

/** Which groups a plot is about. */
export const plotGroups = table(
  'plot_groups',
  {
    gameId: uuid(),
    plotId: references(() => plots, { onDelete: 'restrict', onUpdate: 'cascade' }),
    groupId: references(() => characterGroups, { onDelete: 'restrict', onUpdate: 'cascade' }),
  },
  (t) => [
    primaryKey(t.plotId, t.groupId),
    index(t.groupId),
    superuserDoesAll,
    gmDoesAll(t.gameId),
    policy('player_reads', { for: 'select', using: sql`${t.plotId} in (${seenPlots})` }),
    sameGame('plot_groups', 'plot_id', 'plots'),
    sameGame('plot_groups', 'group_id', 'character_groups'),
    ...keepsIds('plot_groups', [
      { parent: 'character_groups', array: 'plot_ids', key: 'group_id', member: 'plot_id' },
      { parent: 'plots', array: 'character_group_ids', key: 'plot_id', member: 'group_id' },
    ]),
  ],
);

/** Which characters a plot is about. */
export const plotCharacters = table(
  'plot_characters',
  {
    gameId: uuid(),
    plotId: references(() => plots, { onDelete: 'restrict', onUpdate: 'cascade' }),
    characterId: references(() => characters, { onDelete: 'restrict', onUpdate: 'cascade' }),
  },
  (t) => [
    primaryKey(t.plotId, t.characterId),
    index(t.characterId),
    superuserDoesAll,
    gmDoesAll(t.gameId),
    policy('player_reads', { for: 'select', using: sql`${t.plotId} in (${seenPlots})` }),
    sameGame('plot_characters', 'plot_id', 'plots'),
    sameGame('plot_characters', 'character_id', 'characters'),
    ...keepsIds('plot_characters', [
      { parent: 'characters', array: 'plot_ids', key: 'character_id', member: 'plot_id' },
      { parent: 'plots', array: 'character_ids', key: 'plot_id', member: 'character_id' },
    ]),
  ],
);
