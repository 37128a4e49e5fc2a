/** An app for one test: the whole server on a database of its own, asked without a socket. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance } from 'fastify';
import { systemClock } from '../clock.ts';
import type { BaseSettings } from '../config/base.ts';
import type { Declarations, SettingsOf } from '../config/declaration.ts';
import type { EnvironmentVariables } from '../config/environment.ts';
import { loadSettings } from '../config/load.ts';
import { createHealth, type Health } from '../health/health.ts';
import type { App, Ground, Standing } from '../http/app.ts';
import { buildServer } from '../http/server.ts';
import { silentLog } from '../log.ts';
import { readRevisions } from '../migrate/folder.ts';
import { Migrator } from '../migrate/runner.ts';
import type { Database } from '../work/database.ts';
import type { Repositories } from '../work/model.ts';
import { testDatabase, type TestDatabaseOptions } from './database.ts';

/** How an app is tested: as its database is, and with which settings. */
export interface TestAppOptions extends TestDatabaseOptions {
  /** Settings that differ; nothing else is read, neither the environment of the process nor a `.env`. */
  readonly environment?: EnvironmentVariables | undefined;
}

/** An app that is given back at the end of the block: `await using app = await testApp(accounts)`. */
export interface TestApp<R extends Repositories, S, D extends Declarations> extends AsyncDisposable {
  readonly server: FastifyInstance;
  /** Asks the server: `await app.inject({ method: 'GET', url: '/health' })`. */
  readonly inject: FastifyInstance['inject'];
  readonly database: Database<R>;
  readonly services: S;
  readonly settings: SettingsOf<D>;
}

/** Good enough for every check, and the same in every run. */
const environmentOfTests: EnvironmentVariables = { APP_ENV: 'test', SECRET_KEY: 'Vq3n8Xw1Lr6Zt0Yb5Kc9Hd2Gf7Js4Pm6AeUx' };

/**
 * Builds an app for one test, with its hooks run and its routes ready to be asked.
 *
 * @throws CONFIG_INVALID when the settings are not valid, MISUSE when another test of this process still uses the shared database
 * @example
 * import { baseSettings, defineSettings } from 'keelson/config';
 * import { defineApp } from 'keelson/http';
 * import { testApp } from 'keelson/testing';
 * import { defineModel } from 'keelson/work';
 * const notes = defineApp({
 *   name: 'notes', version: '1.0.0', model: defineModel({ name: 'notes', tables: [], repositories: {} }),
 *   settings: defineSettings(baseSettings), migrationsDirectory: new URL('./migrations', import.meta.url),
 *   services: () => ({}), routes: [],
 * });
 * await using app = await testApp(notes);
 * const { statusCode } = await app.inject({ method: 'GET', url: '/health' });
 */
export async function testApp<R extends Repositories, S, D extends Declarations>(
  app: App<R, S, D>,
  options: TestAppOptions = {},
): Promise<TestApp<R, S, D>> {
  const { log = silentLog, clock = systemClock, environment } = options;
  await using steps = new AsyncDisposableStack();
  const directory = await mkdtemp(path.join(tmpdir(), `keelson-${app.name}-`));
  steps.defer(() => rm(directory, { recursive: true, force: true }));
  const { values: settings } = loadSettings(app.settings, {
    environment: { ...environmentOfTests, ...environment },
    directory,
    terminal: false,
  });
  const base = parseBase(settings);
  const database = steps.use(await testDatabase(app, options));
  const ground: Ground<R, D> = { settings, database, log, clock, directory, secretKey: base.SECRET_KEY ?? '' };
  const standing: Standing<R, S, D> = { ...ground, services: await app.services(ground) };
  await app.onStart?.(standing);
  steps.defer(() => app.onStop?.(standing));
  const health = await healthOf(app, standing);
  steps.defer(() => health.close());
  const server = await buildServer(app, { ...standing, base, health });
  steps.defer(() => server.close());
  const undo = steps.move();
  return {
    server,
    inject: server.inject.bind(server),
    database,
    services: standing.services,
    settings,
    [Symbol.asyncDispose]: () => undo.disposeAsync(),
  };
}

async function healthOf<R extends Repositories, S, D extends Declarations>(
  app: App<R, S, D>,
  { database: { postgres }, clock }: Ground<R, D>,
): Promise<Health> {
  const folder = app.migrationsDirectory;
  const revisions = await readRevisions(typeof folder === 'string' && !folder.startsWith('file:') ? folder : fileURLToPath(folder));
  const { namespace } = app.model;
  return createHealth({
    connect: () => postgres.connect(),
    migrations: async (connection) => (await new Migrator({ connection, revisions, namespace, clock }).status()).state,
    poolStats: () => postgres.pool.stats,
    isDraining: () => false,
    version: app.version,
    clock,
  });
}

/** `defineApp` takes only settings that hold those of every app. */
function parseBase(settings: unknown): BaseSettings {
  return settings as BaseSettings;
}
