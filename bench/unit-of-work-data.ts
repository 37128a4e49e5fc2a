/** The table of the unit-of-work benchmark and its rows. */
import { TOKENS } from './unit-of-work-contender.ts';

/** DDL and rows; without waiting for the disk at commit, which would hide what a client costs. */
export const unitOfWorkData = [
  'create schema bench',
  `do $$ begin
     execute format('alter database %I set search_path = bench, public', current_database());
     execute format('alter database %I set synchronous_commit = off', current_database());
   end $$`,
  `create type bench.token_status as enum ('detected', 'generating', 'uploading', 'ready', 'failed')`,
  `create table bench.tokens (
     id uuid primary key,
     token_id integer not null unique,
     author_id uuid not null,
     status bench.token_status not null default 'detected',
     mint_timestamp timestamptz not null,
     image_path text,
     metadata_cid varchar(255),
     attempts integer not null default 0,
     error_data jsonb,
     created_at timestamptz not null default now(),
     version integer not null default 1
   ) with (autovacuum_enabled = off, fillfactor = 70)`,
  `insert into bench.tokens (id, token_id, author_id, mint_timestamp, metadata_cid)
   select ('01936f2a-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, n,
          ('01936f2a-1111-7000-8000-' || lpad(to_hex(n % 500), 12, '0'))::uuid,
          timestamptz '2026-01-01' + n * interval '1 minute', 'bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fb' || n
     from generate_series(0, ${TOKENS - 1}) as n`,
  'create index tokens_status_mint_timestamp_idx on bench.tokens (status, mint_timestamp)',
  'create index tokens_author_id_idx on bench.tokens (author_id)',
  'vacuum analyze bench.tokens',
] as const;

/** Between rounds, in place of autovacuum, which would come when it likes. */
export const tidyUp = 'vacuum analyze bench.tokens';

/** What the whole table says of what was written to it. */
export const tally = `
  select sum(version)::int as versions, coalesce(sum(hashtext(image_path)), 0)::text as pictures
    from bench.tokens`;
