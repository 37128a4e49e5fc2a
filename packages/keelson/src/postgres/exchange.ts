/** One statement on its way: what is sent for it, and what comes back. */
import { type Connection as Wire, Query } from 'pg';
import { KeelsonError } from '../errors.ts';
import type { Statement } from '../schema/sql.ts';
import type { StatementEnd } from './watch.ts';

/** A row as PostgreSQL sent it: nobody has parsed anything, mappers do. */
export type Row = (string | null)[];

/** A column of a result; `typeId` is the OID of its type. */
export interface Field {
  readonly name: string;
  readonly typeId: number;
}

/** What a statement gave. */
export interface Result {
  readonly rows: readonly Row[];
  /** What was done: `SELECT`, `UPDATE`, `COMMIT`; the `COMMIT` of a failed transaction answers `ROLLBACK`. */
  readonly tag: string;
  /** How many rows were read or written; 0 where the server says none. */
  readonly rowCount: number;
  readonly fields: readonly Field[];
}

/** A named statement as one connection knows it. */
export interface Prepared {
  readonly text: string;
  /** What its rows look like, once the server has described them. */
  fields: readonly Field[] | undefined;
  /** Why the server may not have it: the failure of the statement that carried its text. */
  failure: unknown;
}

/** Whose statements they are; told how each ended. */
export interface ExchangeOwner {
  readonly prepared: Map<string, Prepared>;
  succeeded(exchange: Exchange): void;
  failed(exchange: Exchange, error: unknown): void;
}

/** PostgreSQL counts parameters in 16 bits. */
const PARAMETERS_MAX = 65_535;

const NO_FIELDS: readonly Field[] = [];

/**
 * A statement in the queue of a `pg` client. It takes the place of `pg`'s own query object, whose work per statement
 * (an event emitter, a copy of the configuration, an object per row, a description per call) costs more than ours in whole.
 */
export class Exchange {
  readonly owner: ExchangeOwner;
  readonly text: string;
  /** Missing for a command by the simple protocol. */
  readonly statement: Statement | undefined;
  readonly promise: Promise<Result>;
  readonly resolve: (result: Result | PromiseLike<Result>) => void;
  /** The rows so far; not called `rows`, which asks the client for a portal that stays open. */
  received: Row[] = [];
  fields: readonly Field[] = NO_FIELDS;
  tag = '';
  rowCount = 0;
  /** False when it certainly never left. */
  sent = false;
  /** The named statement that this one uses. */
  prepared: Prepared | undefined = undefined;
  /** Told how it ended, where somebody measures. */
  end: StatementEnd | undefined = undefined;
  /** Whether this one brought the text of its named statement to the server. */
  parsed = false;
  #refusal: KeelsonError | undefined = undefined;

  constructor(owner: ExchangeOwner, text: string, statement: Statement | undefined) {
    const { promise, resolve } = Promise.withResolvers<Result>();
    this.owner = owner;
    this.text = text;
    this.statement = statement;
    this.promise = promise;
    this.resolve = resolve;
  }

  /** Called by the client when it is this statement's turn to be sent. */
  submit(wire: Wire): null {
    const { statement } = this;
    this.sent = wire.stream.writable;
    if (statement === undefined) {
      wire.query(this.text);
      return null;
    }
    const problem = problemOf(statement, this.owner.prepared);
    if (problem !== undefined) this.#refuse(wire, problem);
    else if (statement.name === undefined) this.#sendUnnamed(wire, statement);
    else this.#sendNamed(wire, statement, statement.name);
    wire.sync();
    return null;
  }

  handleRowDescription(message: { readonly fields: readonly { readonly name: string; readonly dataTypeID: number }[] }): void {
    this.received = [];
    this.fields = message.fields.map((field) => ({ name: field.name, typeId: field.dataTypeID }));
  }

  handleDataRow(message: { readonly fields: Row }): void {
    this.received.push(message.fields);
  }

  handleCommandComplete(message: { readonly text: string }): void {
    const { text } = message;
    const lastSpace = text.lastIndexOf(' ');
    const count = lastSpace === -1 ? Number.NaN : Number(text.slice(lastSpace + 1));
    if (Number.isNaN(count)) {
      this.tag = text;
      this.rowCount = 0;
    } else {
      const firstSpace = text.indexOf(' ');
      this.tag = text.slice(0, firstSpace);
      this.rowCount = count;
    }
  }

  handleReadyForQuery(): void {
    if (this.prepared !== undefined && this.prepared.fields === undefined) this.prepared.fields = this.fields;
    this.owner.succeeded(this);
  }

  handleError(error: unknown): void {
    if (this.parsed && this.prepared !== undefined) this.prepared.failure = error;
    this.owner.failed(this, this.#refusal ?? error);
  }

  handleCopyInResponse(wire: { sendCopyFail(reason: string): void }): void {
    wire.sendCopyFail('COPY from the client is not offered here.');
  }

  handleCopyData(): void {
    // What COPY sends to the client has no reader here.
  }

  handleEmptyQuery(): void {
    this.tag = '';
  }

  handlePortalSuspended(): void {
    // Cannot come: no row limit is ever sent.
  }

  /** What cannot be sent fails on the server as well: a transaction around it must not commit as if nothing had been. */
  #refuse(wire: Wire, problem: string): void {
    this.#refusal = new KeelsonError('MISUSE', { message: problem });
    wire.bind({ statement: 'keelson_refused', values: [] }, true);
  }

  #sendUnnamed(wire: Wire, statement: Statement): void {
    wire.parse({ name: '', text: statement.text, types: [] }, true);
    wire.bind({ values: [...statement.values] }, true);
    wire.describe({ type: 'P' }, true);
    wire.execute(null, true);
  }

  #sendNamed(wire: Wire, statement: Statement, name: string): void {
    let prepared = this.owner.prepared.get(name);
    if (prepared === undefined || prepared.failure !== undefined) {
      if (prepared !== undefined) wire.close({ type: 'S', name }, true);
      prepared = { text: statement.text, fields: undefined, failure: undefined };
      this.owner.prepared.set(name, prepared);
      this.parsed = true;
      wire.parse({ name, text: statement.text, types: [] }, true);
    }
    this.prepared = prepared;
    wire.bind({ statement: name, values: [...statement.values] }, true);
    if (prepared.fields === undefined) wire.describe({ type: 'P' }, true);
    else this.fields = prepared.fields;
    wire.execute(null, true);
  }
}

// In pipeline mode the client takes its own query objects only, because others might keep a portal open
// across round trips; this one does not.
Object.setPrototypeOf(Exchange.prototype, Query.prototype);

function problemOf(statement: Statement, prepared: ReadonlyMap<string, Prepared>): string | undefined {
  const { name, text, values } = statement;
  const known = name === undefined ? undefined : prepared.get(name);
  if (known === undefined && text.includes('\0')) return 'The text of a statement has a NUL character.';
  if (known !== undefined && known.text !== text) return `The name ${name} was used for another statement.`;
  if (values.length > PARAMETERS_MAX) return `A statement has ${values.length} parameters; ${PARAMETERS_MAX} is the most.`;
  for (const value of values) {
    if (typeof value !== 'string' && value !== null && !Buffer.isBuffer(value))
      return `A parameter of a statement is ${typeof value}; encode it first.`;
  }
  return undefined;
}
