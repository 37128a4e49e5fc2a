/** The fetcher of one worker in one process: finishes first, claims last, and keeps as many runs going as the worker allows. */
import type { Clock } from '../clock.ts';
import { KeelsonError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Postgres } from '../postgres/postgres.ts';
import type { Statements } from '../schema/sql.ts';
import type { Database } from '../work/database.ts';
import type { Repositories } from '../work/model.ts';
import { Claimer } from './claim.ts';
import { ClaimSql } from './claim-sql.ts';
import { Counts } from './counts.ts';
import { Finisher } from './finish.ts';
import type { LeaseHeartbeat } from './heartbeat.ts';
import type { WakeKind } from './listen.ts';
import type { WorkerStats } from './part.ts';
import { randomFraction, retryPauseMs } from './retry.ts';
import type { ClaimedRow, Outcome } from './run.ts';
import { Runs } from './runs.ts';
import { type Verdict, verdictOf } from './verdict.ts';
import type { Worker } from './worker.ts';

/** What a fetcher works with. */
export interface FetcherGround<R extends Repositories, S> {
  readonly worker: Worker<R, S>;
  readonly database: Database<R>;
  readonly postgres: Postgres;
  readonly statements: Statements;
  readonly heartbeat: LeaseHeartbeat;
  readonly services: S;
  readonly log: Log;
  readonly clock: Clock;
  readonly owner: () => number;
  readonly pollMs: number;
}

/** How long a handler has, after its signal was aborted, until nobody waits for it any more. */
const GRACE_MS = 1_000;
/** Wake-ups that find nothing make the next one wait, at most so long. */
const GAP_MAX_MS = 100;
const DUE_STEP_MS = 5;
/** Made once: an error with its stack for each row that ends would cost more than the row. */
const RUNG = new KeelsonError('WORKER_STOPPING');

/** One worker in one process. */
export class Fetcher<R extends Repositories, S> {
  readonly name: string;
  readonly #ground: FetcherGround<R, S>;
  readonly #claimer: Claimer;
  readonly #finisher: Finisher<R, S>;
  readonly #runs: Runs<R, S>;
  readonly #counts: Counts;
  #ended: Verdict[] = [];
  /** Rows whose lease is ours, as far as we know: also those whose end could not be written. */
  #held = 0;
  #isStopping = false;
  #isPaused = false;
  #deadlineMs = Number.POSITIVE_INFINITY;
  #looping: Promise<void> = Promise.resolve();
  /** Ends the rest that is taken now. */
  #bell: AbortController | undefined;
  #isRung = false;
  /** How long after an empty claim the next waits, however often it is woken. */
  #gapMs = 0;
  #emptyMs = 0;
  /** When to look for rows that wait for their next attempt. */
  readonly #due = new Set<number>();

