/** Repositories: where entities of one class are found, claimed, added and removed; each lives in one unit of work. */
import { KeelsonError } from '../errors.ts';
import type { Result } from '../postgres/exchange.ts';
import { toObjects } from '../postgres/values.ts';
import { encodeColumn } from '../schema/codec.ts';
import type { Sql, Statement } from '../schema/sql.ts';
import type { ColumnInfo } from '../schema/table.ts';
import { type KeyOf, type KeysOf, metaOf } from './entity.ts';
import type { EntitySql } from './entity-sql.ts';
import type { Filter, ListOptions } from './filter.ts';
import type { IdentityMap } from './identity-map.ts';
import type { Fields } from './mapper.ts';

/** What a repository gets from its unit of work. */
export interface RepositoryPort {
  mapOf(entityClass: EntityClassLike): IdentityMap;
  sqlOf(entityClass: EntityClassLike): EntitySql;
  send(statement: Statement): Promise<Result>;
  now(): Date;
}

/** Any class of entities. */
export type EntityClassLike = abstract new (values: never) => object;

/** Where a class of repositories keeps which entities it is of. */
export const entityOf: unique symbol = Symbol('keelson.entity');

/** What the database and the flush decide: neither is given to `update`. */
export type UpdateChanges<E> = { readonly [K in WritableKeys<E>]?: E[K] | undefined };

type WritableKeys<E> = { [K in KeysOf<E>]: Same<Pick<E, K>, { -readonly [P in K]: E[P] }> extends true ? K : never }[KeysOf<E>];
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** The entities of one class in one unit of work. */
export class Repository<E> {
  readonly #port: RepositoryPort;
  readonly #entityClass: EntityClassLike;
  #map: IdentityMap | undefined;
  #sql: EntitySql | undefined;

  constructor(port: RepositoryPort, entityClass: EntityClassLike) {
    this.#port = port;
    this.#entityClass = entityClass;
  }

  /**
   * The entity with a key.
   *
   * @throws NOT_FOUND
   */
  async get(key: KeyOf<E>, options: { readonly lock?: boolean } = {}): Promise<E> {
    const known = this.#entities.find(String(key));
    if (known !== undefined && !known.isRemoved && (options.lock !== true || known.isLocked)) return parseEntity<E>(known.entity);
    const statement = options.lock === true ? this.#texts.lock(key) : this.#texts.get(key);
    const [entity] = await this.#load(statement, options.lock === true);
    if (entity !== undefined) return entity;
    throw new KeelsonError('NOT_FOUND', { message: `There is no ${singular(this.#entityClass)} ${String(key)}.` });
  }

  /** The first entity that matches, or null. */
  async find(filter: Filter<E>, options: Pick<ListOptions<E>, 'orderBy'> = {}): Promise<E | null> {
    const [entity] = await this.#load(this.#texts.list(filter, { ...options, limit: 1 }), false);
    return entity ?? null;
  }

  /** The entities that match: 100 when no limit is given, never more than 1,000; ordered by the key in the end. */
  list(filter: Filter<E> = {}, options: ListOptions<E> = {}): Promise<E[]> {
    return this.#load(this.#texts.list(filter, options), false);
  }

  /** Entities that match and that no other transaction holds, locked for this one; one when no limit is given. */
  claim(filter: Filter<E>, options: Omit<ListOptions<E>, 'offset'> = {}): Promise<E[]> {
    return this.#load(this.#texts.claim(filter, options), true);
  }

  /** The entities with these keys that there still are, locked for this unit in the order of their keys. */
  lockMany(keys: readonly KeyOf<E>[]): Promise<E[]> {
    return keys.length === 0 ? Promise.resolve([]) : this.#load(this.#texts.lockMany(keys), true);
  }

  /** How many rows match. */
  async count(filter: Filter<E> = {}): Promise<number> {
    const { rows } = await this.#port.send(this.#texts.count(filter));
    return Number(rows[0]?.[0]);
  }

  /** Whether any row matches. */
  async exists(filter: Filter<E>): Promise<boolean> {
    const { rows } = await this.#port.send(this.#texts.exists(filter));
    return rows[0]?.[0] === 't';
  }

