/** Start and stop: config, log, database, migrations, services, routes, listen; and back in reverse, with the calls under way answered. */
import type { FastifyInstance } from 'fastify';
import { type Clock, systemClock } from '../clock.ts';
import type { BaseSettings } from '../config/base.ts';
import type { Declarations, SettingsOf } from '../config/declaration.ts';
import { type EnvironmentVariables, workingDirectory } from '../config/environment.ts';
import { type LoadedSettings, loadSettings } from '../config/load.ts';
import { developmentSecret } from '../config/secret.ts';
import { createHealth } from '../health/health.ts';
import { createLog, type Log } from '../log.ts';
import type { Revision } from '../migrate/revision.ts';
import { Migrator } from '../migrate/runner.ts';
import type { Postgres } from '../postgres/postgres.ts';
import { type Database, openDatabase } from '../work/database.ts';
import type { Repositories } from '../work/model.ts';
import { checkRowSecurity } from '../work/row-security.ts';
import type { App, Standing } from './app.ts';
import { Drain } from './drain.ts';
import { listen, refuseTaken } from './listen.ts';
import { buildServer } from './server.ts';
import { bringUp, type DatabaseGround, openPostgres } from './start-database.ts';
import { Steps } from './steps.ts';

/** How an app is started. */
export interface StartOptions {
  /** The environment variables; the process's own when left out. */
  readonly environment?: EnvironmentVariables | undefined;
  /** Where `.env` and `.keelson` lie; the working directory when left out. */
  readonly directory?: string | undefined;
  /** Made from the settings when left out. */
  readonly log?: Log | undefined;
  readonly clock?: Clock | undefined;
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
export async function startApp<R extends Repositories, S, D extends Declarations>(
  app: App<R, S, D>,
  options: StartOptions = {},
): Promise<RunningApp<R, S, D>> {
  const clock = options.clock ?? systemClock;
  const steps = new Steps(clock);
  try {
    return await start(app, options, { clock, steps, drain: new Drain(), directory: options.directory ?? workingDirectory() });
  } catch (error) {
    await steps.undoAll();
    throw error;
  }
}

interface Tools {
  readonly clock: Clock;
  readonly steps: Steps;
  readonly drain: Drain;
  readonly directory: string;
}

async function start<R extends Repositories, S, D extends Declarations>(
  app: App<R, S, D>,
  options: StartOptions,
  tools: Tools,
): Promise<RunningApp<R, S, D>> {
  const { clock, steps, drain, directory } = tools;
  const { loaded, secretKey } = await steps.run('config', () => load(app, options, directory));
  const settings = loaded.values;
  const base = parseBase(settings);
  const log = await steps.run('log', () => options.log ?? createLog({ level: base.LOG_LEVEL, format: base.LOG_FORMAT, clock }));
  steps.announceTo(log);
  for (const warning of loaded.warnings) log.warn('config.warning', { warning });
  const place = { directory, name: app.name, version: app.version, host: base.HOST, port: options.port ?? base.PORT };
  await refuseTaken(place);
  const ground: DatabaseGround = { name: app.name, model: app.model, base, directory, log, clock, steps };
  const postgres = await steps.run('database', () => openPostgres(ground));
  const target = { folder: app.migrationsDirectory, namespace: app.model.namespace };
  const revisions = await steps.run('migrations', () => bringUp(ground, postgres, target));
  const standing = await steps.run('services', async (): Promise<Standing<R, S, D>> => {
    const database = openDatabase(app.model, postgres, { log, clock });
    await checkRowSecurity(database);
    return stand(app, { settings, database, log, clock, secretKey, directory }, steps);
  });
  const server = await steps.run('routes', async () => {
    const health = healthOf(app, { postgres, revisions, drain, clock, log });
    steps.undoWith('health', () => health.close());
    const built = await buildServer(app, { ...standing, base, health, drain });
    steps.undoWith('routes', () => built.close());
    // The probe's connection is there before it is needed: when the server has none left, a probe could not open it.
    await health.ready();
    return built;
  });
  const url = await steps.run('listen', () => listen(server, place, { log, steps }));
  const stop = stopOnce(server, { ...tools, log, drainMs: options.drainMs ?? DRAIN_MS, delayMs: base.DRAIN_DELAY_MS });
  return { url, server, log, database: standing.database, settings, services: standing.services, stop };
}

async function load<R extends Repositories, S, D extends Declarations>(
  app: App<R, S, D>,
  { environment }: StartOptions,
  directory: string,
): Promise<{ loaded: LoadedSettings<D>; secretKey: string }> {
  const loaded = loadSettings(app.settings, { environment, directory });
  return { loaded, secretKey: parseBase(loaded.values).SECRET_KEY ?? (await developmentSecret(directory)) };
}

async function stand<R extends Repositories, S, D extends Declarations>(
  app: App<R, S, D>,
  ground: Omit<Standing<R, S, D>, 'services'>,
  steps: Steps,
): Promise<Standing<R, S, D>> {
  const standing = { ...ground, services: await app.services(ground) };
  await app.onStart?.(standing);
  steps.undoWith('services', () => app.onStop?.(standing));
  return standing;
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
  { clock, steps, drain, log, drainMs, delayMs }: Tools & { log: Log; drainMs: number; delayMs: number },
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

/** `defineApp` takes only settings that hold those of every app. */
function parseBase(settings: unknown): BaseSettings {
  return settings as BaseSettings;
}
