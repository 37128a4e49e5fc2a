-- initial

-- up
do $keelson$
begin
  if to_regprocedure('pg_catalog.uuidv7()') is null then
    create function "glisk".uuidv7() returns uuid
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

create function glisk.touch_updated_at() returns trigger
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

create type glisk.token_status as enum (
  'detected',
  'generating',
  'uploading',
  'ready',
  'revealed',
  'failed'
);

create type glisk.image_service as enum ('replicate', 'selfhosted');
create type glisk.image_job_status as enum ('pending', 'running', 'completed', 'failed');
create type glisk.ipfs_record_type as enum ('image', 'metadata');
create type glisk.ipfs_upload_status as enum ('pending', 'uploading', 'completed', 'failed');
create type glisk.reveal_status as enum ('pending', 'sent', 'confirmed', 'failed');

create table glisk.authors (
  id uuid not null default uuidv7() constraint authors_pkey primary key,
  wallet_address varchar(42) not null,
  twitter_handle varchar(255),
  farcaster_handle varchar(255),
  prompt_text text not null,
  created_at timestamptz not null default now(),
  constraint authors_wallet_address_check check (wallet_address ~ '^0x[0-9a-fA-F]{40}$'),
  constraint authors_prompt_text_check check (char_length(prompt_text) between 10 and 500)
);

create table glisk.tokens_s0 (
  id uuid not null default uuidv7() constraint tokens_s0_pkey primary key,
  token_id integer not null,
  author_id uuid not null,
  minter_address varchar(42) not null,
  status glisk.token_status not null default 'detected',
  mint_timestamp timestamptz not null,
  image_cid varchar(255),
  metadata_cid varchar(255),
  error_data jsonb,
  created_at timestamptz not null default now(),
  attempts integer not null default 0,
  available_at timestamptz not null default '1970-01-01T00:00:00.000Z',
  lease_owner integer,
  lease_epoch integer not null default 0,
  lease_until timestamptz,
  constraint tokens_s0_token_id_key unique (token_id),
  constraint tokens_s0_status_metadata_cid_check check (status not in ('ready', 'revealed') or metadata_cid is not null)
);

create table glisk.mint_events (
  id uuid not null default uuidv7() constraint mint_events_pkey primary key,
  tx_hash varchar(66) not null,
  log_index integer not null,
  block_number bigint not null,
  block_timestamp timestamptz not null,
  token_id integer not null,
  detected_at timestamptz not null default now(),
  constraint mint_events_tx_hash_log_index_key unique (tx_hash, log_index),
  constraint mint_events_log_index_check check (log_index >= 0),
  constraint mint_events_block_number_check check (block_number > 0)
);

create table glisk.image_generation_jobs (
  id uuid not null default uuidv7() constraint image_generation_jobs_pkey primary key,
  token_id uuid not null,
  service glisk.image_service not null,
  status glisk.image_job_status not null default 'pending',
  external_job_id varchar(255),
  image_path text,
  retry_count integer not null default 0,
  error_data jsonb,
  created_at timestamptz not null default now(),
  completed_at timestamptz,
  constraint image_generation_jobs_retry_count_check check (retry_count >= 0)
);

create table glisk.ipfs_upload_records (
  id uuid not null default uuidv7() constraint ipfs_upload_records_pkey primary key,
  token_id uuid not null,
  record_type glisk.ipfs_record_type not null,
  cid varchar(255),
  status glisk.ipfs_upload_status not null default 'pending',
  retry_count integer not null default 0,
  error_data jsonb,
  created_at timestamptz not null default now(),
  completed_at timestamptz,
  constraint ipfs_upload_records_status_cid_check check (status <> 'completed' or cid is not null),
  constraint ipfs_upload_records_retry_count_check check (retry_count >= 0)
);

create table glisk.reveal_transactions (
  id uuid not null default uuidv7() constraint reveal_transactions_pkey primary key,
  token_ids uuid[] not null,
  tx_hash varchar(66),
  block_number bigint,
  gas_price_gwei numeric(20,9),
  status glisk.reveal_status not null default 'pending',
  created_at timestamptz not null default now(),
  confirmed_at timestamptz,
  constraint reveal_transactions_token_ids_check check (cardinality(token_ids) between 1 and 50),
  constraint reveal_transactions_tx_hash_check check (tx_hash ~ '^0x[0-9a-fA-F]{64}$')
);

create table glisk.system_state (
  key varchar(255) not null constraint system_state_pkey primary key,
  state_value jsonb not null,
  updated_at timestamptz not null default now(),
  constraint system_state_key_check check (key ~ '^[A-Za-z0-9_]+$')
);

