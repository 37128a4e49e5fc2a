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
create index players_game_id_created_at_id_idx on larp_manager.players (game_id, created_at, id);
create index characters_game_id_name_id_idx on larp_manager.characters (game_id, name, id);
create index characters_game_id_created_at_id_idx on larp_manager.characters (game_id, created_at, id);
create index characters_player_id_id_idx on larp_manager.characters (player_id, id);
create index characters_name_id_idx on larp_manager.characters (name, id);
create index character_groups_game_id_name_id_idx on larp_manager.character_groups (game_id, name, id);
create index character_groups_game_id_created_at_id_idx on larp_manager.character_groups (game_id, created_at, id);
create index character_groups_name_id_idx on larp_manager.character_groups (name, id);
create index group_characters_character_id_idx on larp_manager.group_characters (character_id);
create index plots_game_id_name_id_idx on larp_manager.plots (game_id, name, id);
create index plots_game_id_created_at_id_idx on larp_manager.plots (game_id, created_at, id);
create index plots_name_id_idx on larp_manager.plots (name, id);
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

-- down
alter table larp_manager.character_groups drop constraint character_groups_game_id_fkey;
alter table larp_manager.characters drop constraint characters_game_id_fkey;
alter table larp_manager.characters drop constraint characters_player_id_fkey;
alter table larp_manager.gms drop constraint gms_game_id_fkey;
alter table larp_manager.gms drop constraint gms_user_id_fkey;
alter table larp_manager.group_characters drop constraint group_characters_character_id_fkey;
alter table larp_manager.group_characters drop constraint group_characters_group_id_fkey;
alter table larp_manager.players drop constraint players_game_id_fkey;
alter table larp_manager.players drop constraint players_user_id_fkey;
alter table larp_manager.plot_characters drop constraint plot_characters_character_id_fkey;
alter table larp_manager.plot_characters drop constraint plot_characters_plot_id_fkey;
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
drop table larp_manager.plots;
drop table larp_manager.sessions;
drop table larp_manager.users;
drop function larp_manager.touch_updated_at();
drop function if exists larp_manager.uuidv7();
