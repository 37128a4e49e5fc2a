/** One turn of the fetcher of jobs: the ends that are written and the claims that are made, in one transaction. */
import { KeelsonError } from '../errors.ts';
import type { Connection } from '../postgres/connection.ts';
import type { Result } from '../postgres/exchange.ts';
import type { Statement } from '../schema/sql.ts';
import type { ClaimOrder } from './job-queue.ts';
import type { JobRun } from './job-run.ts';
import type { FailedJob, JobSql } from './job-sql.ts';

/** A run that has failed. */
export interface FailedRun<S> extends FailedJob {
  readonly run: JobRun<S>;
}

/** One turn, before it is sent. */
export interface Turn<S> {
  readonly owner: number;
  readonly leaseMs: number;
  readonly kinds: readonly string[];
  readonly done: readonly JobRun<S>[];
  readonly failed: readonly FailedRun<S>[];
  readonly returned: readonly JobRun<S>[];
  readonly extended: readonly JobRun<S>[];
  readonly claims: readonly ClaimOrder<S>[];
  /** Whether a lease of those that are done may have run out. */
  readonly isFenced: boolean;
  /** After trouble: the jobs that this process knows to be its own; what else it has leased is given back. */
  readonly known: readonly string[] | undefined;
}

/** What a turn has brought. */
export interface TurnResults {
  readonly done: Result | undefined;
  readonly failed: Result | undefined;
  readonly extended: Result | undefined;
  readonly claims: readonly (Result | undefined)[];
}

/**
 * Sends a turn in one packet; `local` are settings behind BEGIN, where the session cannot have them. Complete first, claim last: a claim that skips rows which others have just leased may keep locks on
 * them until its transaction ends, so nothing may follow it that waits.
 */
export async function sendTurn<S>(connection: Connection, sql: JobSql, turn: Turn<S> & { readonly local: string }): Promise<TurnResults> {
  const { owner, leaseMs, kinds, known } = turn;
  const writes: Statement[] = [];
  const write = (isNeeded: boolean, make: () => Statement): number => (isNeeded ? writes.push(make()) - 1 : -1);
  if (known !== undefined) writes.push(sql.disown(owner, known));
  const done = write(turn.done.length > 0, () => sql.finish(owner, turn.done, turn.isFenced));
  const failed = write(turn.failed.length > 0, () => sql.fail(owner, turn.failed));
  write(turn.returned.length > 0, () => sql.giveBack(owner, turn.returned));
  const extended = write(turn.extended.length > 0, () => sql.extend(owner, turn.extended, leaseMs));
  const claims = turn.claims.map(({ queue, limit }) => {
    const { name, concurrencyGlobal } = queue.queue;
    write(concurrencyGlobal !== undefined, () => sql.lockQueue(name));
    return write(true, () =>
      sql.claim({ owner, queue: name, kinds, limit, leaseMs, after: queue.watermark, limitGlobal: concurrencyGlobal }),
    );
  });
  const results = await together(connection, writes, turn.local);
  const at = (position: number): Result | undefined => results[position];
  return { done: at(done), failed: at(failed), extended: at(extended), claims: claims.map(at) };
}

/** Statements in one transaction and one packet; a lone one needs no transaction, unless to bring its settings. */
async function together(connection: Connection, statements: readonly Statement[], local: string): Promise<readonly Result[]> {
  const [only] = statements;
  if (only !== undefined && statements.length === 1 && local === '') return [await connection.query(only)];
  const begun = connection.command(`begin${local}`);
  const sent = statements.map((statement) => connection.query(statement));
  const ended = connection.command('commit');
  const results = await Promise.all([begun, ...sent, ended]);
  if (results.at(-1)?.tag !== 'COMMIT') throw new KeelsonError('TRANSACTION_ABORTED');
  return results.slice(1, -1);
}
