/** Characters: who is played in a game. */
import { createdAt, index, policy, references, sql, table, text, unique, updatedAt, uuid, varchar, version } from 'keelson/schema';
import { games } from '../games/table.ts';
import { followsIds, sameGame } from '../id-arrays.ts';
import { players } from '../players/table.ts';
import { gmDoesAll, onlyGmChangesMore, ownPlayers, playerReads, superuserDoesAll } from '../rights.ts';

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
    index(t.groupIds, { using: 'gin' }),
    index(t.plotIds, { using: 'gin' }),
    superuserDoesAll,
    gmDoesAll(t.gameId),
    playerReads(t.gameId),
    policy('player_changes', { for: 'update', using: sql`${t.playerId} in (${ownPlayers})` }),
    onlyGmChangesMore('characters', ['name', 'description']),
    sameGame('characters', 'player_id', 'players'),
    ...followsIds('characters', ['group_ids', 'plot_ids']),
  ],
);
