/** The app as a whole: its documents, its settings and its tables say what its code and its contract say. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { renderEnvExample } from 'keelson/config';
import { Migrator, readRevisions } from 'keelson/migrate';
import { sql } from 'keelson/schema';
import { testDatabase } from 'keelson/testing';
import type { Database } from 'keelson/work';
import { startGlisk } from './calls.fixture.ts';
import { model, type Repositories } from './model.ts';
import { addTokens, openGlisk } from './rows.fixture.ts';
import { settings } from './settings.ts';
import { tokenLifeCycle } from './tokens/state.ts';

test('.env.example is what the declarations of the settings render', () => {
  const file = readFileSync(new URL('.env.example', import.meta.url), 'utf8');
  assert.equal(file, renderEnvExample(settings));
});

/** The contract's tables: each column as `name type`, and what may be missing with a question mark. */
const contract: Readonly<Record<string, string>> = {
  authors:
    'id uuid, wallet_address character varying(42), twitter_handle character varying(255)?, farcaster_handle character varying(255)?, prompt_text text, created_at timestamp with time zone',
  tokens_s0:
    "id uuid, token_id integer, author_id uuid, minter_address character varying(42), status glisk.token_status = 'detected'::glisk.token_status, mint_timestamp timestamp with time zone, image_cid character varying(255)?, metadata_cid character varying(255)?, error_data jsonb?, created_at timestamp with time zone, attempts integer = 0, available_at timestamp with time zone, lease_owner integer?, lease_epoch integer = 0, lease_until timestamp with time zone?",
  mint_events:
    'id uuid, tx_hash character varying(66), log_index integer, block_number bigint, block_timestamp timestamp with time zone, token_id integer, detected_at timestamp with time zone',
  image_generation_jobs:
    "id uuid, token_id uuid, service glisk.image_service, status glisk.image_job_status = 'pending'::glisk.image_job_status, external_job_id character varying(255)?, image_path text?, retry_count integer = 0, error_data jsonb?, created_at timestamp with time zone, completed_at timestamp with time zone?",
  ipfs_upload_records:
    "id uuid, token_id uuid, record_type glisk.ipfs_record_type, cid character varying(255)?, status glisk.ipfs_upload_status = 'pending'::glisk.ipfs_upload_status, retry_count integer = 0, error_data jsonb?, created_at timestamp with time zone, completed_at timestamp with time zone?",
  reveal_transactions:
    "id uuid, token_ids uuid[], tx_hash character varying(66)?, block_number bigint?, gas_price_gwei numeric(20,9)?, status glisk.reveal_status = 'pending'::glisk.reveal_status, created_at timestamp with time zone, confirmed_at timestamp with time zone?",
  system_state: 'key character varying(255), state_value jsonb, updated_at timestamp with time zone',
};

/** Constraints and indexes of the contract, by name: what PostgreSQL says of each must hold this. */
const rules: Readonly<Record<string, string>> = {
  authors_wallet_address_key: 'UNIQUE INDEX authors_wallet_address_key ON glisk.authors USING btree (lower((wallet_address)::text))',
  authors_wallet_address_check: '^0x[0-9a-fA-F]{40}$',
  authors_prompt_text_check: '((char_length(prompt_text) >= 10) AND (char_length(prompt_text) <= 500))',
  tokens_s0_token_id_key: 'UNIQUE (token_id)',
  tokens_s0_author_id_fkey: 'FOREIGN KEY (author_id) REFERENCES glisk.authors(id) ON DELETE RESTRICT',
  tokens_s0_status_mint_timestamp_idx: '(status, mint_timestamp)',
  tokens_s0_author_id_idx: '(author_id)',
  tokens_s0_status_metadata_cid_check: 'metadata_cid IS NOT NULL',
  mint_events_tx_hash_log_index_key: 'UNIQUE (tx_hash, log_index)',
  mint_events_block_number_idx: '(block_number)',
  mint_events_log_index_check: 'log_index >= 0',
  mint_events_block_number_check: 'block_number > 0',
  image_generation_jobs_token_id_fkey: 'REFERENCES glisk.tokens_s0(id) ON DELETE CASCADE',
  image_generation_jobs_service_status_idx: '(service, status)',
  image_generation_jobs_token_id_idx: '(token_id)',
  image_generation_jobs_retry_count_check: 'retry_count >= 0',
  ipfs_upload_records_token_id_fkey: 'REFERENCES glisk.tokens_s0(id) ON DELETE CASCADE',
  ipfs_upload_records_record_type_status_idx: '(record_type, status)',
  ipfs_upload_records_token_id_idx: '(token_id)',
  ipfs_upload_records_status_cid_check: 'cid IS NOT NULL',
  ipfs_upload_records_retry_count_check: 'retry_count >= 0',
  reveal_transactions_tx_hash_idx: '(tx_hash)',
  reveal_transactions_status_idx: '(status)',
  reveal_transactions_token_ids_check: '((cardinality(token_ids) >= 1) AND (cardinality(token_ids) <= 50))',
  reveal_transactions_tx_hash_check: '^0x[0-9a-fA-F]{64}$',
  system_state_key_check: '^[A-Za-z0-9_]+$',
};

