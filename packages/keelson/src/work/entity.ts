/** Entities: plain objects of a class, one per row; a state column is read-only and moves by its life cycle. */
import { KeelsonError } from '../errors.ts';
import { newId } from '../id.ts';
import { type AnyLifeCycle, checkMove, checkRedrive, type LifeCycle } from '../schema/life-cycle.ts';
import {
  type AnyTable,
  type Changeable,
  type ColumnInfo,
  type Columns,
  type Insert,
  type KeyName,
  type Out,
  type Show,
  type Table,
  tableInfo,
  type TableInfo,
} from '../schema/table.ts';
import { compileMapper, type Fields, type Mapper } from './mapper.ts';

declare const columnKeys: unique symbol;
declare const keyValue: unique symbol;
declare const stateValue: unique symbol;

/** Says for the type checker which properties of an entity are columns, what its key is, and in which states it may be. */
export interface Columned<K extends string, Key, State = unknown> {
  readonly [columnKeys]?: K;
  readonly [keyValue]?: Key;
  readonly [stateValue]?: State;
}

/** The columns of an entity. */
export type KeysOf<E> = E extends Columned<infer K, unknown> ? K & keyof E : never;

/** The key of an entity. */
export type KeyOf<E> = E extends Columned<string, infer Key> ? Key : never;

/** The states of an entity with a life cycle. */
export type StateOf<E> = E extends Columned<string, unknown, infer State> ? State & string : never;

/** What may be written together with a move, or by `update`. */
export type Changes<C, State = never> = Show<{ [K in Exclude<Changeable<C>, State>]?: Out<C[K]> | undefined }>;

/** What an entity carries: its columns; those that nobody may assign are read-only. */
export type EntityFields<C, State = never> = { readonly [K in Exclude<keyof C, Exclude<Changeable<C>, State>>]: Out<C[K]> } & {
  -readonly [K in Exclude<Changeable<C>, State>]: Out<C[K]>;
};

/** The moves of an entity; only its own methods call them, so that each move has a name. */
export declare class Moves<To, Back, C> {
  /** Moves to another state, and sets what belongs to it. */
  protected move(state: To, changes?: C): void;
  /** Moves back to be tried again; only for retries and recovery. */
  protected redrive(state: Back, changes?: C): void;
}

/** A class of entities. */
export interface EntityClass<C, State = never, To = never, Back = never> {
  new (
    values: Insert<C>,
  ): EntityFields<C, State> &
    Moves<To, Back, Changes<C, State>> &
    Columned<keyof C & string, Out<C[KeyName<C>]>, State extends keyof C ? Out<C[State]> : never>;
}

/** What the library knows of a class of entities. */
export interface EntityMeta {
  readonly table: TableInfo;
  readonly declared: AnyTable;
  readonly cycle: AnyLifeCycle | undefined;
  readonly stateColumn: ColumnInfo | undefined;
  readonly versionColumn: ColumnInfo | undefined;
  readonly updatedAtColumn: ColumnInfo | undefined;
  /** The positions of all columns. */
  readonly allPositions: readonly number[];
  /** Whether the database makes some of them, so that a row has to be read back. */
  readonly hasDatabaseMade: boolean;
}

const metas = new WeakMap<object, EntityMeta>();
const mappers = new WeakMap<object, Mapper>();

/**
 * A class of entities for a table: extend it with methods and getters, never with fields.
 *
 * @throws MISUSE when the table has no primary key
 * @example
 * import { table, text, uuid } from 'keelson/schema';
 * import { entity } from 'keelson/work';
 * const notes = table('notes', { id: uuid().primaryKey(), title: text() });
 * class Note extends entity(notes) {
 *   shout() { this.title = this.title.toUpperCase(); }
 * }
 */
export function entity<C extends Columns>(declared: Table<C>): EntityClass<C>;
export function entity<C extends Columns, K extends keyof C & string, S extends string, To extends S, Back extends S>(
  declared: Table<C>,
  cycle: LifeCycle<K, S, To, Back>,
): EntityClass<C, K, To, Back>;
export function entity(declared: AnyTable, cycle?: AnyLifeCycle): unknown {
  const meta = describe(declared, cycle);
  // oxlint-disable-next-line typescript/no-extraneous-class -- its methods are the moves, which are put onto the prototype below
  class Entity {
    constructor(values: Readonly<Record<string, unknown>>) {
      fillNew(meta, parseSample(this), values);
    }
  }
  if (cycle !== undefined) Object.defineProperties(Entity.prototype, moves(cycle));
  metas.set(Entity, meta);
  return Entity;
}

