/** What an operator does with jobs: look at them, try them again at once, wake the dead, pause and resume queues. */
import type { Result } from '../postgres/exchange.ts';
import { toObjects } from '../postgres/values.ts';
import { type Sql, sql, type Statement, Statements } from '../schema/sql.ts';
import { jobs, queuePauses } from './jobs.ts';
import { workChannel } from './listen.ts';

/** Where a job stands: it waits, will be tried later, runs, or is dead. */
export type JobState = 'waiting' | 'later' | 'running' | 'dead';

/** Which jobs are meant. */
export interface JobChoice {
  readonly ids?: readonly string[] | undefined;
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

/** How many jobs one statement wakes. */
const BATCH_MAX = 1_000;

/** The desk of the jobs of one namespace. */
export class JobDesk {
  readonly #query: (statement: Statement) => Promise<Result>;
  readonly #statements: Statements;

  constructor({ query, namespace }: { readonly query: (statement: Statement) => Promise<Result>; readonly namespace: string }) {
    this.#query = query;
    this.#statements = new Statements(namespace, { named: false });
  }

  /** Jobs, the newest first, as plain rows with times as text. */
  async list(choice: JobChoice, limit: number): Promise<readonly Readonly<Record<string, unknown>>[]> {
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

  /** Lets jobs that wait for their next attempt be tried at once, and wakes those that are dead; gives the ids of those that it found. */
  async retry(ids: readonly string[]): Promise<readonly string[]> {
    const { rows } = await this.#run(sql`
      update ${jobs} set available_at = now()
      where id = any(${ids}::uuid[]) and lease_owner is null and failed_at is null returning id`);
    const hurried = rows.flatMap(([id]) => id ?? []);
    const redriven = await this.#redrive(sql`id = any(${ids}::uuid[])`);
    await this.#wake();
    return [...hurried, ...redriven];
  }

  /** Wakes dead jobs, with all their attempts before them; one stays dead while a live job of its kind has its unique key. Gives how many. */
  async redrive(choice: Omit<JobChoice, 'state'>): Promise<number> {
    let total = 0;
    // bounded by: the dead, of which each goes once
    for (;;) {
      const woken = await this.#redrive(conditionOf(choice));
      total += woken.length;
      await this.#wake();
      if (woken.length < BATCH_MAX) return total;
    }
  }

  /** Lets nobody take anything from a queue, in any process; what runs ends. */
  async pause(queue: string): Promise<void> {
    await this.#run(sql`insert into ${queuePauses} (queue) values (${queue}) on conflict do nothing`);
  }

  /** Whether it was paused. */
  async resume(queue: string): Promise<boolean> {
    const { rowCount } = await this.#run(sql`delete from ${queuePauses} where queue = ${queue}`);
    await this.#wake();
    return rowCount > 0;
  }

  async #redrive(condition: Sql): Promise<readonly string[]> {
    const { rows } = await this.#run(sql`
      with dead as (
        select distinct on (kind, coalesce(unique_key, id::text)) id from ${jobs} as dead
        where failed_at is not null and ${condition}
          and not exists (
            select 1 from ${jobs} as live
            where live.kind = dead.kind and live.unique_key = dead.unique_key and live.failed_at is null)
        order by kind, coalesce(unique_key, id::text), id
        limit ${BATCH_MAX})
      update ${jobs} as job set failed_at = null, attempts = 0, available_at = now()
      from dead where job.id = dead.id returning job.id`);
    return rows.flatMap(([id]) => id ?? []);
  }

  async #wake(): Promise<void> {
    await this.#run(sql`select pg_notify(${workChannel(this.#statements.namespace)}, ${'jobs\nback'})`);
  }

  #run(piece: Sql): Promise<Result> {
    return this.#query(this.#statements.compile(piece));
  }
}

const stateOf = sql`case when failed_at is not null then 'dead' when lease_owner is not null then 'running'
  when available_at > now() then 'later' else 'waiting' end`;

function conditionOf({ ids, queue, kind, state }: JobChoice): Sql {
  const parts = [
    sql`true`,
    ...(ids === undefined ? [] : [sql`id = any(${ids}::uuid[])`]),
    ...(queue === undefined ? [] : [sql`queue = ${queue}`]),
    ...(kind === undefined ? [] : [sql`kind = ${kind}`]),
    ...(state === undefined ? [] : [sql`${stateOf} = ${state}`]),
  ];
  return sql.join(parts, ' and ');
}
