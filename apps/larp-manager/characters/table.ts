/** Characters: who is played in a game. */
import { createdAt, index, references, table, text, unique, updatedAt, uuid, varchar, version } from 'keelson/schema';
import { games } from '../games/table.ts';
import { players } from '../players/table.ts';

export const characters = table(
  'characters',
  {
    id: uuid().primaryKey(),
    gameId: references(() => games, { onDelete: 'restrict' }),
    /** Who plays it; nobody yet, when null. */
    playerId: references(() => players, { onDelete: 'restrict' }).nullable(),
    name: varchar(256),
    description: text().nullable(),
    /** The groups and plots that it is linked with; kept by triggers. */
    groupIds: uuid().array().default([]),
    plotIds: uuid().array().default([]),
    version: version(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [
    unique(t.gameId, t.id),
    index(t.gameId, t.name, t.id),
    index(t.gameId, t.createdAt, t.id),
    index(t.playerId, t.id),
    index(t.name, t.id),
  ],
);
