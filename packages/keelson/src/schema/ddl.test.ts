/** Tables as DDL: made, compared with what the server says of them, and taken away again. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isKeelsonError } from '../errors.ts';
import { testDatabase } from '../testing/database.ts';
import { defineModel } from '../work/model.ts';
import { model } from '../work/tokens.fixture.ts';
import { boolean, createdAt, integer, jsonb, numeric, references, text, timestamptz, uuid, varchar } from './column.ts';
import { renderSchema } from './ddl.ts';
import { enumType } from './enum-type.ts';
import { constraintName } from './names.ts';
import { ddl, qualified } from './raw-ddl.ts';
import { sql } from './sql.ts';
import { type AnyTable, check, index, table, unique, uniqueIndex } from './table.ts';

const misuse = (error: unknown): boolean => isKeelsonError(error, 'MISUSE');

/** The statements that describe a table, as PostgreSQL writes them. */
const described = sql<{ kind: string; name: string; definition: string }>`
  select 'constraint' as kind, c.conname as name, pg_get_constraintdef(c.oid) as definition
  from pg_constraint as c
  where c.connamespace = to_regnamespace('unit') and c.contype <> 'n'
  union all
  select 'index', i.relname, pg_get_indexdef(i.oid)
  from pg_class as i
  where i.relkind = 'i' and i.relnamespace = to_regnamespace('unit')
    and not exists (select 1 from pg_constraint as c where c.conindid = i.oid)
  union all
  select 'table', t.relname, '' from pg_class as t where t.relkind = 'r' and t.relnamespace = to_regnamespace('unit')
  union all
  select 'column', a.attname, format_type(a.atttypid, a.atttypmod)
  from pg_attribute as a join pg_class as t on t.oid = a.attrelid
  where t.relkind = 'r' and t.relnamespace = to_regnamespace('unit') and a.attnum > 0
  order by 1, 2`;

test('the database speaks one grammar: plural snake_case tables, and names that say what a constraint is', async () => {
  await using database = await testDatabase({ model });
  const rows = await database.read(({ sql: run }) => run(described));
  const of = (kind: string): string[] => rows.filter((row) => row.kind === kind).map((row) => row.name);
  assert.deepEqual(of('table'), ['authors', 'everything', 'links', 'notes', 'outbox', 'tokens']);
  for (const name of of('column')) assert.match(name, /^[a-z][a-z0-9_]*$/u);
  for (const name of of('constraint')) assert.match(name, /^[a-z0-9_]+_(?:pkey|key|fkey|check)$/u);
  for (const name of of('index')) assert.match(name, /_idx$/u);
  assert.ok(of('constraint').includes('tokens_author_id_fkey'));
  assert.ok(of('constraint').includes('tokens_status_metadata_cid_check'));
  assert.ok(of('index').includes('tokens_status_mint_timestamp_idx'));
});

