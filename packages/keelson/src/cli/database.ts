/** The database of a command: DIRECT_DATABASE_URL, else DATABASE_URL, else the embedded server of the app. */
import { type BaseSettings, baseSettings } from '../config/base.ts';
import { defineSettings } from '../config/definition.ts';
import { loadSettings } from '../config/load.ts';
import { embeddedPlace } from '../http/start-database.ts';
import type { Connection } from '../postgres/connection.ts';
import { startEmbedded } from '../postgres/embedded.ts';
import { connectPostgres } from '../postgres/postgres.ts';
import type { Context } from './context.ts';
import { talkLog } from './talk.ts';

/** A command that only needs the database asks for nothing else: who migrates need not hold the SECRET_KEY. */
const needed = ['APP_ENV', 'DATABASE_URL', 'DIRECT_DATABASE_URL', 'DATABASE_POOLER', 'DATABASE_CONNECT_RETRY_MS'] as const;

/**
 * Runs a block with a connection of its own; the embedded server is started for it, or adopted when the app runs.
 *
 * @throws CONFIG_INVALID, DATABASE_CONNECTION_FAILED, EMBEDDED_SERVER_FAILED
 */
export async function withConnection<T>(context: Context, block: (connection: Connection) => Promise<T>): Promise<T> {
  const settings = databaseSettings(context);
  const log = talkLog(context);
  await using stack = new AsyncDisposableStack();
  let url = settings.DIRECT_DATABASE_URL ?? settings.DATABASE_URL;
  if (url === undefined) {
    const server = await startEmbedded({ ...embeddedPlace({ name: context.app.name, directory: context.directory }), log });
    stack.defer(() => server.stop());
    ({ url } = server);
  }
  const postgres = await connectPostgres({
    url,
    poolSize: 1,
    connectRetryMs: settings.DATABASE_CONNECT_RETRY_MS,
    pooler: settings.DIRECT_DATABASE_URL === undefined ? settings.DATABASE_POOLER : 'none',
    applicationName: `${context.app.name} command`,
    log,
  });
  stack.defer(() => postgres.close());
  const connection = await postgres.connect();
  stack.defer(() => connection.close());
  return await block(connection);
}

function databaseSettings({ app, environment, directory }: Context): Pick<BaseSettings, (typeof needed)[number]> {
  const declarations = Object.fromEntries(needed.map((name) => [name, app.settings.declarations[name] ?? baseSettings[name]]));
  return parseSettings(loadSettings(defineSettings(declarations), { environment, directory }).values);
}

/** An app may declare one of them again, with another default but of the same type: `defineApp` sees to it. */
function parseSettings(values: unknown): BaseSettings {
  return values as BaseSettings;
}
