/** The public face of `keelson/migrate`. */
export type { HistoryProblem } from './compare.ts';
export { readRevisions } from './folder.ts';
export type { HistoryEntry } from './history.ts';
export { renderFirstRevision, writeFirstRevision } from './render.ts';
export type { FirstRevisionOptions, WriteFirstRevisionOptions } from './render.ts';
export { parseRevision } from './revision.ts';
export type { Direction, Revision } from './revision.ts';
export { Migrator } from './runner.ts';
export type { MigrationRun, MigrationStatus, MigratorOptions } from './runner.ts';
