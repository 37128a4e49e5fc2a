/** What one worker of one process has done so far. */
import type { WorkerStats } from './part.ts';

/** How a row left this process. */
export type Ended = 'done' | 'failed' | 'retried' | 'lost' | 'returned';

/** The counters of one worker. */
export class Counts {
  claimed = 0;
  claims = 0;
  claimMsTotal = 0;
  runs = 0;
  runMsTotal = 0;
  readonly #name: string;
  readonly #source: string;
  readonly #ended: Record<Ended, number> = { done: 0, failed: 0, retried: 0, lost: 0, returned: 0 };

  constructor(name: string, source: string) {
    this.#name = name;
    this.#source = source;
  }

  ended(how: Ended): void {
    this.#ended[how] += 1;
  }

  stats(now: Pick<WorkerStats, 'isPaused' | 'concurrency' | 'held' | 'running'>): WorkerStats {
    const { done, failed, retried, lost } = this.#ended;
    const { claimed, claims, claimMsTotal, runMsTotal } = this;
    return { name: this.#name, source: this.#source, ...now, claimed, done, failed, retried, lost, claims, claimMsTotal, runMsTotal };
  }
}
