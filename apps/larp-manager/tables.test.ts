/** The tables of LARP manager as PostgreSQL has them: those of the contract, all in one schema, right for every writer. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { silentLog } from 'keelson/log';
import { Migrator, readRevisions } from 'keelson/migrate';
import { connectPostgres } from 'keelson/postgres';
import { sql, tableInfo } from 'keelson/schema';
import { testDatabase } from 'keelson/testing';
import { type Database, openDatabase } from 'keelson/work';
import { model, type Repositories } from './model.ts';
import { addTwoGames, newUser, openLarp, viewOf } from './rows.fixture.ts';

/** The contract's tables: each column as `name type`, and what may be missing with a question mark; then who wrote when. */
const kept = 'version integer, created_at timestamp with time zone, updated_at timestamp with time zone';
const contract: Readonly<Record<string, string>> = {
  users: `id uuid, email character varying(254), password_hash text, name character varying(255)?, phone character varying(32)?, is_active boolean, is_superuser boolean, ${kept}`,
  games: `id uuid, name character varying(256), description text?, start_date date?, end_date date?, additional_details_schema jsonb, gm_ids uuid[], player_ids uuid[], ${kept}`,
  gms: `id uuid, user_id uuid, game_id uuid, ${kept}`,
  players: `id uuid, game_id uuid, user_id uuid, payment_status jsonb, additional_details jsonb, ${kept}`,
  characters: `id uuid, game_id uuid, player_id uuid?, name character varying(256), description text?, group_ids uuid[], plot_ids uuid[], ${kept}`,
  character_groups: `id uuid, game_id uuid, name character varying(256), description text?, min_characters integer?, max_characters integer?, character_ids uuid[], plot_ids uuid[], ${kept}`,
  plots: `id uuid, game_id uuid, name character varying(256), description text?, character_ids uuid[], character_group_ids uuid[], ${kept}`,
  group_characters: 'game_id uuid, group_id uuid, character_id uuid',
  plot_groups: 'game_id uuid, plot_id uuid, group_id uuid',
  plot_characters: 'game_id uuid, plot_id uuid, character_id uuid',
};

/** Constraints and indexes of the contract, by name: what PostgreSQL says of each must hold this. */
const rules: Readonly<Record<string, string>> = {
  users_email_key: 'UNIQUE INDEX users_email_key ON larp_manager.users USING btree (lower(',
  users_name_id_idx: 'btree (name, id)',
  users_phone_id_idx: 'btree (phone, id)',
  games_name_id_idx: 'btree (name, id)',
  games_end_date_start_date_check: 'end_date >= start_date',
  gms_user_id_game_id_key: 'UNIQUE (user_id, game_id)',
  players_user_id_game_id_key: 'UNIQUE (user_id, game_id)',
  players_game_id_fkey: 'REFERENCES larp_manager.games(id) ON DELETE RESTRICT',
  characters_game_id_name_id_idx: 'btree (game_id, name, id)',
  characters_group_ids_idx: 'gin (group_ids)',
  characters_game_id_player_id_fkey: 'REFERENCES larp_manager.players(game_id, id)',
  character_groups_max_characters_min_characters_check: 'max_characters >= min_characters',
  plots_game_id_name_id_idx: 'btree (game_id, name, id)',
  group_characters_pkey: 'PRIMARY KEY (group_id, character_id)',
  plot_groups_pkey: 'PRIMARY KEY (plot_id, group_id)',
  plot_characters_pkey: 'PRIMARY KEY (plot_id, character_id)',
  ...Object.fromEntries(
    ['group_characters_group', 'group_characters_character', 'plot_groups_plot', 'plot_groups_group', 'plot_characters_plot'].map(
      (name) => [`${name}_id_fkey`, 'ON UPDATE CASCADE ON DELETE RESTRICT'],
    ),
  ),
};