test('every kind of column, default, constraint and index is what was declared', async () => {
  const size = enumType('size', ['S', "M'", 'XL']);
  const boxes = table(
    'boxes',
    {
      id: uuid().primaryKey(),
      size: size().default("M'"),
      sizes: size().array().default(['S', "M'"]),
      label: varchar(10).unique().default("it's \\ ok"),
      price: numeric(10, 2).default('1.50'),
      isOpen: boolean().default(false),
      weight: integer().default(-3),
      data: jsonb<object>().default({ a: [1, "'"] }),
      ownerId: references(() => owners, { onDelete: 'cascade', onUpdate: 'restrict' }).nullable(),
      packedAt: timestamptz().defaultSql(sql`now() + interval '1 day'`),
      shout: text().generated(sql`upper(label)`),
      createdAt: createdAt(),
    },
    (t) => [
      unique(t.label, t.weight),
      uniqueIndex(sql`lower(${t.label})`, { where: sql`${t.isOpen}` }),
      index(t.data, { using: 'gin', name: 'boxes_by_data_idx' }),
      check(sql`${t.weight} > ${-10}`),
    ],
  );
  const owners: AnyTable = table('owners', { id: uuid().primaryKey() });
  const boxed = { model: defineModel({ name: 'ddl', tables: [boxes, owners], repositories: {} }) };
  await using database = await testDatabase(boxed, { isolation: 'database' });
  const columns = await database.read(({ sql: run }) =>
    run(sql<{ name: string; type: string; value: string | null }>`
      select a.attname as name, format_type(a.atttypid, a.atttypmod) as type, pg_get_expr(d.adbin, d.adrelid) as value
      from pg_attribute as a left join pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
      where a.attrelid = 'ddl.boxes'::regclass and a.attnum > 0 order by a.attnum`),
  );
  const value = (name: string): string | null | undefined => columns.find((column) => column.name === name)?.value;
  assert.match(value('id') ?? '', /uuidv7\(\)/u); // FND-7
  assert.equal(value('label'), String.raw`'it''s \ ok'::character varying`);
  const [made] = await database.read(({ sql: run }) =>
    run(
      sql`insert into ${boxes} (size) values ('XL') returning size::text, sizes::text, price, is_open, weight, data, shout, packed_at > created_at as later, owner_id`,
    ),
  );
  assert.deepEqual(made, {
    size: 'XL',
    sizes: `{S,M'}`,
    price: '1.50',
    is_open: false,
    weight: -3,
    data: { a: [1, "'"] },
    shout: String.raw`IT'S \ OK`,
    later: true,
    owner_id: null,
  });
  const definitions = await database.read(({ sql: run }) =>
    run(
      sql<{
        d: string;
      }>`select pg_get_constraintdef(oid) as d from pg_constraint where conrelid = 'ddl.boxes'::regclass union all select indexdef from pg_indexes where schemaname = 'ddl'`,
    ),
  );
  const all = definitions.map(({ d }) => d).join('\n');
  for (const part of [
    'ON UPDATE RESTRICT ON DELETE CASCADE',
    'UNIQUE (label, weight)',
    'CHECK ((weight > ',
    'USING gin (data)',
    'lower((label)::text)) WHERE is_open',
  ])
    assert.ok(all.includes(part), part);
});

test('down takes away all that up made, and up runs again', async () => {
  const { up, down } = renderSchema(model.tables, 'again');
  await using database = await testDatabase({ model }, { isolation: 'database' });
  const objects = sql<{ n: number }>`
    select ((select count(*) from pg_class where relnamespace = to_regnamespace('again'))
      + (select count(*) from pg_type where typnamespace = to_regnamespace('again'))
      + (select count(*) from pg_proc where pronamespace = to_regnamespace('again')))::int as n`;
  await database.work(async ({ sql: run }) => {
    await run(sql`create schema again`);
    await run(sql`set local search_path to again`);
    for (let round = 0; round < 2; round += 1) {
      for (const statement of up) await run(sql.raw(statement));
      const [made] = await run(objects);
      assert.ok((made?.n ?? 0) > 10);
      for (const statement of down) await run(sql.raw(statement));
      const [left] = await run(objects);
      assert.equal(left?.n, 0);
    }
  });
});

test('two tables that refer to each other are made, since foreign keys come last', async () => {
  const hens = table('hens', { id: uuid().primaryKey(), eggId: references(() => eggs).nullable() });
  const eggs = table('eggs', { id: uuid().primaryKey(), henId: references(() => hens) });
  await using database = await testDatabase(
    { model: defineModel({ name: 'circle', tables: [hens, eggs], repositories: {} }) },
    { isolation: 'database' },
  );
  const [row] = await database.read(({ sql: run }) =>
    run(sql<{ n: number }>`select count(*)::int as n from pg_constraint where contype = 'f'`),
  );
  assert.equal(row?.n, 2);
});

