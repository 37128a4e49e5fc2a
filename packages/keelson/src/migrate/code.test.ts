/** Revisions in TypeScript: what their files export, what their functions can do with `sql`, and what a failure tells and leaves. */
import assert from 'node:assert/strict';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { isKeelsonError } from '../errors.ts';
import type { Connection } from '../postgres/connection.ts';
import { quoteName } from '../schema/sql.ts';
import { loadRevision } from './code.ts';
import { readRevisions } from './folder.ts';
import { renderSql } from './offline.ts';
import { parseRevision, type Revision } from './revision.ts';
import { Migrator } from './runner.ts';
import { HeardLog } from './scratch.ts';
import { failure, useFolder, useScratch } from './trial.fixture.ts';

const { scratch, connection } = await useScratch();
const directory = await useFolder();

const people = parseRevision(
  'migrations/20260101T0000_people.sql',
  `-- up\ncreate table people (id int primary key, name text, nickname text, secret jsonb);
insert into people select n, 'p' || n from generate_series(1, 25) as n;\n-- down\ndrop table people;\n`,
);

const down = 'export async function down(sql) { await sql`update people set nickname = null`; }';

async function load(source: string, name = '20260102T0000_fill.ts'): Promise<Revision> {
  const file = join(directory, name);
  await writeFile(file, source);
  return loadRevision(file, source);
}

async function cell(text: string): Promise<string | null | undefined> {
  return (await connection.command(text)).rows[0]?.[0];
}

function batched(settings: string, body: string): string {
  return `import type { RevisionSql } from 'keelson/migrate';
${settings}
export async function up(sql: RevisionSql): Promise<void> {
  const rows: number = await sql.batched({
    table: 'people',
    where: sql.part\`nickname is null\`,
    batchMax: 10,
    run: async (ids) => {
      ${body}
    },
  });
  await sql\`comment on table people is 'filled'\`;
}
${down}
`;
}

const FILL = 'await sql`update people set nickname = upper(name) where id = any (${ids})`;';
const OFF = "export const settings = { transaction: 'off' };";

test('a revision in TypeScript goes up and down in its transaction, among those in SQL, and is kept in the history like them', async () => {
  // INF-4
  const namespace = scratch.namespace();
  const folder = await mkdtemp(join(directory, 'folder-'));
  await writeFile(join(folder, '20260101T0000_people.sql'), `-- up\n${people.up.join('')}\n-- down\n${people.down.join('')}\n`);
  const source = `
import { randomBytes } from 'node:crypto';
import type { RevisionSql } from 'keelson/migrate';
interface Person { readonly id: number; readonly name: string }
export async function up(sql: RevisionSql): Promise<void> {
  const people = await sql<Person>\`select id, name from people order by id limit \${3}\`;
  for (const { id, name } of people) {
    await sql\`update people set nickname = \${name.length + randomBytes(0).length}, \${sql.identifier('secret')} = \${{ id }} where id = \${id}\`;
  }
  await sql\`insert into people (id, name) values (\${sql.join([100, "it's"])})\`;
}
export async function down(sql: RevisionSql): Promise<void> {
  await sql\`delete from people where id = 100\`;
  await sql\`update people set nickname = null, secret = null\`;
}
`;
  await writeFile(join(folder, '20260102T0000_fill.ts'), source);
  const revisions = await readRevisions(folder);
  const log = new HeardLog();
  const migrator = new Migrator({ connection, revisions, namespace, log });
  assert.equal((await migrator.up()).length, 2);
  const table = `${quoteName(namespace)}.people`;
  assert.equal(await cell(`select string_agg(nickname || (secret->>'id'), ',' order by id) from ${table} where id < 100`), '21,22,23');
  assert.equal(await cell(`select name from ${table} where id = 100`), "it's");
  const [last] = await migrator.history({ limit: 1 });
  assert.deepEqual([last?.slug, last?.part, last?.parts, last?.checksum], ['fill', 1, 1, revisions[1]?.checksum]);
  assert.equal((await migrator.status()).state, 'up_to_date');
  await migrator.down({ to: '20260101T0000_people.sql' });
  assert.equal(await cell(`select count(*) from ${table} where nickname is not null or id = 100`), '0');
  assert.equal((await migrator.up({ to: '20260102T0000_fill.ts' })).length, 1);
});

test('a revision that was changed on the disk is loaded anew, and refused when it was applied', async () => {
  const namespace = scratch.namespace();
  const first = await load(`export async function up(sql) { await sql\`select 1\`; }\n${down}`);
  await new Migrator({ connection, revisions: [people, first], namespace }).up();
  const second = await load(`export async function up(sql) { await sql\`select 2\`; }\n${down}`);
  const changed = await failure(new Migrator({ connection, revisions: [people, second], namespace }).up(), 'MIGRATION_INVALID');
  assert.match(changed.message, /_fill\.ts was changed after it was applied/);
});

