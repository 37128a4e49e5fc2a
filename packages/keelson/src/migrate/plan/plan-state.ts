/** A state of a schema, as a shadow that holds it and what was read of it. */
import { silentLog } from '../../log.ts';
import type { Connection } from '../../postgres/connection.ts';
import { quoteName } from '../../schema/sql.ts';
import { ensureHistory } from '../history.ts';
import type { Revision } from '../revision.ts';
import { Migrator } from '../runner.ts';
import { type Catalog, readCatalog } from './differ.ts';
import { type Inventory, readInventory } from './inventory.ts';
import { runInOrder } from './order.ts';
import type { Shadow, Shadows } from './shadow.ts';
import { readSnapshot, type Snapshot } from './snapshot.ts';

/** A state: the database, and how the planner, the proof and the comparer see it. */
export interface State {
  readonly shadow: Shadow;
  /** All shadows of one plan, which go with it. */
  readonly bench: Bench;
  readonly inventory: Inventory;
  readonly snapshot: Snapshot;
  /** The statements that made it, in the order in which they ran; none for revisions. */
  readonly statements: readonly string[];
  /** Read when it is first asked for. */
  catalog(): Promise<Catalog>;
}

/** The shadows of one plan: made when they are needed, and dropped with it. */
export class Bench implements AsyncDisposable {
  readonly #shadows: Shadows;
  readonly #made: Promise<Shadow>[] = [];
  readonly #released = new Set<Shadow>();

  constructor(shadows: Shadows) {
    this.#shadows = shadows;
  }

  /** An empty one. */
  create(): Promise<Shadow> {
    return this.#kept(this.#shadows.create());
  }

  /** A copy. */
  clone(shadow: Shadow): Promise<Shadow> {
    return this.#kept(shadow.clone());
  }

  /** Leaves one to who comes after the plan; it goes with the shadows. */
  release(shadow: Shadow): void {
    this.#released.add(shadow);
  }

  /** Drops all others. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const made of await Promise.allSettled(this.#made))
      if (made.status === 'fulfilled' && !this.#released.has(made.value)) await made.value.drop();
  }

  #kept(shadow: Promise<Shadow>): Promise<Shadow> {
    this.#made.push(shadow);
    return shadow;
  }
}

/** The state after revisions. */
export async function stateOfRevisions(bench: Bench, revisions: readonly Revision[], namespace: string): Promise<State> {
  const shadow = await bench.create();
  const connection = await shadow.connect();
  await applyRevisions(connection, revisions, namespace);
  return readState(bench, shadow, connection);
}

/** The state that DDL makes from nothing. */
export async function stateOfDdl(bench: Bench, statements: readonly string[], namespace: string): Promise<State> {
  const shadow = await bench.create();
  const connection = await shadow.connect();
  await connection.command('set synchronous_commit to off');
  await ensureHistory(connection, namespace);
  await connection.command(`set search_path to ${quoteName(namespace)}, public`);
  return readState(bench, shadow, connection, await runInOrder(connection, statements));
}

/** The state after statements, on a clone of another. */
export async function stateAfter(state: State, statements: readonly string[], namespace: string): Promise<State> {
  const shadow = await state.bench.clone(state.shadow);
  const connection = await shadow.connect();
  await connection.command(`set search_path to ${quoteName(namespace)}, public`);
  return readState(state.bench, shadow, connection, await runInOrder(connection, statements));
}

/** Runs revisions as the service would. */
export async function applyRevisions(connection: Connection, revisions: readonly Revision[], namespace: string): Promise<void> {
  await connection.command('set synchronous_commit to off');
  await ensureHistory(connection, namespace);
  await new Migrator({ connection, revisions, namespace, log: silentLog }).up();
}

async function readState(bench: Bench, shadow: Shadow, connection: Connection, statements: readonly string[] = []): Promise<State> {
  // With an empty path every name that PostgreSQL writes has its schema.
  await connection.command("set search_path to ''");
  const inventory = await readInventory(connection);
  const snapshot = await readSnapshot(connection);
  let catalog: Promise<Catalog> | undefined;
  return { bench, shadow, inventory, snapshot, statements, catalog: () => (catalog ??= readCatalog(shadow.url)) };
}
