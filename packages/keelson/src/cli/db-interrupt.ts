/** A command of `db` that is told to end: it ends at once, and what stands then is said. */
import type { Signal, SignalSource } from '../http/signals.ts';
import type { Output } from './output.ts';
import { pressedSignals } from './signals.ts';

/** How far a command has come, as a sentence about what stands when it is ended there. */
export interface Stage {
  stands: string;
}

const numbers: Readonly<Record<Signal, number>> = { SIGINT: 2, SIGTERM: 15 };

/** Runs a block; a signal ends the process with 128 and its number. What the database was doing for it, it rolls back. */
export async function sayingWhatStands<T>(
  output: Output,
  stage: Stage,
  block: () => Promise<T>,
  source: SignalSource = pressedSignals(),
): Promise<T> {
  const listeners = (['SIGINT', 'SIGTERM'] as const).map((signal) => {
    const listener = (): void => {
      output.talk(`${output.paint.talk('red', `Ended by ${signal}:`)} ${stage.stands}`);
      source.exit(128 + numbers[signal]);
    };
    source.on(signal, listener);
    return { signal, listener };
  });
  try {
    return await block();
  } finally {
    for (const { signal, listener } of listeners) source.off(signal, listener);
  }
}
