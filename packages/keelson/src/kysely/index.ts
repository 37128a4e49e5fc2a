/** The public face of `keelson/kysely`. */
export { kysely } from './kysely.ts';
export type { Queryable } from './kysely.ts';
export type { KyselyTables, SnakeCase, Tables } from './tables.ts';
export { json } from './values.ts';
