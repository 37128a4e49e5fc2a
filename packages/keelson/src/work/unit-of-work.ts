/** A unit of work: what is loaded in it is watched, and what changed is written when it ends, all of it or nothing. */
import type { Clock } from '../clock.ts';
import { KeelsonError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Result } from '../postgres/exchange.ts';
import { sqlState } from '../postgres/sqlstate.ts';
import type { Statement, Statements } from '../schema/sql.ts';
import { type ChangeGroup, collectChanges } from './changes.ts';
import { type EntityMeta, mapperOf, metaOf } from './entity.ts';
import type { EntitySql } from './entity-sql.ts';
import { type FlushStatement, renderFlush } from './flush.ts';
import { IdentityMap, staleRow } from './identity-map.ts';
import type { RowText } from './mapper.ts';
import type { EntityClassLike, RepositoryPort } from './repository.ts';
import { SavepointLog } from './savepoint-log.ts';
import type { Transaction } from './transaction.ts';

/** What a unit of work needs from its database. */
export interface UnitHost {
  readonly statements: Statements;
  readonly clock: Clock;
  readonly log: Log;
  readonly writeOrder: readonly EntityMeta[];
  /** Who wants to know which tables a commit has written. */
  readonly listeners: ReadonlySet<WrittenListener>;
  sqlOf(entityClass: EntityClassLike): EntitySql;
}

/** Is told the names of the tables whose entities a commit has written. */
export type WrittenListener = (tables: ReadonlySet<string>) => void;

/** Work to be done once the commit is certain. */
export type AfterCommit = () => void | Promise<void>;

/** A guarded write that matched no row divides by zero. */
const DIVISION_BY_ZERO = '22012';

/** One unit of work. */
export class UnitOfWork implements RepositoryPort {
  readonly #host: UnitHost;
  readonly #transaction: Transaction;
  readonly #maps = new Map<EntityMeta, IdentityMap>();
  readonly #savepoints: SavepointLog[] = [];
  #hooks: AfterCommit[] = [];
  #now: Date | undefined;
  #written: Set<string> | undefined;
  #serial = 0;
  #isEnded = false;
  /** Whether the block has committed or rolled back by hand: it is not run again then. */
  wasEndedByHand = false;

  constructor(host: UnitHost, transaction: Transaction) {
    this.#host = host;
    this.#transaction = transaction;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** The time that everything written by this unit carries. */
  now(): Date {
    this.#now ??= this.#host.clock.now();
    return new Date(this.#now);
  }

  sqlOf(entityClass: EntityClassLike): EntitySql {
    return this.#host.sqlOf(entityClass);
  }

  mapOf(entityClass: EntityClassLike): IdentityMap {
    const meta = metaOf(entityClass);
    let map = this.#maps.get(meta);
    if (map === undefined) {
      map = new IdentityMap(meta, mapperOf(entityClass));
      map.serial = this.#serial;
      this.#maps.set(meta, map);
    }
    return map;
  }

  /** Sends a statement inside the transaction, which begins with it. */
  send(statement: Statement): Promise<Result> {
    if (this.#isEnded)
      throw new KeelsonError('MISUSE', {
        message: 'A unit of work was used after its block had ended.',
        hint: 'Await everything that the block does.',
      });
    return this.#transaction.send(statement);
  }

  /** Runs something once the commit is certain; what it throws is logged, since the commit stands. */
  after(hook: AfterCommit): void {
    this.#hooks.push(hook);
  }

  /** Counts a table among those that a commit tells its listeners of. */
  markWritten(table: string): void {
    this.#written ??= new Set();
    this.#written.add(table);
  }

  /** Writes what has changed so far, without ending the transaction. */
  async flush(): Promise<void> {
    const pending = this.#render();
    if (pending.length === 0) return;
    const sent = pending.map(({ statement }) => this.send(statement));
    const settled = await Promise.allSettled(sent);
    for (const [index, outcome] of settled.entries()) {
      if (outcome.status === 'rejected') throw explain(outcome.reason, pending, index);
    }
    this.#apply(
      pending,
      settled.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : [])),
    );
  }

