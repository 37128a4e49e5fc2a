/** One process with workers: its number, its sign of life, its fetchers, and a leave that loses nothing. */
import type { Clock } from '../clock.ts';
import { KeelsonError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Postgres } from '../postgres/postgres.ts';
import { Statements } from '../schema/sql.ts';
import type { AnyTable } from '../schema/table.ts';
import type { Database } from '../work/database.ts';
import type { Repositories } from '../work/model.ts';
import { Fetcher } from './fetcher.ts';
import { LeaseHeartbeat } from './heartbeat.ts';
import { WakeUps } from './listen.ts';
import { Registration } from './liveness.ts';
import type { PartGround, ProcessPart, RunningPart, WorkerStats } from './part.ts';
import { Sweeper, type SweepStats } from './sweep.ts';
import { leasedTables, sweepTargets } from './targets.ts';
import type { Worker } from './worker.ts';
import { workers as workerTable } from './worker-table.ts';

/** What a process with workers reads of the settings. */
export interface WorkerSettings {
  readonly WORKER_POLL_MS: number;
  /** What no claim of a worker takes more than, where an app declares it; a worker may take less. */
  readonly WORKER_BATCH_MAX?: number | undefined;
}

/** What a process with workers is started with. */
export interface ProcessOptions<R extends Repositories, S> {
  readonly database: Database<R>;
  /** That of the database when left out. */
  readonly postgres?: Postgres | undefined;
  /** Where sessions are one's own; the same as `postgres` where there is no pooler between. */
  readonly directPostgres?: Postgres | undefined;
  readonly workers: readonly Worker<R, S>[];
  readonly jobs?: ProcessPart<R, S> | undefined;
  readonly services: S;
  readonly log: Log;
  readonly clock: Clock;
  readonly settings: WorkerSettings;
  /** What people know the process by; host and process id when left out. */
  readonly name?: string | undefined;
}

const DRAIN_MS = 10_000;

/** The workers and jobs of one process. */
export class WorkerProcess implements AsyncDisposable {
  readonly #parts: RunningPart[] = [];
  readonly #undo: (() => Promise<void> | void)[] = [];
  readonly #log: Log;
  #registration: Registration | undefined;
  #sweeper: Sweeper | undefined;
  #draining: Promise<void> | undefined;

  private constructor(log: Log) {
    this.#log = log;
  }

  /**
   * Takes a number, and begins to claim.
   *
   * @throws MISUSE when the model has no table for worker processes, or two workers claim the same rows
   * @throws DATABASE_CONNECTION_FAILED
   */
  static async start<R extends Repositories, S>(options: ProcessOptions<R, S>): Promise<WorkerProcess> {
    refuseAmiss(options);
    const started = new WorkerProcess(options.log);
    try {
      await started.#start(options);
      return started;
    } catch (error) {
      await started.drain({ waitMs: 0 });
      throw error;
    }
  }

  /** What `lease_owner` says in the rows of this process; it changes when the process was taken for dead. */
  get id(): number {
    return this.#registration?.owner ?? 0;
  }

  get stats(): readonly WorkerStats[] {
    return this.#parts.flatMap(({ stats }) => stats);
  }

  /** What its sweeper has found dead, and what it gave back. */
  get sweeps(): SweepStats {
    return this.#sweeper?.stats ?? { deadTotal: 0, freedTotal: 0, expiredTotal: 0 };
  }

  /**
   * Stops claiming for a worker or a queue, in this process; what is under way ends.
   *
   * @throws MISUSE when there is no worker or queue of this name
   */
  pause(name: string): void {
    this.#setPaused(name, true);
  }

  /**
   * Claims again.
   *
   * @throws MISUSE when there is no worker or queue of this name
   */
  resume(name: string): void {
    this.#setPaused(name, false);
  }

  /** Takes no more; lets what is under way end until the time is over, gives back the rest, and leaves. Done once, however often it is called. */
  drain({ waitMs = DRAIN_MS }: { readonly waitMs?: number } = {}): Promise<void> {
    this.#draining ??= this.#drain(waitMs);
    return this.#draining;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain();
  }