// GLK-1
test('the seven tables have the columns of the contract', async () => {
  await using database = await openGlisk();
  const found = await database.read((reader) =>
    reader.sql(sql<{ readonly name: string; readonly columns: string }>`
      select c.relname as name, string_agg(
        a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || case when a.attnotnull then '' else '?' end
        || case
          when a.attname in ('status', 'attempts', 'lease_epoch', 'retry_count')
          then ' = ' || pg_get_expr(d.adbin, d.adrelid) else ''
        end, ', ' order by a.attnum) as columns
      from pg_attribute as a
      join pg_class as c on c.oid = a.attrelid
      left join pg_attrdef as d on d.adrelid = c.oid and d.adnum = a.attnum
      where c.relnamespace = 'glisk'::regnamespace and c.relkind = 'r' and a.attnum > 0 and not a.attisdropped
      group by c.relname
    `),
  );
  for (const [name, columns] of Object.entries(contract)) assert.equal(found.find((table) => table.name === name)?.columns, columns, name);
});

// GLK-1
test('they have the keys, checks, indexes and rules of the contract, and mints refer to nothing', async () => {
  await using database = await openGlisk();
  const found = await database.read((reader) =>
    reader.sql(sql<{ readonly name: string; readonly definition: string }>`
      select conname as name, pg_get_constraintdef(oid) as definition from pg_constraint where connamespace = 'glisk'::regnamespace
      union all
      select indexname, indexdef from pg_indexes where schemaname = 'glisk'
    `),
  );
  for (const [name, text] of Object.entries(rules)) {
    const definitions = found.filter((rule) => rule.name === name).map(({ definition }) => definition);
    assert.ok(
      definitions.some((definition) => definition.includes(text)),
      `${name}: ${definitions.join(' · ') || 'not there'}`,
    );
  }
  assert.ok(!found.some(({ name }) => name.startsWith('mint_events') && name.endsWith('_fkey')));
  // The columns of the lease stand in no index of the states: a claim must not have to write one for them.
  const ofStates = found.filter(({ definition }) => definition.includes('(status'));
  assert.ok(ofStates.length > 0);
  for (const { definition } of ofStates) assert.doesNotMatch(definition, /lease|attempts|available_at/u);
});

// GLK-1 GLK-11
test('the enum of the states has the values of the code, in their order', async () => {
  await using database = await openGlisk();
  const found = await database.read((reader) =>
    reader.sql(sql<{ readonly value: string }>`select unnest(enum_range(null::glisk.token_status))::text as value`),
  );
  assert.deepEqual(
    found.map(({ value }) => value),
    Object.keys(tokenLifeCycle.edges),
  );
});

// GLK-11
test('the migrations make the same tables, indexes, constraints, types and triggers as the code declares', async () => {
  await using migrated = await openGlisk({ isolation: 'database' });
  await using declared = await testDatabase({ model }, { isolation: 'database' });
  const [fromMigrations, fromTables] = [await catalogOf(migrated), await catalogOf(declared)];
  assert.ok(fromTables.length >= 120, String(fromTables.length));
  assert.deepEqual(fromMigrations, fromTables);
});

