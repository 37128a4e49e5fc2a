/** The fetcher of jobs of one process: writes how jobs ended and claims the next, in one transaction and one round trip. */
import { randomInt } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { KeelsonError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Result } from '../postgres/exchange.ts';
import type { Postgres } from '../postgres/postgres.ts';
import { Statements } from '../schema/sql.ts';
import { JobConnection } from './job-connection.ts';
import { failedJob } from './job-failure.ts';
import type { Queue, ReadyKind } from './job-kind.ts';
import { JobQueue } from './job-queue.ts';
import { agingOf, JobRun, type RunGround } from './job-run.ts';
import { CLAIMED, JobSql } from './job-sql.ts';
import { type FailedRun, sendTurn, type Turn, type TurnResults } from './job-turn.ts';
import type { WakeKind } from './listen.ts';

/** What a fetcher is made of. */
export interface JobFetcherOptions<S> {
  readonly postgres: Postgres;
  readonly namespace: string;
  readonly kinds: ReadonlyMap<string, ReadyKind<S>>;
  readonly queues: readonly Queue[];
  readonly ground: RunGround<S>;
  readonly owner: () => number;
  readonly clock: Clock;
  readonly log: Log;
  /** For how long a job is held without a sign of life; 30 s. */
  readonly leaseMs?: number | undefined;
  /** How often is looked without being woken. */
  readonly pollMs: number;
  /** Told when other processes may find something to claim: jobs were given back, or a limit for all has room again. */
  readonly onFreed: (kind: WakeKind) => void;
}

const LEASE_MS = 30_000;
/** How many ends one transaction writes. */
const ENDS_MAX = 1_000;
/** How often overdue runs and old leases are looked for. */
const WATCH_MS = 250;
/** A claim walks from the beginning at least so often, for what came late to an earlier place. */
const REWALK_MS = 1_000;
const TROUBLE_PAUSE_MS = 50;
const TROUBLE_PAUSE_MS_MAX = 1_000;
/** How long a drain waits for its last writes beyond its time. */
const LAST_WRITE_MS = 10_000;

/** The fetcher of jobs of one process. */
export class JobFetcher<S> {
  readonly #options: JobFetcherOptions<S>;
  readonly #sql: JobSql;
  readonly #connection: JobConnection;
  readonly #leaseMs: number;
  readonly #ending = new AbortController();
  readonly queues: readonly JobQueue<S>[];
  readonly #byName: ReadonlyMap<string, JobQueue<S>>;
  readonly #kinds: readonly string[];
  #done: JobRun<S>[] = [];
  #failed: FailedRun<S>[] = [];
  #returned: JobRun<S>[] = [];
  #isBusy = false;
  #isScheduled = false;
  #isDraining = false;
  #isSuspect = false;
  #troubles = 0;
  #owner: number;
  #idle = Promise.withResolvers<void>();
  #retryAtMs = Number.POSITIVE_INFINITY;
  #watching: Promise<void> = Promise.resolve();

