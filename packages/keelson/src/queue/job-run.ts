/** One claimed job in this process, from the claim until its end is written. */
import type { Log } from '../log.ts';
import type { Row } from '../postgres/exchange.ts';
import type { JobCall, ReadyKind } from './job-kind.ts';
import { CLAIMED, type HeldJob, type Watermark } from './job-sql.ts';

/** What all runs of a process share. */
export interface RunGround<S> {
  readonly services: S;
  readonly log: Log;
}

/** Where a claimed job comes from. */
export interface RunOrigin<S> {
  readonly ready: ReadyKind<S>;
  readonly queue: string;
  readonly owner: number;
  readonly ground: RunGround<S>;
}

/** A claimed job; it is what the job's `run` is given as its call. */
export class JobRun<S> implements JobCall<S>, HeldJob {
  readonly id: string;
  readonly epoch: string;
  readonly ready: ReadyKind<S>;
  readonly queue: string;
  /** The number that it was claimed by. */
  readonly owner: number;
  readonly attempt: number;
  readonly attemptsMax: number;
  readonly payloadText: string;
  readonly place: Watermark;
  /** When its lease was last extended, and when its run began, by the clock of the process. */
  leasedMs: number;
  startedMs = 0;
  /** Whether it has ended here: what comes after is not heard. */
  isOver = false;
  readonly #ground: RunGround<S>;
  #controller: AbortController | undefined;
  #log: Log | undefined;

  constructor(row: Row, { ready, queue, owner, ground }: RunOrigin<S>, leasedMs: number) {
    this.id = row[CLAIMED.id] ?? '';
    this.epoch = row[CLAIMED.epoch] ?? '';
    this.ready = ready;
    this.queue = queue;
    this.owner = owner;
    this.attempt = Number(row[CLAIMED.attempts]);
    this.attemptsMax = Number(row[CLAIMED.attemptsMax]);
    this.payloadText = row[CLAIMED.payload] ?? 'null';
    this.place = { priority: row[CLAIMED.priority] ?? '', availableAt: row[CLAIMED.availableAt] ?? '', id: this.id };
    this.leasedMs = leasedMs;
    this.#ground = ground;
  }

  get kind(): string {
    return this.ready.name;
  }

  get services(): S {
    return this.#ground.services;
  }

  // Made when it is first asked for: most jobs are over before anybody would abort them.
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    return this.#controller.signal;
  }

  get log(): Log {
    this.#log ??= this.#ground.log.child({ job_id: this.id, kind: this.kind, attempt: this.attempt });
    return this.#log;
  }

  /** Tells the run that nobody waits for it any more. */
  abort(reason: unknown): void {
    this.#controller ??= new AbortController();
    this.#controller.abort(reason);
  }
}

/** Which of two places comes later; places are text as PostgreSQL sent it, in UTC, which sorts as the times do. */
export function isLater(left: Watermark, right: Watermark): boolean {
  if (left.priority !== right.priority) return Number(left.priority) > Number(right.priority);
  return left.availableAt === right.availableAt ? left.id > right.id : left.availableAt > right.availableAt;
}

/** Which leases are to be extended: when one is due, all that are half as old go with it. */
export function agingOf<S>(held: readonly JobRun<S>[], nowMs: number, leaseMs: number): readonly JobRun<S>[] {
  const isOlder = (ageMs: number) => (run: JobRun<S>) => !run.isOver && nowMs - run.leasedMs > ageMs;
  return held.some(isOlder(leaseMs / 3)) ? held.filter(isOlder(leaseMs / 6)) : [];
}