  /** Writes what has changed and commits; the next statement begins a new transaction. */
  async commit(): Promise<void> {
    const pending = this.#render();
    try {
      const results = await this.#transaction.commit(pending.map(({ statement }) => statement));
      this.#apply(pending, results);
    } catch (error) {
      throw explain(error, pending);
    }
    for (const map of this.#maps.values()) map.unlock();
    this.#now = undefined;
    this.#tellWritten();
    await this.#runHooks();
  }

  /** Takes everything back and forgets every entity. */
  async rollback(): Promise<void> {
    await this.#transaction.rollback();
    // Emptied and not dropped: the repositories of the unit hold on to them.
    for (const map of this.#maps.values()) map.clear();
    this.#hooks = [];
    this.#written = undefined;
    this.#now = undefined;
  }

  /** Refuses everything from now on. */
  end(): void {
    this.#isEnded = true;
  }

  /** Runs a block as a savepoint: when it fails, its rows and its entities go back, and the outer unit goes on. */
  async nested<T>(block: () => T | Promise<T>): Promise<T> {
    await this.flush();
    if (this.#transaction.failure !== undefined) throw new KeelsonError('TRANSACTION_ABORTED', { cause: this.#transaction.failure });
    const name = `keelson_${this.#savepoints.length + 1}`;
    const savepoint = new SavepointLog(this.#hooks.length, this.#raiseSerial());
    this.#transaction.savepoint(name);
    this.#savepoints.push(savepoint);
    try {
      const value = await block();
      await this.flush();
      if (this.#transaction.failure !== undefined) throw new KeelsonError('TRANSACTION_ABORTED', { cause: this.#transaction.failure });
      this.#transaction.releaseSavepoint(name);
      this.#savepoints.pop();
      const outer = this.#savepoints.at(-1);
      if (outer !== undefined) savepoint.mergeInto(outer);
      return value;
    } catch (error) {
      this.#savepoints.pop();
      await this.#transaction.rollbackToSavepoint(name);
      savepoint.undo(this.#maps.values());
      this.#hooks.length = savepoint.hookCount;
      throw error;
    }
  }

  get isNested(): boolean {
    return this.#savepoints.length > 0;
  }

  #raiseSerial(): number {
    this.#serial += 1;
    for (const map of this.#maps.values()) map.serial = this.#serial;
    return this.#serial;
  }

  #render(): FlushStatement[] {
    if (this.#maps.size === 0) return [];
    const maps = this.#host.writeOrder.flatMap((meta) => this.#maps.get(meta) ?? []);
    const groups: ChangeGroup[] = collectChanges(maps, () => this.now());
    return groups.length === 0 ? [] : renderFlush(groups, this.#host.statements);
  }

  /** What the database now holds is what later changes are compared with. */
  #apply(pending: readonly FlushStatement[], results: readonly Result[]): void {
    const savepoint = this.#savepoints.at(-1);
    for (const [index, { group, changes }] of pending.entries()) {
      this.markWritten(group.map.meta.table.name);
      const made = madeRows(group, results[index]);
      for (const change of changes) {
        savepoint?.remember(group.map, change.tracked);
        if (group.shape.action === 'delete') group.map.forget(change.tracked);
        else group.map.written(change.tracked, change.row, made?.get(change.tracked.key));
      }
    }
  }

  #tellWritten(): void {
    const written = this.#written;
    if (written === undefined) return;
    this.#written = undefined;
    for (const listener of this.#host.listeners) listener(written);
  }

  async #runHooks(): Promise<void> {
    const hooks = this.#hooks;
    this.#hooks = [];
    for (const hook of hooks) {
      try {
        await hook();
      } catch (error) {
        this.#host.log.error('transaction.after_failed', { error });
      }
    }
  }
}

/** The rows as the database completed them, by key; undefined where it makes nothing. */
function madeRows(group: ChangeGroup, result: Result | undefined): ReadonlyMap<string, RowText> | undefined {
  const { map } = group;
  if (!map.meta.hasDatabaseMade || group.shape.action === 'delete' || result === undefined) return undefined;
  const width = map.meta.table.columns.length;
  return new Map(result.rows.map((row) => [map.keyOfRow(row), row.slice(0, width)]));
}

/** A flush that failed, told by the row that was not as it had been read where that is the reason. */
function explain(error: unknown, pending: readonly FlushStatement[], index?: number): unknown {
  if (sqlState(error) !== DIVISION_BY_ZERO) return error;
  const guarded = index === undefined ? pending.find(({ group }) => group.shape.guard !== 'none') : pending[index];
  return guarded === undefined || guarded.group.shape.guard === 'none' ? error : staleRow(guarded.group.map.meta, error);
}
