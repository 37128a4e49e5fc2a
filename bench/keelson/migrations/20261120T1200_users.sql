-- The table of the HTTP benchmark. The benchmark makes it itself, for all contenders; here it stands because an app has its revisions.

-- up
create schema if not exists bench;
create table bench.users (
  id uuid primary key,
  email varchar(255) not null,
  full_name text not null,
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index users_email_idx on bench.users (email);

-- down
drop table bench.users;
