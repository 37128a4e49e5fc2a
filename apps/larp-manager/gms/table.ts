/** GMs: users who run a game. */
import { createdAt, index, references, table, unique, updatedAt, uuid, version } from 'keelson/schema';
import { games } from '../games/table.ts';
import { users } from '../users/table.ts';

export const gms = table(
  'gms',
  {
    id: uuid().primaryKey(),
    userId: references(() => users, { onDelete: 'restrict' }),
    gameId: references(() => games, { onDelete: 'restrict' }),
    version: version(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [unique(t.userId, t.gameId), index(t.gameId, t.id)],
);
