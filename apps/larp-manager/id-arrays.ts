/** Id arrays: what triggers do so that they say at every commit what the links say, whoever writes and however many at once. */
import { ddl, type DdlObject, qualified, sql } from 'keelson/schema';

/** An array of a parent that follows the rows of another table: `array` holds the `member` of each row whose `key` is the parent. */
export interface KeptArray {
  readonly parent: string;
  readonly array: string;
  readonly key: string;
  readonly member: string;
}

/**
 * Makes the function that follows the rows of a table. It locks the parents, always in the order of their keys, before it reads: a second
 * transaction waits there, and then sees what the first one has left. Its texts name the schema of the table that it was called for.
 */
export const keepIdsFunction: DdlObject = ddl(sql`create function ${qualified('keep_ids')}() returns trigger
  language plpgsql
  set search_path = ''
  as $body$
declare
  parent constant text := tg_argv[0];
  ids constant text := tg_argv[1];
  key constant text := tg_argv[2];
  member constant text := tg_argv[3];
  touched uuid[];
begin
  if tg_op = 'INSERT' then
    execute format('select array_agg(distinct %I) from new_rows', key) into touched;
  elsif tg_op = 'DELETE' then
    execute format('select array_agg(distinct %I) from old_rows', key) into touched;
  elsif tg_op = 'UPDATE' then
    execute format(
      'select array_agg(distinct moved.id) from (
         (select o.%1$I as id, o.%2$I as member from old_rows as o except select n.%1$I, n.%2$I from new_rows as n)
         union all
         (select n.%1$I, n.%2$I from new_rows as n except select o.%1$I, o.%2$I from old_rows as o)
       ) as moved', key, member) into touched;
  else
    execute format('select array_agg(p.id) from %I.%I as p where p.%I <> ''{}''', tg_table_schema, parent, ids) into touched;
  end if;
  if touched is null then
    return null;
  end if;
  execute format('select from %I.%I as p where p.id = any($1) order by p.id for no key update', tg_table_schema, parent) using touched;
  execute format(
    'update %1$I.%2$I as p
     set %3$I = found.ids, version = p.version + 1, updated_at = date_trunc(''milliseconds'', clock_timestamp())
     from (
       select t.id, coalesce(array_agg(l.%5$I order by l.%5$I) filter (where l.%5$I is not null), ''{}'') as ids
       from unnest($1) as t (id) left join %1$I.%6$I as l on l.%4$I = t.id
       group by t.id
     ) as found
     where p.id = found.id and p.%3$I is distinct from found.ids',
    tg_table_schema, parent, ids, key, member, tg_table_name) using touched;
  return null;
end
$body$`);

/** Makes the function that refuses to write an array that follows the rows of another table. */
export const refuseIdsFunction: DdlObject = ddl(sql`create function ${qualified('refuse_ids')}() returns trigger
  language plpgsql
  set search_path = ''
  as $body$
begin
  raise exception '% of % follow other rows and are not written themselves', array_to_string(tg_argv, ', '), tg_table_name
    using errcode = '0A000', hint = 'Add or remove the rows that they follow.';
end
$body$`);

const events = [
  { name: 'insert', event: sql`insert`, rows: sql`referencing new table as new_rows` },
  { name: 'update', event: sql`update`, rows: sql`referencing old table as old_rows new table as new_rows` },
  { name: 'delete', event: sql`delete`, rows: sql`referencing old table as old_rows` },
  { name: 'truncate', event: sql`truncate`, rows: sql`` },
];

/** The triggers of a table that arrays of its parents follow. */
export function keepsIds(table: string, arrays: readonly KeptArray[]): readonly DdlObject[] {
  return arrays.flatMap(({ parent, array, key, member }) =>
    events.map(({ name, event, rows }) => {
      const trigger = sql.identifier(`${table}_keep_${parent}_on_${name}`);
      const keep = sql`${qualified('keep_ids')}(${sql.join([parent, array, key, member])})`;
      return ddl(sql`create trigger ${trigger} after ${event} on ${qualified(table)} ${rows} for each statement execute function ${keep}`);
    }),
  );
}

/** The triggers of a table whose arrays follow other rows; within a trigger it is they that write. */
export function followsIds(table: string, arrays: readonly string[]): readonly DdlObject[] {
  const differ = arrays.map((array) => sql`new.${sql.identifier(array)} is distinct from old.${sql.identifier(array)}`);
  const filled = arrays.map((array) => sql`new.${sql.identifier(array)} <> '{}'`);
  const refuse = sql`execute function ${qualified('refuse_ids')}(${sql.join(arrays)})`;
  return [
    ddl(sql`create trigger ${sql.identifier(`${table}_refuse_ids_on_insert`)} before insert on ${qualified(table)}
  for each row when (pg_trigger_depth() = 0 and (${sql.join(filled, ' or ')})) ${refuse}`),
    ddl(sql`create trigger ${sql.identifier(`${table}_refuse_ids_on_update`)} before update on ${qualified(table)}
  for each row when (pg_trigger_depth() = 0 and (${sql.join(differ, ' or ')})) ${refuse}`),
  ];
}

/** A foreign key that holds two rows in one game. */
export function sameGame(table: string, column: string, target: string): DdlObject {
  return ddl(sql`alter table ${qualified(table)} add constraint ${sql.identifier(`${table}_game_id_${column}_fkey`)}
  foreign key (game_id, ${sql.identifier(column)}) references ${qualified(target)} (game_id, id) on update cascade on delete restrict`);
}