  /** Adds a new entity; it is written when the block is left. */
  add<T extends E>(entity: T): T {
    if (!(entity instanceof this.#entityClass))
      throw new KeelsonError('MISUSE', { message: `Only a ${this.#entityClass.name} can be added here.` });
    this.#entities.add(parseFields(entity));
    return entity;
  }

  /** Adds many; they are written by one statement per thousand. */
  addMany<T extends E>(entities: readonly T[]): readonly T[] {
    for (const entity of entities) this.add(entity);
    return entities;
  }

  /**
   * Changes one row by its key without reading it first, at once and in one statement; gives the entity as it is then.
   *
   * @throws NOT_FOUND
   */
  async update(key: KeyOf<E>, changes: UpdateChanges<E>): Promise<E> {
    const known = this.#entities.find(String(key));
    const given = Object.entries(changes).filter(([, value]) => value !== undefined);
    if (known !== undefined || given.length === 0) {
      const entity = await this.get(key);
      Object.assign(parseFields(entity), Object.fromEntries(this.#writable(given).map(([column, value]) => [column.key, value])));
      return entity;
    }
    const { updatedAtColumn, versionColumn } = this.#texts.meta;
    const writes = this.#writable(given).map(([column, value]) => [column, encodeColumn(column, value)] as const);
    if (updatedAtColumn !== undefined) writes.push([updatedAtColumn, this.#port.now().toISOString()]);
    const [entity] = await this.#load(this.#texts.update(key, writes, versionColumn), true);
    if (entity !== undefined) return entity;
    throw new KeelsonError('NOT_FOUND', { message: `There is no ${singular(this.#entityClass)} ${String(key)}.` });
  }

  /** Removes an entity of this unit; the row is deleted when the block is left. */
  remove(entity: E): void {
    this.#entities.remove(parseFields(entity));
  }

  /** Reads entities of this unit again, up to 1,000 at once, for what triggers made of their rows; what was changed of them is flushed before. */
  async refresh(entities: readonly E[]): Promise<void> {
    const [key] = this.#texts.meta.table.primaryKey;
    if (entities.length === 0 || key === undefined) return;
    const keys = entities.map((entity) => parseFields(entity)[key.key]);
    const { rows } = await this.#port.send(this.#texts.list({ [key.key]: keys }, { limit: keys.length }));
    for (const row of rows) this.#entities.reload(row);
  }

  /** Entities chosen by SQL: what follows `select … from <table>`. For the methods of a repository. */
  protected select(tail: Sql, options: { readonly isLocked?: boolean } = {}): Promise<E[]> {
    return this.#load(this.#texts.select(tail), options.isLocked ?? false);
  }

  /** Runs SQL in this unit of work and gives its rows as objects. For the methods of a repository: an upsert, a sum. */
  protected async run<Row>(piece: Sql<Row>): Promise<Row[]> {
    return parseRows<Row>(toObjects(await this.#port.send(this.#texts.compile(piece))));
  }

  // Looked up on the first call: a unit of work hands out repositories that may never be used.
  get #entities(): IdentityMap {
    this.#map ??= this.#port.mapOf(this.#entityClass);
    return this.#map;
  }

  get #texts(): EntitySql {
    this.#sql ??= this.#port.sqlOf(this.#entityClass);
    return this.#sql;
  }

  async #load(statement: Statement, isLocked: boolean): Promise<E[]> {
    const { rows } = await this.#port.send(statement);
    const entities: E[] = [];
    for (const row of rows) {
      const tracked = this.#entities.load(row, isLocked);
      if (!tracked.isRemoved) entities.push(parseEntity<E>(tracked.entity));
    }
    return entities;
  }

  #writable(changes: readonly (readonly [string, unknown])[]): [ColumnInfo, unknown][] {
    const { meta } = this.#texts;
    return changes.map(([key, value]) => {
      const column = meta.table.byKey.get(key);
      if (
        column === undefined ||
        column === meta.stateColumn ||
        column.generatedSql !== undefined ||
        column.role === 'version' ||
        meta.table.primaryKey.includes(column)
      ) {
        throw new KeelsonError('MISUSE', { message: `${meta.table.name}.${key} cannot be set by update().` });
      }
      return [column, value];
    });
  }
}

/** A class of repositories. */
export interface RepositoryClass<E> {
  new (port: RepositoryPort): Repository<E>;
  readonly [entityOf]: EntityClassLike;
}

/**
 * A class of repositories for a class of entities; extend it with methods that say what they are for.
 *
 * @example
 * import { table, text, uuid } from 'keelson/schema';
 * import { entity, repository } from 'keelson/work';
 * const notes = table('notes', { id: uuid().primaryKey(), title: text() });
 * class Note extends entity(notes) {}
 * class NoteRepository extends repository(Note) {
 *   getByTitle(title: string) {
 *     return this.find({ title });
 *   }
 * }
 */
export function repository<E extends object>(entityClass: abstract new (values: never) => E): RepositoryClass<E> {
  metaOf(entityClass);
  return class extends Repository<E> {
    static readonly [entityOf]: EntityClassLike = entityClass;

    constructor(port: RepositoryPort) {
      super(port, entityClass);
    }
  };
}

function singular(entityClass: EntityClassLike): string {
  return entityClass.name.replaceAll(/(?<=[a-z])[A-Z]/gu, (letter) => ` ${letter}`).toLowerCase();
}

// What the mappers made of a class is of that class.
function parseEntity<E>(entity: Fields): E {
  return entity as E;
}

function parseRows<Row>(rows: unknown): Row[] {
  return rows as Row[];
}

function parseFields(entity: unknown): Fields {
  return entity as Fields;
}
