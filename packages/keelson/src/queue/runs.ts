/** The runs of one worker in one process: rows that wait for a place, runs under way, and those that take too long. */
import type { Clock } from '../clock.ts';
import { KeelsonError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Repositories } from '../work/model.ts';
import type { Counts } from './counts.ts';
import { type ClaimedRow, type Outcome, Run, RunCall } from './run.ts';
import type { Worker } from './worker.ts';

/** What runs are made of. */
export interface RunsGround<R extends Repositories, S> {
  readonly worker: Worker<R, S>;
  readonly services: S;
  readonly clock: Clock;
  readonly log: Log;
  readonly graceMs: number;
  readonly counts: Counts;
}

/** Rows are claimed ahead of their runs for about so long: quick handlers do not wait for the database, slow ones hold nothing idle. */
const AHEAD_MS = 20;
const LOOK_MAX_MS = 250;

/** The runs of one worker. */
export class Runs<R extends Repositories, S> {
  readonly #ground: RunsGround<R, S>;
  readonly #onEnd: (row: ClaimedRow, outcome: Outcome) => void;
  readonly #log: Log;
  readonly #running = new Set<Run>();
  readonly #perRun: number;
  #waiting: ClaimedRow[] = [];
  #rowsRunning = 0;
  /** How long a run takes, of late. */
  #usualMs: number | undefined;
  #ending = new AbortController();
  #watching: Promise<void> | undefined;

  constructor(ground: RunsGround<R, S>, onEnd: (row: ClaimedRow, outcome: Outcome) => void) {
    this.#ground = ground;
    this.#onEnd = onEnd;
    this.#log = ground.log.child({ worker: ground.worker.name });
    this.#perRun = ground.worker.calls.gather?.max ?? 1;
  }

  /** How many rows are in the hands of this worker. */
  get held(): number {
    return this.#waiting.length + this.#rowsRunning;
  }

  get running(): number {
    return this.#rowsRunning;
  }

  /** How many rows may be claimed now. */
  get room(): number {
    const { concurrency, batchMax } = this.#ground.worker.limits;
    const ahead = this.#ahead();
    // Claims of one row at a time are the dearest: while there is enough, they wait until they are worth it.
    if (ahead > 0 && this.#waiting.length > ahead / 2) return 0;
    return Math.max(0, Math.min(batchMax, concurrency * this.#perRun + ahead - this.held));
  }

  add(row: ClaimedRow): void {
    const { limits } = this.#ground.worker;
    if (row.attempt <= limits.attemptsMax) {
      this.#waiting.push(row);
      return;
    }
    const error = new KeelsonError('WORK_ABANDONED', { message: `None of ${limits.attemptsMax} attempts has given an answer.` });
    this.#onEnd(row, { isDone: false, error });
  }

  /** Begins as many runs as there are places for. */
  begin(): void {
    const { worker, clock } = this.#ground;
    const { gather } = worker.calls;
    this.#watch();
    while (this.#waiting.length > 0 && this.#running.size < worker.limits.concurrency) {
      if (gather !== undefined && this.#waiting.length < gather.max) {
        const sinceMs = clock.monotonicMs() - (this.#waiting[0]?.claimedMs ?? 0);
        if (sinceMs < gather.waitMs) return;
      }
      this.#run(this.#waiting.splice(0, this.#perRun));
    }
  }

  /** Rows that have not begun, which are held no more. */
  takeWaiting(): readonly ClaimedRow[] {
    return this.#waiting.splice(0);
  }

  /** Forgets a row that another holds by now; says whether it had not begun. */
  lose(row: ClaimedRow): boolean {
    const index = this.#waiting.indexOf(row);
    if (index !== -1) {
      this.#waiting.splice(index, 1);
      return true;
    }
    const run = [...this.#running].find(({ rows }) => rows.includes(row));
    if (run?.rows.every(({ isLost }) => isLost) === true) run.abort(new KeelsonError('LEASE_LOST'), this.#ground.clock.monotonicMs());
    return false;
  }

  abortAll(reason: Error): void {
    for (const run of this.#running) run.abort(reason, this.#ground.clock.monotonicMs());
  }

  /** Ends the watch over runs. */
  async stop(): Promise<void> {
    this.#ending.abort();
    await this.#watching;
  }

  #ahead(): number {
    const { concurrency, batchMax } = this.#ground.worker.limits;
    if (this.#usualMs === undefined || this.#perRun > 1) return 0;
    const inTime = Math.floor((concurrency * AHEAD_MS) / Math.max(this.#usualMs, 0.01));
    return Math.max(0, Math.min(batchMax, inTime - concurrency));
  }

  #run(rows: ClaimedRow[]): void {
    const { worker, services, clock } = this.#ground;
    const { run: work, gather } = worker.calls;
    const run = new Run(rows, clock.monotonicMs(), (ended, outcome) => this.#end(ended, outcome));
    this.#running.add(run);
    this.#rowsRunning += rows.length;
    const call = new RunCall(run, services, this.#log);
    const [first] = rows;
    run.begin(() => {
      if (gather !== undefined)
        return gather.run(
          rows.map(({ entity }) => entity),
          call,
        );
      return work === undefined || first === undefined ? Promise.resolve() : work(first.entity, call);
    });
  }

  #end(run: Run, outcome: Outcome): void {
    const { clock, counts } = this.#ground;
    this.#running.delete(run);
    this.#rowsRunning -= run.rows.length;
    const tookMs = clock.monotonicMs() - run.startedMs;
    counts.runs += 1;
    counts.runMsTotal += tookMs;
    this.#usualMs = this.#usualMs === undefined ? tookMs : this.#usualMs * 0.9 + tookMs * 0.1;
    for (const row of run.rows) this.#onEnd(row, outcome);
    this.begin();
  }

  #watch(): void {
    if (this.#watching === undefined && !this.#ending.signal.aborted) this.#watching = this.#keepWatching();
  }

  async #keepWatching(): Promise<void> {
    const { clock, worker } = this.#ground;
    const { gather } = worker.calls;
    const lookMs = Math.max(5, Math.min(LOOK_MAX_MS, worker.limits.timeoutMs / 4, gather === undefined ? LOOK_MAX_MS : gather.waitMs / 4));
    // bounded by: stop
    while (!this.#ending.signal.aborted) {
      // First of all it waits: what it begins would begin it, before anybody knows that it is there.
      await clock.sleep(lookMs, this.#ending.signal).catch(() => undefined);
      this.#look();
      if (gather !== undefined) this.begin();
    }
  }

  #look(): void {
    const { clock, worker, graceMs } = this.#ground;
    const nowMs = clock.monotonicMs();
    for (const run of this.#running) {
      if (run.aborted === undefined && nowMs - run.startedMs > worker.limits.timeoutMs)
        run.abort(
          new KeelsonError('WORKER_TIMEOUT', { message: `A run of ${worker.name} took longer than ${worker.limits.timeoutMs} ms.` }),
          nowMs,
        );
      if (run.aborted === undefined || nowMs - run.aborted.atMs < graceMs) continue;
      this.#log.error('worker.abandoned', { ids: run.rows.map(({ key }) => key), error: run.aborted.reason });
      run.end({ isDone: false, error: run.aborted.reason });
    }
  }
}
