/** Signals: the first one stops an app in good order, a second ends it at once. */
import type { Log } from '../log.ts';

/** What can be stopped. */
export interface Stoppable {
  readonly log: Log;
  stop(): Promise<void>;
}

/** The process, as far as signals go; a test hands in its own. */
export interface SignalSource {
  on(signal: Signal, listener: () => void): unknown;
  off(signal: Signal, listener: () => void): unknown;
  exit(code: number): void;
}

/** The signals that ask for an end. */
export type Signal = 'SIGINT' | 'SIGTERM';

const numbers: Readonly<Record<Signal, number>> = { SIGINT: 2, SIGTERM: 15 };

/** Waits for a signal and stops the app; resolves when it has stopped. A second signal ends the process with 128 and its number. */
export async function runUntilSignal(running: Stoppable, source: SignalSource = process): Promise<void> {
  const { promise: asked, resolve } = Promise.withResolvers<Signal>();
  let isAsked = false;
  const listeners = signals.map((signal) => {
    const listener = (): void => {
      if (isAsked) source.exit(128 + numbers[signal]);
      isAsked = true;
      resolve(signal);
    };
    source.on(signal, listener);
    return { signal, listener };
  });
  try {
    const signal = await asked;
    running.log.info('server.signal', { signal, hint: 'Once more ends it at once.' });
    await running.stop();
  } finally {
    for (const { signal, listener } of listeners) source.off(signal, listener);
  }
}

const signals = ['SIGINT', 'SIGTERM'] as const;
