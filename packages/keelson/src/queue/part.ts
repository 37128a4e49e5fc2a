/** What runs in a process with workers beside the workers themselves, such as jobs: the process starts it, counts it and drains it. */
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { Postgres } from '../postgres/postgres.ts';
import type { Database } from '../work/database.ts';
import type { Repositories } from '../work/model.ts';
import type { WakeKind, WakeListener } from './listen.ts';
import type { SweepTarget } from './sweep.ts';

/** What is known of one worker or queue in this process. */
export interface WorkerStats {
  readonly name: string;
  /** The table or the queue that it claims from. */
  readonly source: string;
  readonly isPaused: boolean;
  readonly concurrency: number;
  /** How many rows are held, and how many of them are being run. */
  readonly held: number;
  readonly running: number;
  readonly claimed: number;
  readonly done: number;
  readonly failed: number;
  readonly retried: number;
  /** Rows whose lease was lost: what was done with them was not written. */
  readonly lost: number;
  readonly claims: number;
  readonly claimMsTotal: number;
  readonly runMsTotal: number;
}

/** What a part of a process is started on. */
export interface PartGround<R extends Repositories, S> {
  readonly database: Database<R>;
  readonly postgres: Postgres;
  readonly services: S;
  readonly log: Log;
  readonly clock: Clock;
  /** The number of this process: what it claims, it claims by this. */
  readonly owner: () => number;
  /** Calls a listener when `name` (a table or a queue) has something new, here or elsewhere; gives a call that ends this. */
  readonly onWake: (name: string, listener: WakeListener) => () => void;
  /** Says that `name` has something new: at once in this process, soon in the others. */
  readonly wake: (name: string, kind?: WakeKind) => void;
  /** How often is looked without being woken. */
  readonly pollMs: number;
}

/** A part that runs. */
export interface RunningPart {
  readonly stats: readonly WorkerStats[];
  /** Stops or takes up claiming for one name; false when the name is not of this part. */
  setPaused(name: string, isPaused: boolean): boolean;
  /** The process was taken for dead and has another number now: what it held is no longer its own. */
  replaced?(): void;
  /** Takes no more; finishes what is under way until the time is over, and gives back the rest. */
  drain(options: { readonly waitMs: number }): Promise<void>;
}

/** Something that a process with workers runs. */
export interface ProcessPart<R extends Repositories, S> {
  /** What `workers` says this process serves. */
  readonly names: readonly string[];
  /** The tables whose rows it leases: the process sweeps them. */
  readonly sweeps?: readonly SweepTarget[] | undefined;
  start(ground: PartGround<R, S>): Promise<RunningPart>;
}
