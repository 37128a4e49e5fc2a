/** What an operator sees of jobs: each of them, and how many of each queue wait, run and are dead. */
import type { Result } from '../postgres/exchange.ts';
import { toObjects } from '../postgres/values.ts';
import { type Sql, sql, type Statement, Statements } from '../schema/sql.ts';
import { jobs, queuePauses } from './jobs.ts';

/** Where a job stands: it waits, will be tried later, runs, or is dead. */
export type JobState = 'waiting' | 'later' | 'running' | 'dead';

/** Which jobs are meant. */
export interface JobFilter {
  readonly queue?: string | undefined;
  readonly kind?: string | undefined;
  readonly state?: JobState | undefined;
}

/** The queues that are paused, and those in which something stands. */
export interface QueueFacts {
  readonly queue: string;
  readonly waiting: number;
  readonly later: number;
  readonly running: number;
  readonly dead: number;
  /** How long the first of those that wait has waited; null when none waits. */
  readonly oldestS: number | null;
  readonly isPaused: boolean;
}

/** The desk of the jobs of one namespace. */
export class JobDesk {
  readonly #query: (statement: Statement) => Promise<Result>;
  readonly #statements: Statements;

  constructor({ query, namespace }: { readonly query: (statement: Statement) => Promise<Result>; readonly namespace: string }) {
    this.#query = query;
    this.#statements = new Statements(namespace, { named: false });
  }

  /** Jobs, the newest first, as plain rows with times as text. */
  async list(choice: JobFilter, limit: number): Promise<readonly Readonly<Record<string, unknown>>[]> {
    return toObjects(
      await this.#run(sql`
        select id, queue, kind, ${stateOf} as state, attempts, attempts_max, available_at, lease_owner, failed_at, last_error, payload, created_at
        from ${jobs} where ${conditionOf(choice)} order by id desc limit ${limit}`),
    );
  }

  /** Each queue in which something stands or that is paused. */
  async queues(): Promise<readonly QueueFacts[]> {
    const { rows } = await this.#run(sql`
      select queue, count(*) filter (where state = 'waiting'), count(*) filter (where state = 'later'),
        count(*) filter (where state = 'running'), count(*) filter (where state = 'dead'),
        floor(extract(epoch from now() - min(available_at) filter (where state = 'waiting')))::bigint, bool_or(is_paused)
      from (
        select queue, ${stateOf} as state, available_at, false as is_paused from ${jobs}
        union all
        select queue, null, null, true from ${queuePauses}) as standing
      group by queue order by queue`);
    return rows.map(([queue, waiting, later, running, dead, oldestS, isPaused]) => ({
      queue: queue ?? '',
      waiting: Number(waiting),
      later: Number(later),
      running: Number(running),
      dead: Number(dead),
      oldestS: oldestS === null || oldestS === undefined ? null : Number(oldestS),
      isPaused: isPaused === 't',
    }));
  }

  #run(piece: Sql): Promise<Result> {
    return this.#query(this.#statements.compile(piece));
  }
}

const stateOf = sql`case when failed_at is not null then 'dead' when lease_owner is not null then 'running'
  when available_at > now() then 'later' else 'waiting' end`;

function conditionOf({ queue, kind, state }: JobFilter): Sql {
  const parts = [
    sql`true`,
    ...(queue === undefined ? [] : [sql`queue = ${queue}`]),
    ...(kind === undefined ? [] : [sql`kind = ${kind}`]),
    ...(state === undefined ? [] : [sql`${stateOf} = ${state}`]),
  ];
  return sql.join(parts, ' and ');
}
