/** A database for one test, as clean as the migrations left it. */
import { type Clock, systemClock } from '../clock.ts';
import { KeelsonError } from '../errors.ts';
import { type Log, silentLog } from '../log.ts';
import { connectPostgres, type Postgres } from '../postgres/postgres.ts';
import { quoteName } from '../schema/sql.ts';
import { tableInfo } from '../schema/table.ts';
import { type Database, openDatabase } from '../work/database.ts';
import { type Model, orderTables, type Repositories } from '../work/model.ts';
import { testServer } from './server.ts';
import { type Clone, cloneDatabase, type TestSource } from './template.ts';

/** How a test is kept from the others. */
export interface TestDatabaseOptions {
  /**
   * `delete`: the database of this process, its rows deleted first; commits are real. `rollback`: the same, everything on one
   * connection inside a transaction that is rolled back: the quickest, but `now()` stands still and nothing is concurrent.
   * `database`: a clone of its own, for tests that change tables or roles, or run side by side.
   */
  readonly isolation?: 'delete' | 'rollback' | 'database' | undefined;
  /**
   * Where the model has policies: `bound`, the role that an app would have, or `owner`, whom no policy stops, to look at what is
   * everybody's.
   */
  readonly role?: 'bound' | 'owner' | undefined;
  readonly log?: Log | undefined;
  readonly clock?: Clock | undefined;
  readonly poolSize?: number | undefined;
  readonly poolWaitMs?: number | undefined;
  /** False: every statement waits for the one before, only to find a fault. */
  readonly pipeline?: boolean | undefined;
}

/** A database that is given back at the end of the block: `await using database = await testDatabase(app)`. */
export type TestDatabase<R extends Repositories> = Database<R> & AsyncDisposable;

interface Shared {
  readonly clone: Promise<Clone>;
  isTaken: boolean;
  isDirty: boolean;
}

const shared = new Map<unknown, Shared>();

/**
 * A database for one test.
 *
 * @throws MISUSE when another test of this process still uses the shared one
 * @example
 * import { testDatabase } from 'keelson/testing';
 * import { defineModel } from 'keelson/work';
 * await using database = await testDatabase({ model: defineModel({ name: 'empty', tables: [], repositories: {} }) });
 * await database.work(({ sql }) => sql);
 */
export async function testDatabase<R extends Repositories>(
  source: TestSource<R>,
  options: TestDatabaseOptions = {},
): Promise<TestDatabase<R>> {
  if (options.isolation === 'database') {
    const clone = await cloneDatabase(await testServer(), source);
    const postgres = await connect(clone, options);
    return disposable(openDatabase(source.model, postgres, contextOf(options)), async () => {
      await postgres.close();
      await clone.drop();
    });
  }
  const entry = take(source);
  try {
    const postgres = await connect(await entry.clone, options);
    return await (options.isolation === 'rollback'
      ? openInside(source.model, postgres, { entry, options })
      : openShared(source.model, postgres, { entry, options }));
  } catch (error) {
    entry.isTaken = false;
    throw error;
  }
}

interface Place {
  readonly entry: Shared;
  readonly options: TestDatabaseOptions;
}

async function openShared<R extends Repositories>(
  model: Model<R>,
  postgres: Postgres,
  { entry, options }: Place,
): Promise<TestDatabase<R>> {
  if (entry.isDirty) await cleanUp(model, postgres, await entry.clone);
  entry.isDirty = true;
  return disposable(openDatabase(model, postgres, contextOf(options)), async () => {
    await postgres.close();
    entry.isTaken = false;
  });
}

async function openInside<R extends Repositories>(
  model: Model<R>,
  postgres: Postgres,
  { entry, options }: Place,
): Promise<TestDatabase<R>> {
  if (entry.isDirty) await cleanUp(model, postgres, await entry.clone);
  entry.isDirty = false;
  const connection = await postgres.pool.acquire('test');
  await connection.command('begin');
  return disposable(openDatabase(model, postgres, { ...contextOf(options), inside: connection }), async () => {
    await connection.command('rollback');
    postgres.pool.release(connection);
    await postgres.close();
    entry.isTaken = false;
  });
}

function take<R extends Repositories>(source: TestSource<R>): Shared {
  let entry = shared.get(source.model);
  if (entry === undefined) {
    entry = { clone: testServer().then((server) => cloneDatabase(server, source)), isTaken: false, isDirty: false };
    shared.set(source.model, entry);
  }
  if (entry.isTaken)
    throw new KeelsonError('MISUSE', {
      message: `The test database of ${source.model.name} is in use by another test.`,
      hint: "Dispose of it first, or ask for { isolation: 'database' }.",
    });
  entry.isTaken = true;
  return entry;
}

async function connect(clone: Clone, options: TestDatabaseOptions): Promise<Postgres> {
  const { poolSize = 10, poolWaitMs, pipeline, log = silentLog } = options;
  return connectPostgres({
    url: options.role === 'owner' ? clone.ownerUrl : clone.url,
    poolSize,
    poolWaitMs,
    pipeline,
    log,
    clock: options.clock,
    connectRetryMs: 0,
    applicationName: 'keelson/testing',
  });
}

function contextOf(options: TestDatabaseOptions): { readonly log: Log; readonly clock: Clock } {
  return { log: options.log ?? silentLog, clock: options.clock ?? systemClock };
}

/** As the owner where a policy would hide rows from the app's own role. */
async function cleanUp(model: Model, postgres: Postgres, clone: Clone): Promise<void> {
  if (postgres.url === clone.ownerUrl) {
    await deleteRows(model, postgres);
    return;
  }
  const owner = await connect(clone, { role: 'owner', poolSize: 1 });
  try {
    await deleteRows(model, owner);
  } finally {
    await owner.close();
  }
}

/** Deletes every row against the foreign keys, in one round trip: ten times quicker than TRUNCATE on small tables. */
async function deleteRows(model: Model, postgres: Postgres): Promise<void> {
  if (model.tables.length === 0) return;
  const connection = await postgres.pool.acquire('testing');
  const targets = orderTables(model.tables).map((table) => `${quoteName(model.namespace)}.${quoteName(tableInfo(table).name)}`);
  try {
    await connection.command(
      targets
        .toReversed()
        .map((target) => `delete from ${target}`)
        .join('; '),
    );
  } catch {
    // A circle of foreign keys has no order in which its rows can go one table after another.
    await connection.command(`truncate ${targets.join(', ')} cascade`);
  } finally {
    postgres.pool.release(connection);
  }
}

function disposable<R extends Repositories>(database: Database<R>, dispose: () => Promise<void>): TestDatabase<R> {
  return Object.assign(database, { [Symbol.asyncDispose]: dispose });
}
