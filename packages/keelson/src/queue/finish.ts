/** Finishing rows: many in one unit of work, each only while this process still holds it; and giving back what is tried again. */
import type { Clock } from '../clock.ts';
import { isKeelsonError, KeelsonError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Postgres } from '../postgres/postgres.ts';
import { isConnectionLost } from '../postgres/sqlstate.ts';
import type { Database } from '../work/database.ts';
import type { Repositories } from '../work/model.ts';
import type { Unit } from '../work/unit.ts';
import type { ClaimSql } from './claim-sql.ts';
import type { ClaimedRow } from './run.ts';
import { retryPauseMs } from './retry.ts';
import { type Settled, type Verdict, verdictOf } from './verdict.ts';
import type { Row, Worker } from './worker.ts';

/** How many rows one unit of work finishes. */
const ROWS_MAX = 1_000;
/** How often a unit is tried again that others got in the way of, before its rows are tried apart. */
const CONFLICTS_MAX = 5;

/** What a finisher tells. */
export interface FinishPort {
  /** The row is no more held by this process. */
  readonly released: (row: ClaimedRow, how: 'done' | 'failed' | 'retried' | 'lost' | 'returned') => void;
  /** A row goes back and may be claimed again after this time. */
  readonly due: (waitMs: number) => void;
  /** Whether it is too late to try again. */
  readonly isOver: () => boolean;
  readonly random: () => number;
}

/** What a finisher works on. */
export interface FinishGround<R extends Repositories, S> {
  readonly worker: Worker<R, S>;
  readonly database: Database<R>;
  readonly postgres: Postgres;
  readonly sql: ClaimSql;
  readonly log: Log;
  readonly clock: Clock;
}

/** Finishes the rows of one worker. */
export class Finisher<R extends Repositories, S> {
  readonly #ground: FinishGround<R, S>;
  readonly #port: FinishPort;
  readonly #holder: string;
  /** Rows whose commit may have been made although the connection broke: finding them finished is no loss. */
  readonly #unsure = new WeakSet<ClaimedRow>();

  constructor(ground: FinishGround<R, S>, port: FinishPort) {
    this.#ground = ground;
    this.#port = port;
    this.#holder = `worker ${ground.worker.name}`;
  }

  /** Writes what has become of rows; comes back when each is written, lost, or it is too late. */
  async finish(verdicts: readonly Verdict[]): Promise<void> {
    const settled: Settled[] = [];
    const back: Back[] = [];
    for (const verdict of verdicts) {
      verdict.row.isFinishing = true;
      if (verdict.kind === 'back') back.push(verdict);
      else settled.push(verdict);
    }
    await Promise.all([this.#settle(settled), this.#giveBack(back)]);
  }

  async #settle(verdicts: readonly Settled[]): Promise<void> {
    for (let start = 0; start < verdicts.length; start += ROWS_MAX) await this.#settleTogether(verdicts.slice(start, start + ROWS_MAX));
  }

  async #settleTogether(verdicts: readonly Settled[]): Promise<void> {
    // bounded by: isOver, and CONFLICTS_MAX for all but a database that is away
    for (let attempt = 1; ; attempt += 1) {
      try {
        const lost = await this.#write(verdicts);
        for (const verdict of verdicts) {
          if (lost.has(verdict.row.key)) this.#told(verdict, lost.get(verdict.row.key));
          else this.#port.released(verdict.row, verdict.kind === 'done' ? 'done' : 'failed');
        }
        return;
      } catch (error) {
        const passing = passingKind(error);
        if (isKeelsonError(error, 'COMMIT_UNKNOWN')) for (const { row } of verdicts) this.#unsure.add(row);
        if (passing === 'away' || (passing === 'conflict' && attempt < CONFLICTS_MAX)) {
          if (!(await this.#pause(attempt, error))) return;
          continue;
        }
        await this.#apart(verdicts, error);
        return;
      }
    }
  }

  /** Runs `done` and `fail` on the rows that are still held; gives those that are not, and what was found. */
  async #write(verdicts: readonly Settled[]): Promise<ReadonlyMap<string, Row | undefined>> {
    const { worker, database } = this.#ground;
    return database.work(
      async (unit) => {
        const lost = new Map<string, Row | undefined>();
        const rows = await parseRepository(unit, worker.target.from).lockMany(verdicts.map(({ row }) => row.entity[worker.target.key.key]));
        const byKey = new Map(rows.map((row) => [String(row[worker.target.key.key]), row]));
        const calls = verdicts.map(async (verdict): Promise<void> => {
          const row = byKey.get(verdict.row.key);
          if (row === undefined || row['leaseOwner'] !== verdict.row.owner || row['leaseEpoch'] !== verdict.row.epoch)
            lost.set(verdict.row.key, row);
          else await this.#apply(verdict, row, unit);
        });
        // Each is waited for: what still ran after the unit has ended would be refused, and hide the error that counts.
        const failed = (await Promise.allSettled(calls)).find(({ status }) => status === 'rejected');
        if (failed?.status === 'rejected') throw failed.reason;
        return lost;
      },
      { name: this.#holder },
    );
  }

  async #apply(verdict: Settled, row: Row, unit: Unit<R>): Promise<void> {
    const { calls, target, name } = this.#ground.worker;
    if (verdict.kind === 'done') await calls.done(row, verdict.result, unit);
    else await calls.fail(row, verdict.error, unit);
    const state = String(row[target.state.key]);
    const isStuck = verdict.kind === 'done' ? state === target.start : this.#isAtWork(row);
    if (isStuck) {
      throw new KeelsonError('MISUSE', {
        message: `The worker ${name} left a row in ${state} after ${verdict.kind}.`,
        hint: `Let ${verdict.kind} move it on.`,
      });
    }
    row['leaseOwner'] = null;
    row['leaseUntil'] = null;
    row['attempts'] = 0;
  }

  /** `found` is what a row was found to be that is no more held by us: undefined where there is no such row. */
  #told(verdict: Settled, found: Row | undefined): void {
    const { row, kind } = verdict;
    const { worker, log } = this.#ground;
    const wasOurs = this.#unsure.has(row) && found?.['leaseEpoch'] === row.epoch && !this.#isAtWork(found);
    if (wasOurs) return this.#port.released(row, kind === 'done' ? 'done' : 'failed');
    log.warn('worker.lease_lost', { worker: worker.name, id: row.key, epoch: row.epoch, verdict: kind });
    return this.#port.released(row, 'lost');
  }

