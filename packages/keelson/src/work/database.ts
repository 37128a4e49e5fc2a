/** The database of an app: units of work that write, and reads that end in an answer. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { type Clock, systemClock } from '../clock.ts';
import { KeelsonError } from '../errors.ts';
import type { Fields, Log } from '../log.ts';
import type { Connection } from '../postgres/connection.ts';
import type { Result } from '../postgres/exchange.ts';
import type { Postgres } from '../postgres/postgres.ts';
import { setLocal } from '../schema/set-local.ts';
import { type Sql, type Statement, Statements } from '../schema/sql.ts';
import { type EntityMeta, metaOf } from './entity.ts';
import { EntitySql } from './entity-sql.ts';
import { readLocally } from './local-read.ts';
import { type LocalSettings, localSettings, noSettings } from './local-settings.ts';
import type { Model, Repositories } from './model.ts';
import { OutboxEvent, outbox, outboxChannel } from './outbox.ts';
import { createReader, type Reader, type ReaderHost } from './reader.ts';
import type { EntityClassLike } from './repository.ts';
import { codeOf, isRetryable, pauseBeforeRetry, RETRIES_MAX } from './retry.ts';
import { SingleConnection } from './single-connection.ts';
import { type Boundary, type ConnectionSource, innerTransaction, ownTransaction, Transaction } from './transaction.ts';
import { createUnitClass, type Unit, type UnitSupport } from './unit.ts';
import { type UnitHost, UnitOfWork, type WrittenListener } from './unit-of-work.ts';

/** How a unit of work is run. */
export interface WorkOptions {
  /** What the pool calls it when it says who holds its connections. */
  readonly name?: string | undefined;
  readonly isolation?: 'read committed' | 'repeatable read' | 'serializable' | undefined;
  readonly isReadOnly?: boolean | undefined;
  /** How often the block is run again after a deadlock or a serialization failure; 3 when not said. */
  readonly retriesMax?: number | undefined;
}

/** Who asks, for one request or job. */
export interface WorkContext {
  readonly name?: string | undefined;
  /** Transaction-local settings, such as `app.tenant`, for row-level security. */
  readonly settings?: Readonly<Record<string, string>> | undefined;
}

/** What a database is opened with. */
export interface DatabaseOptions {
  readonly log: Log;
  readonly clock?: Clock | undefined;
  /** A connection inside an open transaction: everything happens on it, in savepoints. For tests that are rolled back. */
  readonly inside?: Connection | undefined;
}

const NOTIFY_DELAY_MS = 10;

interface Scope {
  readonly root: unknown;
  readonly unit: UnitOfWork;
  readonly settings: LocalSettings;
  /** Nested units of one scope run one after another: they share a connection. */
  tail: Promise<void>;
}

const scopes = new AsyncLocalStorage<Scope>();

/** What all views of one database share. */
interface Root<R extends Repositories> extends UnitHost, ReaderHost, UnitSupport {
  readonly model: Model<R>;
  readonly postgres: Postgres;
  readonly source: ConnectionSource;
  readonly listeners: Set<WrittenListener>;
  readonly isInside: boolean;
  /** What each transaction sets for itself because the session cannot: behind a transaction pooler. */
  readonly sessionSettings: string;
  readonly unitClass: new (unit: UnitOfWork) => Unit<R>;
  readonly reader: Reader<R>;
}

/** An open database. */
export class Database<R extends Repositories> {
  readonly #root: Root<R>;
  readonly #holder: string;
  readonly #settings: LocalSettings;
  #ownReader: Reader<R> | undefined;

  constructor(root: Root<R>, holder: string, settings: LocalSettings) {
    this.#root = root;
    this.#holder = holder;
    this.#settings = settings;
  }

  get model(): Model<R> {
    return this.#root.model;
  }

  get postgres(): Postgres {
    return this.#root.postgres;
  }

  /** The same database for one request: the name shows in errors of the pool, the settings hold in every transaction. */
  for(context: WorkContext): Database<R> {
    return new Database(
      this.#root,
      context.name ?? this.#holder,
      context.settings === undefined ? this.#settings : localSettings(context.settings),
    );
  }

