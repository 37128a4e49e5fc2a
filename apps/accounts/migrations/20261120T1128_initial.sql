-- initial
-- Made from the tables. The namespace itself is made by the migrator, before the first revision.

-- up
do $keelson$
begin
  if to_regprocedure('pg_catalog.uuidv7()') is null then
    create function "accounts".uuidv7() returns uuid
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

create function "accounts".touch_updated_at() returns trigger
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

create table "accounts"."users" (
  "id" uuid not null default uuidv7() constraint "users_pkey" primary key,
  "email" varchar(254) not null,
  "password_hash" text not null,
  "full_name" varchar(255),
  "is_active" boolean not null default true,
  "is_superuser" boolean not null default false,
  "created_at" timestamptz not null default now(),
  "updated_at" timestamptz not null default now()
);

create table "accounts"."sessions" (
  "id" uuid not null default uuidv7() constraint "sessions_pkey" primary key,
  "user_id" uuid not null,
  "counter" integer not null default 1,
  "created_at" timestamptz not null default now(),
  "refreshed_at" timestamptz not null,
  "idle_expires_at" timestamptz not null,
  "absolute_expires_at" timestamptz not null,
  "ended_at" timestamptz,
  "end_reason" text,
  constraint "sessions_ended_at_end_reason_check" check (("ended_at" is null) = ("end_reason" is null))
);

create unique index "users_email_key" on "accounts"."users" ((lower(normalize("email", nfkc))));

create index "sessions_user_id_idx" on "accounts"."sessions" ("user_id");

alter table "accounts"."sessions" add constraint "sessions_user_id_fkey"
  foreign key ("user_id") references "accounts"."users" ("id") on delete cascade;

create trigger "users_touch_updated_at" before update on "accounts"."users"
  for each row execute function "accounts".touch_updated_at();

-- down
alter table "accounts"."sessions" drop constraint "sessions_user_id_fkey";
drop table "accounts"."sessions";
drop table "accounts"."users";
drop function "accounts".touch_updated_at();
drop function if exists "accounts".uuidv7();
