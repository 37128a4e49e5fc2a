/** Steps of a start: each is announced with its duration, and each can be undone when a later one fails. */
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';

/** What takes a step back. */
export type Undo = () => Promise<void> | void;

/** A step that was done before there was a log. */
interface Done {
  readonly step: string;
  readonly durationMs: number;
}

/** Runs the steps of a start, and takes them back in reverse. */
export class Steps {
  readonly #clock: Clock;
  readonly #undo: { readonly step: string; readonly undo: Undo }[] = [];
  readonly #unsaid: Done[] = [];
  #log: Log | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** From here on steps are announced, those of before at once. */
  announceTo(log: Log): void {
    this.#log = log;
    for (const done of this.#unsaid.splice(0)) this.#announce(done);
  }

  /** Runs a step. */
  async run<T>(step: string, block: () => T | Promise<T>): Promise<T> {
    const startedMs = this.#clock.monotonicMs();
    const result = await block();
    this.#announce({ step, durationMs: this.#clock.monotonicMs() - startedMs });
    return result;
  }

  /** Says how the step that runs is taken back. */
  undoWith(step: string, undo: Undo): void {
    this.#undo.push({ step, undo });
  }

  /** Takes everything back, the last step first; what fails on the way is logged and does not stop the rest. */
  async undoAll(): Promise<void> {
    for (const { step, undo } of this.#undo.splice(0).reverse()) {
      try {
        await undo();
      } catch (error) {
        this.#log?.error('server.stop_failed', { step, error });
      }
    }
  }

  #announce(done: Done): void {
    if (this.#log === undefined) this.#unsaid.push(done);
    else this.#log.info('server.starting', { step: done.step, duration_ms: Math.round(done.durationMs * 10) / 10 });
  }
}