test('what the language has no word for is raw DDL: it is made after the tables, and what columns are made of before them', async () => {
  const slots = table('slots', { id: uuid().primaryKey(), key: integer(), room: text(), code: text().nullable() }, (t) => [
    ddl(sql`alter table ${t} add constraint slots_room_excl exclude using hash (${t.room} with =) deferrable`),
    ddl(sql`comment on column ${t}.room is ${"it's where"}`),
    check(sql`${t.key} > ${0}`),
    uniqueIndex(t.code, { nullsNotDistinct: true, include: [t.room] }),
  ]);
  const notes = table('slot_notes', {
    id: uuid().primaryKey(),
    slotId: references(() => slots, { onDelete: 'cascade', deferrable: 'initially deferred' }),
  });
  const objects = [
    ddl(sql`create view ${qualified('busy')} as select room, ${qualified('answer')}() as answer from ${slots}`),
    ddl(sql`create extension if not exists citext schema public;`),
  ];
  const { up } = renderSchema([slots, notes], 'raw', objects);
  const place = (part: string): number => up.findIndex((statement) => statement.includes(part));
  assert.ok(place('create extension') < place('create table') && place('create table') < place('exclude'), up.join('\n'));
  assert.ok(place('exclude') < place('create view'), up.join('\n'));
  assert.ok(up.every((statement) => statement.endsWith(';') && !statement.endsWith(';;')));
  const all = [ddl(sql`create function ${qualified('answer')}() returns integer language sql immutable return 42`), ...objects];
  const raw = { model: defineModel({ name: 'raw', tables: [slots, notes], objects: all, repositories: {} }) };
  await using database = await testDatabase(raw, { isolation: 'database' });
  await database.work(async ({ sql: run }) => {
    // The reference is looked at when the transaction ends.
    const id = '019aa000-0000-7000-8000-000000000001';
    await run(sql`insert into ${notes} (slot_id) values (${id})`);
    await run(sql`insert into ${slots} (id, key, room) values (${id}, 1, 'A')`);
  });
  assert.deepEqual(await database.read(({ sql: run }) => run(sql`select room, answer from raw.busy`)), [{ room: 'A', answer: 42 }]);
  const definitions = await database.read(({ sql: run }) =>
    run(sql<{ d: string }>`
      select pg_get_constraintdef(oid) as d from pg_constraint where connamespace = 'raw'::regnamespace
      union all select indexdef from pg_indexes where schemaname = 'raw'
      union all select col_description('raw.slots'::regclass, 3)`),
  );
  const said = definitions.map(({ d }) => d).join('\n');
  for (const part of ['EXCLUDE USING hash (room WITH =) DEFERRABLE', 'ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED', "it's where"])
    assert.ok(said.includes(part), said);
  assert.match(said, /USING btree \(code\) INCLUDE \(room\) NULLS NOT DISTINCT/u);
  const constraints = await database.read(({ sql: run }) =>
    run(sql<{ n: string }>`select conname as n from pg_constraint where connamespace = 'raw'::regnamespace and contype = 'c'`),
  );
  assert.deepEqual(constraints, [{ n: 'slots_key_check' }]);
});

test('a name that is too long for PostgreSQL is cut with a hash, so that two of them stay apart', () => {
  const long = (last: string): string =>
    constraintName('a_table_with_a_rather_long_name', ['and_a_column_that_is_long_as_well', last], 'idx');
  assert.ok(Buffer.byteLength(long('one')) <= 63);
  assert.notEqual(long('one'), long('two'));
  assert.match(long('one'), /_idx$/u);
  assert.equal(constraintName('users', ['email'], 'key'), 'users_email_key');
});

test('declarations that cannot be are refused with a reason', () => {
  const one = table('one', { id: uuid().primaryKey() });
  const other = table('one', { id: uuid().primaryKey() });
  const pointing = table('pointing', { id: uuid().primaryKey(), oneId: references(() => one) });
  assert.throws(() => renderSchema([one, other], 'x'), misuse);
  assert.throws(() => renderSchema([pointing], 'x'), misuse);
  assert.throws(() => table('Bad Name', {}), misuse);
  assert.throws(() => table('fine', { 'bad-key': text() }), misuse);
  assert.throws(() => table('fine', { snake_case: text() }), misuse);
  assert.throws(() => table('two_keys', { id: uuid().primaryKey(), other: uuid().primaryKey() }), misuse);
  assert.throws(() => enumType('none', []), misuse);
  assert.throws(() => enumType('twice', ['a', 'a']), misuse);
  assert.throws(() => text().array().array(), misuse);
  assert.throws(() => renderSchema([table('nameless', { a: integer() }, () => [index(sql`1 + 1`)])], 'x'), misuse);
});
