/** Processes that migrate at once, and one that is killed in the middle: each revision is run exactly once, and none by half. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { quoteName } from '../schema/sql.ts';
import { readRevisions } from './folder.ts';
import { program } from './race.fixture.ts';
import { Migrator } from './runner.ts';
import { HeardLog } from './scratch.ts';
import { atEnd, useFolder, useScratch } from './trial.fixture.ts';

const REPLICAS = 8;

const { scratch, connection: admin } = await useScratch();
const directory = await useFolder();
const living = new Set<ChildProcess>();
atEnd(() => {
  for (const child of living) child.kill('SIGKILL');
});

/** A process that has connected and waits for the word. */
class Replica {
  readonly backendId: number;
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  private constructor(child: ChildProcess, lines: AsyncIterator<string>, backendId: number) {
    this.#child = child;
    this.#lines = lines;
    this.backendId = backendId;
  }

  static async start(namespace: string, folder: string): Promise<Replica> {
    const child = spawn(process.execPath, [program, scratch.url, namespace, folder], { stdio: ['pipe', 'pipe', 'inherit'] });
    living.add(child);
    child.once('exit', () => living.delete(child));
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    return new Replica(child, lines, Number((await lines.next()).value));
  }

  /** Says go; gives what it has run, or null when it ended before it could say. */
  async go(): Promise<readonly string[] | null> {
    this.#child.stdin?.write('go\n');
    const line = await this.#lines.next();
    return line.done === true ? null : parseIds(line.value);
  }

  async kill(): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
  }
}

function parseIds(line: string): readonly string[] {
  return JSON.parse(line) as readonly string[];
}

/** Which revisions were run, by whomever, in order. */
function allOf(runs: readonly (readonly string[] | null)[]): readonly (string | null)[] {
  return runs.flat().toSorted((a, b) => String(a).localeCompare(String(b)));
}

async function writeFolder(files: Readonly<Record<string, string>>): Promise<string> {
  const made = await mkdtemp(join(directory, 'migrations-'));
  for (const [name, text] of Object.entries(files)) await writeFile(join(made, name), text);
  return made;
}

function revision(up: string, down = 'select 1;', header = ''): string {
  return `${header}-- up\n${up}\n-- down\n${down}\n`;
}

const files = {
  '20260101T0000_hats.sql': revision('create table hats (id int primary key, size int);', 'drop table hats;'),
  '20260102T0000_fill.sql': revision(
    'insert into hats select n, n from generate_series(1, 1000) as n;\n-- commit\nupdate hats set size = size + 1;',
  ),
  '20260103T0000_index.sql': revision(
    'create index concurrently hats_size on hats (size);',
    'drop index hats_size;',
    '-- transaction: off\n',
  ),
  '20260103T1200_doubled.sql': revision('alter table hats add doubled int;', 'alter table hats drop doubled;'),
  '20260104T0000_double.ts': `export const settings = { transaction: 'off' };
export async function up(sql) {
  await sql.batched({
    table: 'hats',
    where: sql.part\`doubled is null\`,
    batchMax: 100,
    run: (ids) => sql\`update hats set doubled = coalesce(doubled, 0) + 2 * size where id = any (\${ids})\`,
  });
}
export async function down(sql) { await sql\`update hats set doubled = null\`; }
`,
  '20260105T0000_mood.sql': revision("create type mood as enum ('good', 'bad');", 'drop type mood;'),
};
const ids = Object.keys(files).map((name) => name.slice(0, 13));

/** Asks again and again until the server says yes. */
async function until(text: string): Promise<void> {
  for (;;) if ((await admin.command(`select exists (${text})`)).rows[0]?.[0] === 't') return;
}

async function cell(text: string): Promise<string | null | undefined> {
  return (await admin.command(text)).rows[0]?.[0];
}

async function assertDone(namespace: string): Promise<void> {
  const place = quoteName(namespace);
  assert.equal(await cell(`select count(*) || ' ' || count(distinct (id, part)) from ${place}.keelson_migrations`), '7 7');
  assert.equal(await cell(`select sum(size) || ' ' || sum(doubled) from ${place}.hats`), '501500 1003000');
  assert.equal(await cell(`select indisvalid from pg_index where indexrelid = '${place}.hats_size'::regclass`), 't');
}

test('eight processes at once apply each revision exactly once, an index built concurrently and one in TypeScript among them', async () => {
  // FND-5, INF-4
  const namespace = scratch.namespace();
  const migrations = await writeFolder(files);
  const replicas = await Promise.all(Array.from({ length: REPLICAS }, () => Replica.start(namespace, migrations)));
  const runs = await Promise.all(replicas.map((replica) => replica.go()));
  assert.equal(
    runs.every((run) => run !== null),
    true,
  );
  assert.deepEqual(allOf(runs), ids);
  await assertDone(namespace);
});

