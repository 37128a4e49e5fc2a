/** A shadow on which revisions are replayed as far as one wants to look. */
import type { Connection } from '../../postgres/connection.ts';
import { applyRevisions } from '../plan/plan-state.ts';
import type { Shadow, Shadows } from '../plan/shadow.ts';
import { readSnapshot, type Snapshot } from '../plan/snapshot.ts';
import type { Revision } from '../revision.ts';

/** Goes forward only. */
export class Replay {
  readonly #shadows: Shadows;
  readonly #revisions: readonly Revision[];
  readonly #namespace: string;
  #shadow: Shadow | undefined;

  constructor(shadows: Shadows, revisions: readonly Revision[], namespace: string) {
    this.#shadows = shadows;
    this.#revisions = revisions;
    this.#namespace = namespace;
  }

  /**
   * The shadow with the first `count` revisions in it, and no connection open.
   *
   * @throws MIGRATION_FAILED
   */
  async at(count: number): Promise<Shadow> {
    const { shadow } = await this.#replayed(count, () => Promise.resolve());
    return shadow;
  }

  /**
   * What is in it after the first `count` revisions.
   *
   * @throws MIGRATION_FAILED
   */
  async snapshotAt(count: number): Promise<Snapshot> {
    return this.ask(count, readSnapshot);
  }

  /**
   * The answer of a shadow with the first `count` revisions in it.
   *
   * @throws MIGRATION_FAILED
   */
  async ask<T>(count: number, question: (connection: Connection) => Promise<T>): Promise<T> {
    const { result } = await this.#replayed(count, question);
    return result;
  }

  /** Drops the shadow. */
  async close(): Promise<void> {
    const shadow = this.#shadow;
    this.#shadow = undefined;
    await shadow?.drop();
  }

  async #replayed<T>(count: number, ask: (connection: Connection) => Promise<T>): Promise<{ readonly shadow: Shadow; readonly result: T }> {
    this.#shadow ??= await this.#shadows.create();
    const shadow = this.#shadow;
    const connection = await shadow.connect();
    try {
      await applyRevisions(connection, this.#revisions.slice(0, count), this.#namespace);
      return { shadow, result: await ask(connection) };
    } finally {
      if (!connection.broken) await connection.close();
    }
  }
}
