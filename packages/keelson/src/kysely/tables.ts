/** The tables of an app as Kysely's types see them: names of the database, values as SQL gives them. */
import type { ColumnType } from 'kysely';
import type { columnsOf, isKey, need, out } from '../schema/column.ts';
import type { AnyTable } from '../schema/table.ts';

/** Tables by the names that they have in code: `characterGroups` is the table `character_groups`. */
export type Tables = Readonly<Record<string, AnyTable>>;

/** `characterGroups` → `character_groups`. */
export type SnakeCase<K extends string, Done extends string = ''> = string extends K
  ? string
  : K extends `${infer First}${infer Rest}`
    ? SnakeCase<Rest, `${Done}${First extends Lowercase<First> ? First : `_${Lowercase<First>}`}`>
    : Done;

/** The tables as Kysely takes them. */
export type KyselyTables<T extends Tables> = { [K in keyof T & string as SnakeCase<K>]: KyselyRow<ColumnsOf<T[K]>> };

type ColumnsOf<T> = T extends { readonly [columnsOf]: infer C } ? C : never;

type KyselyRow<C> = { [K in keyof C & string as SnakeCase<K>]: KyselyColumn<C[K]> };

/** A value as a statement gives it: a moment is RFC 3339 text. */
type Given<T> = T extends Date ? string : T extends readonly Date[] ? string[] : T;

/** A value as a statement takes it. */
type Taken<T> = T extends Date ? Date | string : T extends readonly Date[] ? readonly (Date | string)[] : T;

type KyselyColumn<C> = C extends { readonly [out]: infer T; readonly [need]: infer N }
  ? ColumnType<
      Given<T>,
      N extends 'generated' ? never : N extends 'optional' ? Taken<T> | undefined : Taken<T>,
      N extends 'generated' ? never : C extends { readonly [isKey]: true } ? never : Taken<T>
    >
  : never;