// LRP-12
test('the ten tables have the columns, keys, checks and indexes of the contract, with uuid[] and jsonb', async () => {
  await using database = await openLarp();
  const columns = await database.read((reader) =>
    reader.sql(sql<{ readonly name: string; readonly columns: string }>`
      select c.relname as name, string_agg(
        a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || case when a.attnotnull then '' else '?' end, ', ' order by a.attnum) as columns
      from pg_attribute as a join pg_class as c on c.oid = a.attrelid
      where c.relnamespace = 'larp_manager'::regnamespace and c.relkind = 'r' and a.attnum > 0 and not a.attisdropped
      group by c.relname`),
  );
  for (const [name, text] of Object.entries(contract)) assert.equal(columns.find((table) => table.name === name)?.columns, text, name);
  const found = await database.read((reader) =>
    reader.sql(sql<{ readonly name: string; readonly definition: string }>`
      select conname as name, pg_get_constraintdef(oid) as definition from pg_constraint where connamespace = 'larp_manager'::regnamespace
      union all select indexname, indexdef from pg_indexes where schemaname = 'larp_manager'`),
  );
  for (const [name, text] of Object.entries(rules)) {
    const definitions = found.filter((rule) => rule.name === name).map(({ definition }) => definition);
    assert.ok(
      definitions.some((definition) => definition.includes(text)),
      `${name}: ${definitions.join(' · ') || 'not there'}`,
    );
  }
});

// LRP-3
test('every constraint and index is named after its table and columns', async () => {
  await using database = await openLarp();
  const names = await database.read((reader) =>
    reader.sql(sql<{ readonly table: string; readonly name: string }>`
      select conrelid::regclass::text as table, conname as name from pg_constraint
      where connamespace = 'larp_manager'::regnamespace and conrelid <> 0 and contype in ('p', 'u', 'f', 'c')
      union select tablename, indexname from pg_indexes where schemaname = 'larp_manager'`),
  );
  const own = names.filter(({ table }) => !table.includes('keelson_'));
  assert.ok(own.length > 80, String(own.length));
  for (const { table, name } of own) {
    assert.match(name, new RegExp(`^${table.replace(/^larp_manager\./u, '')}(_[a-z0-9_]+)?_(key|idx|fkey|check|pkey)$`, 'u'));
  }
});

// LRP-3
test('keys, times and versions are right for every writer: entities know them without reading back, SQL gets them from the database', async () => {
  await using database = await openLarp();
  const view = viewOf(database, { isSuperuser: true });
  const user = newUser('ada');
  assert.match(user.id, /^[0-9a-f]{8}-[0-9a-f]{4}-7/u);
  await view.work(({ users }) => void users.add(user));
  const row = await view.read(({ users }) => users.get(user.id));
  assert.deepEqual(JSON.parse(JSON.stringify(user)), row);
  assert.equal(row.createdAt, row.updatedAt);
  await view.work(async ({ users }) => {
    const same = await users.get(user.id);
    same.phone = '+49 30 1';
  });
  const changed = await view.read(({ users }) => users.get(user.id));
  assert.equal(changed.version, 2);
  assert.ok(changed.updatedAt > row.updatedAt && changed.createdAt === row.createdAt);
  const [byHand] = await view.work((unit) =>
    unit.sql(sql<{ id: string; version: number; isNow: boolean }>`
      insert into larp_manager.games (name) values ('By hand')
      returning id, version, created_at = now() and updated_at = now() as "isNow"`),
  );
  assert.match(byHand?.id ?? '', /^[0-9a-f]{8}-[0-9a-f]{4}-7/u);
  assert.deepEqual([byHand?.version, byHand?.isNow], [1, true]);
  const [touched] = await view.work((unit) =>
    unit.sql(sql<{ isLater: boolean }>`update larp_manager.games set name = 'Again' returning updated_at > created_at as "isLater"`),
  );
  assert.equal(touched?.isLater, true);
});