  constructor(ground: FetcherGround<R, S>) {
    const { worker, statements, clock, log } = ground;
    this.#ground = ground;
    this.name = worker.name;
    this.#counts = new Counts(worker.name, worker.target.table.name);
    const sql = new ClaimSql(worker.target, statements);
    this.#claimer = new Claimer({ ...ground, sql, counts: this.#counts });
    this.#runs = new Runs({ worker, services: ground.services, clock, log, graceMs: GRACE_MS, counts: this.#counts }, (row, outcome) =>
      this.#end(row, outcome),
    );
    this.#finisher = new Finisher(
      { ...ground, sql },
      {
        released: (row, how) => {
          ground.heartbeat.release(row.key, row.epoch);
          this.#held -= 1;
          this.#counts.ended(how);
        },
        due: (waitMs) => this.#wakeWhenDue(waitMs),
        isOver: () => clock.monotonicMs() > this.#deadlineMs,
        random: randomFraction,
      },
    );
  }

  get stats(): WorkerStats {
    return this.#counts.stats({
      isPaused: this.#isPaused,
      concurrency: this.#ground.worker.limits.concurrency,
      held: this.#held,
      running: this.#runs.running,
    });
  }

  start(): void {
    this.#looping = this.#loop();
  }

  /** Hears that rows wait; those that came back may lie before where the last claim ended. */
  wake(kind: WakeKind): void {
    if (kind === 'back') {
      this.#claimer.rewind();
      this.#gapMs = 0;
    }
    this.#ring();
  }

  setPaused(isPaused: boolean): void {
    this.#isPaused = isPaused;
    this.#ring();
  }

  /** Claims no more, lets runs end until the time is over, and gives back the rest. */
  async drain({ waitMs }: { readonly waitMs: number }): Promise<void> {
    const { clock } = this.#ground;
    this.#isStopping = true;
    // What is written at the end has its own time: a database that is away then is not waited for longer.
    this.#deadlineMs = clock.monotonicMs() + waitMs + 2 * GRACE_MS;
    for (const row of this.#runs.takeWaiting()) this.#giveUp(row);
    this.#ring();
    const timer = new AbortController();
    const cutOff = clock.sleep(waitMs, timer.signal).then(
      () => this.#runs.abortAll(new KeelsonError('WORKER_STOPPING')),
      () => undefined,
    );
    await this.#looping;
    timer.abort();
    await cutOff;
    await this.#runs.stop();
  }

  /** A row that was never run goes back as if it had not been claimed. */
  #giveUp(row: ClaimedRow): void {
    this.#ended.push({ kind: 'back', row, waitMs: 0, isCounted: false, error: undefined });
  }

  get #isOver(): boolean {
    return this.#isStopping && this.#runs.held === 0 && this.#ended.length === 0;
  }

  async #loop(): Promise<void> {
    // bounded by: drain
    while (!this.#isOver) {
      this.#isRung = false;
      const verdicts = this.#ended.splice(0);
      if (verdicts.length > 0) await this.#finisher.finish(verdicts);
      const isEmpty = this.#isStopping || this.#isPaused || (await this.#claim());
      if (this.#isOver) return;
      if (this.#ended.length === 0 && (isEmpty || this.#runs.room === 0)) await this.#rest();
      // Those that end in one turn are finished together.
      else await nextTurn();
    }
  }

  /** Claims as many as there is room for; says whether nothing more waits. */
  async #claim(): Promise<boolean> {
    const { clock, worker, heartbeat } = this.#ground;
    const max = this.#runs.room;
    if (max === 0) return false;
    if (clock.monotonicMs() < this.#emptyMs + this.#gapMs) return true;
    let rows: readonly ClaimedRow[];
    try {
      rows = await this.#claimer.claim(max);
    } catch (error) {
      heartbeat.suspect();
      await this.#afterTrouble(error);
      return true;
    }
    this.#claimer.troubles = 0;
    this.#held += rows.length;
    for (const row of rows) {
      heartbeat.hold({ key: row.key, epoch: row.epoch, leaseMs: worker.limits.leaseMs, onLost: () => this.#lose(row) });
      if (this.#isStopping) this.#giveUp(row);
      else this.#runs.add(row);
    }
    this.#runs.begin();
    if (rows.length > 0) this.#gapMs = 0;
    else this.#widenGap();
    return rows.length < max;
  }

  #widenGap(): void {
    const nowMs = this.#ground.clock.monotonicMs();
    const isPressed = nowMs - this.#emptyMs < 2 * GAP_MAX_MS;
    this.#gapMs = isPressed ? Math.min(GAP_MAX_MS, Math.max(5, this.#gapMs * 2)) : 0;
    this.#emptyMs = nowMs;
  }

  async #afterTrouble(error: unknown): Promise<void> {
    const { worker, log, clock } = this.#ground;
    this.#claimer.troubles += 1;
    const { troubles } = this.#claimer;
    // The first is said aloud; a database that is away for long says nothing new.
    log[troubles === 1 ? 'warn' : 'debug']('worker.claim_failed', { worker: worker.name, attempt: troubles, error });
    await clock.sleep(retryPauseMs(troubles, randomFraction));
  }

  #lose(row: ClaimedRow): void {
    if (row.isFinishing) return;
    row.isLost = true;
    this.#held -= 1;
    this.#ground.log.warn('worker.lease_lost', { worker: this.name, id: row.key, epoch: row.epoch });
    if (this.#runs.lose(row)) this.#counts.ended('lost');
    this.#ring();
  }

  #end(row: ClaimedRow, outcome: Outcome): void {
    if (row.isLost) {
      this.#counts.ended('lost');
    } else {
      const verdict = verdictOf(row, outcome, this.#ground.worker.limits, randomFraction);
      this.#logVerdict(verdict);
      this.#ended.push(verdict);
    }
    this.#ring();
  }

  #logVerdict(verdict: Verdict): void {
    if (verdict.kind === 'done' || verdict.error === undefined) return;
    const { log, worker } = this.#ground;
    const { row, error } = verdict;
    const facts = { worker: worker.name, id: row.key, attempt: row.attempt, error };
    if (verdict.kind === 'fail') log.error('worker.failed', facts);
    else log.warn('worker.retry', { ...facts, wait_ms: verdict.waitMs });
  }

  /** Rows that wait for less than a poll are claimed when their time has come; those whose time is nearly the same, together. */
  #wakeWhenDue(waitMs: number): void {
    if (waitMs === 0 || waitMs >= this.#ground.pollMs || this.#isStopping) return;
    const due = Math.ceil((this.#ground.clock.monotonicMs() + waitMs) / DUE_STEP_MS);
    if (this.#due.has(due)) return;
    this.#due.add(due);
    const wake = (): void => {
      this.#due.delete(due);
      this.wake('back');
    };
    setTimeout(wake, waitMs + DUE_STEP_MS).unref();
  }

  #ring(): void {
    this.#isRung = true;
    this.#bell?.abort(RUNG);
    this.#bell = undefined;
  }

  /** Until something happens, or it is time to look by itself. */
  async #rest(): Promise<void> {
    const { clock, pollMs } = this.#ground;
    const gapMs = this.#emptyMs + this.#gapMs - clock.monotonicMs();
    if (this.#isRung && this.#ended.length === 0 && gapMs > 0) {
      // Woken too soon after finding nothing: only a run that ends, or the end of the pause, is a reason to go on.
      this.#isRung = false;
      return this.#sleep(gapMs);
    }
    if (this.#isRung) return nextTurn();
    // Processes that started together do not look together.
    return this.#sleep(pollMs * (0.75 + randomFraction() / 2));
  }

  async #sleep(durationMs: number): Promise<void> {
    const bell = new AbortController();
    this.#bell = bell;
    await this.#ground.clock.sleep(durationMs, bell.signal).catch(() => undefined);
    this.#bell = undefined;
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
