/** What an operator does with jobs: bring dead ones back, drop some, pause a queue and take it up again. */
import { sql } from '../schema/sql.ts';
import { markWritten, type UnitCalls } from '../work/unit.ts';
import { jobs, queuePauses } from './jobs.ts';

/** A unit of work, of which only SQL is needed. */
export type SqlUnit = Pick<UnitCalls, 'sql'>;

/** Which jobs: some by their ids, those of a kind or of a queue, or all. */
export type JobChoice =
  | { readonly ids: readonly string[] }
  | { readonly kind: string }
  | { readonly queue: string }
  | { readonly all: true };

/** How many jobs one call changes at the most; call again for more. */
export const CHANGED_MAX = 10_000;

/**
 * Brings dead jobs back: they wait again with all their attempts. One whose unique key a live job has stays dead, and of several
 * dead ones with the same key the latest comes back. Gives their ids.
 */
export async function redriveJobs(unit: SqlUnit, choice: JobChoice): Promise<readonly string[]> {
  const rows = await unit.sql(sql<{ readonly id: string }>`
    update ${jobs}
    set "failed_at" = null, "attempts" = 0, "available_at" = now()
    where "id" in (
      select distinct on ("kind", coalesce("unique_key", "id"::text)) d."id"
      from ${jobs} as d
      where d."failed_at" is not null
        and ${chosen(choice)}
        and not exists (
          select from ${jobs} as l
          where l."kind" = d."kind" and l."unique_key" = d."unique_key" and l."failed_at" is null
        )
      order by "kind", coalesce("unique_key", "id"::text), d."failed_at" desc
      limit ${CHANGED_MAX}
    )
      and "failed_at" is not null
    returning "id"
  `);
  if (rows.length > 0) markWritten(unit, jobs);
  return rows.map(({ id }) => id);
}

/** Lets jobs that wait between two attempts, or for their time, run now; gives their ids. */
export async function retryJobs(unit: SqlUnit, choice: JobChoice): Promise<readonly string[]> {
  const rows = await unit.sql(sql<{ readonly id: string }>`
    update ${jobs}
    set "available_at" = now()
    where "id" in (
      select d."id"
      from ${jobs} as d
      where d."failed_at" is null and d."lease_owner" is null and d."available_at" > now() and ${chosen(choice)}
      order by d."id"
      limit ${CHANGED_MAX}
      -- One that is claimed at this moment needs no push.
      for update skip locked
    )
    returning "id"
  `);
  if (rows.length > 0) markWritten(unit, jobs);
  return rows.map(({ id }) => id);
}

/** Drops jobs that wait or are dead; one that runs is left to its end. Gives their ids. */
export async function discardJobs(unit: SqlUnit, ids: readonly string[]): Promise<readonly string[]> {
  const rows = await unit.sql(sql<{ readonly id: string }>`
    delete from ${jobs} where "id" = any(${ids}::uuid[]) and "lease_owner" is null returning "id"
  `);
  return rows.map(({ id }) => id);
}

/** Stops the claiming of a queue in all processes, at once; what runs goes on to its end. */
export async function pauseQueue(unit: SqlUnit, queue: string): Promise<void> {
  await unit.sql(sql`insert into ${queuePauses} ("queue") values (${queue}) on conflict ("queue") do nothing`);
}

/** Takes a paused queue up again; false when it was not paused. */
export async function resumeQueue(unit: SqlUnit, queue: string): Promise<boolean> {
  const rows = await unit.sql(sql`delete from ${queuePauses} where "queue" = ${queue} returning "queue"`);
  if (rows.length > 0) markWritten(unit, jobs);
  return rows.length > 0;
}

function chosen(choice: JobChoice): ReturnType<typeof sql> {
  if ('ids' in choice) return sql`d."id" = any(${choice.ids}::uuid[])`;
  if ('kind' in choice) return sql`d."kind" = ${choice.kind}`;
  return 'queue' in choice ? sql`d."queue" = ${choice.queue}` : sql`true`;
}