// LRP-2
test('nothing is made outside the schema, and a search_path that leads elsewhere leads nobody astray', async () => {
  await using database = await openLarp({ isolation: 'database', role: 'owner' });
  const outside = sql`
    select c.oid::regclass::text as name from pg_class as c where c.relnamespace not in (
      select oid from pg_namespace where nspname ~ '^pg_' or nspname in ('information_schema', 'larp_manager'))
    union all select p.proname from pg_proc as p where p.pronamespace = 'public'::regnamespace
    union all select e.extname from pg_extension as e where e.extname <> 'plpgsql'`;
  assert.deepEqual(await database.read((reader) => reader.sql(outside)), []);
  // Every table stands in the way once more, empty and without a key.
  const decoys = model.tables.map((table) => sql.identifier(tableInfo(table).name));
  await database.work(async (unit) => {
    await unit.sql(sql`create schema astray`);
    for (const decoy of decoys) await unit.sql(sql`create table astray.${decoy} (like larp_manager.${decoy})`);
    const [{ name } = { name: '' }] = await unit.sql(sql<{ name: string }>`select current_database() as name`);
    await unit.sql(sql`alter database ${sql.identifier(name)} set search_path = astray, public`);
  });
  const postgres = await connectPostgres({ url: database.postgres.url, poolSize: 2, log: silentLog });
  try {
    const elsewhere = openDatabase(model, postgres, { log: silentLog });
    const { north } = await addTwoGames(elsewhere);
    assert.deepEqual(await elsewhere.read((reader) => reader.sql(sql`select current_setting('search_path') as path`)), [
      { path: 'astray, public' },
    ]);
    assert.equal((await elsewhere.read(({ games }) => games.get(north.game.id))).playerIds.length, 2);
    for (const decoy of decoys) {
      assert.deepEqual(await elsewhere.read((reader) => reader.sql(sql`select 1 as found from astray.${decoy}`)), []);
    }
  } finally {
    await postgres.close();
  }
});

// LRP-6
test('the revisions are named by rule, make what the code declares in an empty database, and go back to nothing', async () => {
  await using migrated = await openLarp({ isolation: 'database', role: 'owner' });
  await using declared = await testDatabase({ model }, { isolation: 'database', role: 'owner' });
  const before = await catalogOf(migrated);
  assert.ok(before.length > 250, String(before.length));
  assert.deepEqual(before, await catalogOf(declared));
  const revisions = await readRevisions(path.join(import.meta.dirname, 'migrations'));
  for (const { file } of revisions) assert.match(path.basename(file), /^\d{8}T\d{4}_[a-z0-9_]+\.sql$/u);
  const connection = await migrated.postgres.connect();
  try {
    const migrator = new Migrator({ connection, revisions, namespace: model.namespace });
    await migrator.down({ to: 'base' });
    assert.deepEqual(await catalogOf(migrated), []);
    // The schema itself, with the history in it, is made by the first way up.
    await connection.command('drop schema larp_manager cascade');
    await migrator.up();
  } finally {
    await connection.close();
  }
  assert.deepEqual(await catalogOf(migrated), before);
});

/** What PostgreSQL says of the schema, but for the history of migrations. */
async function catalogOf(database: Database<Repositories>): Promise<readonly unknown[]> {
  return database.read((reader) =>
    reader.sql(sql`
      with tables as (
        select c.oid, c.relname, c.relrowsecurity, c.relforcerowsecurity from pg_class as c
        join pg_namespace as n on n.oid = c.relnamespace
        where n.nspname = 'larp_manager' and c.relkind = 'r' and c.relname !~ '^keelson_'
      )
      select 'column' as kind, t.relname as place, a.attname as name,
        concat_ws(' ', format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid)) as text
      from tables as t join pg_attribute as a on a.attrelid = t.oid and a.attnum > 0
      left join pg_attrdef as d on d.adrelid = t.oid and d.adnum = a.attnum
      union all select 'security', relname, '', concat_ws(' ', relrowsecurity, relforcerowsecurity) from tables
      union all select 'index', tablename, indexname, indexdef from pg_indexes where schemaname = 'larp_manager' and tablename !~ '^keelson_'
      union all select 'constraint', t.relname, x.conname, pg_get_constraintdef(x.oid) from tables as t join pg_constraint as x on x.conrelid = t.oid
      union all select 'trigger', t.relname, x.tgname, pg_get_triggerdef(x.oid) from tables as t join pg_trigger as x on x.tgrelid = t.oid and not x.tgisinternal
      union all
      select 'policy', t.relname, p.polname, concat_ws(' ', p.polcmd, pg_get_expr(p.polqual, t.oid), pg_get_expr(p.polwithcheck, t.oid))
      from tables as t join pg_policy as p on p.polrelid = t.oid
      union all
      select 'function', '', p.proname, concat_ws(' ', p.prosrc, p.proconfig::text)
      from pg_proc as p join pg_namespace as n on n.oid = p.pronamespace where n.nspname = 'larp_manager'
      order by 1, 2, 3`),
  );
}
