/** One process with workers: its number, its sign of life, its fetchers, and a leave that loses nothing. */
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { Postgres } from '../postgres/postgres.ts';
import type { Database } from '../work/database.ts';
import type { Repositories } from '../work/model.ts';
import type { ProcessPart, WorkerStats } from './part.ts';
import type { Worker } from './worker.ts';

/** What a process with workers reads of the settings. */
export interface WorkerSettings {
  readonly WORKER_POLL_MS: number;
}

/** What a process with workers is started with. */
export interface ProcessOptions<R extends Repositories, S> {
  readonly database: Database<R>;
  readonly postgres: Postgres;
  /** Where sessions are one's own; the same as `postgres` where there is no pooler between. */
  readonly directPostgres?: Postgres | undefined;
  readonly workers: readonly Worker<R, S>[];
  readonly parts?: readonly ProcessPart<R, S>[] | undefined;
  readonly services: S;
  readonly log: Log;
  readonly clock: Clock;
  readonly settings: WorkerSettings;
}
/** A process with workers, as it is seen from outside. */
export interface ProcessStats {
  readonly id: number;
  readonly workers: readonly WorkerStats[];
}
