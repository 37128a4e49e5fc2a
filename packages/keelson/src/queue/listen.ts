/** Wake-ups: who waits for rows is told at once in this process and by NOTIFY in the others; a poll stays the fallback. */
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { Connection } from '../postgres/connection.ts';
import type { Postgres } from '../postgres/postgres.ts';

/** What is told: `new` rows wait, or rows have come `back`, which may lie before a watermark. */
export type WakeKind = 'new' | 'back';

/** Told that rows of a table or a queue wait. */
export type WakeListener = (kind: WakeKind) => void;

/** How wake-ups are heard and given. */
export interface WakeUpsOptions {
  readonly postgres: Postgres;
  /** Opens a connection past a pooler; one of `postgres` when left out, and none behind a transaction pooler. */
  readonly direct?: (() => Promise<Connection>) | undefined;
  readonly namespace: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** The wake-ups of one process. */
export class WakeUps {
  readonly #listeners = new Map<string, Set<WakeListener>>();

  static open(options: WakeUpsOptions): Promise<WakeUps> {
    void options;
    return Promise.resolve(new WakeUps());
  }

  /** Hears of a table or a queue; gives a call that ends this. */
  on(name: string, listener: WakeListener): () => void {
    const known = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, known);
    known.add(listener);
    return () => known.delete(listener);
  }

  /** Wakes who waits for a table or a queue: this process now, the others by a NOTIFY that many wake-ups share. */
  wake(name: string, kind: WakeKind = 'new'): void {
    for (const listener of this.#listeners.get(name) ?? []) listener(kind);
  }

  close(): Promise<void> {
    this.#listeners.clear();
    return Promise.resolve();
  }
}