test('two apps with two namespaces in one database migrate at once and do not hinder each other', async () => {
  // LRP-6
  const namespaces = [scratch.namespace('accounts'), scratch.namespace('larp_manager')];
  const migrations = await writeFolder(files);
  const replicas = await Promise.all(
    namespaces.flatMap((namespace) => Array.from({ length: REPLICAS / 2 }, () => Replica.start(namespace, migrations))),
  );
  const runs = await Promise.all(replicas.map((replica) => replica.go()));
  assert.deepEqual(allOf(runs.slice(0, REPLICAS / 2)), ids);
  assert.deepEqual(allOf(runs.slice(REPLICAS / 2)), ids);
  for (const namespace of namespaces) await assertDone(namespace);
});

test('a process that is killed in a transaction leaves nothing of it, and those that wait go on without it', async () => {
  // FND-5, INF-4
  const namespace = scratch.namespace();
  const place = quoteName(namespace);
  const migrations = await writeFolder({
    '20260101T0000_hats.sql': files['20260101T0000_hats.sql'],
    '20260102T0000_both.sql': revision('create table boxes ();\nalter table hats add colour text;'),
  });
  const first = await readRevisions(migrations);
  await new Migrator({ connection: await scratch.connect(), revisions: first.slice(0, 1), namespace }).up();
  const reader = await scratch.connect();
  await reader.command(`begin; lock table ${place}.hats in access share mode`);
  const dying = await Replica.start(namespace, migrations);
  const said = dying.go();
  await until(`select from pg_locks where pid = ${dying.backendId} and locktype = 'relation' and not granted`);
  const next = await Replica.start(namespace, migrations);
  await dying.kill();
  assert.equal(await said, null);
  // The server ends the statement of the dead although the reader still holds the table.
  await until(`select where not exists (select from pg_stat_activity where pid = ${dying.backendId})`);
  assert.equal(await cell(`select to_regclass('${place}.boxes') is null`), 't');
  await reader.command('commit');
  assert.deepEqual(await next.go(), ['20260102T0000']);
  assert.equal(await cell(`select count(*) from ${place}.keelson_migrations`), '2');
});

test('a process that is killed while it builds an index leaves an invalid one, which the next removes and builds anew', async () => {
  // FND-5
  const namespace = scratch.namespace();
  const place = quoteName(namespace);
  const migrations = await writeFolder({
    '20260101T0000_hats.sql': files['20260101T0000_hats.sql'],
    '20260103T0000_index.sql': files['20260103T0000_index.sql'],
  });
  const revisions = await readRevisions(migrations);
  await new Migrator({ connection: await scratch.connect(), revisions: revisions.slice(0, 1), namespace }).up();
  const old = await scratch.connect();
  await old.command(`begin isolation level repeatable read; lock table ${place}.hats in row exclusive mode; select 1`);
  const dying = await Replica.start(namespace, migrations);
  const said = dying.go();
  await until(`select from pg_locks where pid = ${dying.backendId} and locktype = 'virtualxid' and not granted`);
  await dying.kill();
  assert.equal(await said, null);
  await until(`select where not exists (select from pg_stat_activity where pid = ${dying.backendId})`);
  assert.equal(await cell(`select indisvalid from pg_index where indrelid = '${place}.hats'::regclass and not indisprimary`), 'f');
  await old.command('commit');
  const log = new HeardLog();
  const runs = await new Migrator({ connection: await scratch.connect(), revisions, namespace, log }).up();
  assert.equal(runs.length, 1);
  assert.deepEqual(
    log.events.map(({ event }) => event),
    ['migration.leftover_removed', 'migration.applied'],
  );
  assert.equal(await cell(`select bool_and(indisvalid) from pg_index where indrelid = '${place}.hats'::regclass`), 't');
});

test('a process that is killed in the middle of batches has kept those that were committed, and the next does only the others', async () => {
  const namespace = scratch.namespace();
  const place = quoteName(namespace);
  const migrations = await writeFolder(files);
  const revisions = await readRevisions(migrations);
  await new Migrator({ connection: await scratch.connect(), revisions, namespace }).up({ to: '20260103T1200' });
  // The batches get through until the row that another holds.
  const holder = await scratch.connect();
  await holder.command(`begin; select from ${place}.hats where id = 550 for update`);
  const dying = await Replica.start(namespace, migrations);
  const said = dying.go();
  await until(`select from pg_locks where pid = ${dying.backendId} and locktype = 'transactionid' and not granted`);
  await dying.kill();
  assert.equal(await said, null);
  await until(`select where not exists (select from pg_stat_activity where pid = ${dying.backendId})`);
  await holder.command('commit');
  assert.equal(await cell(`select count(*) from ${place}.hats where doubled is not null`), '500');
  const log = new HeardLog();
  await new Migrator({ connection: await scratch.connect(), revisions, namespace, log }).up();
  assert.equal(log.events.find(({ event }) => event === 'migration.progress')?.fields['rows'], 500);
  assert.equal(await cell(`select sum(doubled) from ${place}.hats`), '1003000');
});
