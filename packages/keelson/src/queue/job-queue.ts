/** One queue in one process: jobs that are held, those that run, and how many more to claim. */
import type { Clock } from '../clock.ts';
import { KeelsonError } from '../errors.ts';
import { checkPayloads } from './enqueue.ts';
import type { Queue } from './job-kind.ts';
import { isLater, type JobRun } from './job-run.ts';
import type { Watermark } from './job-sql.ts';
import type { WorkerStats } from './part.ts';
import { toError } from './retry.ts';

/** What a queue tells its fetcher. */
export interface QueueHost<S> {
  readonly clock: Clock;
  /** A run has ended: well, or with an error. */
  ended(run: JobRun<S>, error: Error | undefined): void;
}

/** How many jobs one claim takes at the most. */
const CLAIM_MAX = 1_000;

/** So much work is held beyond what runs, in milliseconds at the pace of the moment: about as long as a claim takes. */
const AHEAD_MS = 25;

/** The pace is measured over at least so long, and is forgotten after a longer while. */
const PACE_MS_MIN = 5;
const PACE_MS_MAX = 100;

/** What one claim takes of a queue, and how often the queue had been woken by then. */
export interface ClaimOrder<S> {
  readonly queue: JobQueue<S>;
  readonly limit: number;
  readonly wakes: number;
}

/** One queue in one process. */
export class JobQueue<S> {
  readonly queue: Queue;
  readonly #host: QueueHost<S>;
  readonly #running = new Set<JobRun<S>>();
  #waiting: JobRun<S>[] = [];
  #next = 0;
  #isStarting = false;
  #isPaused = false;
  #ended = 0;
  #pace = 0;
  #pacedMs = 0;
  #pacedEnded = 0;
  #runMsTotal = 0;
  /** Nothing was left at the last claim: only a wake-up, the poll or a retry asks again. */
  #isDry = false;
  #wakes = 0;
  /** From where the next claim walks. */
  watermark: Watermark | undefined;
  claims = 0;
  claimed = 0;
  claimMsTotal = 0;
  done = 0;
  failed = 0;
  retried = 0;
  lost = 0;

  constructor(queue: Queue, host: QueueHost<S>) {
    this.queue = queue;
    this.#host = host;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  set isPaused(isPaused: boolean) {
    this.#isPaused = isPaused;
    this.wake();
  }

