/** Connections on their way out: nobody waits for them but who closes the pool. */
import type { Connection } from './connection.ts';

/** Ends connections, and knows which have not ended yet. */
export class Leaving {
  readonly #connections = new Set<Connection>();
  readonly #onGone: () => void;

  /** `onGone` is called whenever one has ended. */
  constructor(onGone: () => void) {
    this.#onGone = onGone;
  }

  /** How many have not ended yet. */
  get size(): number {
    return this.#connections.size;
  }

  /** Shows a connection out: politely when it is idle, else at once. */
  show(connection: Connection): void {
    this.#connections.add(connection);
    void connection.ended.then(() => {
      this.#connections.delete(connection);
      this.#onGone();
    });
    if (connection.pending > 0 || connection.transactionStatus !== 'I') connection.destroy();
    else void connection.close();
  }

  /** Ends at once what is still here. */
  async destroy(): Promise<void> {
    const left = [...this.#connections];
    for (const connection of left) connection.destroy();
    await Promise.all(left.map((connection) => connection.ended));
  }
}
