/** The public face of `keelson/schema`. */
export {
  bigint,
  boolean,
  bytea,
  createdAt,
  date,
  doublePrecision,
  integer,
  jsonb,
  numeric,
  references,
  text,
  timestamptz,
  updatedAt,
  uuid,
  varchar,
  version,
} from './column.ts';
export type { Column, Deferrable, EnumType, KeyColumn, Need, Reference, ReferenceOptions, ReferentialAction } from './column.ts';
export { renderSchema } from './ddl.ts';
export type { SchemaText } from './ddl.ts';
export { enumType } from './enum-type.ts';
export type { EnumFactory } from './enum-type.ts';
export { rowSchema } from './json-schema.ts';
export { lifeCycle } from './life-cycle.ts';
export type { LifeCycle } from './life-cycle.ts';
export { drawLifeCycle } from './life-cycle-diagram.ts';
export type { DiagramOptions } from './life-cycle-diagram.ts';
export { policy, setting } from './policy.ts';
export type { Policy, PolicyRule, SettingType } from './policy.ts';
export { ddl, qualified } from './raw-ddl.ts';
export type { DdlObject } from './raw-ddl.ts';
export { sql, Statements } from './sql.ts';
export type { Sql, Statement } from './sql.ts';
export { check, index, primaryKey, table, tableInfo, unique, uniqueIndex } from './table.ts';
export type { AnyTable, ColumnInfo, Constraint, Declaring, Handle, Insert, Row, Table, TableInfo } from './table.ts';