  /** Jobs that are claimed and have not ended. */
  get held(): readonly JobRun<S>[] {
    return [...this.#running, ...this.#waiting.slice(this.#next)];
  }

  get running(): ReadonlySet<JobRun<S>> {
    return this.#running;
  }

  get stats(): WorkerStats {
    const { queue, claims, claimed, claimMsTotal, done, failed, retried, lost } = this;
    const counted = { claims, claimed, claimMsTotal, done, failed, retried, lost, runMsTotal: this.#runMsTotal };
    const running = this.#running.size;
    const held = running + this.#waiting.length - this.#next;
    return { name: queue.name, source: 'jobs', isPaused: this.#isPaused, concurrency: queue.concurrency, held, running, ...counted };
  }

  /** Says that there may be something to claim. */
  wake(fromTheBeginning = false): void {
    this.#wakes += 1;
    this.#isDry = false;
    if (fromTheBeginning) this.watermark = undefined;
  }

  /** What to claim now; a limit of 0 is nothing. */
  request(): ClaimOrder<S> {
    return { queue: this, limit: this.#wanted(), wakes: this.#wakes };
  }

  /** Takes what a claim has brought. */
  take(runs: readonly JobRun<S>[], { limit, wakes }: ClaimOrder<S>): void {
    this.claims += 1;
    this.claimed += runs.length;
    const isShort = runs.length < limit;
    // What woke it while the claim was under way may have come too late for the claim to see.
    this.#isDry = isShort && wakes === this.#wakes;
    let last = isShort ? undefined : this.watermark;
    if (!isShort) for (const { place } of runs) if (last === undefined || isLater(place, last)) last = place;
    this.watermark = last;
    this.#waiting = [...this.#waiting.slice(this.#next), ...inOrder(runs)];
    this.#next = 0;
    this.startNext();
  }

  /** Starts what may run. */
  startNext(): void {
    if (this.#isStarting) return;
    this.#isStarting = true;
    while (this.#running.size < this.queue.concurrency) {
      const run = this.#waiting[this.#next];
      if (run === undefined) break;
      this.#next += 1;
      if (!run.isOver) this.#start(run);
    }
    this.#isStarting = false;
  }

  /** Takes back the jobs that have not been started. */
  takeWaiting(): readonly JobRun<S>[] {
    const waiting = this.#waiting.slice(this.#next).filter((run) => !run.isOver);
    for (const run of waiting) run.isOver = true;
    this.#waiting = [];
    this.#next = 0;
    return waiting;
  }

  /** Ends a job here before its run does, and tells the run; its end is not told to the fetcher. */
  drop(run: JobRun<S>, reason: unknown): JobRun<S> {
    run.isOver = true;
    this.#running.delete(run);
    run.abort(reason);
    this.startNext();
    return run;
  }

  /** Ends the runs that take too long. */
  endOverdue(nowMs: number): void {
    for (const run of this.#running) {
      const { timeoutMs } = run.ready;
      if (nowMs - run.startedMs <= timeoutMs) continue;
      const error = new KeelsonError('WORKER_TIMEOUT', { message: `The job ${run.kind} ${run.id} ran for longer than ${timeoutMs} ms.` });
      run.abort(error);
      this.#end(run, error);
    }
  }

  #start(run: JobRun<S>): void {
    this.#running.add(run);
    run.startedMs = this.#host.clock.monotonicMs();
    try {
      const payload: unknown = JSON.parse(run.payloadText);
      checkPayloads(run.ready, [payload]);
      const running = run.ready.run(payload, run);
      if (running === undefined) this.#end(run, undefined);
      else
        running.then(
          () => this.#end(run, undefined),
          (error: unknown) => this.#end(run, toError(error)),
        );
    } catch (error) {
      this.#end(run, toError(error));
    }
  }

  #end(run: JobRun<S>, error: Error | undefined): void {
    if (run.isOver) return;
    run.isOver = true;
    this.#running.delete(run);
    this.#ended += 1;
    this.#runMsTotal += this.#host.clock.monotonicMs() - run.startedMs;
    this.#host.ended(run, error);
    this.startNext();
  }

  /**
   * How many jobs to claim now: what can run at once, and what will be over before the next claim has come back. Slow jobs are never
   * held back by a process that is busy; of quick ones hundreds are fetched at once.
   */
  #wanted(): number {
    if (this.#isPaused || this.#isDry) return 0;
    const ahead = this.queue.concurrencyGlobal === undefined ? Math.min(CLAIM_MAX, Math.floor(this.#measure() * AHEAD_MS)) : 0;
    const held = this.#running.size + this.#waiting.length - this.#next;
    const free = this.queue.concurrency + ahead - held;
    // Many small claims would cost more than few large ones; as long as jobs are held, one that ends asks again.
    if (free <= 0 || (held > 0 && free < ahead / 2)) return 0;
    return Math.min(free, CLAIM_MAX);
  }

  /** Jobs per millisecond. */
  #measure(): number {
    const nowMs = this.#host.clock.monotonicMs();
    const passedMs = nowMs - this.#pacedMs;
    if (passedMs < PACE_MS_MIN) return this.#pace;
    const pace = (this.#ended - this.#pacedEnded) / passedMs;
    this.#pace = passedMs > PACE_MS_MAX ? pace : (this.#pace + pace) / 2;
    this.#pacedMs = nowMs;
    this.#pacedEnded = this.#ended;
    return this.#pace;
  }
}

/** They come in the order of their keys, which usually is the order of their places. */
function inOrder<S>(runs: readonly JobRun<S>[]): readonly JobRun<S>[] {
  const isInOrder = runs.every(({ place }, position) => {
    const before = runs[position - 1]?.place;
    return before === undefined || isLater(place, before);
  });
  return isInOrder ? runs : runs.toSorted((left, right) => (isLater(left.place, right.place) ? 1 : -1));
}
