/** The statements of the fetcher of jobs. */
import { encodeJson } from '../schema/encode.ts';
import { type Sql, type Statement, type Statements, sql } from '../schema/sql.ts';
import { type JobFailure, jobs, queuePauses } from './jobs.ts';

/** Behind which job of a queue a claim begins: the last one that was got. */
export interface Watermark {
  readonly priority: string;
  readonly availableAt: string;
  readonly id: string;
}

/** What a claim takes. */
export interface ClaimRequest {
  readonly owner: number;
  readonly queue: string;
  readonly kinds: readonly string[];
  readonly limit: number;
  readonly leaseMs: number;
  readonly after: Watermark | undefined;
  /** How many jobs of the queue all processes run at once. */
  readonly limitGlobal: number | undefined;
}

/** A job that this process holds; the epoch says by which of its claims. */
export interface HeldJob {
  readonly id: string;
  readonly epoch: string;
}

/** A job that has failed. */
export interface FailedJob extends HeldJob {
  readonly waitMs: number;
  readonly isDead: boolean;
  /** 1 when the attempt does not count. */
  readonly uncounted: number;
  readonly error: JobFailure;
}

/** The columns of a claimed job, in their order. */
export const CLAIMED = { id: 0, kind: 1, payload: 2, attempts: 3, attemptsMax: 4, priority: 5, availableAt: 6, epoch: 7 } as const;

/** The statements of the fetcher of jobs. */
export class JobSql {
  readonly #statements: Statements;

  constructor(statements: Statements) {
    this.#statements = statements;
  }

  /**
   * Takes jobs that wait, in one statement. The rows are locked in the subselect, so nothing has to be asked again in the update; the
   * array makes it run once. No row is waited for, and a job that others hold stands not in the index that is walked.
   */
  claim({ owner, queue, kinds, limit, leaseMs, after, limitGlobal }: ClaimRequest): Statement {
    const beyond =
      after === undefined
        ? sql``
        : sql`and ("priority", "available_at", "id") >= (${after.priority}::int, ${after.availableAt}::timestamptz, ${after.id}::uuid)`;
    const most =
      limitGlobal === undefined
        ? sql`${limit}::int`
        : sql`least(${limit}::int, greatest(0, ${limitGlobal}::int - (select count(*)::int from ${jobs} where "lease_owner" is not null and "queue" = ${queue})))`;
    return this.#statements.compile(sql`
      update ${jobs} as j
      set "lease_owner" = ${owner},
        "lease_epoch" = j."lease_epoch" + 1,
        "lease_until" = now() + ${leaseMs} * interval '1 millisecond',
        "attempts" = j."attempts" + 1
      where j."id" = any(array(
        select "id"
        from ${jobs}
        where "queue" = ${queue}
          and "lease_owner" is null
          and "failed_at" is null
          and "available_at" <= now()
          and "kind" = any(${kinds}::text[])
          ${beyond}
          and not exists (select from ${queuePauses} where "queue" = ${queue})
        order by "priority", "available_at", "id"
        limit ${most}
        -- Whoever claims at the same moment takes other rows, and never waits for these.
        for update skip locked
      ))
      returning j."id", j."kind", j."payload", j."attempts", j."attempts_max", j."priority", j."available_at", j."lease_epoch"
    `);
  }

  /** Only who counts and claims alone keeps a limit that holds for all processes. */
  lockQueue(queue: string): Statement {
    return this.#statements.compile(
      sql`select pg_advisory_xact_lock(hashtextextended(${`${this.#statements.namespace}.jobs.${queue}`}, 0))`,
    );
  }

  /**
   * Jobs that succeeded are gone. A lease can be another's only after it ran out, or after this process was given a new number: as long
   * as none of them is old, the owner is fence enough, and the epochs need not travel.
   */
  finish(owner: number, done: readonly HeldJob[], isFenced: boolean): Statement {
    if (!isFenced) return this.#statements.compile(sql`delete from ${jobs} where "id" = any(${idsOf(done)}::uuid[]) and ${heldBy(owner)}`);
    return this.#statements.compile(sql`
      delete from ${jobs} as j
      using unnest(${idsOf(done)}::uuid[], ${epochsOf(done)}::int[]) as v(id, epoch)
      where j."id" = v.id and j."lease_epoch" = v.epoch and ${heldBy(owner)}
    `);
  }

  /** Jobs that failed wait for their next attempt, or are dead. */
  fail(owner: number, failed: readonly FailedJob[]): Statement {
    return this.#statements.compile(sql`
      update ${jobs} as j
      set "lease_owner" = null,
        "lease_until" = null,
        "available_at" = now() + v.wait_ms * interval '1 millisecond',
        "attempts" = j."attempts" - v.uncounted,
        "last_error" = v.error,
        "failed_at" = case when v.is_dead then now() end
      from unnest(
        ${idsOf(failed)}::uuid[],
        ${epochsOf(failed)}::int[],
        ${failed.map(({ waitMs }) => waitMs)}::float8[],
        ${failed.map(({ uncounted }) => uncounted)}::int[],
        ${failed.map(({ error }) => encodeJson(error))}::jsonb[],
        ${failed.map(({ isDead }) => isDead)}::boolean[]
      ) as v(id, epoch, wait_ms, uncounted, error, is_dead)
      where j."id" = v.id and j."lease_epoch" = v.epoch and ${heldBy(owner)}
    `);
  }

  /** Jobs that were not run wait for another process; the attempt does not count. */
  giveBack(owner: number, returned: readonly HeldJob[]): Statement {
    return this.#statements.compile(sql`
      update ${jobs} as j
      set "lease_owner" = null, "lease_until" = null, "attempts" = greatest(0, j."attempts" - 1)
      from unnest(${idsOf(returned)}::uuid[], ${epochsOf(returned)}::int[]) as v(id, epoch)
      where j."id" = v.id and j."lease_epoch" = v.epoch and ${heldBy(owner)}
    `);
  }

  /** Holds jobs for longer; those that it does not give were lost. */
  extend(owner: number, held: readonly HeldJob[], leaseMs: number): Statement {
    return this.#statements.compile(sql`
      update ${jobs} as j
      set "lease_until" = now() + ${leaseMs} * interval '1 millisecond'
      from unnest(${idsOf(held)}::uuid[], ${epochsOf(held)}::int[]) as v(id, epoch)
      where j."id" = v.id and j."lease_epoch" = v.epoch and ${heldBy(owner)}
      returning j."id"
    `);
  }

  /** Gives back what this process has claimed without ever hearing of it, because the connection broke in between. */
  disown(owner: number, held: readonly string[]): Statement {
    return this.#statements.compile(sql`
      update ${jobs}
      set "lease_owner" = null, "lease_until" = null, "attempts" = greatest(0, "attempts" - 1)
      where "lease_owner" = ${owner}
        and "id" <> all(${`{${held.join(',')}}`}::uuid[])
    `);
  }
}

/**
 * Not `=`: by that the planner would walk the index of all that is leased, whose statistics say that it is nearly empty, and look for
 * each of its rows in the list of keys. These rows are found by their keys.
 */
function heldBy(owner: number): Sql {
  return sql`"lease_owner" is not distinct from ${owner}::int`;
}

/** Keys hold nothing that an array literal would have to quote. */
function idsOf(held: readonly HeldJob[]): string {
  return `{${held.map(({ id }) => id).join(',')}}`;
}

function epochsOf(held: readonly HeldJob[]): string {
  return `{${held.map(({ epoch }) => epoch).join(',')}}`;
}
