/** Players: users who take part in a game. */
import { check, createdAt, index, jsonb, policy, references, sql, table, unique, updatedAt, uuid, version } from 'keelson/schema';
import { games } from '../games/table.ts';
import { keepsIds } from '../id-arrays.ts';
import { gmDoesAll, isSignIn, onlyGmChangesMore, superuserDoesAll, userId } from '../rights.ts';
import { users } from '../users/table.ts';

export const players = table(
  'players',
  {
    id: uuid().primaryKey(),
    gameId: references(() => games, { onDelete: 'restrict' }),
    userId: references(() => users, { onDelete: 'restrict' }),
    paymentStatus: jsonb<Record<string, unknown>>().default({}),
    /** What the game asks of its players; meets the game's `additionalDetailsSchema`. */
    additionalDetails: jsonb<Record<string, unknown>>().default({}),
    version: version(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [
    check(sql`jsonb_typeof(${t.paymentStatus}) = 'object'`),
    check(sql`jsonb_typeof(${t.additionalDetails}) = 'object'`),
    unique(t.userId, t.gameId),
    unique(t.gameId, t.id),
    index(t.gameId, t.createdAt, t.id),
    superuserDoesAll,
    gmDoesAll(t.gameId),
    policy('self_reads', { for: 'select', using: sql`${t.userId} = ${userId}` }),
    policy('self_changes', { for: 'update', using: sql`${t.userId} = ${userId}` }),
    policy('sign_in_reads', { for: 'select', using: isSignIn }),
    onlyGmChangesMore('players', ['additional_details']),
    ...keepsIds('players', [{ parent: 'games', array: 'player_ids', key: 'game_id', member: 'id' }]),
  ],
);
