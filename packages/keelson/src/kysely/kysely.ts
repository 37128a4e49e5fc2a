/** Kysely on the connection of a unit of work, or of a reader, with its types from the tables. */
import type { Kysely } from 'kysely';
import { KeelsonError } from '../errors.ts';
import type { Sql } from '../schema/sql.ts';
import type { KyselyTables, Tables } from './tables.ts';

/** A unit of work, or a reader. */
export interface Queryable {
  readonly sql: <Row>(piece: Sql<Row>) => Promise<Row[]>;
}

/** A Kysely whose queries run in a unit of work, or through a reader. */
export function kysely<T extends Tables>(unit: Queryable, tables: T): Kysely<KyselyTables<T>> {
  throw new KeelsonError('MISUSE', { message: `${typeof unit} ${typeof tables} comes in a moment.` });
}
