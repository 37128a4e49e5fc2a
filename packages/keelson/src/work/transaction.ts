/** One transaction on one connection: nothing is taken or sent before the first statement, and COMMIT leaves with the last. */
import { KeelsonError, isKeelsonError } from '../errors.ts';
import type { Connection } from '../postgres/connection.ts';
import type { Result } from '../postgres/exchange.ts';
import { fromDatabase, isConnectionLost } from '../postgres/sqlstate.ts';
import type { Statement } from '../schema/sql.ts';

/** Where connections come from and go back to. */
export interface ConnectionSource {
  /** An idle connection, at once, when there is one. */
  tryAcquire(holder: string): Connection | undefined;
  acquire(holder: string): Promise<Connection>;
  release(connection: Connection): void;
  /** Runs a statement that is a transaction of its own. */
  runAlone(statement: Statement, holder: string): Promise<Result>;
}

/** The words with which a transaction begins and ends; constants only, since a BEGIN that fails to parse would be dangerous. */
export interface Boundary {
  readonly begin: string;
  readonly commit: string;
  readonly rollback: string;
  /** The tag that says that it is kept; a failed transaction answers another. */
  readonly committedTag: string;
  /** Whether a lone statement may go without the words around it. */
  readonly mayAutocommit: boolean;
  /** Whether the connection is still inside a transaction when this one has ended. */
  readonly isInner: boolean;
}

/** The words of a transaction of its own; `settings` are transaction-local settings as SQL. */
export function ownTransaction(mode: string, settings: string): Boundary {
  const begin = `begin${mode}${settings}`;
  return { begin, commit: 'commit', rollback: 'rollback', committedTag: 'COMMIT', mayAutocommit: begin === 'begin', isInner: false };
}

/**
 * The words of a transaction that lives inside another one, for tests that are rolled back. What is set in a savepoint would stay
 * with the outer transaction when it is released, so `cleared` takes the settings back before.
 */
export function innerTransaction(settings: string, cleared = ''): Boundary {
  return {
    begin: `savepoint keelson_unit${settings}`,
    commit: `${cleared === '' ? '' : `${cleared.replace(/^; /u, '')}; `}release savepoint keelson_unit`,
    rollback: 'rollback to savepoint keelson_unit; release savepoint keelson_unit',
    committedTag: 'RELEASE',
    mayAutocommit: false,
    isInner: true,
  };
}

/** A transaction that opens itself. */
export class Transaction {
  readonly #source: ConnectionSource;
  readonly #boundary: Boundary;
  readonly #holder: string;
  #connection: Connection | undefined;
  #opening: Promise<Connection> | undefined;
  /** Commands that go out in front of the next statement. */
  #waiting: string[];
  #wasUsed = false;

  constructor(source: ConnectionSource, boundary: Boundary, holder: string) {
    this.#source = source;
    this.#boundary = boundary;
    this.#holder = holder;
    this.#waiting = [boundary.begin];
  }

  /** Whether it ever took a connection. */
  get wasUsed(): boolean {
    return this.#wasUsed;
  }

  /** The first failure that no savepoint has taken back. */
  get failure(): unknown {
    return this.#connection?.failure;
  }

  /** Sends a statement; what is sent in one turn of the event loop leaves together. */
  send(statement: Statement): Promise<Result> {
    const connection = this.#connection ?? this.#takeIdle();
    if (connection === undefined) return this.#open().then((opened) => this.#ready(opened).query(statement));
    return this.#ready(connection).query(statement);
  }

  /** Marks a point to come back to; it is sent in front of the next statement. */
  savepoint(name: string): void {
    this.#waiting.push(`savepoint ${name}`);
  }

