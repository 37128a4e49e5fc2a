/** The tables of jobs: work that is no row of the app's own, the schedules that make it, and the queues that are paused. */
import { type Column, createdAt, integer, jsonb, type KeyColumn, text, timestamptz, uuid } from '../schema/column.ts';
import { sql } from '../schema/sql.ts';
import { check, index, type Table, table, uniqueIndex } from '../schema/table.ts';
import { entity } from '../work/entity.ts';
import { repository } from '../work/repository.ts';

/** What is kept of the failure of a job. */
export interface JobFailure {
  readonly code: string;
  readonly message: string;
  readonly attempt: number;
}

/** The columns of the table of jobs. */
// Types and not interfaces: only a type is let through as a record of columns.
export type JobColumns = {
  readonly id: KeyColumn<string, 'optional'>;
  readonly queue: Column<string>;
  readonly kind: Column<string>;
  readonly payload: Column<unknown>;
  /** The smaller, the sooner. */
  readonly priority: Column<number, 'optional'>;
  readonly availableAt: Column<Date, 'optional'>;
  readonly attempts: Column<number, 'optional'>;
  readonly attemptsMax: Column<number>;
  readonly uniqueKey: Column<string | null, 'optional'>;
  readonly leaseOwner: Column<number | null, 'optional'>;
  readonly leaseEpoch: Column<number, 'optional'>;
  readonly leaseUntil: Column<Date | null, 'optional'>;
  /** Set on a job that is dead: it failed for good, and waits for `redrive`. */
  readonly failedAt: Column<Date | null, 'optional'>;
  readonly lastError: Column<JobFailure | null, 'optional'>;
  readonly createdAt: Column<Date, 'optional'>;
};

/** The columns of the table of schedules. */
export type ScheduleColumns = {
  readonly name: KeyColumn<string, 'required'>;
  /** The last slot whose job was made. */
  readonly lastSlot: Column<Date>;
};

/** The columns of the table of paused queues. */
export type QueuePauseColumns = {
  readonly queue: KeyColumn<string, 'required'>;
  readonly pausedAt: Column<Date, 'optional'>;
};

/**
 * The table of jobs, which an app lists among its own together with `schedules` and `queuePauses`. A job that succeeds is
 * deleted; one that has failed for good stays, with `failed_at`.
 */
export const jobs: Table<JobColumns> = table(
  'jobs',
  {
    id: uuid().primaryKey(),
    queue: text(),
    kind: text(),
    payload: jsonb(),
    priority: integer().default(0),
    availableAt: timestamptz().defaultSql(sql`now()`),
    attempts: integer().default(0),
    attemptsMax: integer(),
    uniqueKey: text().nullable(),
    leaseOwner: integer().nullable(),
    leaseEpoch: integer().default(0),
    leaseUntil: timestamptz().nullable(),
    failedAt: timestamptz().nullable(),
    lastError: jsonb<JobFailure>().nullable(),
    createdAt: createdAt(),
  },
  (t) => [
    // A claim takes the row out of this index and never walks over what others hold.
    index(t.queue, t.priority, t.availableAt, t.id, {
      name: 'jobs_waiting_idx',
      where: sql`${t.leaseOwner} is null and ${t.failedAt} is null`,
    }),
    index(t.leaseOwner, { where: sql`${t.leaseOwner} is not null` }),
    index(t.failedAt, { where: sql`${t.failedAt} is not null` }),
    uniqueIndex(t.kind, t.uniqueKey, { name: 'jobs_live_key', where: sql`${t.uniqueKey} is not null and ${t.failedAt} is null` }),
    check(sql`${t.attemptsMax} > 0`),
  ],
);

/** The table of schedules: one row each, which says up to when its jobs were made. */
export const schedules: Table<ScheduleColumns> = table('schedules', { name: text().primaryKey(), lastSlot: timestamptz() });

/** The table of paused queues: from a queue that stands here nobody takes anything. */
export const queuePauses: Table<QueuePauseColumns> = table('queue_pauses', {
  queue: text().primaryKey(),
  pausedAt: timestamptz().defaultSql(sql`now()`),
});

/** A job that waits, runs or is dead. */
export class Job extends entity(jobs) {}

/** The jobs of an app; the app lists it among its repositories as `jobs`. */
export class JobRepository extends repository(Job) {}
