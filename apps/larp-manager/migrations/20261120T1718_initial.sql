-- initial

-- up
do $keelson$
begin
  if to_regprocedure('pg_catalog.uuidv7()') is null then
    create function "larp_manager".uuidv7() returns uuid
      language sql volatile parallel safe
      as $body$
        select encode(
          set_byte(
            set_byte(
              overlay(
                uuid_send(gen_random_uuid())
                placing substring(int8send((extract(epoch from t) * 1000)::numeric(20, 3)::bigint) from 3)
                from 1 for 6
              ),
              6, 112 | (fraction >> 8)
            ),
            7, fraction & 255
          ), 'hex')::uuid
        from (select clock_timestamp() as t) as clock,
          lateral (select ((extract(microseconds from t)::bigint % 1000) * 4096 / 1000)::int as fraction) as part
      $body$;
  end if;
end
$keelson$;

create function larp_manager.touch_updated_at() returns trigger
  language plpgsql
  as $body$
begin
  -- The unit of work sets the column itself; this serves every other writer.
  if new.updated_at is not distinct from old.updated_at then
    new.updated_at := now();
  end if;
  return new;
end
$body$;

create table larp_manager.users (
  id uuid not null default uuidv7() constraint users_pkey primary key,
  email varchar(254) not null,
  password_hash text not null,
  name varchar(255),
  phone varchar(32),
  is_active boolean not null default true,
  is_superuser boolean not null default false,
  version integer not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table larp_manager.games (
  id uuid not null default uuidv7() constraint games_pkey primary key,
  name varchar(256) not null,
  description text,
  start_date date,
  end_date date,
  additional_details_schema jsonb not null default '{}',
  gm_ids uuid[] not null default '{}',
  player_ids uuid[] not null default '{}',
  version integer not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint games_end_date_start_date_check check (end_date >= start_date),
  constraint games_additional_details_schema_check check (jsonb_typeof(additional_details_schema) = 'object')
);

create table larp_manager.gms (
  id uuid not null default uuidv7() constraint gms_pkey primary key,
  user_id uuid not null,
  game_id uuid not null,
  version integer not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint gms_user_id_game_id_key unique (user_id, game_id)
);

create table larp_manager.players (
  id uuid not null default uuidv7() constraint players_pkey primary key,
  game_id uuid not null,
  user_id uuid not null,
  payment_status jsonb not null default '{}',
  additional_details jsonb not null default '{}',
  version integer not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint players_payment_status_check check (jsonb_typeof(payment_status) = 'object'),
  constraint players_additional_details_check check (jsonb_typeof(additional_details) = 'object'),
  constraint players_user_id_game_id_key unique (user_id, game_id),
  constraint players_game_id_id_key unique (game_id, id)
);

create table larp_manager.characters (
  id uuid not null default uuidv7() constraint characters_pkey primary key,
  game_id uuid not null,
  player_id uuid,
  name varchar(256) not null,
  description text,
  group_ids uuid[] not null default '{}',
  plot_ids uuid[] not null default '{}',
  version integer not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint characters_game_id_id_key unique (game_id, id)
);

create table larp_manager.character_groups (
  id uuid not null default uuidv7() constraint character_groups_pkey primary key,
  game_id uuid not null,
  name varchar(256) not null,
  description text,
  min_characters integer,
  max_characters integer,
  character_ids uuid[] not null default '{}',
  plot_ids uuid[] not null default '{}',
  version integer not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint character_groups_min_characters_check check (min_characters >= 0),
  constraint character_groups_max_characters_min_characters_check check (max_characters >= min_characters),
  constraint character_groups_game_id_id_key unique (game_id, id)
);

create table larp_manager.group_characters (
  game_id uuid not null,
  group_id uuid not null,
  character_id uuid not null,
  constraint group_characters_pkey primary key (group_id, character_id)
);

create table larp_manager.plots (
  id uuid not null default uuidv7() constraint plots_pkey primary key,
  game_id uuid not null,
  name varchar(256) not null,
  description text,
  character_ids uuid[] not null default '{}',
  character_group_ids uuid[] not null default '{}',
  version integer not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint plots_game_id_id_key unique (game_id, id)
);

create table larp_manager.plot_groups (
  game_id uuid not null,
  plot_id uuid not null,
  group_id uuid not null,
  constraint plot_groups_pkey primary key (plot_id, group_id)
);

create table larp_manager.plot_characters (
  game_id uuid not null,
  plot_id uuid not null,
  character_id uuid not null,
  constraint plot_characters_pkey primary key (plot_id, character_id)
);

create table larp_manager.sessions (
  id uuid not null default uuidv7() constraint sessions_pkey primary key,
  user_id uuid not null,
  counter integer not null default 1,
  created_at timestamptz not null default now(),
  refreshed_at timestamptz not null,
  idle_expires_at timestamptz not null,
  absolute_expires_at timestamptz not null,
  ended_at timestamptz,
  end_reason text,
  constraint sessions_ended_at_end_reason_check check ((ended_at is null) = (end_reason is null))
);

create table larp_manager.auth_throttle (
  key text not null constraint auth_throttle_pkey primary key,
  failures integer not null,
  blocked_until timestamptz not null,
  expires_at timestamptz not null,
  counted_id uuid not null
);

create table larp_manager.audit_log (
  id uuid not null default uuidv7() constraint audit_log_pkey primary key,
  occurred_at timestamptz not null,
  action text not null,
  user_id uuid,
  actor_id uuid,
  session_id uuid,
  address text
);

create unique index users_email_key on larp_manager.users ((lower(normalize(email, nfkc))));
create index users_email_id_idx on larp_manager.users (email, id);
create index users_name_id_idx on larp_manager.users (name, id);
create index users_phone_id_idx on larp_manager.users (phone, id);
create index users_created_at_id_idx on larp_manager.users (created_at, id);
create index games_name_id_idx on larp_manager.games (name, id);
create index games_start_date_id_idx on larp_manager.games (start_date, id);
create index games_created_at_id_idx on larp_manager.games (created_at, id);
create index gms_game_id_id_idx on larp_manager.gms (game_id, id);
create index gms_game_id_created_at_id_idx on larp_manager.gms (game_id, created_at, id);
create index players_game_id_created_at_id_idx on larp_manager.players (game_id, created_at, id);
create index characters_game_id_name_id_idx on larp_manager.characters (game_id, name, id);
create index characters_game_id_created_at_id_idx on larp_manager.characters (game_id, created_at, id);
create index characters_player_id_id_idx on larp_manager.characters (player_id, id);
create index characters_name_id_idx on larp_manager.characters (name, id);
create index characters_group_ids_idx on larp_manager.characters using gin (group_ids);
create index characters_plot_ids_idx on larp_manager.characters using gin (plot_ids);
create index character_groups_game_id_name_id_idx on larp_manager.character_groups (game_id, name, id);
create index character_groups_game_id_created_at_id_idx on larp_manager.character_groups (game_id, created_at, id);
create index character_groups_name_id_idx on larp_manager.character_groups (name, id);

create index character_groups_character_ids_idx on larp_manager.character_groups
  using gin (character_ids);

create index character_groups_plot_ids_idx on larp_manager.character_groups using gin (plot_ids);
create index group_characters_character_id_idx on larp_manager.group_characters (character_id);
create index plots_game_id_name_id_idx on larp_manager.plots (game_id, name, id);
create index plots_game_id_created_at_id_idx on larp_manager.plots (game_id, created_at, id);
create index plots_name_id_idx on larp_manager.plots (name, id);
create index plots_character_ids_idx on larp_manager.plots using gin (character_ids);
create index plots_character_group_ids_idx on larp_manager.plots using gin (character_group_ids);
create index plot_groups_group_id_idx on larp_manager.plot_groups (group_id);
create index plot_characters_character_id_idx on larp_manager.plot_characters (character_id);
create index sessions_user_id_idx on larp_manager.sessions (user_id);
create index auth_throttle_expires_at_idx on larp_manager.auth_throttle (expires_at);
create index audit_log_user_id_occurred_at_idx on larp_manager.audit_log (user_id, occurred_at);
create index audit_log_occurred_at_idx on larp_manager.audit_log (occurred_at);

alter table larp_manager.gms add constraint gms_user_id_fkey
  foreign key (user_id) references larp_manager.users (id) on delete restrict;

alter table larp_manager.gms add constraint gms_game_id_fkey
  foreign key (game_id) references larp_manager.games (id) on delete restrict;

alter table larp_manager.players add constraint players_game_id_fkey
  foreign key (game_id) references larp_manager.games (id) on delete restrict;

alter table larp_manager.players add constraint players_user_id_fkey
  foreign key (user_id) references larp_manager.users (id) on delete restrict;

alter table larp_manager.characters add constraint characters_game_id_fkey
  foreign key (game_id) references larp_manager.games (id) on delete restrict;

alter table larp_manager.characters add constraint characters_player_id_fkey
  foreign key (player_id) references larp_manager.players (id) on delete restrict;

alter table larp_manager.character_groups add constraint character_groups_game_id_fkey
  foreign key (game_id) references larp_manager.games (id) on delete restrict;

alter table larp_manager.group_characters add constraint group_characters_group_id_fkey
  foreign key (group_id) references larp_manager.character_groups (id) on delete restrict on update cascade;

alter table larp_manager.group_characters add constraint group_characters_character_id_fkey
  foreign key (character_id) references larp_manager.characters (id) on delete restrict on update cascade;

alter table larp_manager.plots add constraint plots_game_id_fkey
  foreign key (game_id) references larp_manager.games (id) on delete restrict;

alter table larp_manager.plot_groups add constraint plot_groups_plot_id_fkey
  foreign key (plot_id) references larp_manager.plots (id) on delete restrict on update cascade;

alter table larp_manager.plot_groups add constraint plot_groups_group_id_fkey
  foreign key (group_id) references larp_manager.character_groups (id) on delete restrict on update cascade;

alter table larp_manager.plot_characters add constraint plot_characters_plot_id_fkey
  foreign key (plot_id) references larp_manager.plots (id) on delete restrict on update cascade;

alter table larp_manager.plot_characters add constraint plot_characters_character_id_fkey
  foreign key (character_id) references larp_manager.characters (id) on delete restrict on update cascade;

alter table larp_manager.sessions add constraint sessions_user_id_fkey
  foreign key (user_id) references larp_manager.users (id) on delete cascade;

create trigger users_touch_updated_at before update on larp_manager.users
  for each row execute function larp_manager.touch_updated_at();

create trigger games_touch_updated_at before update on larp_manager.games
  for each row execute function larp_manager.touch_updated_at();

create trigger gms_touch_updated_at before update on larp_manager.gms
  for each row execute function larp_manager.touch_updated_at();

create trigger players_touch_updated_at before update on larp_manager.players
  for each row execute function larp_manager.touch_updated_at();

create trigger characters_touch_updated_at before update on larp_manager.characters
  for each row execute function larp_manager.touch_updated_at();

create trigger character_groups_touch_updated_at before update on larp_manager.character_groups
  for each row execute function larp_manager.touch_updated_at();

create trigger plots_touch_updated_at before update on larp_manager.plots
  for each row execute function larp_manager.touch_updated_at();

alter table larp_manager.users enable row level security;
alter table larp_manager.users force row level security;

create policy users_superuser_policy on larp_manager.users
  as permissive for all to public
  using (nullif(current_setting('app.is_superuser', true), '') = 'on');

create policy users_sign_in_reads_policy on larp_manager.users
  as permissive for select to public
  using (nullif(current_setting('app.sign_in', true), '') = 'on');

create policy users_sign_in_adds_policy on larp_manager.users
  as permissive for insert to public
  with check (nullif(current_setting('app.sign_in', true), '') = 'on');

create policy users_sign_in_changes_policy on larp_manager.users
  as permissive for update to public
  using (nullif(current_setting('app.sign_in', true), '') = 'on');

create policy users_self_reads_policy on larp_manager.users
  as permissive for select to public
  using (id = nullif(current_setting('app.user_id', true), '')::uuid);

create policy users_self_changes_policy on larp_manager.users
  as permissive for update to public
  using (id = nullif(current_setting('app.user_id', true), '')::uuid);

create policy users_gm_reads_policy on larp_manager.users
  as permissive for select to public
  using (id in (
    select p.user_id from larp_manager.players as p where p.game_id = any((select nullif(current_setting('app.gm_games', true), '')::uuid[])::uuid[])
    union all select g.user_id from larp_manager.gms as g where g.game_id = any((select nullif(current_setting('app.gm_games', true), '')::uuid[])::uuid[])));

alter table larp_manager.games enable row level security;
alter table larp_manager.games force row level security;

create policy games_superuser_policy on larp_manager.games
  as permissive for all to public
  using (nullif(current_setting('app.is_superuser', true), '') = 'on');

create policy games_gm_reads_policy on larp_manager.games
  as permissive for select to public
  using (id = any((select nullif(current_setting('app.gm_games', true), '')::uuid[])::uuid[]));

create policy games_gm_changes_policy on larp_manager.games
  as permissive for update to public
  using (id = any((select nullif(current_setting('app.gm_games', true), '')::uuid[])::uuid[]));

create policy games_player_reads_policy on larp_manager.games
  as permissive for select to public
  using (id = any((select nullif(current_setting('app.player_games', true), '')::uuid[])::uuid[]));

alter table larp_manager.gms enable row level security;
alter table larp_manager.gms force row level security;

create policy gms_superuser_policy on larp_manager.gms
  as permissive for all to public
  using (nullif(current_setting('app.is_superuser', true), '') = 'on');

create policy gms_gm_policy on larp_manager.gms
  as permissive for all to public
  using (game_id = any((select nullif(current_setting('app.gm_games', true), '')::uuid[])::uuid[]));

create policy gms_player_reads_policy on larp_manager.gms
  as permissive for select to public
  using (game_id = any((select nullif(current_setting('app.player_games', true), '')::uuid[])::uuid[]));

create policy gms_self_reads_policy on larp_manager.gms
  as permissive for select to public
  using (user_id = nullif(current_setting('app.user_id', true), '')::uuid);

create policy gms_sign_in_reads_policy on larp_manager.gms
  as permissive for select to public
  using (nullif(current_setting('app.sign_in', true), '') = 'on');

alter table larp_manager.players enable row level security;
alter table larp_manager.players force row level security;

create policy players_superuser_policy on larp_manager.players
  as permissive for all to public
  using (nullif(current_setting('app.is_superuser', true), '') = 'on');

create policy players_gm_policy on larp_manager.players
  as permissive for all to public
  using (game_id = any((select nullif(current_setting('app.gm_games', true), '')::uuid[])::uuid[]));

create policy players_self_reads_policy on larp_manager.players
  as permissive for select to public
  using (user_id = nullif(current_setting('app.user_id', true), '')::uuid);

create policy players_self_changes_policy on larp_manager.players
  as permissive for update to public
  using (user_id = nullif(current_setting('app.user_id', true), '')::uuid);

create policy players_sign_in_reads_policy on larp_manager.players
  as permissive for select to public
  using (nullif(current_setting('app.sign_in', true), '') = 'on');

alter table larp_manager.characters enable row level security;
alter table larp_manager.characters force row level security;

create policy characters_superuser_policy on larp_manager.characters
  as permissive for all to public
  using (nullif(current_setting('app.is_superuser', true), '') = 'on');

create policy characters_gm_policy on larp_manager.characters
  as permissive for all to public
  using (game_id = any((select nullif(current_setting('app.gm_games', true), '')::uuid[])::uuid[]));

create policy characters_player_reads_policy on larp_manager.characters
  as permissive for select to public
  using (game_id = any((select nullif(current_setting('app.player_games', true), '')::uuid[])::uuid[]));

create policy characters_player_changes_policy on larp_manager.characters
  as permissive for update to public
  using (player_id in (select p.id from larp_manager.players as p where p.user_id = nullif(current_setting('app.user_id', true), '')::uuid));

alter table larp_manager.character_groups enable row level security;
alter table larp_manager.character_groups force row level security;

create policy character_groups_superuser_policy on larp_manager.character_groups
  as permissive for all to public
  using (nullif(current_setting('app.is_superuser', true), '') = 'on');

create policy character_groups_gm_policy on larp_manager.character_groups
  as permissive for all to public
  using (game_id = any((select nullif(current_setting('app.gm_games', true), '')::uuid[])::uuid[]));

create policy character_groups_player_reads_policy on larp_manager.character_groups
  as permissive for select to public
  using (game_id = any((select nullif(current_setting('app.player_games', true), '')::uuid[])::uuid[]));

alter table larp_manager.group_characters enable row level security;
alter table larp_manager.group_characters force row level security;

create policy group_characters_superuser_policy on larp_manager.group_characters
  as permissive for all to public
  using (nullif(current_setting('app.is_superuser', true), '') = 'on');

create policy group_characters_gm_policy on larp_manager.group_characters
  as permissive for all to public
  using (game_id = any((select nullif(current_setting('app.gm_games', true), '')::uuid[])::uuid[]));

create policy group_characters_player_reads_policy on larp_manager.group_characters
  as permissive for select to public
  using (game_id = any((select nullif(current_setting('app.player_games', true), '')::uuid[])::uuid[]));

alter table larp_manager.plots enable row level security;
alter table larp_manager.plots force row level security;

create policy plots_superuser_policy on larp_manager.plots
  as permissive for all to public
  using (nullif(current_setting('app.is_superuser', true), '') = 'on');

create policy plots_gm_policy on larp_manager.plots
  as permissive for all to public
  using (game_id = any((select nullif(current_setting('app.gm_games', true), '')::uuid[])::uuid[]));

create policy plots_player_reads_policy on larp_manager.plots
  as permissive for select to public
  using (game_id = any((select nullif(current_setting('app.player_games', true), '')::uuid[])::uuid[]) and character_ids && array(
    select c.id from larp_manager.characters as c
    join larp_manager.players as p on p.id = c.player_id where p.user_id = nullif(current_setting('app.user_id', true), '')::uuid));

alter table larp_manager.plot_groups enable row level security;
alter table larp_manager.plot_groups force row level security;

create policy plot_groups_superuser_policy on larp_manager.plot_groups
  as permissive for all to public
  using (nullif(current_setting('app.is_superuser', true), '') = 'on');

create policy plot_groups_gm_policy on larp_manager.plot_groups
  as permissive for all to public
  using (game_id = any((select nullif(current_setting('app.gm_games', true), '')::uuid[])::uuid[]));

create policy plot_groups_player_reads_policy on larp_manager.plot_groups
  as permissive for select to public
  using (plot_id in (select p.id from larp_manager.plots as p));

alter table larp_manager.plot_characters enable row level security;
alter table larp_manager.plot_characters force row level security;

create policy plot_characters_superuser_policy on larp_manager.plot_characters
  as permissive for all to public
  using (nullif(current_setting('app.is_superuser', true), '') = 'on');

create policy plot_characters_gm_policy on larp_manager.plot_characters
  as permissive for all to public
  using (game_id = any((select nullif(current_setting('app.gm_games', true), '')::uuid[])::uuid[]));

create policy plot_characters_player_reads_policy on larp_manager.plot_characters
  as permissive for select to public
  using (plot_id in (select p.id from larp_manager.plots as p));

alter table larp_manager.sessions enable row level security;
alter table larp_manager.sessions force row level security;

create policy sessions_superuser_policy on larp_manager.sessions
  as permissive for all to public
  using (nullif(current_setting('app.is_superuser', true), '') = 'on');

create policy sessions_sign_in_policy on larp_manager.sessions
  as permissive for all to public
  using (nullif(current_setting('app.sign_in', true), '') = 'on');

create policy sessions_self_policy on larp_manager.sessions
  as permissive for all to public
  using (user_id = nullif(current_setting('app.user_id', true), '')::uuid);

alter table larp_manager.audit_log enable row level security;
alter table larp_manager.audit_log force row level security;

create policy audit_log_superuser_policy on larp_manager.audit_log
  as permissive for all to public
  using (nullif(current_setting('app.is_superuser', true), '') = 'on');

create policy audit_log_sign_in_policy on larp_manager.audit_log
  as permissive for all to public
  using (nullif(current_setting('app.sign_in', true), '') = 'on');

create policy audit_log_self_adds_policy on larp_manager.audit_log
  as permissive for insert to public
  with check (user_id = nullif(current_setting('app.user_id', true), '')::uuid or actor_id = nullif(current_setting('app.user_id', true), '')::uuid);

create function larp_manager.refuse_columns() returns trigger
  language plpgsql
  set search_path = ''
  as $body$
begin
  if to_jsonb(new) - tg_argv is distinct from to_jsonb(old) - tg_argv then
    raise exception 'of a row of % only % may be changed', tg_table_name, array_to_string(tg_argv, ', ') using errcode = 'KS403';
  end if;
  return new;
end
$body$;

create trigger users_refuse_columns before update on larp_manager.users
  for each row when (
    pg_trigger_depth() = 0 and nullif(current_setting('app.user_id', true), '')::uuid is not null and (nullif(current_setting('app.is_superuser', true), '') = 'on') is not true and true
  )
  execute function larp_manager.refuse_columns('version', 'updated_at', 'email', 'password_hash', 'name', 'phone');

create function larp_manager.keep_ids() returns trigger
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
$body$;

create function larp_manager.refuse_ids() returns trigger
  language plpgsql
  set search_path = ''
  as $body$
begin
  raise exception '% of % follow other rows and are not written themselves', array_to_string(tg_argv, ', '), tg_table_name
    using errcode = '0A000', hint = 'Add or remove the rows that they follow.';
end
$body$;

create trigger games_refuse_ids_on_insert before insert on larp_manager.games
  for each row when (pg_trigger_depth() = 0 and (new.gm_ids <> '{}' or new.player_ids <> '{}')) execute function larp_manager.refuse_ids('gm_ids', 'player_ids');

create trigger games_refuse_ids_on_update before update on larp_manager.games
  for each row when (pg_trigger_depth() = 0 and (new.gm_ids is distinct from old.gm_ids or new.player_ids is distinct from old.player_ids)) execute function larp_manager.refuse_ids('gm_ids', 'player_ids');

create trigger gms_keep_games_on_insert after insert on larp_manager.gms referencing new table as new_rows for each statement execute function larp_manager.keep_ids('games', 'gm_ids', 'game_id', 'id');
create trigger gms_keep_games_on_update after update on larp_manager.gms referencing old table as old_rows new table as new_rows for each statement execute function larp_manager.keep_ids('games', 'gm_ids', 'game_id', 'id');
create trigger gms_keep_games_on_delete after delete on larp_manager.gms referencing old table as old_rows for each statement execute function larp_manager.keep_ids('games', 'gm_ids', 'game_id', 'id');
create trigger gms_keep_games_on_truncate after truncate on larp_manager.gms  for each statement execute function larp_manager.keep_ids('games', 'gm_ids', 'game_id', 'id');

create trigger players_refuse_columns before update on larp_manager.players
  for each row when (
    pg_trigger_depth() = 0 and nullif(current_setting('app.user_id', true), '')::uuid is not null and (nullif(current_setting('app.is_superuser', true), '') = 'on') is not true and not coalesce(new.game_id = any(nullif(current_setting('app.gm_games', true), '')::uuid[]), false)
  )
  execute function larp_manager.refuse_columns('version', 'updated_at', 'additional_details');

create trigger players_keep_games_on_insert after insert on larp_manager.players referencing new table as new_rows for each statement execute function larp_manager.keep_ids('games', 'player_ids', 'game_id', 'id');
create trigger players_keep_games_on_update after update on larp_manager.players referencing old table as old_rows new table as new_rows for each statement execute function larp_manager.keep_ids('games', 'player_ids', 'game_id', 'id');
create trigger players_keep_games_on_delete after delete on larp_manager.players referencing old table as old_rows for each statement execute function larp_manager.keep_ids('games', 'player_ids', 'game_id', 'id');
create trigger players_keep_games_on_truncate after truncate on larp_manager.players  for each statement execute function larp_manager.keep_ids('games', 'player_ids', 'game_id', 'id');

create trigger characters_refuse_columns before update on larp_manager.characters
  for each row when (
    pg_trigger_depth() = 0 and nullif(current_setting('app.user_id', true), '')::uuid is not null and (nullif(current_setting('app.is_superuser', true), '') = 'on') is not true and not coalesce(new.game_id = any(nullif(current_setting('app.gm_games', true), '')::uuid[]), false)
  )
  execute function larp_manager.refuse_columns('version', 'updated_at', 'name', 'description');

alter table larp_manager.characters add constraint characters_game_id_player_id_fkey
  foreign key (game_id, player_id) references larp_manager.players (game_id, id) on update cascade on delete restrict;

create trigger characters_refuse_ids_on_insert before insert on larp_manager.characters
  for each row when (pg_trigger_depth() = 0 and (new.group_ids <> '{}' or new.plot_ids <> '{}')) execute function larp_manager.refuse_ids('group_ids', 'plot_ids');

create trigger characters_refuse_ids_on_update before update on larp_manager.characters
  for each row when (pg_trigger_depth() = 0 and (new.group_ids is distinct from old.group_ids or new.plot_ids is distinct from old.plot_ids)) execute function larp_manager.refuse_ids('group_ids', 'plot_ids');

create trigger character_groups_refuse_ids_on_insert before insert on larp_manager.character_groups
  for each row when (pg_trigger_depth() = 0 and (new.character_ids <> '{}' or new.plot_ids <> '{}')) execute function larp_manager.refuse_ids('character_ids', 'plot_ids');

create trigger character_groups_refuse_ids_on_update before update on larp_manager.character_groups
  for each row when (pg_trigger_depth() = 0 and (new.character_ids is distinct from old.character_ids or new.plot_ids is distinct from old.plot_ids)) execute function larp_manager.refuse_ids('character_ids', 'plot_ids');

alter table larp_manager.group_characters add constraint group_characters_game_id_group_id_fkey
  foreign key (game_id, group_id) references larp_manager.character_groups (game_id, id) on update cascade on delete restrict;

alter table larp_manager.group_characters add constraint group_characters_game_id_character_id_fkey
  foreign key (game_id, character_id) references larp_manager.characters (game_id, id) on update cascade on delete restrict;

create trigger group_characters_keep_character_groups_on_insert after insert on larp_manager.group_characters referencing new table as new_rows for each statement execute function larp_manager.keep_ids('character_groups', 'character_ids', 'group_id', 'character_id');
create trigger group_characters_keep_character_groups_on_update after update on larp_manager.group_characters referencing old table as old_rows new table as new_rows for each statement execute function larp_manager.keep_ids('character_groups', 'character_ids', 'group_id', 'character_id');
create trigger group_characters_keep_character_groups_on_delete after delete on larp_manager.group_characters referencing old table as old_rows for each statement execute function larp_manager.keep_ids('character_groups', 'character_ids', 'group_id', 'character_id');
create trigger group_characters_keep_character_groups_on_truncate after truncate on larp_manager.group_characters  for each statement execute function larp_manager.keep_ids('character_groups', 'character_ids', 'group_id', 'character_id');
create trigger group_characters_keep_characters_on_insert after insert on larp_manager.group_characters referencing new table as new_rows for each statement execute function larp_manager.keep_ids('characters', 'group_ids', 'character_id', 'group_id');
create trigger group_characters_keep_characters_on_update after update on larp_manager.group_characters referencing old table as old_rows new table as new_rows for each statement execute function larp_manager.keep_ids('characters', 'group_ids', 'character_id', 'group_id');
create trigger group_characters_keep_characters_on_delete after delete on larp_manager.group_characters referencing old table as old_rows for each statement execute function larp_manager.keep_ids('characters', 'group_ids', 'character_id', 'group_id');
create trigger group_characters_keep_characters_on_truncate after truncate on larp_manager.group_characters  for each statement execute function larp_manager.keep_ids('characters', 'group_ids', 'character_id', 'group_id');

create trigger plots_refuse_ids_on_insert before insert on larp_manager.plots
  for each row when (pg_trigger_depth() = 0 and (new.character_ids <> '{}' or new.character_group_ids <> '{}')) execute function larp_manager.refuse_ids('character_ids', 'character_group_ids');

create trigger plots_refuse_ids_on_update before update on larp_manager.plots
  for each row when (pg_trigger_depth() = 0 and (new.character_ids is distinct from old.character_ids or new.character_group_ids is distinct from old.character_group_ids)) execute function larp_manager.refuse_ids('character_ids', 'character_group_ids');

alter table larp_manager.plot_groups add constraint plot_groups_game_id_plot_id_fkey
  foreign key (game_id, plot_id) references larp_manager.plots (game_id, id) on update cascade on delete restrict;

alter table larp_manager.plot_groups add constraint plot_groups_game_id_group_id_fkey
  foreign key (game_id, group_id) references larp_manager.character_groups (game_id, id) on update cascade on delete restrict;

create trigger plot_groups_keep_character_groups_on_insert after insert on larp_manager.plot_groups referencing new table as new_rows for each statement execute function larp_manager.keep_ids('character_groups', 'plot_ids', 'group_id', 'plot_id');
create trigger plot_groups_keep_character_groups_on_update after update on larp_manager.plot_groups referencing old table as old_rows new table as new_rows for each statement execute function larp_manager.keep_ids('character_groups', 'plot_ids', 'group_id', 'plot_id');
create trigger plot_groups_keep_character_groups_on_delete after delete on larp_manager.plot_groups referencing old table as old_rows for each statement execute function larp_manager.keep_ids('character_groups', 'plot_ids', 'group_id', 'plot_id');
create trigger plot_groups_keep_character_groups_on_truncate after truncate on larp_manager.plot_groups  for each statement execute function larp_manager.keep_ids('character_groups', 'plot_ids', 'group_id', 'plot_id');
create trigger plot_groups_keep_plots_on_insert after insert on larp_manager.plot_groups referencing new table as new_rows for each statement execute function larp_manager.keep_ids('plots', 'character_group_ids', 'plot_id', 'group_id');
create trigger plot_groups_keep_plots_on_update after update on larp_manager.plot_groups referencing old table as old_rows new table as new_rows for each statement execute function larp_manager.keep_ids('plots', 'character_group_ids', 'plot_id', 'group_id');
create trigger plot_groups_keep_plots_on_delete after delete on larp_manager.plot_groups referencing old table as old_rows for each statement execute function larp_manager.keep_ids('plots', 'character_group_ids', 'plot_id', 'group_id');
create trigger plot_groups_keep_plots_on_truncate after truncate on larp_manager.plot_groups  for each statement execute function larp_manager.keep_ids('plots', 'character_group_ids', 'plot_id', 'group_id');

alter table larp_manager.plot_characters add constraint plot_characters_game_id_plot_id_fkey
  foreign key (game_id, plot_id) references larp_manager.plots (game_id, id) on update cascade on delete restrict;

alter table larp_manager.plot_characters add constraint plot_characters_game_id_character_id_fkey
  foreign key (game_id, character_id) references larp_manager.characters (game_id, id) on update cascade on delete restrict;

create trigger plot_characters_keep_characters_on_insert after insert on larp_manager.plot_characters referencing new table as new_rows for each statement execute function larp_manager.keep_ids('characters', 'plot_ids', 'character_id', 'plot_id');
create trigger plot_characters_keep_characters_on_update after update on larp_manager.plot_characters referencing old table as old_rows new table as new_rows for each statement execute function larp_manager.keep_ids('characters', 'plot_ids', 'character_id', 'plot_id');
create trigger plot_characters_keep_characters_on_delete after delete on larp_manager.plot_characters referencing old table as old_rows for each statement execute function larp_manager.keep_ids('characters', 'plot_ids', 'character_id', 'plot_id');
create trigger plot_characters_keep_characters_on_truncate after truncate on larp_manager.plot_characters  for each statement execute function larp_manager.keep_ids('characters', 'plot_ids', 'character_id', 'plot_id');
create trigger plot_characters_keep_plots_on_insert after insert on larp_manager.plot_characters referencing new table as new_rows for each statement execute function larp_manager.keep_ids('plots', 'character_ids', 'plot_id', 'character_id');
create trigger plot_characters_keep_plots_on_update after update on larp_manager.plot_characters referencing old table as old_rows new table as new_rows for each statement execute function larp_manager.keep_ids('plots', 'character_ids', 'plot_id', 'character_id');
create trigger plot_characters_keep_plots_on_delete after delete on larp_manager.plot_characters referencing old table as old_rows for each statement execute function larp_manager.keep_ids('plots', 'character_ids', 'plot_id', 'character_id');
create trigger plot_characters_keep_plots_on_truncate after truncate on larp_manager.plot_characters  for each statement execute function larp_manager.keep_ids('plots', 'character_ids', 'plot_id', 'character_id');

-- down
drop policy characters_player_changes_policy on larp_manager.characters;
drop policy plot_characters_player_reads_policy on larp_manager.plot_characters;
drop policy plot_groups_player_reads_policy on larp_manager.plot_groups;
drop policy plots_player_reads_policy on larp_manager.plots;
drop policy users_gm_reads_policy on larp_manager.users;
alter table larp_manager.character_groups drop constraint character_groups_game_id_fkey;
alter table larp_manager.characters drop constraint characters_game_id_fkey;
alter table larp_manager.characters drop constraint characters_game_id_player_id_fkey;
alter table larp_manager.characters drop constraint characters_player_id_fkey;
alter table larp_manager.gms drop constraint gms_game_id_fkey;
alter table larp_manager.gms drop constraint gms_user_id_fkey;
alter table larp_manager.group_characters drop constraint group_characters_character_id_fkey;
alter table larp_manager.group_characters drop constraint group_characters_game_id_character_id_fkey;
alter table larp_manager.group_characters drop constraint group_characters_game_id_group_id_fkey;
alter table larp_manager.group_characters drop constraint group_characters_group_id_fkey;
alter table larp_manager.players drop constraint players_game_id_fkey;
alter table larp_manager.players drop constraint players_user_id_fkey;
alter table larp_manager.plot_characters drop constraint plot_characters_character_id_fkey;
alter table larp_manager.plot_characters drop constraint plot_characters_game_id_character_id_fkey;
alter table larp_manager.plot_characters drop constraint plot_characters_game_id_plot_id_fkey;
alter table larp_manager.plot_characters drop constraint plot_characters_plot_id_fkey;
alter table larp_manager.plot_groups drop constraint plot_groups_game_id_group_id_fkey;
alter table larp_manager.plot_groups drop constraint plot_groups_game_id_plot_id_fkey;
alter table larp_manager.plot_groups drop constraint plot_groups_group_id_fkey;
alter table larp_manager.plot_groups drop constraint plot_groups_plot_id_fkey;
alter table larp_manager.plots drop constraint plots_game_id_fkey;
alter table larp_manager.sessions drop constraint sessions_user_id_fkey;
drop table larp_manager.audit_log;
drop table larp_manager.auth_throttle;
drop table larp_manager.character_groups;
drop table larp_manager.characters;
drop table larp_manager.games;
drop table larp_manager.gms;
drop table larp_manager.group_characters;
drop table larp_manager.players;
drop table larp_manager.plot_characters;
drop table larp_manager.plot_groups;
drop function larp_manager.keep_ids();
drop table larp_manager.plots;
drop function larp_manager.refuse_ids();
drop table larp_manager.sessions;
drop table larp_manager.users;
drop function larp_manager.refuse_columns();
drop function larp_manager.touch_updated_at();
drop function if exists larp_manager.uuidv7();