/** What the library knows of a class that extends `entity(…)`. */
export function metaOf(entityClass: object): EntityMeta {
  for (let current: unknown = entityClass; typeof current === 'function'; current = Object.getPrototypeOf(current)) {
    const meta = metas.get(current);
    if (meta !== undefined) return meta;
  }
  throw new KeelsonError('MISUSE', { message: 'A repository was given a class that does not extend entity(…).' });
}

/** The mappers of a class of entities, compiled when first asked for. */
export function mapperOf(entityClass: { readonly prototype: object }): Mapper {
  const known = mappers.get(entityClass);
  if (known !== undefined) return known;
  const mapper = compileMapper(metaOf(entityClass).table, entityClass.prototype);
  mappers.set(entityClass, mapper);
  return mapper;
}

/**
 * Checks that a class adds no fields of its own: they would hide columns of new entities and be missing on loaded ones.
 *
 * @throws MISUSE naming the fields
 */
export function refuseFields(entityClass: new (values: never) => object): void {
  const { table } = metaOf(entityClass);
  const sample = parseSample(Reflect.construct(entityClass, [Object.fromEntries(table.columns.map((column) => [column.key, null]))]));
  const extra = Object.keys(sample).filter((key) => !table.byKey.has(key));
  const lost = table.columns.filter((column) => sample[column.key] === undefined).map((column) => column.key);
  if (extra.length + lost.length === 0) return;
  throw new KeelsonError('MISUSE', {
    message: `The entity ${entityClass.name} declares fields (${[...extra, ...lost].join(', ')}).`,
    hint: 'An entity has methods and getters only; its columns come from the table.',
  });
}

function describe(declared: AnyTable, cycle: AnyLifeCycle | undefined): EntityMeta {
  const table = tableInfo(declared);
  if (table.primaryKey.length === 0)
    throw new KeelsonError('MISUSE', { message: `The table ${table.name} has no primary key, so it can have no entities.` });
  const byRole = (role: ColumnInfo['role']): ColumnInfo | undefined => table.columns.find((column) => column.role === role);
  return {
    table,
    declared,
    cycle,
    stateColumn: cycle === undefined ? undefined : table.byKey.get(cycle.column),
    versionColumn: byRole('version'),
    updatedAtColumn: byRole('updatedAt'),
    allPositions: table.columns.map((_, index) => index),
    hasDatabaseMade: table.columns.some(isMadeByDatabase),
  };
}

function fillNew(meta: EntityMeta, target: Fields, values: Readonly<Record<string, unknown>>): void {
  const { table } = meta;
  const unknown = Object.keys(values).find((key) => !table.byKey.has(key));
  if (unknown !== undefined) throw new KeelsonError('MISUSE', { message: `${table.name} has no column ${unknown}.` });
  for (const column of table.columns) target[column.key] = values[column.key] === undefined ? fallback(column) : values[column.key];
}

function fallback(column: ColumnInfo): unknown {
  if (column.role === 'key') return newId();
  // Objects are copied, so that two entities never share one.
  if (column.defaultValue !== undefined)
    return typeof column.defaultValue === 'object' ? structuredClone(column.defaultValue) : column.defaultValue;
  const isMadeLater = column.role === 'createdAt' || column.role === 'updatedAt' || isMadeByDatabase(column);
  return column.isNullable && !isMadeLater ? null : undefined;
}

function isMadeByDatabase({ generatedSql, defaultSql, isIdentity }: ColumnInfo): boolean {
  return generatedSql !== undefined || defaultSql !== undefined || isIdentity;
}

function moves(cycle: AnyLifeCycle): PropertyDescriptorMap {
  const mover = (verify: typeof checkMove) =>
    function move(this: Fields, state: string, changes: Fields = {}): void {
      verify(cycle, this.constructor.name, String(this[cycle.column]), state);
      for (const key of Object.keys(changes)) {
        if (key === cycle.column || !Object.hasOwn(this, key))
          throw new KeelsonError('MISUSE', { message: `A move to ${state} cannot set ${key}.` });
      }
      Object.assign(this, changes, { [cycle.column]: state });
    };
  return { move: { value: mover(checkMove) }, redrive: { value: mover(checkRedrive) } };
}

function parseSample(sample: unknown): Fields {
  return sample as Fields;
}
