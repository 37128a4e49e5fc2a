/** A server that has fallen silent: a cable was pulled, a machine is gone, and TCP would wait a quarter of an hour. */
import type { Clock } from '../clock.ts';
import { KeelsonError } from '../errors.ts';
import type { Connection } from './connection.ts';

/**
 * Ends a connection that has statements under way and has answered none for so long; it looks in these intervals, so it may take twice as long.
 * For connections whose statements the server ends by itself, not for those that may run for hours.
 */
export async function endWhenSilent(connection: Connection, silentMs: number, clock: Clock): Promise<void> {
  const ended = new AbortController();
  void connection.ended.then(() => ended.abort());
  let answeredBefore: number | undefined;
  while (await slept(clock, silentMs, ended.signal)) {
    if (connection.pending > 0 && connection.answered === answeredBefore) {
      connection.destroy(new KeelsonError('DATABASE_CONNECTION_FAILED', { message: 'The database does not answer any more.' }));
    }
    answeredBefore = connection.pending > 0 ? connection.answered : undefined;
  }
}

async function slept(clock: Clock, durationMs: number, signal: AbortSignal): Promise<boolean> {
  return clock.sleep(durationMs, signal).then(
    () => true,
    () => false,
  );
}