  /**
   * Runs a block as a unit of work: leaving it commits what changed, a throw takes everything back and passes on.
   * After a deadlock or a serialization failure the whole block is run again, so effects outside belong into `after` or `emit`.
   * Inside another unit's block it is a savepoint of that unit.
   *
   * @throws STALE_VERSION when a row was changed by somebody else since it was read
   * @throws TRANSACTION_ABORTED when a statement failed and its error was swallowed
   * @throws TRANSACTION_CONFLICT when it still conflicts after the last try
   * @throws COMMIT_UNKNOWN when the connection broke while committing
   */
  async work<T>(block: (unit: Unit<R>) => T | Promise<T>, options: WorkOptions = {}): Promise<T> {
    const outer = this.#outer();
    if (outer !== undefined) return this.#join(outer, block, options);
    const triesMax = (options.retriesMax ?? RETRIES_MAX) + 1;
    const boundary = this.#boundary(options);
    // bounded by: triesMax
    for (let attempt = 1; ; attempt += 1) {
      const transaction = new Transaction(this.#root.source, boundary, options.name ?? this.#holder);
      const unit = new UnitOfWork(this.#root, transaction);
      try {
        const value = await this.#attempt(unit, block);
        if (transaction.wasUsed) this.#tell('committed', { name: options.name ?? this.#holder, attempt });
        return value;
      } catch (error) {
        if (transaction.wasUsed) this.#tell('rolled_back', { name: options.name ?? this.#holder, attempt, error: codeOf(error) });
        if (attempt >= triesMax || unit.wasEndedByHand || !isRetryable(error)) throw error;
        this.postgres.watch.unit?.('retried');
        await pauseBeforeRetry(this.#root.clock, attempt);
      }
    }
  }

  /**
   * Runs a block that only reads: short statements over shared connections, plain rows whose times are text. It sees what is
   * committed, also inside a unit of work. Where settings must hold, each statement is a read-only transaction of its own
   * on a connection of the pool, still in one round trip; inside a unit of work it is then a statement of that unit.
   */
  async read<T>(block: (reader: Reader<R>) => T | Promise<T>): Promise<T> {
    if (this.#settings.set === '') return block(this.#root.reader);
    this.#ownReader ??= createReader({ ...this.#root, query: (statement) => this.#readLocally(statement) }, this.model.repositories);
    return block(this.#ownReader);
  }

  /** Tells a listener after each commit of a unit which tables its entities were written to; gives a call that ends this. */
  onWritten(listener: WrittenListener): () => void {
    const { listeners } = this.#root;
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  #readLocally(statement: Statement): Promise<Result> {
    const outer = this.#outer();
    if (outer === undefined) {
      const { source, clock } = this.#root;
      return readLocally(statement, { source, boundary: this.#boundary({ isReadOnly: true }), holder: this.#holder, clock });
    }
    // Never a second connection: units that hold one and wait for another would wait for each other.
    this.#refuseOther(outer);
    return outer.unit.send(statement);
  }

  /** The unit of work around the caller, if it is one of this database. */
  #outer(): Scope | undefined {
    const outer = scopes.getStore();
    return outer !== undefined && outer.root === this.#root && !outer.unit.isEnded ? outer : undefined;
  }

  #boundary(options: WorkOptions): Boundary {
    const settings = `${this.#root.sessionSettings}${this.#settings.set}`;
    return this.#root.isInside ? innerTransaction(settings, this.#settings.clear) : ownTransaction(modeText(options), settings);
  }

  #refuseOther(outer: Scope): void {
    if (outer.settings.set !== this.#settings.set)
      throw new KeelsonError('MISUSE', { message: 'A unit of work was opened inside one that runs for another user or tenant.' });
  }

  #tell(outcome: 'committed' | 'rolled_back', fields: Fields): void {
    this.#root.log.info(`transaction.${outcome}`, fields);
    this.postgres.watch.unit?.(outcome);
  }

  async #attempt<T>(unit: UnitOfWork, block: (unit: Unit<R>) => T | Promise<T>): Promise<T> {
    const scope: Scope = { root: this.#root, unit, settings: this.#settings, tail: Promise.resolve() };
    try {
      const value = await scopes.run(scope, block, new this.#root.unitClass(unit));
      await unit.commit();
      return value;
    } catch (error) {
      await unit.rollback();
      throw error;
    } finally {
      unit.end();
    }
  }

  async #join<T>(outer: Scope, block: (unit: Unit<R>) => T | Promise<T>, options: WorkOptions): Promise<T> {
    this.#refuseOther(outer);
    if (options.isolation !== undefined)
      throw new KeelsonError('MISUSE', { message: 'A unit of work inside another cannot choose its isolation.' });
    return nestedIn(outer, () => block(new this.#root.unitClass(outer.unit)));
  }
}

/**
 * Opens the database of an app over connections that are there already; closing those closes it.
 *
 * @throws MISUSE when the model does not hold together
 */
export function openDatabase<R extends Repositories>(model: Model<R>, postgres: Postgres, options: DatabaseOptions): Database<R> {
  return new Database(createRoot(model, postgres, options), model.name, noSettings);
}

function createRoot<R extends Repositories>(model: Model<R>, postgres: Postgres, options: DatabaseOptions): Root<R> {
  const { log, clock = systemClock, inside } = options;
  const statements = new Statements(model.namespace, { named: postgres.namedStatements });
  const texts = new Map<EntityMeta, EntitySql>();
  const source = inside === undefined ? poolSource(postgres) : new SingleConnection(inside);
  const hasOutbox = model.tables.includes(outbox);
  const base = {
    model,
    postgres,
    statements,
    clock,
    log,
    source,
    listeners: new Set<WrittenListener>(),
    hasOutbox,
    isInside: inside !== undefined,
    sessionSettings: setLocal(Object.entries(postgres.transactionSettings)),
    writeOrder:
      hasOutbox && !model.writeOrder.includes(metaOf(OutboxEvent)) ? [...model.writeOrder, metaOf(OutboxEvent)] : model.writeOrder,
    compile: (piece: Sql): Statement => statements.compile(piece),
    query: (statement: Statement): Promise<Result> => (inside === undefined ? postgres.readers.query(statement) : inside.query(statement)),
    sqlOf: (entityClass: EntityClassLike): EntitySql => {
      const meta = metaOf(entityClass);
      const known = texts.get(meta) ?? new EntitySql(meta, statements);
      texts.set(meta, known);
      return known;
    },
    wakeOutbox: createWaker(postgres, clock, outboxChannel(model.namespace), log),
    nested: async <T>(unit: UnitOfWork, block: () => T | Promise<T>): Promise<T> => {
      const scope = scopes.getStore();
      if (scope === undefined || scope.unit !== unit)
        throw new KeelsonError('MISUSE', { message: 'nested() was called outside the block of its unit of work.' });
      return nestedIn(scope, block);
    },
  };
  return { ...base, unitClass: createUnitClass(model.repositories, base), reader: createReader(base, model.repositories) };
}

function poolSource({ pool, lone }: Postgres): ConnectionSource {
  return {
    tryAcquire: (holder) => pool.tryAcquire(holder),
    acquire: (holder) => pool.acquire(holder),
    release: (connection) => pool.release(connection),
    runAlone: (statement, holder) => lone.run(statement, holder),
  };
}

async function nestedIn<T>(outer: Scope, block: () => T | Promise<T>): Promise<T> {
  const before = outer.tail;
  const { promise, resolve } = Promise.withResolvers<void>();
  outer.tail = promise;
  await before;
  try {
    const scope: Scope = { root: outer.root, unit: outer.unit, settings: outer.settings, tail: Promise.resolve() };
    return await outer.unit.nested(() => scopes.run(scope, block));
  } finally {
    resolve();
  }
}

/** One payload-free NOTIFY for all commits of a moment: inside the transaction it would serialise every commit of the server. */
function createWaker(postgres: Postgres, clock: Clock, channel: string, log: Log): () => void {
  let isScheduled = false;
  return () => {
    if (isScheduled) return;
    isScheduled = true;
    const notify = async (): Promise<void> => {
      await clock.sleep(NOTIFY_DELAY_MS);
      isScheduled = false;
      await postgres.readers.query({ text: 'select pg_notify($1, $2)', name: undefined, values: [channel, ''] });
    };
    // Whoever listens polls as well: a lost wake-up costs a moment, never an event.
    notify().catch((error: unknown) => log.debug('outbox.notify_failed', { error }));
  };
}

function modeText(options: WorkOptions): string {
  const isolation = options.isolation === undefined ? '' : ` isolation level ${options.isolation}`;
  return `${isolation}${options.isReadOnly === true ? ' read only' : ''}`;
}
