/** The database of a command: DIRECT_DATABASE_URL, else DATABASE_URL, else the embedded server of the app. */
import { type BaseSettings, baseSettings } from '../config/base.ts';
import { defineSettings } from '../config/definition.ts';
import { loadSettings } from '../config/load.ts';
import { embeddedPlace } from '../http/start-database.ts';
import { parseAddress } from '../postgres/address.ts';
import type { Connection } from '../postgres/connection.ts';
import { startEmbedded } from '../postgres/embedded.ts';
import { connectPostgres, type Postgres, type PostgresOptions } from '../postgres/postgres.ts';
import type { Context } from './context.ts';
import { talkLog } from './talk.ts';

/** A command that only needs the database asks for nothing else: who migrates need not hold the SECRET_KEY. */
const needed = [
  'APP_ENV',
  'DATABASE_URL',
  'DIRECT_DATABASE_URL',
  'SHADOW_DATABASE_URL',
  'DATABASE_POOLER',
  'DATABASE_CONNECT_RETRY_MS',
] as const;

/** The settings that say where the database is. */
export type DatabaseSettings = Pick<BaseSettings, (typeof needed)[number]>;

/** How a command wants its connection. */
export type ConnectionWishes = Pick<
  PostgresOptions,
  'statementTimeoutMs' | 'transactionTimeoutMs' | 'idleInTransactionTimeoutMs' | 'lockTimeoutMs' | 'connectRetryMs'
>;

/** For what a person does by hand: nothing is cut off. */
export const unhurried: ConnectionWishes = { statementTimeoutMs: 0, transactionTimeoutMs: 0, idleInTransactionTimeoutMs: 0 };

/**
 * Runs a block with a connection of its own; the embedded server is started for it, or adopted when the app runs.
 *
 * @throws CONFIG_INVALID, DATABASE_CONNECTION_FAILED, EMBEDDED_SERVER_FAILED
 */
export async function withConnection<T>(
  context: Context,
  block: (connection: Connection, postgres: Postgres) => Promise<T>,
  wishes: ConnectionWishes = {},
): Promise<T> {
  const settings = databaseSettings(context);
  const log = talkLog(context);
  await using stack = new AsyncDisposableStack();
  let url = settings.DIRECT_DATABASE_URL ?? settings.DATABASE_URL;
  if (url === undefined) {
    const place = embeddedPlace({ name: context.app.name, directory: context.directory });
    const server = await startEmbedded({ ...place, log });
    stack.defer(() => server.stop());
    ({ url } = server);
  }
  const postgres = await connectPostgres({ ...connectionOptions(context, settings), ...wishes, url });
  stack.defer(() => postgres.close());
  const connection = await postgres.connect();
  stack.defer(() => connection.close());
  return await block(connection, postgres);
}

/** How a command connects to a server that is not the embedded one. */
export function connectionOptions(context: Context, settings: DatabaseSettings): Omit<PostgresOptions, 'url'> {
  return {
    poolSize: 1,
    connectRetryMs: settings.DATABASE_CONNECT_RETRY_MS,
    pooler: isPooled(settings) ? 'transaction' : 'none',
    applicationName: `${context.app.name} command`,
    log: talkLog(context),
  };
}

/** Whether what is set on a session might stay there for others. */
export function isPooled(settings: DatabaseSettings): boolean {
  return settings.DIRECT_DATABASE_URL === undefined && settings.DATABASE_POOLER === 'transaction';
}

/** Whether real data may be there. */
export function isGuarded({ APP_ENV }: DatabaseSettings): boolean {
  return APP_ENV === 'production' || APP_ENV === 'staging';
}

/** The name of the database, and where it is, for people. */
export function databaseName({ app, directory }: Context, settings: DatabaseSettings): string {
  const url = settings.DIRECT_DATABASE_URL ?? settings.DATABASE_URL;
  return url === undefined ? embeddedPlace({ name: app.name, directory }).database : parseAddress(url).database;
}

/**
 * The settings that say where the database is.
 *
 * @throws CONFIG_INVALID
 */
export function databaseSettings({ app, environment, directory }: Context): DatabaseSettings {
  const declarations = Object.fromEntries(needed.map((name) => [name, app.settings.declarations[name] ?? baseSettings[name]]));
  return parseSettings(loadSettings(defineSettings(declarations), { environment, directory }).values);
}

/** An app may declare one of them again, with another default but of the same type: `defineApp` sees to it. */
function parseSettings(values: unknown): BaseSettings {
  return values as BaseSettings;
}
