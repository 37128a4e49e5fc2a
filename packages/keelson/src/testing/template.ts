/** Databases for tests: a template that the migrations have made once, and clones of it. */
import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../clock.ts';
import { KeelsonError } from '../errors.ts';
import { silentLog } from '../log.ts';
import { readRevisions } from '../migrate/folder.ts';
import { withLock } from '../migrate/lock.ts';
import type { Revision } from '../migrate/revision.ts';
import { Migrator } from '../migrate/runner.ts';
import type { Connection } from '../postgres/connection.ts';
import { connectPostgres } from '../postgres/postgres.ts';
import { renderSchema } from '../schema/ddl.ts';
import { quoteName } from '../schema/sql.ts';
import { boundRole, createBoundRole, grantToBoundRole, hasPolicies, urlWithRole } from '../work/bound-role.ts';
import type { Model, Repositories } from '../work/model.ts';
import { isAlive, type TestServer } from './server.ts';

/** What a test database is made from: an app, or a model whose tables are made as they are declared. */
export interface TestSource<R extends Repositories> {
  readonly model: Model<R>;
  readonly migrationsDirectory?: string | URL | undefined;
}

/** A database on the test server. */
export interface Clone {
  readonly name: string;
  /** As the app connects: where the model has policies, as a role that they bind. */
  readonly url: string;
  /** As the owner of everything, whom no policy stops. */
  readonly ownerUrl: string;
  drop(): Promise<void>;
}

const CLONE = /^keelson_test_(\d+)_/u;
const TEMPLATE_WAIT_MS = 60_000;

let clones = 0;

/** Makes a database for this process out of the template of a source, which is made first when it is not there. */
export async function cloneDatabase<R extends Repositories>(server: TestServer, source: TestSource<R>): Promise<Clone> {
  clones += 1;
  const name = `keelson_test_${process.pid}_${clones}`;
  await onServer(server.url, async (connection) => {
    // The role belongs to the server, not to the template.
    if (hasPolicies(source.model)) await createBoundRole(connection, source.model.namespace);
    const template = await ensureTemplate(connection, server, source);
    await dropLeftOvers(connection);
    await createFrom(connection, server, { name, template });
  });
  const drop = (): Promise<void> => onServer(server.url, (connection) => dropDatabase(connection, name));
  const ownerUrl = urlOf(server.url, name);
  const url = hasPolicies(source.model) ? urlWithRole(ownerUrl, boundRole(source.model.namespace)) : ownerUrl;
  return { name, url, ownerUrl, drop };
}

/** The URL of another database on the same server. */
export function urlOf(serverUrl: string, database: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${encodeURIComponent(database)}`;
  return url.href;
}

async function ensureTemplate<R extends Repositories>(connection: Connection, server: TestServer, source: TestSource<R>): Promise<string> {
  const revisions = await revisionsOf(source);
  const { tables, namespace, objects } = source.model;
  const statements = revisions === undefined ? renderSchema(tables, namespace, objects).up : [];
  const hash = createHash('sha256').update(namespace);
  for (const text of [...(revisions ?? []).map((revision) => `${revision.id} ${revision.checksum}`), ...statements])
    hash.update(`\n${text}`);
  if (hasPolicies(source.model)) hash.update('\nbound role');
  const name = `keelson_template_${hash.digest('hex').slice(0, 24)}`;
  if (await databaseExists(connection, name)) return name;
  await withLock({ connection, namespace: name, waitMs: TEMPLATE_WAIT_MS, log: silentLog, clock: systemClock }, async () => {
    if (!(await databaseExists(connection, name)))
      await makeTemplate(connection, server, { name, revisions, statements, model: source.model });
  });
  return name;
}

interface TemplatePlan<R extends Repositories> {
  readonly name: string;
  readonly revisions: readonly Revision[] | undefined;
  readonly statements: readonly string[];
  readonly model: Model<R>;
}

// Under another name until it is whole, so that a run that is killed leaves no half-made template behind.
async function makeTemplate<R extends Repositories>(connection: Connection, server: TestServer, plan: TemplatePlan<R>): Promise<void> {
  const draft = `${plan.name}_draft`;
  await dropDatabase(connection, draft);
  await connection.command(`create database ${quoteName(draft)} template template0 encoding 'UTF8'`);
  await onServer(urlOf(server.url, draft), async (inside) => {
    await makeTables(inside, plan);
    if (hasPolicies(plan.model)) await grantToBoundRole(inside, plan.model);
  });
  await connection.command(`alter database ${quoteName(draft)} rename to ${quoteName(plan.name)}`);
}

async function makeTables<R extends Repositories>(connection: Connection, plan: TemplatePlan<R>): Promise<void> {
  const { revisions, statements, model } = plan;
  if (revisions !== undefined) {
    await new Migrator({ connection, revisions, namespace: model.namespace }).up();
    return;
  }
  if (statements.length > 0)
    await connection.command(
      `create schema if not exists ${quoteName(model.namespace)}; set search_path to ${quoteName(model.namespace)}, public`,
    );
  for (const statement of statements) await connection.command(statement);
}

async function revisionsOf<R extends Repositories>(source: TestSource<R>): Promise<readonly Revision[] | undefined> {
  const { migrationsDirectory } = source;
  if (migrationsDirectory === undefined) return undefined;
  const directory =
    migrationsDirectory instanceof URL || migrationsDirectory.startsWith('file:')
      ? fileURLToPath(migrationsDirectory)
      : migrationsDirectory;
  const revisions = await readRevisions(directory);
  if (revisions.length === 0)
    throw new KeelsonError('MIGRATION_INVALID', { message: `There are no revisions in ${directory} to make a test database from.` });
  return revisions;
}

async function createFrom(
  connection: Connection,
  server: TestServer,
  { name, template }: { readonly name: string; readonly template: string },
): Promise<void> {
  // Copying files is quickest where nothing need reach the disk; elsewhere it would force a checkpoint.
  const strategy = server.isThrowaway ? 'file_copy' : 'wal_log';
  await connection.command(`create database ${quoteName(name)} template ${quoteName(template)} strategy ${strategy}`);
}

async function databaseExists(connection: Connection, name: string): Promise<boolean> {
  const { rows } = await connection.query({
    text: 'select 1 from pg_catalog.pg_database where datname = $1',
    name: undefined,
    values: [name],
  });
  return rows.length > 0;
}

/** Clones of processes that are gone. */
async function dropLeftOvers(connection: Connection): Promise<void> {
  const { rows } = await connection.query({
    text: `select datname from pg_catalog.pg_database where datname like 'keelson\\_test\\_%'`,
    name: undefined,
    values: [],
  });
  for (const [name] of rows) {
    const pid = CLONE.exec(name ?? '')?.[1];
    if (name !== null && name !== undefined && pid !== undefined && !isAlive(Number(pid))) await dropDatabase(connection, name);
  }
}

async function dropDatabase(connection: Connection, name: string): Promise<void> {
  await connection.command(`drop database if exists ${quoteName(name)} with (force)`);
}

async function onServer<T>(url: string, block: (connection: Connection) => Promise<T>): Promise<T> {
  const postgres = await connectPostgres({
    url,
    poolSize: 1,
    statementTimeoutMs: TEMPLATE_WAIT_MS,
    log: silentLog,
    applicationName: 'keelson/testing',
  });
  const connection = await postgres.connect();
  try {
    return await block(connection);
  } finally {
    await connection.close();
    await postgres.close();
  }
}
