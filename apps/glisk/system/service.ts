/** How the whole stands: how many tokens are in which state. */
import type { Database } from 'keelson/work';
import type { Repositories } from '../model.ts';
import { type Counted, selectCounts } from './repository.ts';

/** How many tokens are in each state. */
export interface TokenCounts {
  readonly detected: number;
  readonly generating: number;
  readonly uploading: number;
  readonly ready: number;
  readonly revealed: number;
  readonly failed: number;
}

/** How many transactions are in each state. */
export interface RevealCounts {
  readonly pending: number;
  readonly sent: number;
  readonly confirmed: number;
  readonly failed: number;
}

/** How the whole stands at a moment. */
export interface Stats {
  readonly tokens: TokenCounts;
  readonly total: number;
  /** Tokens that workers hold, by state; seen at the same moment as the others. */
  readonly held: Readonly<Record<string, number>>;
  /** Tokens on their way that no worker holds, and that have waited longer than a while; counted up to 1,000. */
  readonly stuck: number;
  readonly authors: number;
  readonly reveals: RevealCounts;
}

export class StatsService {
  readonly #database: Database<Repositories>;
  #running: Promise<Stats> | undefined;
  #next: Promise<Stats> | undefined;

  constructor(database: Database<Repositories>) {
    this.#database = database;
  }

  /** How the whole stands now. One query at a time: who asks while one runs shares the one that comes after it, so that nobody sees less than was committed. */
  async read(): Promise<Stats> {
    const running = this.#running;
    if (this.#next === undefined && running === undefined) return this.#begin();
    this.#next ??= Promise.allSettled([running]).then(() => {
      this.#next = undefined;
      return this.#begin();
    });
    return this.#next;
  }

  #begin(): Promise<Stats> {
    const counting = this.#count().finally(() => {
      this.#running = undefined;
    });
    this.#running = counting;
    return counting;
  }

  async #count(): Promise<Stats> {
    const counts = await this.#database.read(({ sql }) => sql(selectCounts()));
    const of = (what: Counted['what'], state: string | null = null): number =>
      Number(counts.find((each) => each.what === what && each.state === state)?.rows ?? 0);
    const tokens = {
      detected: of('token', 'detected'),
      generating: of('token', 'generating'),
      uploading: of('token', 'uploading'),
      ready: of('token', 'ready'),
      revealed: of('token', 'revealed'),
      failed: of('token', 'failed'),
    } satisfies TokenCounts;
    const held: Record<string, number> = {};
    for (const { what, state, rows } of counts) if (what === 'held' && state !== null) held[state] = Number(rows);
    return {
      tokens,
      total: Object.values(tokens).reduce((sum, count) => sum + count, 0),
      held,
      stuck: of('stuck'),
      authors: of('author'),
      reveals: {
        pending: of('reveal', 'pending'),
        sent: of('reveal', 'sent'),
        confirmed: of('reveal', 'confirmed'),
        failed: of('reveal', 'failed'),
      },
    };
  }
}
