/** Plots: what happens in a game, and to whom. */
import { createdAt, index, primaryKey, references, table, text, unique, updatedAt, uuid, varchar, version } from 'keelson/schema';
import { characters } from '../characters/table.ts';
import { games } from '../games/table.ts';
import { characterGroups } from '../groups/table.ts';

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
  (t) => [unique(t.gameId, t.id), index(t.gameId, t.name, t.id), index(t.gameId, t.createdAt, t.id), index(t.name, t.id)],
);

/** Which groups a plot is about. */
export const plotGroups = table(
  'plot_groups',
  {
    gameId: uuid(),
    plotId: references(() => plots, { onDelete: 'restrict', onUpdate: 'cascade' }),
    groupId: references(() => characterGroups, { onDelete: 'restrict', onUpdate: 'cascade' }),
  },
  (t) => [primaryKey(t.plotId, t.groupId), index(t.groupId)],
);

/** Which characters a plot is about. */
export const plotCharacters = table(
  'plot_characters',
  {
    gameId: uuid(),
    plotId: references(() => plots, { onDelete: 'restrict', onUpdate: 'cascade' }),
    characterId: references(() => characters, { onDelete: 'restrict', onUpdate: 'cascade' }),
  },
  (t) => [primaryKey(t.plotId, t.characterId), index(t.characterId)],
);
