/** One connection shared by all units of work, one after another: for tests that are rolled back as a whole. */
import type { Connection } from '../postgres/connection.ts';
import type { Result } from '../postgres/exchange.ts';
import type { Statement } from '../schema/sql.ts';
import type { ConnectionSource } from './transaction.ts';

/** A source that always gives the same connection, to one holder at a time. */
export class SingleConnection implements ConnectionSource {
  readonly connection: Connection;
  readonly #waiting: (() => void)[] = [];
  #isTaken = false;

  constructor(connection: Connection) {
    this.connection = connection;
  }

  tryAcquire(): Connection | undefined {
    if (this.#isTaken) return undefined;
    this.#isTaken = true;
    return this.connection;
  }

  async acquire(): Promise<Connection> {
    while (this.#isTaken) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.push(resolve);
      await promise;
    }
    this.#isTaken = true;
    return this.connection;
  }

  async runAlone(statement: Statement): Promise<Result> {
    const connection = await this.acquire();
    try {
      return await connection.query(statement);
    } finally {
      this.release();
    }
  }

  release(): void {
    this.#isTaken = false;
    this.#waiting.shift()?.();
  }
}