create table glisk.outbox (
  id uuid not null default uuidv7() constraint outbox_pkey primary key,
  type text not null,
  payload jsonb not null,
  created_at timestamptz not null default now()
);

create table glisk.workers (
  id integer not null generated by default as identity constraint workers_pkey primary key,
  name text not null,
  host text not null,
  pid integer not null,
  queues text[] not null,
  is_locked boolean not null,
  started_at timestamptz not null default now(),
  heartbeat_at timestamptz not null default now(),
  lost_at timestamptz
);

create table glisk.jobs (
  id uuid not null default uuidv7() constraint jobs_pkey primary key,
  queue text not null,
  kind text not null,
  payload jsonb not null,
  priority integer not null default 0,
  available_at timestamptz not null default now(),
  attempts integer not null default 0,
  attempts_max integer not null,
  unique_key text,
  lease_owner integer,
  lease_epoch integer not null default 0,
  lease_until timestamptz,
  failed_at timestamptz,
  last_error jsonb,
  created_at timestamptz not null default now(),
  constraint jobs_attempts_max_check check (attempts_max > 0)
);

create table glisk.schedules (
  name text not null constraint schedules_pkey primary key,
  last_slot timestamptz not null
);

create table glisk.queue_pauses (
  queue text not null constraint queue_pauses_pkey primary key,
  paused_at timestamptz not null default now()
);

create unique index authors_wallet_address_key on glisk.authors ((lower(wallet_address)));
create index tokens_s0_status_mint_timestamp_idx on glisk.tokens_s0 (status, mint_timestamp);
create index tokens_s0_author_id_idx on glisk.tokens_s0 (author_id);

create index tokens_s0_lease_owner_idx on glisk.tokens_s0 (lease_owner)
  where lease_owner is not null;

create index mint_events_block_number_idx on glisk.mint_events (block_number);
create index image_generation_jobs_service_status_idx on glisk.image_generation_jobs (service, status);
create index image_generation_jobs_token_id_idx on glisk.image_generation_jobs (token_id);
create index ipfs_upload_records_record_type_status_idx on glisk.ipfs_upload_records (record_type, status);
create index ipfs_upload_records_token_id_idx on glisk.ipfs_upload_records (token_id);
create index reveal_transactions_tx_hash_idx on glisk.reveal_transactions (tx_hash);
create index reveal_transactions_status_idx on glisk.reveal_transactions (status);
create index outbox_created_at_idx on glisk.outbox (created_at);

create index jobs_waiting_idx on glisk.jobs (queue, priority, available_at, id)
  where lease_owner is null and failed_at is null;

create index jobs_lease_owner_idx on glisk.jobs (lease_owner) where lease_owner is not null;
create index jobs_failed_at_idx on glisk.jobs (failed_at) where failed_at is not null;

create unique index jobs_live_key on glisk.jobs (kind, unique_key)
  where unique_key is not null and failed_at is null;

alter table glisk.tokens_s0 add constraint tokens_s0_author_id_fkey
  foreign key (author_id) references glisk.authors (id) on delete restrict;

alter table glisk.image_generation_jobs add constraint image_generation_jobs_token_id_fkey
  foreign key (token_id) references glisk.tokens_s0 (id) on delete cascade;

alter table glisk.ipfs_upload_records add constraint ipfs_upload_records_token_id_fkey
  foreign key (token_id) references glisk.tokens_s0 (id) on delete cascade;

create trigger system_state_touch_updated_at before update on glisk.system_state
  for each row execute function glisk.touch_updated_at();

-- down
alter table glisk.image_generation_jobs drop constraint image_generation_jobs_token_id_fkey;
alter table glisk.ipfs_upload_records drop constraint ipfs_upload_records_token_id_fkey;
alter table glisk.tokens_s0 drop constraint tokens_s0_author_id_fkey;
drop table glisk.authors;
drop table glisk.image_generation_jobs;
drop type glisk.image_job_status;
drop type glisk.image_service;
drop table glisk.ipfs_upload_records;
drop type glisk.ipfs_record_type;
drop type glisk.ipfs_upload_status;
drop table glisk.jobs;
drop table glisk.mint_events;
drop table glisk.outbox;
drop table glisk.queue_pauses;
drop table glisk.reveal_transactions;
drop type glisk.reveal_status;
drop table glisk.schedules;
drop table glisk.system_state;
drop function glisk.touch_updated_at();
drop table glisk.tokens_s0;
drop type glisk.token_status;
drop table glisk.workers;
drop function if exists glisk.uuidv7();
