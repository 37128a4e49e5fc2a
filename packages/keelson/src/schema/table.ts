/** Tables: the columns once; types, DDL, JSON Schema and row mappers come from here. */
import { KeelsonError } from '../errors.ts';
import type { AnyColumn, columnsOf, ColumnTraits, isKey, need, out } from './column.ts';
import type { Policy } from './policy.ts';
import type { DdlObject } from './raw-ddl.ts';
import { asSql, quoteName, type Named, type Sql } from './sql.ts';

/** The columns of a table by the names they have in code. */
export type Columns = Readonly<Record<string, AnyColumn>>;

/** A column in SQL and in constraints; it stands by its name. */
export interface Handle<K extends string = string, C = unknown> extends Named {
  readonly key: K;
  /** For the type checker only: the column unread. */
  readonly definition?: C;
}

/** The columns of a table, to be named in constraints and in SQL. */
export type Handles<C> = { readonly [K in keyof C & string]: Handle<K, C[K]> };

/** A table while it is declared: its columns, and, in SQL, itself. */
export type Declaring<C> = Handles<C> & Named;

/** Shows a computed type as the object it is. */
export type Show<T> = { [K in keyof T]: T[K] } & {};

/** What a column carries. */
export type Out<C> = C extends { readonly [out]: infer T } ? T : never;

type KeysThatAre<C, N> = { [K in keyof C]: C[K] extends { readonly [need]: N } ? K : never }[keyof C];

/** One row as it comes out of the database. */
export type Row<C> = Show<{ -readonly [K in keyof C]: Out<C[K]> }>;

/** What a new row must and may say. */
export type Insert<C> = Show<
  { [K in KeysThatAre<C, 'required'>]: Out<C[K]> } & { [K in KeysThatAre<C, 'optional'>]?: Out<C[K]> | undefined }
>;

/** The name of the key column in code. */
export type KeyName<C> = { [K in keyof C]: C[K] extends { readonly [isKey]: true } ? K : never }[keyof C];

/** What may be changed of a row: neither its key, nor what the database makes. */
export type Changeable<C> = Exclude<keyof C, KeyName<C> | KeysThatAre<C, 'generated'>>;

/** One column at run time. */
export interface ColumnInfo extends ColumnTraits {
  /** In code: `tokenId`. */
  readonly key: string;
  /** In the database: `token_id`. */
  readonly name: string;
  readonly table: string;
}

/** One index, unique index, unique constraint, check, composite key, policy or statement of raw DDL of a table. */
export type Constraint =
  | { readonly kind: 'index'; readonly parts: readonly Part[]; readonly isUnique: boolean; readonly options: IndexOptions }
  | { readonly kind: 'unique'; readonly columns: readonly Handle[] }
  | { readonly kind: 'primaryKey'; readonly columns: readonly Handle[] }
  | { readonly kind: 'check'; readonly condition: Sql; readonly name: string | undefined }
  | Policy
  | DdlObject;

/** What an index covers: a column, or an expression that needs a name. */
export type Part = Handle | Sql;

/** What an index may say beside its columns. */
export interface IndexOptions {
  readonly name?: string | undefined;
  readonly where?: Sql | undefined;
  readonly using?: 'btree' | 'gin' | 'gist' | 'brin' | 'hash' | undefined;
  /** Columns that the index carries along, so that a query for them need not visit the table. */
  readonly include?: readonly Handle[] | undefined;
  /** For a unique index: two rows without a value are alike. */
  readonly nullsNotDistinct?: boolean | undefined;
}

/** What a table is at run time. */
export interface TableInfo {
  readonly name: string;
  readonly columns: readonly ColumnInfo[];
  readonly byKey: ReadonlyMap<string, ColumnInfo>;
  readonly primaryKey: readonly ColumnInfo[];
  readonly constraints: readonly Constraint[];
}

/** Any table. */
export interface AnyTable extends Named {
  readonly [info]: TableInfo;
}

/** A table; its columns are its properties. */
export type Table<C> = AnyTable & { readonly [columnsOf]: C } & Handles<C>;

/** Where a table keeps what it is, so that no column name can hide it. */
const info: unique symbol = Symbol('keelson.table');

const NAME = /^[a-z][a-z0-9_]{0,62}$/u;
const KEY = /^[a-z][A-Za-z0-9]{0,62}$/u;

