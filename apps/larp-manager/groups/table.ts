/** Character groups: families, guilds, crews; and which characters are in them. */
import {
  check,
  createdAt,
  index,
  integer,
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
import { followsIds, keepsIds, sameGame } from '../id-arrays.ts';
import { gmDoesAll, playerReads, superuserDoesAll } from '../rights.ts';

export const characterGroups = table(
  'character_groups',
  {
    id: uuid().primaryKey(),
    gameId: references(() => games, { onDelete: 'restrict' }),
    name: varchar(256),
    description: text().nullable(),
    minCharacters: integer().nullable(),
    maxCharacters: integer().nullable(),
    /** The characters and plots that it is linked with; kept by triggers. */
    characterIds: uuid().array().default([]),
    plotIds: uuid().array().default([]),
    version: version(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [
    check(sql`${t.minCharacters} >= 0`),
    check(sql`${t.maxCharacters} >= ${t.minCharacters}`),
    unique(t.gameId, t.id),
    index(t.gameId, t.name, t.id),
    index(t.gameId, t.createdAt, t.id),
    index(t.name, t.id),
    index(t.characterIds, { using: 'gin' }),
    index(t.plotIds, { using: 'gin' }),
    superuserDoesAll,
    gmDoesAll(t.gameId),
    playerReads(t.gameId),
    ...followsIds('character_groups', ['character_ids', 'plot_ids']),
  ],
);

/** Which characters are in which groups. */
export const groupCharacters = table(
  'group_characters',
  {
    gameId: uuid(),
    groupId: references(() => characterGroups, { onDelete: 'restrict', onUpdate: 'cascade' }),
    characterId: references(() => characters, { onDelete: 'restrict', onUpdate: 'cascade' }),
  },
  (t) => [
    primaryKey(t.groupId, t.characterId),
    index(t.characterId),
    superuserDoesAll,
    gmDoesAll(t.gameId),
    playerReads(t.gameId),
    sameGame('group_characters', 'group_id', 'character_groups'),
    sameGame('group_characters', 'character_id', 'characters'),
    ...keepsIds('group_characters', [
      { parent: 'character_groups', array: 'character_ids', key: 'group_id', member: 'character_id' },
      { parent: 'characters', array: 'group_ids', key: 'character_id', member: 'group_id' },
    ]),
  ],
);
