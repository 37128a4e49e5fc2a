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
  (t) => [primaryKey(t.groupId, t.characterId), index(t.characterId)],
);
