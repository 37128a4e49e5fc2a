/** What the tests of jobs share: an app with jobs and notes, and a process that runs a part of it by hand. */
import * as Type from 'typebox';
import { systemClock } from '../clock.ts';
import { type Fields, type Log, silentLog } from '../log.ts';
import { table, tableInfo } from '../schema/table.ts';
import { text, uuid } from '../schema/column.ts';
import { sql } from '../schema/sql.ts';
import { testDatabase, type TestDatabase, type TestDatabaseOptions } from '../testing/database.ts';
import { entity } from '../work/entity.ts';
import { defineModel } from '../work/model.ts';
import { repository } from '../work/repository.ts';
import type { Jobs, Payloads } from './define-jobs.ts';
import type { JobFailure } from './jobs.ts';
import { JobRepository, jobs, queuePauses, schedules } from './jobs.ts';
import { jobsPart, type JobsPartOptions } from './jobs-part.ts';
import type { RunningPart } from './part.ts';
import { workers } from './worker-table.ts';

const notes = table('notes', { id: uuid().primaryKey(), title: text().unique() });

export class Note extends entity(notes) {}
class NoteRepository extends repository(Note) {}

export const model = defineModel({
  name: 'errands',
  tables: [notes, jobs, schedules, queuePauses, workers],
  repositories: { notes: NoteRepository, jobs: JobRepository },
});

export type ErrandDatabase = TestDatabase<typeof model.repositories>;

/** The payload of most kinds here. */
export const Numbered = Type.Object({ n: Type.Integer() });

export function openErrands(options: TestDatabaseOptions = {}): Promise<ErrandDatabase> {
  return testDatabase({ model }, options);
}

/** How a process of a test differs. */
export interface ProcessLike extends JobsPartOptions {
  readonly owner?: number | (() => number);
  readonly log?: Log;
  readonly pollMs?: number;
}

/** A process that runs jobs: woken by what its database commits, as the real one is. */
export async function runJobs<K extends Payloads>(
  database: ErrandDatabase,
  kinds: Jobs<undefined, K>,
  options: ProcessLike = {},
): Promise<RunningPart & AsyncDisposable> {
  const { owner = 1, log = silentLog, pollMs = 1_000, ...rest } = options;
  const listeners = new Set<() => void>();
  const wake = (): void => {
    for (const listener of listeners) listener();
  };
  const deafen = database.onWritten((tables) => tables.has(tableInfo(jobs).name) && wake());
  const part = await jobsPart<typeof model.repositories, undefined, K>(kinds, rest).start({
    database,
    postgres: database.postgres,
    services: undefined,
    log,
    clock: systemClock,
    owner: typeof owner === 'number' ? () => owner : owner,
    onWake: (_, listener) => {
      listeners.add(() => listener('new'));
      return () => listeners.clear();
    },
    wake,
    pollMs,
  });
  let isDrained = false;
  const drain: RunningPart['drain'] = (how) => {
    isDrained = true;
    return part.drain(how);
  };
  const dispose = async (): Promise<void> => {
    deafen();
    if (!isDrained) await part.drain({ waitMs: 0 });
  };
  return {
    get stats() {
      return part.stats;
    },
    setPaused: (name, isPaused) => part.setPaused(name, isPaused),
    drain,
    [Symbol.asyncDispose]: dispose,
  };
}

/** One job as it stands in the database. */
export interface JobRow {
  readonly id: string;
  readonly kind: string;
  readonly attempts: number;
  readonly lease_owner: number | null;
  readonly failed_at: string | null;
  readonly last_error: JobFailure | null;
  readonly waits_ms: number;
}

/** All jobs, the oldest first. */
export function jobRows(database: ErrandDatabase): Promise<JobRow[]> {
  return database.work((unit) =>
    unit.sql(sql<JobRow>`
      select "id", "kind", "attempts", "lease_owner", "failed_at", "last_error",
        (extract(epoch from "available_at" - now()) * 1000)::float8 as waits_ms
      from ${jobs} order by "id"
    `),
  );
}

/** A log that says when an event has been written so many times. */
export function hearing(event: string, times: number): { readonly log: Log; readonly heard: Promise<void>; readonly events: Fields[] } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const events: Fields[] = [];
  const hear = (name: string, fields: Fields = {}): void => {
    if (name === event && events.push(fields) === times) resolve();
  };
  const log: Log = { debug: hear, info: hear, warn: hear, error: hear, child: () => log };
  return { log, heard: promise, events };
}
