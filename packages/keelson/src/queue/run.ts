/** One run of a worker: over one row, or over those that were gathered; it ends once, whatever the handler still does. */
import type { Log } from '../log.ts';
import type { Row, WorkerCall } from './worker.ts';

/** A row that this process has claimed. */
export interface ClaimedRow {
  readonly entity: Row;
  /** Its key as text. */
  readonly key: string;
  readonly owner: number;
  readonly epoch: number;
  readonly attempt: number;
  readonly claimedMs: number;
  /** Another holds it by now. */
  isLost: boolean;
  /** It is being written: a heartbeat that does not find it says nothing. */
  isFinishing: boolean;
}

/** How a run ended. */
export type Outcome = { readonly isDone: true; readonly result: unknown } | { readonly isDone: false; readonly error: unknown };

/** A run under way. */
export class Run {
  readonly rows: readonly ClaimedRow[];
  readonly startedMs: number;
  readonly #onEnd: (run: Run, outcome: Outcome) => void;
  #controller: AbortController | undefined;
  #isEnded = false;
  /** Why it was aborted, and when. */
  aborted: { readonly reason: Error; readonly atMs: number } | undefined;

  constructor(rows: readonly ClaimedRow[], startedMs: number, onEnd: (run: Run, outcome: Outcome) => void) {
    this.rows = rows;
    this.startedMs = startedMs;
    this.#onEnd = onEnd;
  }

  // Made when it is first asked for: most runs never look.
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.aborted !== undefined) this.#controller.abort(this.aborted.reason);
    }
    return this.#controller.signal;
  }

  begin(work: () => Promise<unknown>): void {
    // Also what the handler throws before its first wait ends the run, and nothing else.
    const attempt = async (): Promise<unknown> => work();
    attempt().then(
      (result) => this.end({ isDone: true, result }),
      (error: unknown) => this.end({ isDone: false, error: this.aborted?.reason ?? error }),
    );
  }

  abort(reason: Error, atMs: number): void {
    if (this.aborted !== undefined) return;
    this.aborted = { reason, atMs };
    this.#controller?.abort(reason);
  }

  /** Ends the run for the worker, once. */
  end(outcome: Outcome): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#onEnd(this, outcome);
  }
}

/** What a handler is given. */
export class RunCall<S> implements WorkerCall<S> {
  readonly services: S;
  readonly attempt: number;
  readonly #run: Run;
  readonly #base: Log;
  #log: Log | undefined;

  constructor(run: Run, services: S, log: Log) {
    this.#run = run;
    this.services = services;
    this.attempt = Math.max(...run.rows.map(({ attempt }) => attempt));
    this.#base = log;
  }

  get signal(): AbortSignal {
    return this.#run.signal;
  }

  get log(): Log {
    const [first, second] = this.#run.rows;
    this.#log ??= this.#base.child(second === undefined ? { id: first?.key, attempt: this.attempt } : { rows: this.#run.rows.length });
    return this.#log;
  }
}
