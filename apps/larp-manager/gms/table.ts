/** GMs: users who run a game. */
import { createdAt, index, policy, references, sql, table, unique, updatedAt, uuid, version } from 'keelson/schema';
import { games } from '../games/table.ts';
import { keepsIds } from '../id-arrays.ts';
import { gmDoesAll, isSignIn, playerReads, superuserDoesAll, userId } from '../rights.ts';
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
  (t) => [
    unique(t.userId, t.gameId),
    index(t.gameId, t.id),
    index(t.gameId, t.createdAt, t.id),
    superuserDoesAll,
    gmDoesAll(t.gameId),
    playerReads(t.gameId),
    policy('self_reads', { for: 'select', using: sql`${t.userId} = ${userId}` }),
    policy('sign_in_reads', { for: 'select', using: isSignIn }),
    ...keepsIds('gms', [{ parent: 'games', array: 'gm_ids', key: 'game_id', member: 'id' }]),
  ],
);
