/** The public face of `keelson/migrate`. */
export type { HistoryProblem } from './compare.ts';
export { readRevisions } from './folder.ts';
export type { HistoryEntry } from './history.ts';
export { checkLock, LOCK_FILE, renderLock, writeLock } from './lock-file.ts';
export { renderFirstRevision, writeFirstRevision } from './render.ts';
export type { FirstRevisionOptions, WriteFirstRevisionOptions } from './render.ts';
export type { BatchOptions, RevisionCode, RevisionFunction, RevisionSettings, RevisionSql } from './revision-code.ts';
export { parseRevision } from './revision.ts';
export type { Direction, Revision } from './revision.ts';
export { Migrator } from './runner.ts';
export type { MigrationRun, MigrationStatus, MigratorOptions, UpOptions } from './runner.ts';
export type { MigrationRepair } from './stamp.ts';
