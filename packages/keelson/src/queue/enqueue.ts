/** Enqueue: a job is a row that the caller's unit of work commits, so it exists exactly when the rest of the unit does. */
import { KeelsonError } from '../errors.ts';
import { newId } from '../id.ts';
import { encodeJson } from '../schema/encode.ts';
import { sql } from '../schema/sql.ts';
import { markWritten, type UnitCalls } from '../work/unit.ts';
import type { ReadyKind } from './job-kind.ts';
import { Job, type JobRepository, jobs } from './jobs.ts';

/** How a job differs from what its kind says. */
export interface EnqueueOptions {
  /** Not before this moment. */
  readonly runAt?: Date | undefined;
  /** The smaller, the sooner. */
  readonly priority?: number | undefined;
  /** Of two live jobs of the kind with one key, the second is not made. */
  readonly uniqueKey?: string | undefined;
  readonly queue?: string | undefined;
}

/** A unit of work of an app that lists the repository of jobs as `jobs`. */
export type JobUnit = Pick<UnitCalls, 'sql'> & { readonly jobs: JobRepository };

/** How many problems of payloads an error tells. */
const PROBLEMS_MAX = 20;

/**
 * Adds jobs of one kind to a unit of work. Without unique keys they are written when the block is left, together with all else of
 * the table; with them at once, in one statement.
 *
 * @throws VALIDATION_ERROR when a payload does not fit the kind
 */
export async function enqueue<S>(
  unit: JobUnit,
  kind: ReadyKind<S>,
  payloads: readonly unknown[],
  options: EnqueueOptions,
): Promise<readonly (string | undefined)[]> {
  checkPayloads(kind, payloads);
  const { runAt, priority = kind.priority, queue = kind.queue } = options;
  if (options.uniqueKey !== undefined || kind.uniqueKey !== undefined) return enqueueUnique(unit, kind, payloads, options);
  const { attemptsMax, name } = kind;
  const made = payloads.map((payload) => new Job({ queue, kind: name, payload, priority, attemptsMax, availableAt: runAt }));
  unit.jobs.addMany(made);
  return made.map(({ id }) => id);
}

/**
 * Payloads that fit a kind.
 *
 * @throws VALIDATION_ERROR for those that do not
 */
export function checkPayloads<S>(kind: ReadyKind<S>, payloads: readonly unknown[]): void {
  const problems = payloads.flatMap((payload) => kind.problemsOf(payload)).slice(0, PROBLEMS_MAX);
  if (problems.length > 0)
    throw new KeelsonError('VALIDATION_ERROR', { message: `The payload does not fit the job ${kind.name}.`, validationErrors: problems });
}

async function enqueueUnique<S>(
  unit: JobUnit,
  kind: ReadyKind<S>,
  payloads: readonly unknown[],
  options: EnqueueOptions,
): Promise<readonly (string | undefined)[]> {
  const { runAt = null, priority = kind.priority, queue = kind.queue } = options;
  const ids = payloads.map(() => newId());
  const keys = payloads.map((payload) => options.uniqueKey ?? kind.uniqueKey?.(payload) ?? null);
  const rows = await unit.sql(sql<{ readonly id: string }>`
    insert into ${jobs} ("id", "queue", "kind", "payload", "priority", "available_at", "attempts_max", "unique_key")
    select x.id, ${queue}, ${kind.name}, x.payload, ${priority}, coalesce(${runAt}::timestamptz, now()), ${kind.attemptsMax}, x.key
    from unnest(${ids}::uuid[], ${payloads.map(encodeJson)}::jsonb[], ${keys}::text[]) as x(id, payload, key)
    on conflict ("kind", "unique_key") where "unique_key" is not null and "failed_at" is null do nothing
    returning "id"
  `);
  if (rows.length > 0) markWritten(unit, jobs);
  const made = new Set(rows.map(({ id }) => id));
  return ids.map((id) => (made.has(id) ? id : undefined));
}