  /** Gives up a savepoint and keeps what came after it. */
  releaseSavepoint(name: string): void {
    if (this.#waiting.at(-1) === `savepoint ${name}`) this.#waiting.pop();
    else this.#waiting.push(`release savepoint ${name}`);
  }

  /** Takes back what came after a savepoint, a failure included. */
  async rollbackToSavepoint(name: string): Promise<void> {
    const position = this.#waiting.indexOf(`savepoint ${name}`);
    if (position !== -1) {
      this.#waiting.splice(position);
      return;
    }
    this.#waiting = [];
    const connection = this.#connection ?? (await this.#opening);
    await connection?.command(`rollback to savepoint ${name}; release savepoint ${name}`);
  }

  /**
   * Sends the last statements and COMMIT in one packet; gives the results of the statements.
   *
   * @throws TRANSACTION_ABORTED when a statement had failed before and its error was swallowed
   * @throws COMMIT_UNKNOWN when the connection broke while committing
   */
  async commit(statements: readonly Statement[]): Promise<Result[]> {
    if (this.#connection === undefined && this.#opening === undefined) {
      const [only] = statements;
      if (only === undefined) return [];
      if (statements.length === 1 && this.#boundary.mayAutocommit) return [await this.#autocommit(only)];
    }
    if (this.failure !== undefined) throw await this.#refuse(this.failure);
    const connection = this.#connection ?? this.#takeIdle() ?? (await this.#open());
    this.#ready(connection);
    const sent = statements.map((statement) => connection.query(statement));
    const ended = connection.command(this.#boundary.commit);
    try {
      const { tag } = await ended;
      if (tag !== this.#boundary.committedTag) throw new KeelsonError('TRANSACTION_ABORTED');
      return await Promise.all(sent);
    } catch (error) {
      throw await this.#commitFailed(connection, error, sent);
    } finally {
      this.#giveBack();
    }
  }

  /** Takes everything back, and gives the connection back. */
  async rollback(): Promise<void> {
    const connection = this.#connection ?? (await this.#opening?.catch(() => undefined));
    const hasBegun = !this.#waiting.includes(this.#boundary.begin);
    try {
      if (connection !== undefined && hasBegun && !connection.broken) await connection.command(this.#boundary.rollback);
    } catch {
      // The connection is lost, and with it the transaction: it is rolled back by that.
    } finally {
      this.#giveBack();
    }
  }

  #takeIdle(): Connection | undefined {
    if (this.#opening !== undefined) return undefined;
    this.#connection = this.#source.tryAcquire(this.#holder);
    return this.#connection;
  }

  #open(): Promise<Connection> {
    this.#opening ??= this.#source.acquire(this.#holder).then((connection) => {
      this.#connection = connection;
      return connection;
    });
    return this.#opening;
  }

  #ready(connection: Connection): Connection {
    if (this.#waiting.length > 0) {
      for (const command of this.#waiting) void connection.command(command);
      this.#waiting = [];
    }
    return connection;
  }

  /** A statement had failed and its error was swallowed: whoever goes on as if nothing had happened hears of it here. */
  async #refuse(cause: unknown): Promise<unknown> {
    await this.rollback();
    if (isConnectionLost(cause)) return fromDatabase(cause);
    if (isKeelsonError(cause, 'TRANSACTION_ABORTED')) return cause;
    return new KeelsonError('TRANSACTION_ABORTED', { cause: fromDatabase(cause) });
  }

  async #autocommit(statement: Statement): Promise<Result> {
    this.#wasUsed = true;
    try {
      return await this.#source.runAlone(statement, this.#holder);
    } catch (error) {
      throw isConnectionLost(error) ? new KeelsonError('COMMIT_UNKNOWN', { cause: error }) : error;
    }
  }

  /** Why a commit failed: by the first of its statements that did, else by what COMMIT itself answered. */
  async #commitFailed(connection: Connection, error: unknown, sent: readonly Promise<Result>[]): Promise<unknown> {
    const failed = (await Promise.allSettled(sent)).find((outcome) => outcome.status === 'rejected');
    // A savepoint, unlike a transaction, is still there after the words that end it have failed.
    if (this.#boundary.isInner && !connection.broken) await connection.command(this.#boundary.rollback);
    if (failed !== undefined && !isConnectionLost(failed.reason)) return failed.reason;
    return isConnectionLost(error) ? new KeelsonError('COMMIT_UNKNOWN', { cause: error }) : error;
  }

  #giveBack(): void {
    const connection = this.#connection;
    this.#wasUsed ||= connection !== undefined;
    this.#connection = undefined;
    this.#opening = undefined;
    this.#waiting = [this.#boundary.begin];
    if (connection !== undefined) this.#source.release(connection);
  }
}
