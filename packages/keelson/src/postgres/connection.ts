/** One connection to PostgreSQL: statements are queued, sent together and answered in order. */
import { Client, type ClientConfig, DatabaseError } from 'pg';
import { KeelsonError } from '../errors.ts';
import { quoteName, type Statement } from '../schema/sql.ts';
import { Exchange, type ExchangeOwner, type Prepared, type Result } from './exchange.ts';
import { asConnectionFailure, fromDatabase, isConnectionLost, sqlState } from './sqlstate.ts';
import type { Watch } from './watch.ts';

/** Where a connection stands: `I` idle, `T` in a transaction, `E` in one that has failed. */
export type TransactionStatus = 'I' | 'T' | 'E';

/** What the server says of itself as a connection starts: `server_version`, `TimeZone`, … */
export type ServerParameters = ReadonlyMap<string, string>;

/** An idle connection is heard of at least this often, so that nothing on the way forgets it. */
const KEEP_ALIVE_MS = 10_000;

/**
 * A connection. What is asked of it in one turn of the event loop leaves in one packet; nothing waits for an answer before it is sent.
 *
 * Every failure is one of the catalogue. When the connection is lost, every statement under way fails with the first cause.
 */
export class Connection {
  readonly #client: Client;
  readonly #owner: ExchangeOwner;
  readonly #parameters: ServerParameters;
  readonly #closed = Promise.withResolvers<void>();
  /** The statement whose error has come, but not yet the status of the transaction after it. */
  #failing: { readonly exchange: Exchange; readonly error: unknown } | undefined;
  /** The first failure of the transaction that is open: the cause of every one that follows. */
  #firstFailure: unknown;
  #reason: unknown;
  #outdated = false;
  #discarded = false;
  #pending = 0;
  #answered = 0;
  #lastText = '';
  #corked = false;
  #closing: KeelsonError | undefined;
  /** Called once, when the connection is lost or has ended. */
  onEnd: (() => void) | undefined;
  /** Offered what certainly did not run; true when it was taken over, and will be answered by someone else. */
  onNotRun: ((exchange: Exchange) => boolean) | undefined;
  /** Who measures what it does. */
  watch: Watch | undefined;
  /** On whose behalf statements are sent, for those who measure. */
  holder = '';

  private constructor(client: Client, parameters: ServerParameters) {
    this.#client = client;
    this.#parameters = parameters;
    this.#owner = {
      prepared: new Map<string, Prepared>(),
      succeeded: (exchange) => this.#succeeded(exchange),
      failed: (exchange, error) => this.#failed(exchange, error),
    };
    // Without a listener a terminated backend would end the process.
    client.on('error', (error) => this.#lose(error));
    client.on('end', () => {
      this.#lose(closedError());
      this.#closed.resolve();
    });
  }

  /**
   * Connects.
   *
   * @throws DATABASE_CONNECTION_FAILED
   */
  static async open(config: ClientConfig): Promise<Connection> {
    const client = new Client({ pipeline: true, keepAlive: true, keepAliveInitialDelayMillis: KEEP_ALIVE_MS, ...config });
    const parameters = new Map<string, string>();
    client.connection.on('parameterStatus', (message: { readonly parameterName: string; readonly parameterValue: string }) => {
      parameters.set(message.parameterName, message.parameterValue);
    });
    const connection = new Connection(client, parameters);
    try {
      await client.connect();
    } catch (error) {
      connection.destroy();
      throw asConnectionFailure(error);
    }
    return connection;
  }

  /** What the server said of itself. */
  get parameters(): ServerParameters {
    return this.#parameters;
  }

  /** Where the transaction stands after what has been answered so far. */
  get transactionStatus(): TransactionStatus | undefined {
    return this.#client.getTransactionStatus() ?? undefined;
  }

  /** Whether it must not be used again: it is lost or closed, or the server's plans no longer fit. */
  get broken(): boolean {
    return this.#reason !== undefined || this.#outdated || this.#closing !== undefined;
  }

  /** Whether another may have it: it is sound, idle, and nobody said otherwise. */
  get reusable(): boolean {
    return !this.broken && !this.#discarded && this.#pending === 0 && this.transactionStatus === 'I';
  }

  /** Whether the server's plans no longer fit the tables: other connections will find the same. */
  get outdated(): boolean {
    return this.#outdated;
  }

  /** Resolves when it has ended, in whatever way. */
  get ended(): Promise<void> {
    return this.#closed.promise;
  }

  /** Why nothing can be committed any more: the first failure in the open transaction that no savepoint has taken back, or the loss of the connection. */
  get failure(): unknown {
    return this.#reason ?? this.#firstFailure;
  }

  /** How many statements have not been answered. */
  get pending(): number {
    return this.#pending;
  }

  /** How many statements have been answered, or have failed. */
  get answered(): number {
    return this.#answered;
  }

  /** The text of the statement asked for last. */
  get lastStatement(): string {
    return this.#lastText;
  }

