/** Who may see and write what: the conditions of the policies, which read nothing but the settings of the transaction. */
import { ddl, type DdlObject, type Handle, policy, type Policy, qualified, setting, sql, type Sql } from 'keelson/schema';

/** Who is asking. */
export const userId = setting('app.user_id', 'uuid');

const isSuperuser = sql`${setting('app.is_superuser', 'text')} = 'on'`;

/** The view of the database that signing in works with. */
export const isSignIn = sql`${setting('app.sign_in', 'text')} = 'on'`;

// The cast makes it one value, found once for a statement, and not once for each of its rows.
const gmGames = sql`(select ${setting('app.gm_games', 'uuid[]')})::uuid[]`;
const playerGames = sql`(select ${setting('app.player_games', 'uuid[]')})::uuid[]`;

/** A game that the user is GM of. */
export function isOfGm(game: Handle): Sql {
  return sql`${game} = any(${gmGames})`;
}

/** A game that the user plays in. */
export function isOfPlayer(game: Handle): Sql {
  return sql`${game} = any(${playerGames})`;
}

/** The users who take part in a game that the user is GM of. */
export const usersOfGm = sql`
    select p.user_id from ${qualified('players')} as p where p.game_id = any(${gmGames})
    union all select g.user_id from ${qualified('gms')} as g where g.game_id = any(${gmGames})`;

/** The players that the user is, one in each game. */
export const ownPlayers = sql`select p.id from ${qualified('players')} as p where p.user_id = ${userId}`;

/** The characters that the user plays. */
export const ownCharacters = sql`
    select c.id from ${qualified('characters')} as c
    join ${qualified('players')} as p on p.id = c.player_id where p.user_id = ${userId}`;

/** Superusers see and write every row. */
export const superuserDoesAll: Policy = policy('superuser', { using: isSuperuser });

/** GMs see and write what belongs to their games. */
export function gmDoesAll(game: Handle): Policy {
  return policy('gm', { using: isOfGm(game) });
}

/** Players see what belongs to their games. */
export function playerReads(game: Handle): Policy {
  return policy('player_reads', { for: 'select', using: isOfPlayer(game) });
}

/** Makes the function that holds somebody to the columns that are theirs to change: a policy knows rows, and no columns. */
export const refuseColumnsFunction: DdlObject = ddl(sql`create function ${qualified('refuse_columns')}() returns trigger
  language plpgsql
  set search_path = ''
  as $body$
begin
  if to_jsonb(new) - tg_argv is distinct from to_jsonb(old) - tg_argv then
    raise exception 'of a row of % only % may be changed', tg_table_name, array_to_string(tg_argv, ', ') using errcode = 'KS403';
  end if;
  return new;
end
$body$`);

/** Everybody but superusers and the GMs of the game may change these columns only. */
export function onlyGmChangesMore(table: string, columns: readonly string[]): DdlObject {
  const game = sql`new.game_id = any(nullif(current_setting('app.gm_games', true), '')::uuid[])`;
  return refuseColumns(table, columns, sql`not coalesce(${game}, false)`);
}

/** Nobody but superusers, and those who have no name yet, may change more than these columns. */
export function onlySuperuserChangesMore(table: string, columns: readonly string[]): DdlObject {
  return refuseColumns(table, columns, sql`true`);
}

// Within a trigger it is the database itself that writes: the id arrays, and keys that cascade.
function refuseColumns(table: string, columns: readonly string[], condition: Sql): DdlObject {
  return ddl(sql`create trigger ${sql.identifier(`${table}_refuse_columns`)} before update on ${qualified(table)}
  for each row when (
    pg_trigger_depth() = 0 and ${userId} is not null and (${isSuperuser}) is not true and ${condition}
  )
  execute function ${qualified('refuse_columns')}(${sql.join(['version', 'updated_at', ...columns])})`);
}