test('what a file exports is checked, and what does not fit is refused with what to write', async () => {
  const up = 'export async function up() {}';
  for (const [source, message] of [
    ['', /it exports no function `up`/],
    ['export const up = 1;', /it exports no function `up`/],
    [up, /it exports no function `down`/],
    [`${up}\nexport const settings = { irreversible: 'gone' };\n${down}`, /irreversible and exports `down`/],
    [`${up}\nexport const settings = { irreversible: ' ' };`, /`irreversible` is the reason/],
    [`${up}\nexport const settings = { phase: 'shrink' };\n${down}`, /`phase` is expand or contract, not "shrink"/],
    [`${up}\nexport const settings = { transaction: false };\n${down}`, /`transaction` is on or off, not false/],
    [`${up}\nexport const settings = { transactoin: 'off' };\n${down}`, /`transactoin` is not a setting/],
    [`${up}\nexport const settings = null;\n${down}`, /`settings` is no object/],
    ['export async function up( {', /it cannot be loaded: /],
    ["import './gone.ts';", /it cannot be loaded: Cannot find module/],
    ["export {};\nthrow 'nothing';", /it cannot be loaded\./],
  ] as const) {
    const refused = await failure(load(source), 'MIGRATION_INVALID');
    assert.match(refused.message, /20260102T0000_fill\.ts: /, source);
    assert.match(refused.message, message, source);
    assert.notEqual(refused.hint, '');
  }
  const fixed = await load(`${up}\nexport const settings = { phase: 'contract', irreversible: 'the names are gone' };`);
  assert.deepEqual(
    [fixed.phase, fixed.irreversible, fixed.irreversibleReason, fixed.transaction],
    ['contract', true, 'the names are gone', true],
  );
  assert.match((await failure(load(up, '20260102T0000_Fill.ts'), 'MIGRATION_INVALID')).message, /YYYYMMDDTHHMM_slug\.ts/);
});

test('a failure in TypeScript names the line of the file and the SQL, and keeps nothing', async () => {
  const namespace = scratch.namespace();
  for (const [lines, message] of [
    [
      'await sql`update people set nickname = 1`;\n  await sql`select\n    nowhere`;',
      /_fill\.ts:4: column "nowhere" does not exist \(SQLSTATE 42703\), in: nowhere$/,
    ],
    ["await sql`update people set nickname = 1`;\n  throw new TypeError('no idea');", /_fill\.ts:3: no idea$/],
    ['await sql`commit`;', /_fill\.ts:2: `commit`: the transaction belongs to the runner/],
    ['await sql`select 1; select 2`;', /_fill\.ts:2: cannot insert multiple commands/],
    ['sql`update people set nickname = 1`;', /_fill\.ts:1: A statement was not awaited: update people/],
    ['await sql`select nowhere`.catch(() => {});', /_fill\.ts:\d: .*(nowhere|transaction)/],
    ['await sql.batched({ table: "people", batchMax: 0, run: async () => {} });', /_fill\.ts:2: A batch has a whole number of rows/],
    [
      'await sql.batched({ table: "people", run: () => sql.batched({ table: "people", run: async () => {} }) });',
      /_fill\.ts:2: Batches cannot stand in batches/,
    ],
  ] as const) {
    const revision = await load(`export async function up(sql) {\n  ${lines}\n}\n${down}`);
    const migrator = new Migrator({ connection, revisions: [people, revision], namespace });
    const failed = await failure(migrator.up(), 'MIGRATION_FAILED');
    assert.match(failed.message, message, lines);
    assert.match(failed.hint, /Nothing of the revision was kept\.$/, lines);
    assert.deepEqual((await migrator.status()).pending, [revision.id], lines);
    assert.equal(await cell(`select count(*) from ${quoteName(namespace)}.people where nickname is not null`), '0', lines);
    assert.equal(connection.transactionStatus, 'I');
  }
});

test('the sql of a revision ends with its function', async () => {
  const namespace = scratch.namespace();
  const kept: { sql?: (strings: TemplateStringsArray) => Promise<unknown> } = {};
  Reflect.set(globalThis, 'keptSql', kept);
  const revision = await load(`export async function up(sql) { globalThis.keptSql.sql = sql; }\n${down}`);
  await new Migrator({ connection, revisions: [people, revision], namespace }).up();
  Reflect.deleteProperty(globalThis, 'keptSql');
  assert.ok(kept.sql);
  assert.match((await failure(kept.sql`select 1`, 'MISUSE')).message, /used after its function had ended/);
});

