/** What an app stands on, whether it serves or only works: settings, log, database with its migrations, services. */
import { type Clock, systemClock } from '../clock.ts';
import type { BaseSettings } from '../config/base.ts';
import type { Declarations } from '../config/declaration.ts';
import { type EnvironmentVariables, workingDirectory } from '../config/environment.ts';
import { type LoadedSettings, loadSettings } from '../config/load.ts';
import { developmentSecret } from '../config/secret.ts';
import { createLog, type Log } from '../log.ts';
import type { Revision } from '../migrate/revision.ts';
import type { Postgres } from '../postgres/postgres.ts';
import { openDatabase } from '../work/database.ts';
import type { Repositories } from '../work/model.ts';
import { checkRowSecurity } from '../work/row-security.ts';
import type { App, Standing } from './app.ts';
import { bringUp, type DatabaseGround, openPostgres } from './start-database.ts';
import { Steps } from './steps.ts';

/** Where an app is started, and with what. */
export interface GroundOptions {
  /** The environment variables; the process's own when left out. */
  readonly environment?: EnvironmentVariables | undefined;
  /** Where `.env` and `.keelson` lie; the working directory when left out. */
  readonly directory?: string | undefined;
  /** Made from the settings when left out. */
  readonly log?: Log | undefined;
  readonly clock?: Clock | undefined;
}

/** What a start has at hand. */
export interface Tools {
  readonly clock: Clock;
  readonly steps: Steps;
  readonly directory: string;
}

/** An app that stands. */
export interface Grounded<R extends Repositories, S, D extends Declarations> {
  readonly standing: Standing<R, S, D>;
  readonly base: BaseSettings;
  readonly log: Log;
  readonly postgres: Postgres;
  readonly revisions: readonly Revision[];
}

/** Runs a start; when a step fails, those before it are taken back. */
export async function withTools<T>(options: GroundOptions, start: (tools: Tools) => Promise<T>): Promise<T> {
  const clock = options.clock ?? systemClock;
  const steps = new Steps(clock);
  try {
    return await start({ clock, steps, directory: options.directory ?? workingDirectory() });
  } catch (error) {
    await steps.undoAll();
    throw error;
  }
}

/** Lays the ground of an app, step by step; `beforeDatabase` may refuse to go on while nothing is open yet. */
export async function layGround<R extends Repositories, S, D extends Declarations>(
  app: App<R, S, D>,
  options: GroundOptions & { readonly beforeDatabase?: (base: BaseSettings) => Promise<void> },
  tools: Tools,
): Promise<Grounded<R, S, D>> {
  const { clock, steps, directory } = tools;
  const { loaded, secretKey } = await steps.run('config', () => load(app, options, directory));
  const settings = loaded.values;
  const base = parseBase(settings);
  const log = await steps.run('log', () => options.log ?? createLog({ level: base.LOG_LEVEL, format: base.LOG_FORMAT, clock }));
  steps.announceTo(log);
  for (const warning of loaded.warnings) log.warn('config.warning', { warning });
  await options.beforeDatabase?.(base);
  const ground: DatabaseGround = { name: app.name, model: app.model, base, directory, log, clock, steps };
  const postgres = await steps.run('database', () => openPostgres(ground));
  const target = { folder: app.migrationsDirectory, namespace: app.model.namespace };
  const revisions = await steps.run('migrations', () => bringUp(ground, postgres, target));
  const standing = await steps.run('services', async (): Promise<Standing<R, S, D>> => {
    const database = openDatabase(app.model, postgres, { log, clock });
    await checkRowSecurity(database);
    return stand(app, { settings, database, log, clock, secretKey, directory }, steps);
  });
  return { standing, base, log, postgres, revisions };
}

async function load<R extends Repositories, S, D extends Declarations>(
  app: App<R, S, D>,
  { environment }: GroundOptions,
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

/** `defineApp` takes only settings that hold those of every app. */
function parseBase(settings: unknown): BaseSettings {
  return settings as BaseSettings;
}
