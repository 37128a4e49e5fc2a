/** The workers of an app: in the server's process, or in one of their own. */
import type { Declarations, SettingsOf } from '../config/declaration.ts';
import { KeelsonError } from '../errors.ts';
import type { Log } from '../log.ts';
import { connectPostgres, type Postgres } from '../postgres/postgres.ts';
import { countBacklog } from '../queue/backlog.ts';
import { WakeUps } from '../queue/listen.ts';
import { wakeAfterWrites, WorkerProcess } from '../queue/process.ts';
import { sourceOf } from '../queue/targets.ts';
import type { WorkSource } from '../telemetry/work-metrics.ts';
import type { Database } from '../work/database.ts';
import type { Repositories } from '../work/model.ts';
import type { App } from './app.ts';
import { type Grounded, type GroundOptions, layGround, type Tools, withTools } from './ground.ts';

/** The workers of an app that run in a process of their own. */
export interface RunningWorkers<R extends Repositories, S, D extends Declarations> {
  readonly process: WorkerProcess;
  readonly database: Database<R>;
  readonly settings: SettingsOf<D>;
  readonly services: S;
  readonly log: Log;
  /** Takes no more rows, lets runs end, gives back the rest, and leaves the database. Done once, however often it is called. */
  stop(): Promise<void>;
}

/**
 * Starts the workers of an app without its server.
 *
 * @throws MISUSE when the app has no workers
 * @throws CONFIG_INVALID, DATABASE_CONNECTION_FAILED, EMBEDDED_SERVER_FAILED, MIGRATIONS_PENDING, MIGRATION_FAILED, MIGRATION_INVALID, ROW_SECURITY_UNSAFE
 */
export function startWorkers<R extends Repositories, S, D extends Declarations>(
  app: App<R, S, D>,
  options: GroundOptions = {},
): Promise<RunningWorkers<R, S, D>> {
  if (!hasWork(app))
    throw new KeelsonError('MISUSE', { message: `${app.name} has no workers and no jobs.`, hint: 'Name them in defineApp.' });
  return withTools(options, async (tools) => {
    const grounded = await layGround(app, options, tools);
    const process = await tools.steps.run('workers', () => runProcess(app, grounded, tools));
    const { standing, log } = grounded;
    let stopping: Promise<void> | undefined;
    const stop = (): Promise<void> => (stopping ??= tools.steps.undoAll());
    return { process, database: standing.database, settings: standing.settings, services: standing.services, log, stop };
  });
}

/** Starts what a server does about workers: runs them too, or wakes those of other processes when it has written for them. */
export async function workInServer<R extends Repositories, S, D extends Declarations>(
  app: App<R, S, D>,
  grounded: Grounded<R, S, D>,
  tools: Tools,
): Promise<WorkerProcess | undefined> {
  if (!hasWork(app)) return undefined;
  const { standing, base, postgres, log } = grounded;
  if (base.WORKERS_IN_SERVER === 'on') return tools.steps.run('workers', () => runProcess(app, grounded, tools));
  const { namespace } = app.model;
  const wakeUps = await WakeUps.open({ postgres, namespace, clock: tools.clock, log, isListening: false });
  tools.steps.undoWith('wake-ups', () => wakeUps.close());
  tools.steps.undoWith('wake-ups', wakeAfterWrites(standing.database, app.workers ?? [], wakeUps));
  return undefined;
}

async function runProcess<R extends Repositories, S, D extends Declarations>(
  { workers = [], jobs }: App<R, S, D>,
  grounded: Grounded<R, S, D>,
  tools: Tools,
): Promise<WorkerProcess> {
  const { standing, base, postgres, log } = grounded;
  const { database, services } = standing;
  const { clock, steps } = tools;
  const directPostgres = await connectDirect(grounded, tools);
  // They are the values of the app: `WORKER_BATCH_MAX` is among them where it is declared.
  const process = await WorkerProcess.start({ database, postgres, directPostgres, workers, jobs, services, log, clock, settings: base });
  steps.undoWith('workers', () => process.drain({ waitMs: base.WORKER_DRAIN_MS }));
  return process;
}

/** Past a pooler, where there is one: locks and notifications need a session of their own. */
async function connectDirect<R extends Repositories, S, D extends Declarations>(
  { base, log }: Grounded<R, S, D>,
  { clock, steps }: Tools,
): Promise<Postgres | undefined> {
  const url = base.DIRECT_DATABASE_URL;
  if (url === undefined) return undefined;
  const direct = await connectPostgres({ url, poolSize: 1, readers: 1, connectRetryMs: base.DATABASE_CONNECT_RETRY_MS, log, clock });
  steps.undoWith('direct connections', () => direct.close());
  return direct;
}

/** What /metrics says of the workers of an app; what waits is counted in the database, whichever process works. */
export function workSourceOf<R extends Repositories, S, D extends Declarations>(
  app: App<R, S, D>,
  { readers }: Postgres,
  process: WorkerProcess | undefined,
): WorkSource | undefined {
  if (!hasWork(app)) return undefined;
  const { namespace } = app.model;
  const request = {
    query: readers.query.bind(readers),
    namespace,
    workers: (app.workers ?? []).map(sourceOf),
    queues: app.jobs?.names ?? [],
  };
  return {
    stats: () => process?.stats ?? [],
    sweeps: process === undefined ? undefined : () => process.sweeps,
    waiting: () => countBacklog(request),
  };
}

function hasWork<R extends Repositories, S, D extends Declarations>({ workers = [], jobs }: App<R, S, D>): boolean {
  return workers.length > 0 || jobs !== undefined;
}
