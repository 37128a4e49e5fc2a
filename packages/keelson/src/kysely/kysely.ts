/** Kysely on the connection of a unit of work, or of a reader, with its types from the tables. */
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult,
} from 'kysely';
import { KeelsonError } from '../errors.ts';
import { encode } from '../schema/encode.ts';
import type { Sql } from '../schema/sql.ts';
import { snakeCase, tableInfo } from '../schema/table.ts';
import { runnerOf, type StatementRunner } from '../work/statement-runner.ts';
import type { KyselyTables, Tables } from './tables.ts';
import { toRows } from './values.ts';
import { writtenTables } from './written.ts';

/** A unit of work, or a reader. */
export interface Queryable {
  readonly sql: <Row>(piece: Sql<Row>) => Promise<Row[]>;
}

/**
 * A Kysely whose queries run inside a unit of work, or through a reader. In a unit each query sees what the unit has changed so far,
 * and is committed or rolled back with it. Names are those of the database, in the schema of the app; the unit is the transaction.
 *
 * @throws MISUSE for a table that is not named as it is in the database, and for anything that is neither unit nor reader
 * @example
 * import { kysely } from 'keelson/kysely';
 * import { table, text, uuid } from 'keelson/schema';
 * import type { Database } from 'keelson/work';
 * const notes = table('notes', { id: uuid().primaryKey(), title: text() });
 * export const titles = (database: Database<{}>) =>
 *   database.read((reader) => kysely(reader, { notes }).selectFrom('notes').select('title').execute());
 */
export function kysely<T extends Tables>(unit: Queryable, tables: T): Kysely<KyselyTables<T>> {
  for (const [key, table] of Object.entries(tables)) {
    const { name } = tableInfo(table);
    if (snakeCase(key) !== name)
      throw new KeelsonError('MISUSE', {
        message: `The table ${name} was given to kysely() as ${key}.`,
        hint: 'Name it as in the database, in camelCase.',
      });
  }
  const runner = runnerOf(unit);
  return new Kysely<KyselyTables<T>>({ dialect: dialectOf(runner) }).withSchema(runner.namespace);
}

function dialectOf(runner: StatementRunner): Dialect {
  return {
    createDriver: () => new RunnerDriver(runner),
    createQueryCompiler: () => new PostgresQueryCompiler(),
    createAdapter: () => new PostgresAdapter(),
    createIntrospector: (database) => new PostgresIntrospector(database),
  };
}

/** A driver without connections of its own. */
class RunnerDriver implements Driver {
  readonly #connection: RunnerConnection;

  constructor(runner: StatementRunner) {
    this.#connection = new RunnerConnection(runner);
  }

  async init(): Promise<void> {
    // There is nothing to open.
  }

  async acquireConnection(): Promise<DatabaseConnection> {
    return this.#connection;
  }

  async beginTransaction(): Promise<void> {
    throw refuseTransaction();
  }

  async commitTransaction(): Promise<void> {
    throw refuseTransaction();
  }

  async rollbackTransaction(): Promise<void> {
    throw refuseTransaction();
  }

  async releaseConnection(): Promise<void> {
    // It belongs to the unit.
  }

  async destroy(): Promise<void> {
    // It ends with the unit.
  }
}

class RunnerConnection implements DatabaseConnection {
  readonly #runner: StatementRunner;

  constructor(runner: StatementRunner) {
    this.#runner = runner;
  }

  async executeQuery<R>({ sql, parameters, query }: CompiledQuery): Promise<QueryResult<R>> {
    const written = writtenTables(query);
    if (this.#runner.isReader && written.length > 0)
      throw new KeelsonError('MISUSE', {
        message: `A reader was to write ${written.join(', ')}.`,
        hint: 'Write inside database.work(…), with a Kysely of its unit.',
      });
    // Without a name: composed queries have too many shapes for the plans that a server keeps.
    const result = await this.#runner.run({ text: sql, name: undefined, values: parameters.map(encode) });
    for (const table of written) this.#runner.markWritten(table);
    return { rows: parseRows<R>(toRows(result)), numAffectedRows: BigInt(result.rowCount) };
  }

  // oxlint-disable-next-line require-yield -- Kysely asks for an iterator, even of one that only refuses
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new KeelsonError('MISUSE', {
      message: 'Kysely was asked to stream inside a unit of work or a reader.',
      hint: 'Read page by page, from the last key on.',
    });
  }
}

function refuseTransaction(): KeelsonError {
  return new KeelsonError('MISUSE', {
    message: 'Kysely was asked for a transaction of its own.',
    hint: 'The unit of work is the transaction; for a savepoint use its nested().',
  });
}

function parseRows<R>(rows: unknown): R[] {
  return rows as R[];
}
