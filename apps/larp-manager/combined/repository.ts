/** What is shown together: one row and what belongs to it, each in one statement, as the caller may see it. */
import { type AnyTable, sql, type Sql, tableInfo } from 'keelson/schema';
import { characters } from '../characters/table.ts';
import { games } from '../games/table.ts';
import { gms } from '../gms/table.ts';
import { characterGroups } from '../groups/table.ts';
import { players } from '../players/table.ts';
import { plots } from '../plots/table.ts';
import { users } from '../users/table.ts';

/** How many rows of a kind are shown within another; `totals` says how many there are. */
export const COMBINED_ROWS_MAX = 1_000;

/** The columns that are shown of each table; never a hash. */
export const shown = {
  users: ['id', 'email', 'name', 'phone'],
  games: [
    'id',
    'name',
    'description',
    'startDate',
    'endDate',
    'additionalDetailsSchema',
    'gmIds',
    'playerIds',
    'version',
    'createdAt',
    'updatedAt',
  ],
  gms: ['id', 'userId', 'gameId', 'version', 'createdAt', 'updatedAt'],
  players: ['id', 'gameId', 'userId', 'paymentStatus', 'additionalDetails', 'version', 'createdAt', 'updatedAt'],
  characters: ['id', 'gameId', 'playerId', 'name', 'description', 'groupIds', 'plotIds', 'version', 'createdAt', 'updatedAt'],
  characterGroups: [
    'id',
    'gameId',
    'name',
    'description',
    'minCharacters',
    'maxCharacters',
    'characterIds',
    'plotIds',
    'version',
    'createdAt',
    'updatedAt',
  ],
  plots: ['id', 'gameId', 'name', 'description', 'characterIds', 'characterGroupIds', 'version', 'createdAt', 'updatedAt'],
} as const;

/** A statement of one row at most, whose `found` is the whole answer. */
export type Combined<T> = Sql<{ readonly found: T }>;

const userColumns = columns(users, 'u', shown.users);
const gameColumns = columns(games, 'g', shown.games);
const gmColumns = columns(gms, 'm', shown.gms);
const playerColumns = columns(players, 'p', shown.players);
const characterColumns = columns(characters, 'c', shown.characters);
const groupColumns = columns(characterGroups, 'r', shown.characterGroups);
const plotColumns = columns(plots, 't', shown.plots);

const userOfPlayer = one(sql`select ${userColumns} from ${users} as u where u.id = p.user_id`);
const userOfGm = one(sql`select ${userColumns} from ${users} as u where u.id = m.user_id`);

/** A player with their user. */
export function selectPlayer<T>(id: string): Combined<T> {
  return whole(sql`
    select ${playerColumns}, ${userOfPlayer} as "user"
    from ${players} as p
    where p.id = ${id}
  `);
}

/** A character with the player and the user who play it. */
export function selectCharacter<T>(id: string): Combined<T> {
  const player = sql`select ${playerColumns}, ${userOfPlayer} as "user" from ${players} as p where p.id = c.player_id`;
  return whole(sql`
    select ${characterColumns}, ${one(player)} as "player"
    from ${characters} as c
    where c.id = ${id}
  `);
}

/** A game with everything in it. */
export function selectGame<T>(id: string): Combined<T> {
  const gmsOfGame = sql`select ${gmColumns}, ${userOfGm} as "user" from ${gms} as m where m.game_id = g.id order by m.id`;
  const playersOfGame = sql`select ${playerColumns}, ${userOfPlayer} as "user" from ${players} as p where p.game_id = g.id order by p.id`;
  return whole(sql`
    select ${gameColumns},
      ${many(gmsOfGame)} as "gms",
      ${many(playersOfGame)} as "players",
      ${many(sql`select ${characterColumns} from ${characters} as c where c.game_id = g.id order by c.name, c.id`)} as "characters",
      ${many(sql`select ${groupColumns} from ${characterGroups} as r where r.game_id = g.id order by r.name, r.id`)} as "characterGroups",
      ${many(sql`select ${plotColumns} from ${plots} as t where t.game_id = g.id order by t.name, t.id`)} as "plots",
      json_build_object(
        'gms', (select count(*) from ${gms} as x where x.game_id = g.id),
        'players', (select count(*) from ${players} as x where x.game_id = g.id),
        'characters', (select count(*) from ${characters} as x where x.game_id = g.id),
        'characterGroups', (select count(*) from ${characterGroups} as x where x.game_id = g.id),
        'plots', (select count(*) from ${plots} as x where x.game_id = g.id)
      ) as "totals"
    from ${games} as g
    where g.id = ${id}
  `);
}

/** A plot with its characters and groups. */
export function selectPlot<T>(id: string): Combined<T> {
  return whole(sql`
    select ${plotColumns},
      ${many(sql`select ${characterColumns} from ${characters} as c where c.id = any(t.character_ids) order by c.name, c.id`)} as "characters",
      ${many(sql`select ${groupColumns} from ${characterGroups} as r where r.id = any(t.character_group_ids) order by r.name, r.id`)}
        as "characterGroups"
    from ${plots} as t
    where t.id = ${id}
  `);
}

/** A GM with their user, and all the games that this user runs. */
export function selectGm<T>(id: string): Combined<T> {
  const gamesOfGm = sql`
    select ${gameColumns}
    from ${gms} as x
    join ${games} as g on g.id = x.game_id
    where x.user_id = m.user_id
    order by g.name, g.id
  `;
  return whole(sql`
    select ${gmColumns}, ${userOfGm} as "user", ${many(gamesOfGm)} as "games"
    from ${gms} as m
    where m.id = ${id}
  `);
}

/** The columns of a table by their names in the code; moments as everywhere else, RFC 3339 with three digits or as many as there are. */
function columns(table: AnyTable, alias: string, keys: readonly string[]): Sql {
  const { byKey } = tableInfo(table);
  const pieces = keys.map((key) => {
    const column = byKey.get(key);
    const value = sql`${sql.identifier(alias)}.${sql.identifier(column?.name ?? key)}`;
    return sql`${column?.kind === 'time' ? momentOf(value) : value} as ${sql.identifier(key)}`;
  });
  return sql.join(pieces);
}

function momentOf(value: Sql): Sql {
  return sql`regexp_replace(to_char(${value} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '0{1,3}Z$', 'Z')`;
}

/** One row as an object; null where there is none. */
function one(select: Sql): Sql {
  return sql`(select row_to_json(o) from (${select}) as o)`;
}

/** Rows as a list, in the order of the query. */
function many(select: Sql): Sql {
  return sql`coalesce((select json_agg(row_to_json(o)) from (${select} limit ${COMBINED_ROWS_MAX}) as o), '[]'::json)`;
}

function whole<T>(select: Sql): Combined<T> {
  return sql<{ readonly found: T }>`select row_to_json(o) as found from (${select}) as o`;
}
