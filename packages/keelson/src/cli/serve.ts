/** The command `serve`: starts the app, says where it is, and stops it when a signal comes. */
import path from 'node:path';
import { onTerminal } from '../config/environment.ts';
import type { BaseSettings } from '../config/base.ts';
import type { Declarations } from '../config/declaration.ts';
import type { App } from '../http/app.ts';
import { runUntilSignal } from '../http/signals.ts';
import { startApp } from '../http/start.ts';
import { describeAddress, parseAddress } from '../postgres/address.ts';
import type { Repositories } from '../work/model.ts';
import { type Context, noticeOtherEnv, shownPath } from './context.ts';
import { pressedSignals } from './signals.ts';

const numbers = { SIGINT: 2, SIGTERM: 15 } as const;

/**
 * Starts an app and stops it when a signal comes.
 *
 * @throws CONFIG_INVALID, PORT_TAKEN, DATABASE_CONNECTION_FAILED, EMBEDDED_SERVER_FAILED, MIGRATIONS_PENDING, MIGRATION_FAILED, MIGRATION_INVALID
 */
export async function serveApp<R extends Repositories, S, D extends Declarations>(app: App<R, S, D>, context: Context): Promise<void> {
  noticeOtherEnv(context);
  const { environment, directory, output } = context;
  process.on('SIGINT', endNow).on('SIGTERM', endNow);
  let stopped: Promise<void>;
  try {
    const running = await startApp(app, { environment, directory });
    // Danger: at no moment may nobody listen, or a signal ends the process before it has stopped.
    stopped = runUntilSignal(running, pressedSignals());
    const settings = parseBase(running.settings);
    const machine = settings.APP_ENV === 'production' || settings.APP_ENV === 'staging';
    // There, standard output is a log that a machine reads; `server.listening` has the same URLs.
    if (!machine || onTerminal()) output.data(welcome(running, settings, context));
  } finally {
    process.off('SIGINT', endNow).off('SIGTERM', endNow);
  }
  await stopped;
}

/** A signal while the app starts ends the process at once, with what an exit has to clean up. */
function endNow(signal: keyof typeof numbers): void {
  process.exit(128 + numbers[signal]);
}

/** Where everything is, for the person who started it. */
function welcome(
  {
    url,
    database,
  }: { readonly url: string; readonly database: { readonly postgres: { readonly url: string; readonly serverVersion: number } } },
  settings: BaseSettings,
  { app, directory }: Context,
): string {
  const { postgres } = database;
  const embedded = settings.DATABASE_URL === undefined;
  const version = `PostgreSQL ${Math.floor(postgres.serverVersion / 10_000)}.${postgres.serverVersion % 10_000}`;
  const place = embedded
    ? `embedded, ${shownPath(path.join(directory, '.keelson', 'postgres'))}`
    : describeAddress(parseAddress(postgres.url));
  return [
    '',
    `  ${app.name} ${app.version} is running`,
    '',
    `  API       ${url}${settings.API_V1_PREFIX}`,
    `  Docs      ${url}/docs`,
    `  Health    ${url}/health`,
    `  Database  ${version} (${place})`,
    '',
    '  Ctrl-C stops it.',
    '',
  ].join('\n');
}

/** `defineApp` takes only settings that hold those of every app. */
function parseBase(settings: unknown): BaseSettings {
  return settings as BaseSettings;
}
