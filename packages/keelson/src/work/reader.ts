/** Reading outside a transaction: plain rows for answers, with times as text, over the shared connections. */
import { KeelsonError } from '../errors.ts';
import type { Result } from '../postgres/exchange.ts';
import { toObjects } from '../postgres/values.ts';
import type { Sql, Statement, Statements } from '../schema/sql.ts';
import { type KeyOf, type KeysOf, mapperOf } from './entity.ts';
import type { EntitySql } from './entity-sql.ts';
import type { Filter, ListOptions } from './filter.ts';
import { readPage } from './list-page.ts';
import type { ListPage, ListRequest } from './list-request.ts';
import type { ListRules } from './list-rules.ts';
import type { EntityOf, Repositories } from './model.ts';
import { type EntityClassLike, entityOf } from './repository.ts';
import type { Fields } from './mapper.ts';
import { readerRunner, statementRunner } from './statement-runner.ts';

type Plain<T> = T extends Date ? string : T extends readonly Date[] ? string[] : T;

/** A row as plain data: what is a `Date` in an entity is RFC 3339 text here. */
export type PlainRow<E> = { readonly [K in KeysOf<E>]: Plain<E[K]> };

/** What a block of `read` is given. */
export type Reader<R extends Repositories> = { readonly [K in keyof R]: RowReader<EntityOf<R[K]>> } & {
  /** Runs one short statement and gives its rows as objects. */
  readonly sql: <Row>(piece: Sql<Row>) => Promise<Row[]>;
};

/** What reading needs from its database. */
export interface ReaderHost {
  readonly statements: Statements;
  query(statement: Statement): Promise<Result>;
  sqlOf(entityClass: EntityClassLike): EntitySql;
  compile(piece: Sql): Statement;
}

/** Reads rows of one table. */
export class RowReader<E> {
  readonly #host: ReaderHost;
  readonly #texts: EntitySql;
  readonly #plain: (row: (string | null)[]) => Fields;
  readonly #name: string;

  constructor(host: ReaderHost, entityClass: EntityClassLike) {
    this.#host = host;
    this.#texts = host.sqlOf(entityClass);
    this.#plain = mapperOf(entityClass).plain;
    this.#name = entityClass.name;
  }

  /**
   * The row with a key.
   *
   * @throws NOT_FOUND
   */
  async get(key: KeyOf<E>): Promise<PlainRow<E>> {
    const { rows } = await this.#host.query(this.#texts.get(key));
    const [row] = rows;
    if (row === undefined) throw new KeelsonError('NOT_FOUND', { message: `There is no ${this.#name.toLowerCase()} ${String(key)}.` });
    return parsePlain<E>(this.#plain(row));
  }

  /** The first row that matches, or null. */
  async find(filter: Filter<E>, options: Pick<ListOptions<E>, 'orderBy'> = {}): Promise<PlainRow<E> | null> {
    const { rows } = await this.#host.query(this.#texts.list(filter, { ...options, limit: 1 }));
    const [row] = rows;
    return row === undefined ? null : parsePlain<E>(this.#plain(row));
  }

  /** The rows that match: 100 when no limit is given, never more than 1,000; ordered by the key in the end. */
  async list(filter: Filter<E> = {}, options: ListOptions<E> = {}): Promise<PlainRow<E>[]> {
    const { rows } = await this.#host.query(this.#texts.list(filter, options));
    return rows.map((row) => parsePlain<E>(this.#plain(row)));
  }

  /**
   * One page of a list, by page or by cursor; `scope` narrows it before anything that is asked for. Items have the columns of the
   * rules only, and of those the ones that the request names.
   *
   * @throws VALIDATION_ERROR for a filter, a sort or a search that no index serves, naming what is allowed
   */
  async page(
    request: ListRequest,
    options: { readonly rules: ListRules; readonly scope?: Filter<E> | undefined },
  ): Promise<ListPage<PlainRow<E>>> {
    const source = { target: this.#texts.target, query: (statement: Statement) => this.#host.query(statement) };
    const page = await readPage(source, request, { rules: options.rules, scope: { ...options.scope } });
    return { ...page, items: page.items.map((row) => parsePlain<E>(row)) };
  }

  /** How many rows match. */
  async count(filter: Filter<E> = {}): Promise<number> {
    const { rows } = await this.#host.query(this.#texts.count(filter));
    return Number(rows[0]?.[0]);
  }

  /** Whether any row matches. */
  async exists(filter: Filter<E>): Promise<boolean> {
    const { rows } = await this.#host.query(this.#texts.exists(filter));
    return rows[0]?.[0] === 't';
  }
}

/** Makes the one reader of a database; it keeps nothing between calls, so all blocks share it. */
export function createReader<R extends Repositories>(host: ReaderHost, repositories: R): Reader<R> {
  const reader: Record<string | symbol, unknown> = {
    [statementRunner]: readerRunner((statement) => host.query(statement), host.statements.namespace),
    sql: async (piece: Sql): Promise<Record<string, unknown>[]> => toObjects(await host.query(host.compile(piece))),
  };
  for (const [name, repositoryClass] of Object.entries(repositories)) {
    let rows: unknown;
    Object.defineProperty(reader, name, { enumerable: true, get: () => (rows ??= new RowReader(host, repositoryClass[entityOf])) });
  }
  return parseReader<R>(reader);
}

function parsePlain<E>(row: Fields): PlainRow<E> {
  return row as PlainRow<E>;
}

function parseReader<R extends Repositories>(reader: unknown): Reader<R> {
  return reader as Reader<R>;
}