  /** The process id of the server's end. */
  get backendId(): number | undefined {
    return parseProcessId(this.#client);
  }

  /**
   * Sends a statement; its place in the pipeline is its place among the calls.
   *
   * @throws CONFLICT, VALIDATION_ERROR, TRANSACTION_CONFLICT, DATABASE_TIMEOUT, DATABASE_CONNECTION_FAILED, DATABASE_ERROR by the SQLSTATE
   */
  query(statement: Statement): Promise<Result> {
    return this.#send(new Exchange(this.#owner, statement.text, statement));
  }

  /**
   * Runs a command by the simple protocol. Danger: only constants of the program; a BEGIN that does not parse would leave what follows in autocommit.
   * Of several commands the last one's result counts.
   */
  command(text: string): Promise<Result> {
    return this.#send(new Exchange(this.#owner, text, undefined));
  }

  /** Hears what is notified on a channel; such a connection is not handed on to others. */
  async listen(channel: string, onNotify: (payload: string) => void): Promise<void> {
    this.#discarded = true;
    this.#client.on('notification', (message) => {
      if (message.channel === channel) onNotify(message.payload ?? '');
    });
    await this.command(`listen ${quoteName(channel)}`);
  }

  /** Says that whoever takes it back must not hand it on: something was set on it that outlives the transaction. */
  discard(): void {
    this.#discarded = true;
  }

  /** Ends it after what is under way. */
  async close(): Promise<void> {
    this.#closing ??= closedError();
    await this.#client.end();
  }

  /** Ends it now; what is under way fails. */
  destroy(reason?: unknown): void {
    this.#lose(reason ?? closedError());
  }

  #send(exchange: Exchange): Promise<Result> {
    this.#pending += 1;
    this.#lastText = exchange.text;
    if (this.watch?.statement !== undefined) exchange.end = this.watch.statement(exchange.text, this.holder);
    const refusal = this.#reason ?? this.#closing;
    if (refusal !== undefined) this.#reject(exchange, refusal);
    else {
      this.#cork();
      this.#client.query(exchange);
    }
    return exchange.promise;
  }

  #cork(): void {
    if (this.#corked) return;
    this.#corked = true;
    this.#client.connection.stream.cork();
    process.nextTick(this.#uncork);
  }

  /** What was asked for in this turn leaves. */
  readonly #uncork = (): void => {
    this.#corked = false;
    this.#client.connection.stream.uncork();
  };

  #succeeded(exchange: Exchange): void {
    if (this.#firstFailure !== undefined && this.transactionStatus !== 'E') this.#firstFailure = undefined;
    this.#pending -= 1;
    this.#answered += 1;
    exchange.end?.(undefined);
    exchange.resolve({ rows: exchange.received, tag: exchange.tag, rowCount: exchange.rowCount, fields: exchange.fields });
  }

  #failed(exchange: Exchange, error: unknown): void {
    if (isConnectionLost(error)) this.#lose(error);
    if (this.#reason !== undefined) {
      this.#reject(exchange, this.#reason);
      return;
    }
    // The status of the transaction comes with the next message; who hears of the failure may ask for it.
    this.#failing = { exchange, error };
    this.#client.connection.once('readyForQuery', () => this.#settleFailing());
  }

  #settleFailing(): void {
    const failing = this.#failing;
    if (failing === undefined) return;
    this.#failing = undefined;
    const error = this.#causeOf(failing.exchange, failing.error);
    this.#firstFailure = this.transactionStatus === 'I' ? undefined : (this.#firstFailure ?? error);
    this.#reject(failing.exchange, error);
  }

  /** The failure to report: not that a statement is unknown, but why its text was refused a moment ago. */
  #causeOf(exchange: Exchange, error: unknown): unknown {
    const state = sqlState(error);
    const earlier = exchange.prepared?.failure;
    if (state === '26000' && earlier !== undefined && !exchange.parsed) return earlier;
    if (state === '26000' || (state === '0A000' && exchange.prepared !== undefined)) {
      this.#outdated = true;
      // Noticed before anything was done.
      exchange.sent = false;
    }
    if (state === '25P02' && this.#firstFailure !== undefined) {
      return new KeelsonError('TRANSACTION_ABORTED', { data: { sqlState: '25P02' }, cause: this.#firstFailure });
    }
    return error;
  }

  #reject(exchange: Exchange, error: unknown): void {
    this.#pending -= 1;
    this.#answered += 1;
    const isTakenOver = !exchange.sent && this.onNotRun?.(exchange) === true;
    exchange.end?.(isTakenOver ? undefined : error);
    if (isTakenOver) return;
    exchange.resolve(fail(exchange, error));
  }

  #lose(error: unknown): void {
    if (this.#reason !== undefined) return;
    this.#reason = error;
    this.#settleFailing();
    this.#client.connection.stream.destroy();
    this.onEnd?.();
  }
}

const turn = Promise.resolve();

/**
 * Rejects two microtasks later: by then the promise that the caller waits for follows this one, so that the error, made here,
 * has in its stack who waits. Only after that a second listener is added, because V8 looks no further where there are two.
 */
async function fail(exchange: Exchange, error: unknown): Promise<never> {
  await turn;
  await turn;
  const failure = error instanceof DatabaseError ? fromDatabase(error) : asConnectionFailure(error);
  // Whoever asked may have heard of the failure through a neighbour and never look here; that must not end the process.
  exchange.promise.catch(ignore);
  throw failure;
}

function ignore(): void {
  // The caller has the same rejection.
}

function closedError(): KeelsonError {
  return new KeelsonError('DATABASE_CONNECTION_FAILED', { message: 'The connection was closed.' });
}

function parseProcessId(client: Client): number | undefined {
  const { processID } = client as unknown as { readonly processID: number | null };
  return processID ?? undefined;
}
