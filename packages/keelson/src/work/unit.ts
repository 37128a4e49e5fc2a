/** What a block of `work` is given: the repositories of the app, and the few calls beside them. */
import { KeelsonError } from '../errors.ts';
import { toObjects } from '../postgres/values.ts';
import type { Sql, Statement, Statements } from '../schema/sql.ts';
import { type AnyTable, tableInfo } from '../schema/table.ts';
import type { Repositories } from './model.ts';
import { OutboxEvent } from './outbox.ts';
import { statementRunner, type StatementRunner, unitRunner } from './statement-runner.ts';
import type { AfterCommit, UnitOfWork } from './unit-of-work.ts';

/** The calls of a unit of work beside its repositories. */
export interface UnitCalls {
  /** Runs SQL inside the transaction and gives its rows as objects. */
  readonly sql: <Row>(piece: Sql<Row>) => Promise<Row[]>;
  /** Writes an event into the outbox, in the same commit. */
  readonly emit: (type: string, payload?: unknown) => void;
  /** Runs something once the commit is certain. */
  readonly after: (hook: AfterCommit) => void;
  /** Commits now; the next statement begins a new transaction, and the block is not run again on a conflict. */
  readonly commit: () => Promise<void>;
  /** Takes everything back now. */
  readonly rollback: () => Promise<void>;
  /** Writes what has changed so far, so that later statements of this unit see it. */
  readonly flush: () => Promise<void>;
  /** Runs a block as a savepoint. */
  readonly nested: <T>(block: () => T | Promise<T>) => Promise<T>;
}

/** What a block of `work` is given. */
export type Unit<R extends Repositories> = { readonly [K in keyof R]: InstanceType<R[K]> } & UnitCalls;

/** What the calls need beside the unit itself. */
export interface UnitSupport {
  readonly statements: Statements;
  compile(piece: Sql): Statement;
  /** Says that the outbox has something new. */
  wakeOutbox(): void;
  readonly hasOutbox: boolean;
  nested<T>(unit: UnitOfWork, block: () => T | Promise<T>): Promise<T>;
}

/** How a statement of one's own is made known as a write to a table. */
const written: unique symbol = Symbol('keelson.written');

/** Tells those who listen for writes, once it is committed, that SQL of this unit has written a table. */
export function markWritten(unit: object, declared: AnyTable): void {
  if (isMarkable(unit)) unit[written](tableInfo(declared).name);
}

function isMarkable(unit: object): unit is { [written](table: string): void } {
  return written in unit;
}

/** Makes the class of a database's unit contexts: everything on it is made when it is first asked for. */
export function createUnitClass<R extends Repositories>(repositories: R, support: UnitSupport): new (unit: UnitOfWork) => Unit<R> {
  class Context implements UnitCalls {
    readonly #unit: UnitOfWork;
    readonly #repositories = new Map<string, unknown>();

    constructor(unit: UnitOfWork) {
      this.#unit = unit;
    }

    repository(name: string, repositoryClass: R[string]): unknown {
      let made = this.#repositories.get(name);
      if (made === undefined) {
        made = new repositoryClass(this.#unit);
        this.#repositories.set(name, made);
      }
      return made;
    }

    [written](table: string): void {
      this.#unit.markWritten(table);
    }

    get [statementRunner](): StatementRunner {
      return unitRunner(this.#unit, support.statements.namespace);
    }

    get sql(): UnitCalls['sql'] {
      return async (piece) => parseRows(toObjects(await this.#unit.send(support.compile(piece))));
    }

    get emit(): UnitCalls['emit'] {
      return (type, payload) => emit(this.#unit, support, type, payload);
    }

    get after(): UnitCalls['after'] {
      return (hook) => this.#unit.after(hook);
    }

    get commit(): UnitCalls['commit'] {
      return async () => {
        refuseNested(this.#unit, 'commit');
        this.#unit.wasEndedByHand = true;
        await this.#unit.commit();
      };
    }

    get rollback(): UnitCalls['rollback'] {
      return async () => {
        refuseNested(this.#unit, 'rollback');
        this.#unit.wasEndedByHand = true;
        await this.#unit.rollback();
      };
    }

    get flush(): UnitCalls['flush'] {
      return () => this.#unit.flush();
    }

    get nested(): UnitCalls['nested'] {
      return (block) => support.nested(this.#unit, block);
    }
  }
  for (const [name, repositoryClass] of Object.entries(repositories)) {
    Object.defineProperty(Context.prototype, name, {
      get(this: Context) {
        return this.repository(name, parseClass<R>(repositoryClass));
      },
    });
  }
  return parseUnitClass<R>(Context);
}

function emit(unit: UnitOfWork, support: UnitSupport, type: string, payload: unknown): void {
  if (!support.hasOutbox)
    throw new KeelsonError('MISUSE', {
      message: `The event ${type} has no outbox to go to.`,
      hint: 'List `outbox` of keelson/work among the tables of the app, and migrate.',
    });
  const event = new OutboxEvent({ type, payload: payload ?? {} });
  unit.mapOf(OutboxEvent).add(parseRecord(event));
  unit.after(() => support.wakeOutbox());
}

function refuseNested(unit: UnitOfWork, what: string): void {
  if (unit.isNested)
    throw new KeelsonError('MISUSE', { message: `A nested unit of work cannot ${what} by hand: its savepoint ends with its block.` });
}

function parseRows<Row>(rows: unknown): Row[] {
  return rows as Row[];
}

function parseRecord(value: unknown): Record<string, unknown> {
  return value as Record<string, unknown>;
}

function parseClass<R extends Repositories>(repositoryClass: unknown): R[string] {
  return repositoryClass as R[string];
}

function parseUnitClass<R extends Repositories>(contextClass: unknown): new (unit: UnitOfWork) => Unit<R> {
  return contextClass as new (unit: UnitOfWork) => Unit<R>;
}
