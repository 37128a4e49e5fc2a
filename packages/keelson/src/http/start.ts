/** Start and stop: config, log, database, migrations, services, routes, listen; and back in reverse, with the calls under way answered. */
import type { FastifyInstance } from 'fastify';
import type { Clock } from '../clock.ts';
import type { BaseSettings } from '../config/base.ts';
import type { Declarations, SettingsOf } from '../config/declaration.ts';
import { createHealth } from '../health/health.ts';
import type { Log } from '../log.ts';
import type { Revision } from '../migrate/revision.ts';
import { Migrator } from '../migrate/runner.ts';
import type { Postgres } from '../postgres/postgres.ts';
import type { WorkerProcess } from '../queue/process.ts';
import type { Database } from '../work/database.ts';
import type { Repositories } from '../work/model.ts';
import type { App } from './app.ts';
import { Drain } from './drain.ts';
import { type GroundOptions, layGround, type Tools, withTools } from './ground.ts';
import { listen, refuseTaken } from './listen.ts';
import { buildServer } from './server.ts';
import { workInServer, workSourceOf } from './start-workers.ts';

/** How an app is started. */
export interface StartOptions extends GroundOptions {
  /** Instead of `PORT`; 0 takes any that is free. */
  readonly port?: number | undefined;
  /** How long `stop` waits for the calls under way; 10 s. */
  readonly drainMs?: number | undefined;
}

/** An app that runs. */
export interface RunningApp<R extends Repositories, S, D extends Declarations> {
  readonly url: string;
  /** The Fastify instance. */
  readonly server: FastifyInstance;
  readonly database: Database<R>;
  readonly settings: SettingsOf<D>;
  readonly services: S;
  /** The workers that run in this process; undefined where there are none, or `WORKERS_IN_SERVER` is off. */
  readonly workers: WorkerProcess | undefined;
  readonly log: Log;
  /** Takes no more calls, answers those under way, and leaves the database. May be called again: it is done once. */
  stop(): Promise<void>;
}

const DRAIN_MS = 10_000;

/**
 * Starts an app. When a step fails, those before it are taken back, and the error says what is wrong and what to do.
 *
 * @throws CONFIG_INVALID, PORT_TAKEN, DATABASE_CONNECTION_FAILED, EMBEDDED_SERVER_FAILED, MIGRATIONS_PENDING, MIGRATION_FAILED, MIGRATION_INVALID, ROW_SECURITY_UNSAFE
 */
export function startApp<R extends Repositories, S, D extends Declarations>(
  app: App<R, S, D>,
  options: StartOptions = {},
): Promise<RunningApp<R, S, D>> {
  return withTools(options, (tools) => start(app, options, tools));
}

async function start<R extends Repositories, S, D extends Declarations>(
  app: App<R, S, D>,
  options: StartOptions,
  tools: Tools,
): Promise<RunningApp<R, S, D>> {
  const { clock, steps, directory } = tools;
  const drain = new Drain();
  const placeOf = (base: BaseSettings): Parameters<typeof listen>[1] => {
    return { directory, name: app.name, version: app.version, host: base.HOST, port: options.port ?? base.PORT };
  };
  const grounded = await layGround(app, { ...options, beforeDatabase: (base) => refuseTaken(placeOf(base)) }, tools);
  const { standing, base, log, postgres, revisions } = grounded;
  const workers = await workInServer(app, grounded, tools);
  const server = await steps.run('routes', async () => {
    const health = healthOf(app, { postgres, revisions, drain, clock, log });
    steps.undoWith('health', () => health.close());
    const built = await buildServer(app, { ...standing, base, health, drain, work: workSourceOf(app, postgres, workers) });
    steps.undoWith('routes', () => built.close());
    // The probe's connection is there before it is needed: when the server has none left, a probe could not open it.
    await health.ready();
    return built;
  });
  const url = await steps.run('listen', () => listen(server, placeOf(base), { log, steps }));
  const stop = stopOnce(server, { ...tools, drain, log, drainMs: options.drainMs ?? DRAIN_MS, delayMs: base.DRAIN_DELAY_MS });
  const { database, settings, services } = standing;
  return { url, server, log, database, settings, services, workers, stop };
}

function healthOf<R extends Repositories, S, D extends Declarations>(
  app: App<R, S, D>,
  { postgres, revisions, drain, clock, log }: { postgres: Postgres; revisions: readonly Revision[]; drain: Drain; clock: Clock; log: Log },
): ReturnType<typeof createHealth> {
  const { namespace } = app.model;
  return createHealth({
    connect: () => postgres.connect(),
    migrations: async (connection) => (await new Migrator({ connection, revisions, namespace, clock }).status()).state,
    poolStats: () => postgres.pool.stats,
    isDraining: () => drain.isLeaving,
    version: app.version,
    clock,
    log,
  });
}

function stopOnce(
  server: FastifyInstance,
  { clock, steps, drain, log, drainMs, delayMs }: Tools & { drain: Drain; log: Log; drainMs: number; delayMs: number },
): () => Promise<void> {
  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    const startedMs = clock.monotonicMs();
    drain.announce();
    log.info('server.draining', { under_way: drain.underWay, delay_ms: delayMs });
    if (delayMs > 0) await clock.sleep(delayMs);
    if (!(await drain.begin(clock, drainMs))) {
      log.warn('server.cut_off', { under_way: drain.underWay, drain_ms: drainMs });
      server.server.closeAllConnections();
    }
    await steps.undoAll();
    log.info('server.stopped', { duration_ms: Math.round(clock.monotonicMs() - startedMs) });
  };
  return () => (stopping ??= stop());
}
