/** Games: each with its players, game masters and what they play. */
import { check, createdAt, date, index, jsonb, policy, sql, table, text, updatedAt, uuid, varchar, version } from 'keelson/schema';
import { followsIds, keepIdsFunction, refuseIdsFunction } from '../id-arrays.ts';
import { isOfGm, playerReads, superuserDoesAll } from '../rights.ts';

export const games = table(
  'games',
  {
    id: uuid().primaryKey(),
    name: varchar(256),
    description: text().nullable(),
    startDate: date().nullable(),
    endDate: date().nullable(),
    /** The JSON Schema that the details of its players meet. */
    additionalDetailsSchema: jsonb<Record<string, unknown>>().default({}),
    /** The rows of its GMs and players; kept by triggers. */
    gmIds: uuid().array().default([]),
    playerIds: uuid().array().default([]),
    version: version(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [
    check(sql`${t.endDate} >= ${t.startDate}`),
    check(sql`jsonb_typeof(${t.additionalDetailsSchema}) = 'object'`),
    index(t.name, t.id),
    index(t.startDate, t.id),
    index(t.createdAt, t.id),
    superuserDoesAll,
    policy('gm_reads', { for: 'select', using: isOfGm(t.id) }),
    policy('gm_changes', { for: 'update', using: isOfGm(t.id) }),
    playerReads(t.id),
    keepIdsFunction,
    refuseIdsFunction,
    ...followsIds('games', ['gm_ids', 'player_ids']),
  ],
);
