/** Lone statements: each is a transaction of its own, so in a full pool many of them share the connections that carry nothing else. */
import type { Statement } from '../schema/sql.ts';
import { runAround } from './around.ts';
import type { Connection } from './connection.ts';
import type { Result } from './exchange.ts';
import type { Pool } from './pool.ts';

/** How many lone statements may be under way on one connection; a slow one holds up those behind it. */
const SHARERS_MAX = 8;

interface Share {
  readonly connection: Connection;
  sharers: number;
}

/**
 * Runs statements that need no transaction around them. While the pool has connections to give, each gets its own; when it is full,
 * they are sent one behind the other on connections that only lone statements use. Whoever waits for a connection of his own goes first.
 */
export class LoneStatements {
  readonly #pool: Pool;
  readonly #begin: string | undefined;
  readonly #shares = new Set<Share>();

  /** `begin` with its settings, where each statement has to bring its own: behind a transaction pooler. */
  constructor(pool: Pool, begin?: string) {
    this.#pool = pool;
    this.#begin = begin;
  }

  /**
   * Runs one statement; `holder` is the name by which the pool knows who has the connection.
   *
   * @throws POOL_EXHAUSTED when no connection came free in time
   */
  run(statement: Statement, holder: string): Promise<Result> {
    const connection = this.#pool.tryAcquire(holder);
    if (connection !== undefined) return this.#send({ connection, sharers: 0 }, statement);
    const share = this.#leastUsed();
    if (share !== undefined) {
      share.connection.holder = holder;
      return this.#send(share, statement);
    }
    return this.#pool.acquire(holder).then((acquired) => this.#send({ connection: acquired, sharers: 0 }, statement));
  }

  /** The connection to send behind others on, when the pool is full and nobody waits for one of his own. */
  #leastUsed(): Share | undefined {
    const { size, sizeMax, waiting } = this.#pool.stats;
    if (size < sizeMax || waiting > 0) return undefined;
    let best: Share | undefined;
    for (const share of this.#shares) {
      const isOpen = share.sharers < SHARERS_MAX && !share.connection.broken;
      if (isOpen && (best === undefined || share.sharers < best.sharers)) best = share;
    }
    return best;
  }

  async #send(share: Share, statement: Statement): Promise<Result> {
    share.sharers += 1;
    this.#shares.add(share);
    try {
      const { connection } = share;
      return await (this.#begin === undefined ? connection.query(statement) : runAround(connection, statement, { begin: this.#begin }));
    } finally {
      share.sharers -= 1;
      if (share.sharers === 0) {
        this.#shares.delete(share);
        this.#pool.release(share.connection);
      }
    }
  }
}
