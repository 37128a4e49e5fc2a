/** What a revision in TypeScript consists of: a function up, one down, and the settings that a header says in SQL. */
import type { Sql } from '../schema/sql.ts';

/** The settings of a revision in TypeScript, `export const settings = { … } satisfies RevisionSettings`. */
export interface RevisionSettings {
  /** `contract` takes away what running code may still use. Default `expand`. */
  readonly phase?: 'expand' | 'contract';
  /** `off`: every statement, and every batch, is committed by itself. Default `on`. */
  readonly transaction?: 'on' | 'off';
  /** Why it cannot be taken back; then there is no `down`. */
  readonly irreversible?: string;
}

/** Rows of one table, dealt with a batch at a time. */
export interface BatchOptions {
  /** The table; a name without a schema means the app's namespace. */
  readonly table: string | Sql;
  /** A column without nulls whose values are unique; batches go along it. Default `id`. */
  readonly key?: string | undefined;
  /**
   * Which rows are still to do. What a batch has done must not fit it any more: then a run that was cut goes on where it stopped.
   * Danger: without it such a run deals with every row again.
   */
  readonly where?: Sql | undefined;
  /** How many rows a batch has. Default 1,000. */
  readonly batchMax?: number | undefined;
  /** Deals with the rows of these keys, which are locked for it. */
  readonly run: (keys: readonly string[]) => Promise<unknown>;
}

/**
 * Runs SQL on the connection that migrates; values become parameters. What is asked for is sent at once.
 *
 * @example
 * import type { RevisionSettings, RevisionSql } from 'keelson/migrate';
 * export const settings = { transaction: 'off' } satisfies RevisionSettings;
 * export async function up(sql: RevisionSql): Promise<void> {
 *   await sql.batched({
 *     table: 'users',
 *     where: sql.part`nickname is null`,
 *     run: (ids) => sql`update users set nickname = name where id = any (${ids})`,
 *   });
 * }
 * export async function down(sql: RevisionSql): Promise<void> {
 *   await sql`update users set nickname = null`;
 * }
 */
export interface RevisionSql {
  <Row = Record<string, unknown>>(strings: TemplateStringsArray, ...values: readonly unknown[]): Promise<readonly Row[]>;
  /** A piece of SQL to stand in another; it is not run by itself. */
  part(strings: TemplateStringsArray, ...values: readonly unknown[]): Sql;
  /** A name, quoted. */
  identifier(name: string): Sql;
  /** Pieces or values one after another, with a comma between unless told otherwise. */
  join(items: readonly unknown[], separator?: string): Sql;
  /** Deals with many rows, batch after batch; gives how many there were. With `transaction: off` each batch is a transaction of its own. */
  batched(options: BatchOptions): Promise<number>;
}

/** What runs, one way. */
export type RevisionFunction = (sql: RevisionSql) => Promise<void>;

/** The functions of a revision in TypeScript. */
export interface RevisionCode {
  readonly up: RevisionFunction;
  /** Undefined when it is irreversible. */
  readonly down: RevisionFunction | undefined;
}