  constructor(options: JobFetcherOptions<S>) {
    this.#options = options;
    this.#sql = new JobSql(new Statements(options.namespace, { named: options.postgres.namedStatements }));
    this.#connection = new JobConnection(options.postgres, options.clock);
    this.#leaseMs = options.leaseMs ?? LEASE_MS;
    this.#owner = options.owner();
    this.#kinds = [...options.kinds.keys()];
    this.queues = options.queues.map(
      (queue) => new JobQueue<S>(queue, { clock: options.clock, ended: (run, error) => this.#ended(run, error) }),
    );
    this.#byName = new Map(this.queues.map((queue) => [queue.queue.name, queue]));
  }

  start(): void {
    this.#watching = this.#watch();
    this.#kick();
  }

  /** Says that there may be something to claim; what came back may lie before a watermark. */
  wake(kind: WakeKind = 'new'): void {
    for (const queue of this.queues) queue.wake(kind === 'back');
    this.#kick();
  }

  /** Stops or takes up the claiming of a queue in this process; false when there is none of the name. */
  setPaused(name: string, isPaused: boolean): boolean {
    const queue = this.#byName.get(name);
    if (queue === undefined) return false;
    queue.isPaused = isPaused;
    this.#kick();
    return true;
  }

  /** Takes no more, gives back what has not begun, and lets what runs finish; what is not over in time is aborted and given back. */
  async drain({ waitMs }: { readonly waitMs: number }): Promise<void> {
    this.#isDraining = true;
    for (const queue of this.queues) this.#returned.push(...queue.takeWaiting());
    const deadlineMs = this.#options.clock.monotonicMs() + waitMs;
    this.#kick();
    await this.#quiet(deadlineMs, () => this.queues.every(({ running }) => running.size === 0) && this.#isWritten());
    const reason = new KeelsonError('WORKER_STOPPING');
    for (const queue of this.queues) for (const run of queue.running) this.#returned.push(queue.drop(run, reason));
    this.#kick();
    await this.#quiet(deadlineMs + LAST_WRITE_MS, () => this.#isWritten());
    this.#ending.abort();
    await this.#watching;
    await this.#connection.close();
  }

  #isWritten(): boolean {
    return !this.#isBusy && this.#done.length === 0 && this.#failed.length === 0 && this.#returned.length === 0;
  }

  /** Waits for a condition that may come true after any turn, but not beyond a deadline. */
  async #quiet(deadlineMs: number, isQuiet: () => boolean): Promise<void> {
    const { clock } = this.#options;
    // bounded by: deadlineMs
    while (!isQuiet()) {
      const restMs = deadlineMs - clock.monotonicMs();
      if (restMs <= 0) return;
      const over = new AbortController();
      await Promise.race([this.#idle.promise, clock.sleep(Math.min(restMs, WATCH_MS), over.signal).catch(() => undefined)]);
      over.abort();
    }
  }

  #ended(run: JobRun<S>, error: Error | undefined): void {
    const queue = this.#byName.get(run.queue);
    if (error === undefined) {
      this.#done.push(run);
      if (queue !== undefined) queue.done += 1;
    } else {
      const failed = failedJob(run, error);
      this.#failed.push({ ...failed, run });
      if (queue !== undefined) queue[failed.isDead ? 'failed' : 'retried'] += 1;
      if (!failed.isDead) this.#retryAtMs = Math.min(this.#retryAtMs, this.#options.clock.monotonicMs() + failed.waitMs);
      const fields = { job_id: run.id, kind: run.kind, queue: run.queue, attempt: run.attempt, error };
      if (failed.isDead) this.#options.log.error('worker.failed', fields);
      else this.#options.log.warn('worker.failed', { ...fields, retry_ms: failed.waitMs });
    }
    this.#kick();
  }

  /** Begins a turn once all that ends in this turn of the event loop has ended. */
  #kick(): void {
    if (this.#isScheduled || this.#isBusy) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      void this.#turn();
    });
  }

  async #turn(): Promise<void> {
    if (this.#isBusy || this.#ending.signal.aborted) return;
    this.#isBusy = true;
    try {
      // bounded by: what there is to write and to claim
      for (let turn = this.#next(); turn !== undefined; turn = this.#next()) {
        try {
          const connection = await this.#connection.get();
          const sentMs = this.#options.clock.monotonicMs();
          this.#apply(turn, await sendTurn(connection, this.#sql, { ...turn, local: this.#connection.local }), sentMs);
          this.#troubles = 0;
        } catch (error) {
          await this.#recover(turn, error);
        }
        if (this.#ending.signal.aborted) return;
      }
    } finally {
      this.#isBusy = false;
      this.#idle.resolve();
      this.#idle = Promise.withResolvers();
    }
  }

  /** What there is to do now; nothing when all is written and nothing can be claimed. */
  #next(): Turn<S> | undefined {
    const owner = this.#options.owner();
    if (owner !== this.#owner) this.#replaced(owner);
    const claims = this.#isDraining ? [] : this.queues.map((queue) => queue.request()).filter(({ limit }) => limit > 0);
    const done = this.#done.splice(0, ENDS_MAX);
    const failed = this.#failed.splice(0, ENDS_MAX);
    const returned = this.#returned.splice(0, ENDS_MAX);
    const held = this.queues.flatMap((queue) => queue.held);
    const nowMs = this.#options.clock.monotonicMs();
    const extended = agingOf(held, nowMs, this.#leaseMs);
    if (!this.#isSuspect && claims.length + done.length + failed.length + returned.length + extended.length === 0) return undefined;
    const known = this.#isSuspect ? this.#known({ done, failed, returned }) : undefined;
    const isFenced = done.some((run) => nowMs - run.leasedMs > this.#leaseMs / 2);
    return { owner, leaseMs: this.#leaseMs, kinds: this.#kinds, done, failed, returned, extended, claims, isFenced, known };
  }

  #apply(turn: Turn<S>, results: TurnResults, sentMs: number): void {
    const nowMs = this.#options.clock.monotonicMs();
    if (turn.known !== undefined) this.#isSuspect = false;
    else this.#countLost(turn, results);
    if (results.extended !== undefined) this.#extend(turn.extended, results.extended, sentMs);
    for (const [index, request] of turn.claims.entries()) {
      const { queue } = request;
      const rows = results.claims[index]?.rows ?? [];
      const runs = rows.flatMap((row) => {
        const ready = this.#options.kinds.get(row[CLAIMED.kind] ?? '');
        const origin = ready && { ready, queue: queue.queue.name, owner: turn.owner, ground: this.#options.ground };
        return origin === undefined ? [] : new JobRun(row, origin, sentMs);
      });
      if (runs.length > 0) this.#options.log.debug('worker.claimed', { queue: queue.queue.name, count: runs.length });
      queue.claimMsTotal += nowMs - sentMs;
      if (this.#isDraining) this.#returned.push(...runs);
      else queue.take(runs, request);
    }
    const ended = [...turn.done, ...turn.failed.map(({ run }) => run)];
    const hasRoom = ended.some(({ queue }) => this.#byName.get(queue)?.queue.concurrencyGlobal !== undefined);
    if (turn.returned.length > 0) this.#options.onFreed('back');
    else if (hasRoom) this.#options.onFreed('new');
  }

  /** After a failure nothing of the turn is known to be written: its ends are written again, and claims that were not heard of given back. */
  async #recover(turn: Turn<S>, error: unknown): Promise<void> {
    this.#done = [...turn.done, ...this.#done];
    this.#failed = [...turn.failed, ...this.#failed];
    this.#returned = [...turn.returned, ...this.#returned];
    this.#isSuspect = true;
    this.#troubles += 1;
    this.#options.log.warn('worker.fetch_failed', { error, tries: this.#troubles });
    const pauseMs = Math.min(TROUBLE_PAUSE_MS_MAX, TROUBLE_PAUSE_MS * 2 ** Math.min(this.#troubles - 1, 10));
    await this.#options.clock.sleep(randomInt(pauseMs) + 1, this.#ending.signal).catch(() => undefined);
  }

  /** All that this process knows to be its own. */
  #known(turn: Pick<Turn<S>, 'done' | 'failed' | 'returned'>): readonly string[] {
    const held = this.queues.flatMap((queue) => queue.held);
    const ended = [...turn.done, ...turn.failed.map(({ run }) => run), ...turn.returned];
    const later = [...this.#done, ...this.#failed.map(({ run }) => run), ...this.#returned];
    return [...held, ...ended, ...later].map(({ id }) => id);
  }

  #countLost(turn: Turn<S>, { done, failed }: TurnResults): void {
    const lost = turn.done.length - (done?.rowCount ?? 0) + turn.failed.length - (failed?.rowCount ?? 0);
    if (lost <= 0) return;
    const queue = this.#byName.get((turn.done[0] ?? turn.failed[0]?.run)?.queue ?? '');
    if (queue !== undefined) queue.lost += lost;
    this.#options.log.warn('worker.lease_lost', { count: lost, among: turn.done.length + turn.failed.length });
  }

  #extend(runs: readonly JobRun<S>[], result: Result, sentMs: number): void {
    const kept = new Set(result.rows.map(([id]) => id));
    for (const run of runs) {
      if (kept.has(run.id)) run.leasedMs = sentMs;
      else this.#lose(run);
    }
  }

  #lose(run: JobRun<S>): void {
    if (run.isOver) return;
    const queue = this.#byName.get(run.queue);
    if (queue !== undefined) queue.lost += 1;
    this.#options.log.warn('worker.lease_lost', { job_id: run.id, kind: run.kind });
    queue?.drop(run, new KeelsonError('LEASE_LOST', { message: `The job ${run.kind} ${run.id} is no longer held by this process.` }));
  }

  /** The process was taken for dead and has a new number: what it held is another's now. */
  #replaced(owner: number): void {
    this.#owner = owner;
    const isOurs = ({ owner: claimedBy }: JobRun<S>): boolean => claimedBy === owner;
    for (const queue of this.queues) for (const run of queue.held) this.#lose(run);
    this.#done = this.#done.filter(isOurs);
    this.#failed = this.#failed.filter(({ run }) => isOurs(run));
    this.#returned = this.#returned.filter(isOurs);
  }

  async #watch(): Promise<void> {
    const { clock, pollMs } = this.#options;
    const { signal } = this.#ending;
    let [polledMs, walkedMs] = [clock.monotonicMs(), clock.monotonicMs()];
    // bounded by: drain
    while (!signal.aborted) {
      await clock.sleep(Math.min(WATCH_MS, pollMs), signal).catch(() => undefined);
      const nowMs = clock.monotonicMs();
      for (const queue of this.queues) queue.endOverdue(nowMs);
      const isRewalk = nowMs - walkedMs >= REWALK_MS;
      if (isRewalk) walkedMs = nowMs;
      if (isRewalk || nowMs - polledMs >= pollMs || nowMs >= this.#retryAtMs) {
        polledMs = nowMs;
        this.#retryAtMs = Number.POSITIVE_INFINITY;
        this.wake(isRewalk ? 'back' : 'new');
      } else this.#kick();
    }
  }
}