  async #start<R extends Repositories, S>(options: ProcessOptions<R, S>): Promise<void> {
    const { database, workers, jobs, services, log, clock, settings, directPostgres, name } = options;
    const postgres = options.postgres ?? database.postgres;
    const { namespace } = database.model;
    const direct = directPostgres === undefined ? undefined : () => directPostgres.connect();
    const shared = { postgres, direct, namespace, clock, log };
    const names = [...workers.map((worker) => worker.name), ...(jobs?.names ?? [])];
    const wakeUps = await WakeUps.open(shared);
    this.#undo.push(() => wakeUps.close());
    const onReplaced = (): void => this.#parts.forEach((part) => part.replaced?.());
    const registration = await Registration.open({ ...shared, name, queues: names, onReplaced });
    this.#registration = registration;
    this.#undo.push(() => registration.close({ isHolding: this.stats.some(({ held }) => held > 0) }));
    const targets = [...sweepTargets(workers), ...(jobs?.sweeps ?? [])];
    const sweeper = new Sweeper({ ...shared, targets, onFreed: (table) => wakeUps.wake(table, 'back') });
    this.#sweeper = sweeper;
    this.#undo.push(() => sweeper.stop());
    this.#undo.push(wakeAfterWrites(database, workers, wakeUps));
    const ground: PartGround<R, S> = {
      database,
      postgres,
      services,
      log,
      clock,
      owner: () => registration.owner,
      onWake: (source, listener) => wakeUps.on(source, listener),
      wake: (source, kind) => wakeUps.wake(source, kind),
      pollMs: settings.WORKER_POLL_MS,
    };
    this.#parts.push(
      startWorkers(
        workers.map((worker) => capped(worker, settings.WORKER_BATCH_MAX)),
        ground,
      ),
    );
    if (jobs !== undefined) this.#parts.push(await jobs.start(ground));
    sweeper.start();
    log.info('worker.process_started', { id: this.id, workers: names });
  }

  async #drain(waitMs: number): Promise<void> {
    this.#log.info('worker.draining', { id: this.id, held: this.stats.reduce((sum, { held }) => sum + held, 0), wait_ms: waitMs });
    const drained = await Promise.allSettled(this.#parts.map((part) => part.drain({ waitMs })));
    for (const outcome of drained) if (outcome.status === 'rejected') this.#log.error('worker.drain_failed', { error: outcome.reason });
    for (const undo of this.#undo.splice(0).reverse()) {
      try {
        await undo();
      } catch (error) {
        this.#log.error('worker.drain_failed', { error });
      }
    }
    this.#log.info('worker.process_stopped', { id: this.id });
  }

  #setPaused(name: string, isPaused: boolean): void {
    if (this.#parts.some((part) => part.setPaused(name, isPaused))) return;
    throw new KeelsonError('MISUSE', { message: `This process has no worker and no queue named ${name}.` });
  }
}

/** Wakes workers, here and in other processes, after each commit that has written a table that they claim from; gives a call that ends this. */
export function wakeAfterWrites<R extends Repositories>(
  database: Database<R>,
  workers: readonly Pick<Worker<R, never>, 'target'>[],
  wakeUps: Pick<WakeUps, 'wake'>,
): () => void {
  const sources = leasedTables(workers);
  for (const table of JOB_TABLES) sources.add(table);
  return database.onWritten((written) => {
    for (const table of written) if (sources.has(table)) wakeUps.wake(table);
  });
}

function capped<R extends Repositories, S>(worker: Worker<R, S>, batchMax = Number.POSITIVE_INFINITY): Worker<R, S> {
  return { ...worker, limits: { ...worker.limits, batchMax: Math.min(worker.limits.batchMax, batchMax) } };
}

/** The table of jobs is written by whoever enqueues. */
const JOB_TABLES = ['jobs'];

/** The workers of a process as a part of it: one fetcher each, and one heartbeat for each table. */
function startWorkers<R extends Repositories, S>(workers: readonly Worker<R, S>[], ground: PartGround<R, S>): RunningPart {
  const { namespace } = ground.database.model;
  const statements = new Statements(namespace, { named: ground.postgres.namedStatements });
  const heartbeats = new Map(
    sweepTargets(workers).map((target) => {
      const onFreed = (table: string): void => ground.wake(table, 'back');
      return [target.table, new LeaseHeartbeat({ ...ground, namespace, target, onFreed })] as const;
    }),
  );
  for (const heartbeat of heartbeats.values()) heartbeat.start();
  const deafen: (() => void)[] = [];
  const fetchers = workers.map((worker) => {
    const table = worker.target.table.name;
    const heartbeat = heartbeats.get(table);
    if (heartbeat === undefined) throw new KeelsonError('MISUSE', { message: `The table ${table} has no heartbeat.` });
    const fetcher = new Fetcher({ ...ground, worker, statements, heartbeat });
    deafen.push(ground.onWake(table, (kind) => fetcher.wake(kind)));
    fetcher.start();
    return fetcher;
  });
  return {
    get stats() {
      return fetchers.map((fetcher) => fetcher.stats);
    },
    setPaused: (name, isPaused) => {
      const fetcher = fetchers.find((candidate) => candidate.name === name);
      fetcher?.setPaused(isPaused);
      return fetcher !== undefined;
    },
    replaced: () => {
      for (const heartbeat of heartbeats.values()) heartbeat.hurry();
    },
    drain: async (how) => {
      await Promise.all(fetchers.map((fetcher) => fetcher.drain(how)));
      for (const stopHearing of deafen) stopHearing();
      for (const heartbeat of heartbeats.values()) await heartbeat.stop();
    },
  };
}

function refuseAmiss<R extends Repositories, S>({ database, workers }: ProcessOptions<R, S>): void {
  const { tables } = database.model;
  const listed: readonly AnyTable[] = tables;
  if (!listed.includes(workerTable))
    throw new KeelsonError('MISUSE', {
      message: 'The model has no table for its worker processes.',
      hint: 'List `workers` of keelson/queue among its tables, and migrate.',
    });
  const names = new Set<string>();
  const claims = new Set<string>();
  for (const { name, target } of workers) {
    if (names.has(name)) throw new KeelsonError('MISUSE', { message: `Two workers are named ${name}.` });
    names.add(name);
    for (const state of target.waiting) {
      const claim = `${target.table.name} in ${state}`;
      if (claims.has(claim)) throw new KeelsonError('MISUSE', { message: `Two workers claim ${claim}; ${name} is the second.` });
      claims.add(claim);
    }
  }
}