// GLK-11
test('the revisions go up, down and up again, with nothing left in between and equal catalogs after', async () => {
  await using database = await openGlisk({ isolation: 'database' });
  const revisions = await readRevisions(path.join(import.meta.dirname, 'migrations'));
  const before = await catalogOf(database);
  const connection = await database.postgres.connect();
  try {
    const migrator = new Migrator({ connection, revisions, namespace: model.namespace });
    await migrator.down({ to: 'base' });
    const left = await connection.command(`
      select relname from pg_class where relnamespace = 'glisk'::regnamespace and relname !~ '^keelson_'
      union all
      select typname from pg_type where typnamespace = 'glisk'::regnamespace and typname !~ 'keelson_'
      union all
      select proname from pg_proc where pronamespace = 'glisk'::regnamespace
    `);
    assert.deepEqual(left.rows, []);
    await migrator.up();
  } finally {
    await connection.close();
  }
  assert.deepEqual(await catalogOf(database), before);
});

/** What PostgreSQL says of the namespace, but for the history of migrations. */
async function catalogOf(database: Database<Repositories>): Promise<readonly unknown[]> {
  return database.read((reader) =>
    reader.sql(sql`
      select 'column' as kind, c.relname as place, a.attname as name,
        concat_ws(' ', format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, pg_get_expr(d.adbin, d.adrelid)) as text
      from pg_attribute as a
      join pg_class as c on c.oid = a.attrelid
      left join pg_attrdef as d on d.adrelid = c.oid and d.adnum = a.attnum
      where c.relnamespace = 'glisk'::regnamespace and c.relkind = 'r' and c.relname !~ '^keelson_' and a.attnum > 0
      union all
      select 'index', tablename, indexname, indexdef from pg_indexes where schemaname = 'glisk' and tablename !~ '^keelson_'
      union all
      select 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid)
      from pg_constraint
      where connamespace = 'glisk'::regnamespace and conrelid::regclass::text !~ 'keelson_'
      union all
      select 'enum', t.typname, e.enumlabel, e.enumsortorder::text
      from pg_enum as e
      join pg_type as t on t.oid = e.enumtypid
      where t.typnamespace = 'glisk'::regnamespace
      union all
      select 'trigger', tgrelid::regclass::text, tgname, pg_get_triggerdef(oid)
      from pg_trigger
      where tgrelid = 'glisk.system_state'::regclass and not tgisinternal
      union all
      select 'function', 'glisk', proname, prosrc from pg_proc where pronamespace = 'glisk'::regnamespace
      order by 1, 2, 3
    `),
  );
}

// T029 GLK-7
test('T029: each test has a real PostgreSQL with the migrations applied, in UTC, and no row of the test before', async () => {
  for (const round of [1, 2]) {
    await using database = await openGlisk();
    const [row] = await database.read((reader) =>
      reader.sql(sql<{ readonly zone: string; readonly version: string; readonly moment: string }>`
        select current_setting('TimeZone') as zone, version(), timestamptz '2026-01-01 00:00:00'::text as moment
      `),
    );
    assert.equal(row?.zone, 'UTC');
    assert.equal(row.moment, '2026-01-01 00:00:00+00');
    assert.match(row.version, /^PostgreSQL \d+/u);
    assert.equal(await database.read(({ tokens }) => tokens.count()), 0, `round ${round}`);
    await addTokens(database, { count: 3 });
    assert.equal((await database.read(({ tokens }) => tokens.find({ tokenId: 0 })))?.mintTimestamp, '2023-11-14T22:13:20.000Z');
  }
});

// GLK-6
test('routes, services and workers share the database of the app', async () => {
  await using glisk = await startGlisk();
  const added = await glisk.database.work(({ systemState }) => systemState.setState('shared', true));
  assert.equal(added, undefined);
  assert.equal((await glisk.services.stats.read()).total, 0);
  assert.equal((await glisk.call('GET', '/stats')).body['total'], 0);
});

// GLK-8
test('/health asks the database and says who may call from where', async () => {
  await using glisk = await startGlisk({ CORS_ORIGINS: 'https://glisk.example' });
  const answer = await glisk.call('GET', '/health', { isRoot: true, headers: { origin: 'https://glisk.example' } });
  assert.equal(answer.status, 200);
  assert.equal(answer.body['status'], 'healthy');
  assert.equal(answer.headers['access-control-allow-origin'], 'https://glisk.example');
  const other = await glisk.call('GET', '/health', { isRoot: true, headers: { origin: 'https://elsewhere.example' } });
  assert.equal(other.headers['access-control-allow-origin'], undefined);
});
