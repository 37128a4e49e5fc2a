/** The app without its server, for a command: settings, database, migrations and services as at a start. */
import { systemClock } from '../clock.ts';
import type { BaseSettings } from '../config/base.ts';
import type { Declarations } from '../config/declaration.ts';
import { loadSettings } from '../config/load.ts';
import { developmentSecret } from '../config/secret.ts';
import type { App, Standing } from '../http/app.ts';
import { bringUp, type DatabaseGround, openPostgres } from '../http/start-database.ts';
import { Steps } from '../http/steps.ts';
import { openDatabase } from '../work/database.ts';
import type { Repositories } from '../work/model.ts';
import { checkRowSecurity } from '../work/row-security.ts';
import { type Context, noticeOtherEnv } from './context.ts';
import { talkLog } from './talk.ts';

/**
 * Runs a block with what the app stands on. Its hooks `onStart` and `onStop` are not run: they begin and end what serves.
 *
 * @throws CONFIG_INVALID, DATABASE_CONNECTION_FAILED, EMBEDDED_SERVER_FAILED, MIGRATIONS_PENDING, MIGRATION_FAILED, MIGRATION_INVALID
 */
export async function withStanding<R extends Repositories, S, D extends Declarations, T>(
  app: App<R, S, D>,
  context: Context,
  block: (standing: Standing<R, S, D>) => Promise<T>,
): Promise<T> {
  noticeOtherEnv(context);
  const { directory, environment, output } = context;
  const clock = systemClock;
  const log = talkLog(context);
  const steps = new Steps(clock);
  steps.announceTo(log);
  const { values: settings } = loadSettings(app.settings, { environment, directory });
  const base = parseBase(settings);
  try {
    const secretKey = base.SECRET_KEY ?? (await developmentSecret(directory));
    const ground: DatabaseGround = { name: app.name, model: app.model, base, directory, log, clock, steps };
    output.progress('Connecting to the database …');
    const postgres = await openPostgres(ground);
    await bringUp(ground, postgres, { folder: app.migrationsDirectory, namespace: app.model.namespace });
    const database = openDatabase(app.model, postgres, { log, clock });
    await checkRowSecurity(database);
    const standing = { settings, database, log, clock, secretKey, directory };
    return await block({ ...standing, services: await app.services(standing) });
  } finally {
    await steps.undoAll();
  }
}

/** `defineApp` takes only settings that hold those of every app. */
function parseBase(settings: unknown): BaseSettings {
  return settings as BaseSettings;
}
