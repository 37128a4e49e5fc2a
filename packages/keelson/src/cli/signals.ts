/** The signals of the process, each press of Ctrl-C once. */
import { type Clock, systemClock } from '../clock.ts';
import type { Signal, SignalSource } from '../http/signals.ts';

/** Less than a person needs to press again, more than npm needs to pass a signal on. */
const SAME_PRESS_MS = 300;

/**
 * Signals, without those that come right after the first: a Ctrl-C in a terminal reaches every process of the program, and npm passes it
 * on to its child too. The child would take that for the second Ctrl-C, which ends it at once.
 */
export function pressedSignals(source: SignalSource = process, clock: Clock = systemClock): SignalSource {
  const wrapped = new Map<() => void, () => void>();
  let firstMs: number | undefined;
  return {
    on(signal: Signal, listener) {
      const once = (): void => {
        const nowMs = clock.monotonicMs();
        if (firstMs !== undefined && nowMs - firstMs < SAME_PRESS_MS) return;
        firstMs ??= nowMs;
        listener();
      };
      wrapped.set(listener, once);
      source.on(signal, once);
    },
    off(signal: Signal, listener) {
      source.off(signal, wrapped.get(listener) ?? listener);
    },
    exit: (code) => source.exit(code),
  };
}
