/** The table of the HTTP benchmark, its rows, and the requests that are sent. */
import { USER_ROWS, userId, USERS } from './http-contender.ts';
import type { HttpLoadRequest } from './http-load.ts';

/** DDL and rows. Commits wait for the disk, as they do in production. */
export const httpData = [
  'create schema bench',
  `do $$ begin execute format('alter database %I set search_path = bench, public', current_database()); end $$`,
  `create table bench.users (
     id uuid primary key default uuidv7(),
     email varchar(255) not null,
     full_name text not null,
     is_active boolean not null default true,
     created_at timestamptz not null default now(),
     updated_at timestamptz not null default now()
   ) with (autovacuum_enabled = off)`,
  `insert into bench.users (id, email, full_name, created_at, updated_at)
   select ('01936f2a-2222-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'person-' || n || '@example.org', 'Person ' || n,
          timestamptz '2026-01-01' + n * interval '1 minute', timestamptz '2026-01-01' + n * interval '1 minute'
     from generate_series(0, ${USER_ROWS - 1}) as n`,
  'create index users_email_idx on bench.users (email)',
  'vacuum analyze bench.users',
] as const;

/** Between rounds: the table as it was, without what the round has added. */
export const tidyUp = ["delete from bench.users where email like 'new-%'", 'vacuum analyze bench.users'] as const;

/** The cases, and what they are called in print. */
export const httpCases = { get: 'GET by key', post: 'POST' } as const;

/** The name of a case. */
export type HttpCase = keyof typeof httpCases;

const REQUESTS = 200;

/** The requests of each case. */
export const httpRequests: Readonly<Record<HttpCase, readonly HttpLoadRequest[]>> = {
  // 49 steps apart: other pages of the table, other parts of the index.
  get: Array.from({ length: REQUESTS }, (_, number) => ({ method: 'GET', path: `${USERS}/${userId((number * 49) % USER_ROWS)}` })),
  post: Array.from({ length: REQUESTS }, (_, number) => ({
    method: 'POST',
    path: USERS,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email: `new-${number}@example.org`, full_name: `New Person ${number}` }),
  })),
};
