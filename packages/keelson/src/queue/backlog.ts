/** What waits for workers and queues, and how much of it is held, counted so far that it stays cheap. */
import type { Result } from '../postgres/exchange.ts';
import { quoteText, type Sql, sql, type Statement, Statements } from '../schema/sql.ts';
import { jobs } from './jobs.ts';

/** Rows that a worker claims. */
export interface WorkerSource {
  readonly name: string;
  readonly table: string;
  readonly stateColumn: string;
  /** In these states a row waits. */
  readonly waiting: readonly string[];
  /** In these it is worked on. */
  readonly working: readonly string[];
}

/** What is counted. */
export interface BacklogRequest {
  readonly query: (statement: Statement) => Promise<Result>;
  readonly namespace: string;
  readonly workers: readonly WorkerSource[];
  /** Queues of the table of jobs. */
  readonly queues: readonly string[];
}

/** What waits for one worker or queue. */
export interface Backlog {
  readonly name: string;
  /** Could be claimed now; counted up to `COUNT_MAX`. */
  readonly waiting: number;
  /** May be claimed later: after a pause before the next attempt, or at its time. */
  readonly later: number;
  /** Leased by some process. */
  readonly held: number;
}

/** Nobody acts otherwise upon ten thousand rows than upon a million, and counting those would cost. */
export const COUNT_MAX = 10_000;

/** Counts what waits, in one statement. */
export async function countBacklog({ query, namespace, workers, queues }: BacklogRequest): Promise<readonly Backlog[]> {
  const sources = [...workers.map((worker) => ofWorker(worker, namespace)), ...queues.map(ofQueue)];
  if (sources.length === 0) return [];
  const counts = sources.flatMap(({ place, waits, held }) => [
    count(place, sql`${waits} and lease_owner is null and available_at <= now()`),
    count(place, sql`${waits} and lease_owner is null and available_at > now()`),
    count(place, sql`${held} and lease_owner is not null`),
  ]);
  const statement = new Statements(namespace, { named: false }).compile(sql`select ${sql.join(counts)}`);
  const [row = []] = (await query(statement)).rows;
  return sources.map(({ name }, place) => {
    const [waiting = 0, later = 0, held = 0] = row.slice(place * 3, place * 3 + 3).map(Number);
    return { name, waiting, later, held };
  });
}

interface Source {
  readonly name: string;
  readonly place: Sql;
  readonly waits: Sql;
  readonly held: Sql;
}

function ofWorker({ name, table, stateColumn, waiting, working }: WorkerSource, namespace: string): Source {
  const place = sql`${sql.identifier(namespace)}.${sql.identifier(table)}`;
  return { name, place, waits: isIn(stateColumn, waiting), held: isIn(stateColumn, working) };
}

function ofQueue(queue: string): Source {
  const isOfQueue = sql`queue = ${queue} and failed_at is null`;
  return { name: queue, place: sql`${jobs}`, waits: isOfQueue, held: isOfQueue };
}

// As literals: they take the type of the column, which may be an enum.
function isIn(column: string, states: readonly string[]): Sql {
  if (states.length === 0) return sql`false`;
  return sql`${sql.identifier(column)} in (${sql.join(states.map((state) => sql.raw(quoteText(state))))})`;
}

function count(place: Sql, condition: Sql): Sql {
  return sql`(select count(*) from (select 1 from ${place} where ${condition} limit ${sql.raw(String(COUNT_MAX))}) as counted)`;
}
