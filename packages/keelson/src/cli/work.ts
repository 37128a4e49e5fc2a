/** The command `worker`: runs the workers of an app without serving, and lets them end when a signal comes. */
import type { Declarations } from '../config/declaration.ts';
import { onTerminal } from '../config/environment.ts';
import type { App } from '../http/app.ts';
import { runUntilSignal } from '../http/signals.ts';
import { startWorkers } from '../http/start-workers.ts';
import type { Repositories } from '../work/model.ts';
import { type Context, noticeOtherEnv } from './context.ts';
import { pressedSignals } from './signals.ts';

/**
 * Runs the workers of an app until a signal comes.
 *
 * @throws MISUSE when the app has no workers
 * @throws CONFIG_INVALID, DATABASE_CONNECTION_FAILED, EMBEDDED_SERVER_FAILED, MIGRATIONS_PENDING, MIGRATION_FAILED, MIGRATION_INVALID
 */
export async function workApp<R extends Repositories, S, D extends Declarations>(app: App<R, S, D>, context: Context): Promise<void> {
  noticeOtherEnv(context);
  const { environment, directory, output } = context;
  const running = await untilStarted(() => startWorkers(app, { environment, directory }));
  // Danger: at no moment may nobody listen, or a signal ends the process before it has stopped.
  const stopped = runUntilSignal(running, pressedSignals());
  if (onTerminal()) {
    const names = running.process.stats.map(({ name }) => name);
    output.data(
      `\n  ${app.name} ${app.version} works as process ${running.process.id}: ${names.join(', ')}\n\n  Ctrl-C lets runs end, and stops it.\n`,
    );
  }
  await stopped;
}

/** A signal while the workers start ends the process at once, with what an exit has to clean up. */
async function untilStarted<T>(start: () => Promise<T>): Promise<T> {
  const endNow = (signal: 'SIGINT' | 'SIGTERM'): void => process.exit(signal === 'SIGINT' ? 130 : 143);
  process.on('SIGINT', endNow).on('SIGTERM', endNow);
  try {
    return await start();
  } finally {
    // After this turn: by then whoever waits for the start listens.
    setImmediate(() => process.off('SIGINT', endNow).off('SIGTERM', endNow));
  }
}