  #isAtWork(row: Row): boolean {
    const { target } = this.#ground.worker;
    const state = String(row[target.state.key]);
    return target.waiting.includes(state) || target.working.includes(state);
  }

  /** A unit that failed for what one of its rows did: the rows are tried by halves, until that one is found. */
  async #apart(verdicts: readonly Settled[], error: unknown): Promise<void> {
    const [only, second] = verdicts;
    if (only === undefined) return;
    if (second !== undefined) {
      const middle = Math.ceil(verdicts.length / 2);
      await this.#settleTogether(verdicts.slice(0, middle));
      await this.#settleTogether(verdicts.slice(middle));
      return;
    }
    await this.#spoiled(only, error);
  }

  async #spoiled(verdict: Settled, error: unknown): Promise<void> {
    const { worker, log } = this.#ground;
    log.error('worker.finish_failed', { worker: worker.name, id: verdict.row.key, verdict: verdict.kind, error });
    const { row } = verdict;
    const next = verdictOf(row, { isDone: false, error }, worker.limits, this.#port.random);
    if (next.kind === 'fail' && verdict.kind === 'done') await this.#settleTogether([next]);
    // When even `fail` fails, somebody has to look: the row waits as long as rows ever wait.
    else
      await this.#giveBack([
        next.kind === 'back' ? next : { kind: 'back', row, waitMs: worker.limits.retry.capMs, isCounted: true, error: undefined },
      ]);
  }

  async #giveBack(rows: readonly Back[]): Promise<void> {
    if (rows.length === 0) return;
    const { sql, postgres, worker } = this.#ground;
    const statement = sql.giveBack(rows.map(({ row, waitMs, isCounted }) => ({ ...pick(row), waitMs, isCounted })));
    // bounded by: isOver
    for (let attempt = 1; ; attempt += 1) {
      try {
        const result = await postgres.lone.run(statement, this.#holder);
        const freed = new Set(result.rows.map(([key]) => key));
        for (const { row, waitMs, isCounted } of rows) {
          this.#port.released(row, !freed.has(row.key) && attempt === 1 ? 'lost' : isCounted ? 'retried' : 'returned');
          this.#port.due(waitMs);
        }
        return;
      } catch (error) {
        this.#ground.log.debug('worker.give_back_failed', { worker: worker.name, error });
        if (!(await this.#pause(attempt, error))) return;
      }
    }
  }

  async #pause(attempt: number, error: unknown): Promise<boolean> {
    if (this.#port.isOver()) return false;
    this.#ground.log.warn('worker.finish_waits', { worker: this.#ground.worker.name, attempt, error });
    await this.#ground.clock.sleep(retryPauseMs(attempt, this.#port.random));
    return !this.#port.isOver();
  }
}

type Back = Extract<Verdict, { readonly kind: 'back' }>;

function pick({ key, owner, epoch }: ClaimedRow): { readonly key: string; readonly owner: number; readonly epoch: number } {
  return { key, owner, epoch };
}

/** Whether a unit failed for what is around it: the database is away, or others got in the way. */
function passingKind(error: unknown): 'away' | 'conflict' | undefined {
  if (!isKeelsonError(error)) return isConnectionLost(error) ? 'away' : undefined;
  if (error.code === 'DATABASE_CONNECTION_FAILED' || error.code === 'COMMIT_UNKNOWN' || error.code === 'POOL_EXHAUSTED') return 'away';
  return error.code === 'TRANSACTION_CONFLICT' || error.code === 'DATABASE_TIMEOUT' ? 'conflict' : undefined;
}

interface Locking {
  lockMany(keys: readonly unknown[]): Promise<Row[]>;
}

// A unit of work has the repositories of its model, and the worker was checked against that.
function parseRepository(unit: unknown, name: string): Locking {
  return (unit as Record<string, Locking>)[name] as Locking;
}