/**
 * Declares a table.
 *
 * @throws MISUSE for names that are not plain, and for two primary keys
 * @example
 * import { createdAt, index, table, text, uuid } from 'keelson/schema';
 * const notes = table('notes', { id: uuid().primaryKey(), title: text(), createdAt: createdAt() }, (t) => [index(t.createdAt)]);
 */
export function table<const C extends Columns>(
  name: string,
  columns: C,
  constraints?: (t: Declaring<C>) => readonly Constraint[],
): Table<C> {
  if (!NAME.test(name))
    throw new KeelsonError('MISUSE', { message: `A table may not be named ${JSON.stringify(name)}: use lower snake_case.` });
  const infos = Object.entries(columns).map(([key, column]) => describeColumn(name, key, column.traits));
  const handles = parseHandles<C>(infos);
  const named: Named = { [asSql]: (namespace) => `${quoteName(namespace)}.${quoteName(name)}` };
  const declared = constraints?.({ ...handles, ...named }) ?? [];
  const byKey = new Map(infos.map((column) => [column.key, column]));
  const described: TableInfo = { name, columns: infos, byKey, primaryKey: primaryKeyOf(name, byKey, declared), constraints: declared };
  return parseTable<C>(Object.assign(Object.create(null), handles, named, { [info]: described }));
}

/** What a table is at run time. */
export function tableInfo(declared: AnyTable): TableInfo {
  return declared[info];
}

/** An index over columns or expressions; an expression needs a name in the options. */
export function index(...parts: readonly (Part | IndexOptions)[]): Constraint {
  return { kind: 'index', isUnique: false, ...split(parts) };
}

/** An index that lets no value in twice; for expressions and partial uniqueness, else write `unique`. */
export function uniqueIndex(...parts: readonly (Part | IndexOptions)[]): Constraint {
  return { kind: 'index', isUnique: true, ...split(parts) };
}

/** No two rows hold the same values in all of these columns. */
export function unique(...columns: readonly Handle[]): Constraint {
  return { kind: 'unique', columns };
}

/** A key of several columns. */
export function primaryKey(...columns: readonly Handle[]): Constraint {
  return { kind: 'primaryKey', columns };
}

/** A condition that every row meets; named after the columns in it, unless told otherwise. */
export function check(condition: Sql, name?: string): Constraint {
  return { kind: 'check', condition, name };
}

/** `createdAt` → `created_at`. */
export function snakeCase(key: string): string {
  return key.replaceAll(/[A-Z]/gu, (letter) => `_${letter.toLowerCase()}`);
}

/** Whether a value is a column to be named. */
export function isHandle(value: unknown): value is Handle {
  // A table may have a column that is called key.
  return typeof value === 'object' && value !== null && 'key' in value && typeof value.key === 'string' && asSql in value;
}

function describeColumn(tableName: string, key: string, traits: ColumnTraits): ColumnInfo {
  if (!KEY.test(key))
    throw new KeelsonError('MISUSE', { message: `A column of ${tableName} may not be named ${JSON.stringify(key)}: use lower camelCase.` });
  return { ...traits, key, name: snakeCase(key), table: tableName };
}

function primaryKeyOf(name: string, byKey: ReadonlyMap<string, ColumnInfo>, constraints: readonly Constraint[]): readonly ColumnInfo[] {
  const keys = [...byKey.values()].filter((column) => column.isKey);
  for (const constraint of constraints) {
    if (constraint.kind === 'primaryKey') keys.push(...constraint.columns.flatMap((handle) => byKey.get(handle.key) ?? []));
  }
  if (new Set(keys).size !== keys.length || keys.filter((column) => column.isKey).length > 1) {
    throw new KeelsonError('MISUSE', {
      message: `The table ${name} declares its primary key twice.`,
      hint: 'For a key of several columns write primaryKey(t.a, t.b) in the constraints.',
    });
  }
  return keys;
}

function split(parts: readonly (Part | IndexOptions)[]): { parts: readonly Part[]; options: IndexOptions } {
  const isPart = (part: Part | IndexOptions): part is Part => isHandle(part) || 'strings' in part;
  const options = parts.find((part): part is IndexOptions => !isPart(part)) ?? {};
  return { parts: parts.filter(isPart), options };
}

// The two places where a record that is built key by key is said to have the type that its keys imply.
function parseHandles<C>(infos: readonly ColumnInfo[]): Handles<C> {
  const handles = infos.map(({ key, name }) => [key, { key, [asSql]: () => quoteName(name) }] as const);
  return Object.fromEntries(handles) as unknown as Handles<C>;
}

function parseTable<C>(value: unknown): Table<C> {
  return value as Table<C>;
}
