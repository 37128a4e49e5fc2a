/** The public face of `keelson/work`. */
export { Database, openDatabase } from './database.ts';
export type { DatabaseOptions, WorkContext, WorkOptions } from './database.ts';
export { entity } from './entity.ts';
export type { Changes, EntityClass, KeyOf, KeysOf } from './entity.ts';
export type { Comparison, Condition, Filter, ListOptions, OrderBy } from './filter.ts';
export { LIST_ROWS_MAX, LIST_SIZE_DEFAULT, LIST_SIZE_MAX, readListRequest } from './list-request.ts';
export type { ListFilter, ListPage, ListRequest, ListSort } from './list-request.ts';
export { listRules } from './list-rules.ts';
export type { ListOperator, ListRules } from './list-rules.ts';
export { defineModel } from './model.ts';
export type { EntityOf, Model, ModelDefinition, Repositories } from './model.ts';
export { outbox, OutboxEvent, OutboxRepository } from './outbox.ts';
export type { PlainRow, Reader, RowReader } from './reader.ts';
export { Repository, repository } from './repository.ts';
export type { RepositoryClass } from './repository.ts';
export { checkRowSecurity } from './row-security.ts';
export type { Unit, UnitCalls } from './unit.ts';
export type { AfterCommit } from './unit-of-work.ts';