test('batches deal with every row once, in one transaction, or each in its own, and tell their progress', async () => {
  for (const settings of ['', OFF]) {
    const namespace = scratch.namespace();
    const log = new HeardLog();
    const revision = await load(batched(settings, FILL));
    await new Migrator({ connection, revisions: [people, revision], namespace, log }).up();
    const table = `${quoteName(namespace)}.people`;
    assert.equal(await cell(`select count(*) from ${table} where nickname = upper(name)`), '25');
    assert.equal(await cell(`select count(distinct xmin::text) from ${table}`), settings === '' ? '1' : '3');
    assert.equal(await cell(`select obj_description('${table}'::regclass)`), 'filled');
    const told = log.events.findLast(({ event }) => event === 'migration.progress');
    assert.deepEqual([told?.fields['table'], told?.fields['rows'], told?.fields['id']], ['people', 25, revision.id]);
    assert.equal((await connection.command('show search_path')).rows[0]?.[0], '"$user", public');
  }
});

test('batches that were cut keep what was committed, and the next run goes on with the rows that are left', async () => {
  const namespace = scratch.namespace();
  const table = `${quoteName(namespace)}.people`;
  const broken = await load(batched(OFF, `if (ids.includes('17')) await sql\`select nowhere\`;\n      ${FILL}`));
  const first = new Migrator({ connection, revisions: [people, broken], namespace });
  const failed = await failure(first.up(), 'MIGRATION_FAILED');
  assert.match(failed.message, /_fill\.ts:9: column "nowhere" does not exist/);
  assert.match(failed.hint, /What was committed by then is kept/);
  assert.equal(await cell(`select count(*) from ${table} where nickname is not null`), '10');
  assert.deepEqual((await first.status()).pending, [broken.id]);
  const log = new HeardLog();
  const mended = await load(batched(OFF, FILL));
  await new Migrator({ connection, revisions: [people, mended], namespace, log }).up();
  assert.equal(await cell(`select count(*) from ${table} where nickname is not null`), '25');
  assert.equal(log.events.find(({ event }) => event === 'migration.progress')?.fields['rows'], 15);
});

test('a batch whose rows others hold is tried again, and those before it are not', async () => {
  const namespace = scratch.namespace();
  const table = `${quoteName(namespace)}.people`;
  const log = new HeardLog();
  const counted = parseRevision(
    'migrations/20260101T1200_count.sql',
    `-- up\ncreate table writes (id int);\ncreate function count_writes() returns trigger language plpgsql as $$
begin insert into writes values (new.id); return new; end $$;
create trigger count_writes after update on people for each row execute function count_writes();\n-- down\nselect 1;\n`,
  );
  await new Migrator({ connection, revisions: [people, counted], namespace }).up();
  const other = await scratch.connect();
  await other.command(`set search_path to ${quoteName(namespace)}; begin; select from people where id = 15 for update`);
  const revision = await load(batched(OFF, FILL));
  const retried = log.next('migration.retried');
  const up = new Migrator({ connection, revisions: [people, counted, revision], namespace, log, lockTimeoutMs: 20 }).up();
  await retried;
  assert.equal(await cellOf(other, 'select count(*) from people where nickname is not null'), '10');
  await other.command('commit');
  assert.equal((await up).length, 1);
  assert.equal(await cell(`select count(*) || ' ' || count(distinct id) from ${quoteName(namespace)}.writes`), '25 25');
  assert.equal(await cell(`select count(*) from ${table} where nickname is null`), '0');
});

test('outside a transaction code builds an index concurrently, and removes what an interrupted build left', async () => {
  const namespace = scratch.namespace();
  const log = new HeardLog();
  const up = 'await sql`create unique index concurrently if not exists people_secret on people (secret)`;';
  const revision = await load(
    `${OFF}\nexport async function up(sql) { ${up} }\nexport async function down(sql) { await sql\`drop index people_secret\`; }`,
  );
  const migrator = new Migrator({ connection, revisions: [people, revision], namespace, log });
  await migrator.up({ to: people.id });
  const table = `${quoteName(namespace)}.people`;
  await connection.command(`update ${table} set secret = '1'`);
  assert.match((await failure(migrator.up(), 'MIGRATION_FAILED')).message, /_fill\.ts:2: could not create unique index "people_secret"/);
  await connection.command(`update ${table} set secret = to_jsonb(id)`);
  assert.equal((await migrator.up()).length, 1);
  assert.equal(log.events.filter(({ event }) => event === 'migration.leftover_removed').length, 1);
  assert.equal(await cell(`select indisvalid from pg_index where indexrelid = '${quoteName(namespace)}.people_secret'::regclass`), 't');
  await migrator.down({ to: 1 });
});

test('there is no SQL to write of a revision in TypeScript', async () => {
  const revision = await load(`export async function up() {}\n${down}`);
  const revisions = [people, revision];
  assert.throws(
    () => renderSql({ revisions, namespace: 'app' }),
    (error) => isKeelsonError(error, 'MIGRATION_INVALID') && /is TypeScript/.test(error.message) && /--to 20260102T0000/.test(error.hint),
  );
  assert.match(renderSql({ revisions, namespace: 'app', to: people.id }), /create table people/);
});

async function cellOf(other: Connection, text: string): Promise<string | null | undefined> {
  return (await other.command(text)).rows[0]?.[0];
}
