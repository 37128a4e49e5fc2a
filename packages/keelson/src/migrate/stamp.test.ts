/** The history set right by hand: stamps, repairs, squashed revisions, what a phase holds back, and redo. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { quoteName } from '../schema/sql.ts';
import { parseRevision, type Revision } from './revision.ts';
import { Migrator } from './runner.ts';
import { HeardLog } from './scratch.ts';
import { failure, useScratch } from './trial.fixture.ts';

const { scratch, connection } = await useScratch();

function revision(day: number, up: string, down = 'select 1;', more: { readonly header?: string; readonly slug?: string } = {}): Revision {
  const file = `migrations/202601${String(day).padStart(2, '0')}T0000_${more.slug ?? `r${day}`}.sql`;
  return parseRevision(file, `${more.header ?? ''}-- up\n${up}\n-- down\n${down}\n`);
}

const hats = revision(1, 'create table hats (id int primary key, size int);', 'drop table hats;');
const colour = revision(2, 'alter table hats add colour text;', 'alter table hats drop colour;');
const boxes = revision(3, 'create table boxes (id int primary key);', 'drop table boxes;');
const squashed = revision(
  9,
  'create table hats (id int primary key, size int, colour text); create table boxes (id int primary key);',
  'drop table hats; drop table boxes;',
  { header: `-- replaces: ${hats.id} ${colour.id}_r2, ${boxes.id}\n` },
);
const crates = revision(10, 'create table crates ();', 'drop table crates;');

function migrator(revisions: readonly Revision[], namespace: string, log?: HeardLog): Migrator {
  return new Migrator({ connection, revisions, namespace, log });
}

async function tables(namespace: string): Promise<string> {
  const { rows } = await connection.query({
    text: `select string_agg(c.relname, ' ' order by c.relname) from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
      where n.nspname = $1 and c.relkind = 'r' and c.relname <> 'keelson_migrations'`,
    name: undefined,
    values: [namespace],
  });
  return rows[0]?.[0] ?? '';
}

async function rowCount(namespace: string): Promise<number> {
  return Number((await connection.command(`select count(*) from ${quoteName(namespace)}.keelson_migrations`)).rows[0]?.[0]);
}

function named(runs: readonly { readonly id: string; readonly direction: string }[]): string[] {
  return runs.map((run) => `${run.direction} ${run.id.slice(6, 8)}`);
}

test('up in the phase expand stops before the first revision that contracts, and says so', async () => {
  const namespace = scratch.namespace();
  const contract = revision(2, 'alter table hats drop size;', 'alter table hats add size int;', { header: '-- phase: contract\n' });
  const log = new HeardLog();
  const all = migrator([hats, contract, boxes], namespace, log);
  assert.deepEqual(named(await all.up({ phase: 'expand' })), ['up 01']);
  const held = log.events.find(({ event }) => event === 'migration.held_back');
  assert.deepEqual([held?.fields['id'], held?.fields['slug']], [contract.id, 'r2']);
  assert.deepEqual((await all.status()).pending, [contract.id, boxes.id]);
  assert.deepEqual(await all.up({ phase: 'expand' }), []);
  assert.equal(log.events.filter(({ event }) => event === 'migration.held_back').length, 2);
  assert.deepEqual(named(await all.up({ phase: 'contract', to: contract.id })), ['up 02']);
  assert.deepEqual(named(await all.up({ phase: 'expand' })), ['up 03']);
});

test('redo takes the last back and applies it again, or all after the one that is named', async () => {
  const namespace = scratch.namespace();
  const all = migrator([hats, colour, boxes], namespace);
  assert.match((await failure(all.redo(), 'USAGE')).message, /0 are applied/);
  await all.up();
  assert.deepEqual(named(await all.redo()), ['down 03', 'up 03']);
  assert.deepEqual(named(await all.redo({ to: hats.id })), ['down 03', 'down 02', 'up 02', 'up 03']);
  assert.deepEqual(named(await all.redo({ to: 'base' })).length, 6);
  const edited = revision(3, 'create table boxes (id text);', 'drop table boxes;');
  assert.match((await failure(migrator([hats, colour, edited], namespace).redo(), 'MIGRATION_INVALID')).message, /_r3\.sql was changed/);
  assert.equal(await tables(namespace), 'boxes hats');
});

test('redo of an irreversible revision is refused before anything is taken back', async () => {
  const namespace = scratch.namespace();
  const gone = parseRevision('migrations/20260102T0000_r2.sql', '-- irreversible: gone\n-- up\nalter table hats drop size;\n');
  const all = migrator([hats, gone, boxes], namespace);
  await all.up();
  assert.match((await failure(all.redo({ to: 'base' }), 'MIGRATION_INVALID')).message, /irreversible/);
  assert.equal((await all.status()).state, 'up_to_date');
});

test('stamp records where the database stands, up and down, and runs nothing', async () => {
  const namespace = scratch.namespace();
  const all = migrator([hats, colour, boxes], namespace);
  assert.deepEqual(named(await all.stamp(colour.id)), ['up 01', 'up 02']);
  assert.equal(await tables(namespace), '');
  assert.deepEqual((await all.status()).pending, [boxes.id]);
  assert.deepEqual(await all.stamp(colour.file), []);
  assert.deepEqual(named(await all.stamp('head')), ['up 03']);
  assert.deepEqual(named(await all.stamp(hats.id)), ['down 03', 'down 02']);
  assert.deepEqual(named(await all.stamp('base')), ['down 01']);
  assert.equal(await rowCount(namespace), 6);
  assert.equal((await all.history())[0]?.durationMs, null);
  assert.deepEqual(named(await all.up()), ['up 01', 'up 02', 'up 03']);
  await failure(all.stamp('nowhere'), 'USAGE');
});

test('a stamp settles every contradiction: a revision half-way, one out of order, one that is gone, one from newer code', async () => {
  const namespace = scratch.namespace();
  const halves = revision(4, 'create table crates ();\n-- commit\nselect nowhere;');
  await migrator([hats, boxes], namespace).up();
  await failure(migrator([hats, boxes, halves], namespace).up(), 'MIGRATION_FAILED');
  const mine = migrator([colour, boxes], namespace);
  const { problems } = await mine.status();
  assert.deepEqual(problems.map((problem) => problem.kind).sort(), ['ahead', 'missing', 'out_of_order']);
  assert.match(problems.find((problem) => problem.kind === 'out_of_order')?.hint ?? '', /git mv.*`keelson migrate stamp 20260104T0000`/);
  assert.match(problems.find((problem) => problem.kind === 'ahead')?.hint ?? '', /newer code.*`keelson migrate stamp head`/);
  assert.deepEqual(named(await mine.stamp('head')), ['down 04', 'down 01', 'up 02']);
  assert.equal((await mine.status()).state, 'up_to_date');
});

test('two branches that merged are refused until the later one is renamed or stamped', async () => {
  // INF-4
  const namespace = scratch.namespace();
  await migrator([hats, boxes], namespace).up();
  const merged = migrator([hats, colour, boxes], namespace);
  const refused = await failure(merged.up(), 'MIGRATION_INVALID');
  assert.match(refused.message, /_r2\.sql is not applied, and is older than 20260103T0000_r3, which is/);
  assert.match(refused.hint, /Rename it to a time after 20260103T0000 \(`git mv`\).*`keelson migrate stamp 20260103T0000`/);
  const renamed = revision(4, 'alter table hats add colour text;', 'alter table hats drop colour;');
  assert.deepEqual(named(await migrator([hats, boxes, renamed], namespace).up()), ['up 04']);
});

test('repair takes over what was edited, renamed and deleted, adds rows and changes none', async () => {
  // INF-4
  const namespace = scratch.namespace();
  const log = new HeardLog();
  await migrator([hats, colour, boxes, crates], namespace).up();
  const earlier = await migrator([], namespace).history();
  const edited = revision(1, 'create table hats (id int primary key, size bigint);', 'drop table hats;', { slug: 'caps' });
  const moved = revision(5, 'create table boxes (id int primary key);', 'drop table boxes;');
  const mine = migrator([edited, moved, crates], namespace, log);
  const refused = await failure(mine.up(), 'MIGRATION_INVALID');
  assert.match(refused.hint, /`keelson migrate repair`/);
  const { repaired, left } = await mine.repair();
  assert.deepEqual(repaired.map(({ kind, id }) => `${kind} ${id.slice(6, 8)}`).sort(), [
    'changed 01',
    'missing 02',
    'missing 03',
    'out_of_order 05',
  ]);
  assert.deepEqual(left, []);
  assert.equal((await mine.status()).state, 'up_to_date');
  assert.deepEqual((await mine.history()).slice(-earlier.length), earlier);
  assert.equal(log.events.filter(({ event }) => event === 'migration.repaired').length, 4);
  assert.equal(await tables(namespace), 'boxes crates hats');
  assert.deepEqual(await mine.repair(), { repaired: [], left: [] });
});

test('repair leaves what rows alone cannot set right, and says what it is', async () => {
  const namespace = scratch.namespace();
  const halves = revision(2, 'create table crates ();\n-- commit\nselect nowhere;');
  await failure(migrator([hats, halves], namespace).up(), 'MIGRATION_FAILED');
  const { repaired, left } = await migrator([hats, revision(2, 'select 1;\n-- commit\nselect 2;')], namespace).repair();
  assert.deepEqual(repaired, []);
  assert.deepEqual(
    left.map((problem) => problem.kind),
    ['changed'],
  );
  const other = scratch.namespace();
  await migrator([hats, boxes], other).up();
  const ahead = await migrator([hats], other).repair();
  assert.deepEqual([ahead.repaired.length, ahead.left[0]?.kind], [0, 'ahead']);
  assert.deepEqual(await migrator([hats], scratch.namespace()).repair(), { repaired: [], left: [] });
});

test('an empty database gets the squashed revision, and one that has all it replaces takes it as applied', async () => {
  const fresh = scratch.namespace();
  assert.deepEqual(named(await migrator([squashed, crates], fresh).up()), ['up 09', 'up 10']);
  assert.equal(await tables(fresh), 'boxes crates hats');

  const grown = scratch.namespace();
  const log = new HeardLog();
  await migrator([hats, colour, boxes], grown).up();
  const mine = migrator([squashed, crates], grown, log);
  const { state, pending } = await mine.status();
  assert.deepEqual([state, pending], ['pending', [squashed.id, crates.id]]);
  assert.deepEqual(named(await mine.up()), ['up 09', 'up 10']);
  assert.deepEqual(
    log.events.map(({ event }) => event),
    ['migration.adopted', 'migration.applied'],
  );
  assert.equal((await mine.status()).state, 'up_to_date');
  assert.equal(await tables(grown), 'boxes crates hats');
  assert.deepEqual(named(await mine.down({ to: 'base' })), ['down 10', 'down 09']);
  assert.equal(await tables(grown), '');
  assert.deepEqual(named(await mine.up()), ['up 09', 'up 10']);
  assert.equal(await tables(grown), 'boxes crates hats');
});

test('the code before a squash does not touch a database that has taken it', async () => {
  const namespace = scratch.namespace();
  await migrator([hats, colour, boxes], namespace).up();
  await migrator([squashed], namespace).up();
  const refused = await failure(migrator([hats, colour, boxes], namespace).up(), 'MIGRATION_INVALID');
  assert.match(refused.message, /20260109T0000_r9 was applied at .*, but its file is not in the folder/);
  assert.equal(await tables(namespace), 'boxes hats');
});

test('a database that has only some of what a squashed revision replaces is refused, with the way out', async () => {
  const namespace = scratch.namespace();
  await migrator([hats, colour], namespace).up();
  const mine = migrator([squashed, crates], namespace);
  assert.deepEqual(
    (await mine.status()).problems.map((problem) => problem.kind),
    ['partly_replaced'],
  );
  const refused = await failure(mine.up(), 'MIGRATION_INVALID');
  assert.match(refused.message, /_r9\.sql replaces 3 revisions, of which this database has 2; 20260103T0000 is not applied/);
  assert.match(refused.hint, /the code before the squash, run `keelson migrate up`.*`keelson migrate stamp 20260109T0000`/);
  assert.equal((await mine.repair()).left.length, 1);
  await migrator([hats, colour, boxes], namespace).up();
  assert.deepEqual(named(await mine.up()), ['up 09', 'up 10']);
});

test('several that start at once take a squashed revision once', async () => {
  // FND-5
  const namespace = scratch.namespace();
  await migrator([hats, colour, boxes], namespace).up();
  const connections = await Promise.all(Array.from({ length: 4 }, () => scratch.connect()));
  const runs = await Promise.all(
    connections.map((own) => new Migrator({ connection: own, revisions: [squashed, crates], namespace }).up()),
  );
  assert.deepEqual(named(runs.flat()), ['up 09', 'up 10']);
  assert.equal(await rowCount(namespace), 3 + 4 + 1);
});
