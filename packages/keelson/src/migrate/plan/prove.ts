/** Proves revisions: runs them up, down and up on a copy with rows, and compares what the catalogs and the rows say each time. */
import type { DatabaseError } from 'pg';
import { isKeelsonError, KeelsonError } from '../../errors.ts';
import type { Connection } from '../../postgres/connection.ts';
import { databaseError } from '../failure.ts';
import { nameOf } from '../reference.ts';
import type { Revision } from '../revision.ts';
import { Migrator } from '../runner.ts';
import { compareRows } from './rows-compare.ts';
import { readRows, type Rows } from './rows.ts';
import { seedRows } from './seed.ts';
import type { Shadow } from './shadow.ts';
import { differences, readSnapshot, type Snapshot, withoutColumnOrder } from './snapshot.ts';
import { touchedTables } from './touched.ts';

/** What is to be proved. */
export interface ProofRequest {
  /** The revisions before, replayed; it is cloned, never changed. */
  readonly base: Shadow;
  /** What its catalogs say, where that is known already. */
  readonly baseSnapshot?: Snapshot | undefined;
  /** What the catalogs must say after `up`. */
  readonly target: Snapshot;
  /** All before. */
  readonly revisions: readonly Revision[];
  /** The new ones. */
  readonly proposed: readonly Revision[];
  readonly namespace: string;
  /** Fills the tables instead of `seedRows`. */
  readonly rows?: ((connection: Connection) => Promise<void>) | undefined;
  /** Whether values may change without a word: for revisions that a person wrote. Default false. */
  readonly dataMayChange?: boolean | undefined;
}

/** What the proof found beside that it holds. */
export interface Proof {
  /** What data did not survive, or could not be tried, in sentences. */
  readonly losses: readonly string[];
}

/** How many tables are left empty one by one before all are. */
const EMPTIED_MAX = 4;
const SHOWN_MAX = 5;

/**
 * Proves that revisions bring the catalogs to the target and back, with rows in the tables that survive both ways. The migrator itself runs them.
 *
 * When made-up rows are in the way of what is sound by itself (a text that becomes a number, a check that is new), it is tried again with rows
 * that fit both sides, and, where that fails too, without rows in the table that is in the way; the losses say so.
 *
 * @throws MIGRATION_NOT_PROVED with the first differences, or the statement that failed
 */
export async function prove(request: ProofRequest): Promise<Proof> {
  const { rows, target } = request;
  if (rows !== undefined) return proveWith(request, rows);
  /** What was in the way, by the table where it is known. */
  const blamed = new Map<string, string>();
  const except = new Set<string>();
  let trial: Trial = { rowsPerTable: undefined, towards: undefined };
  // bounded by: each round goes a step further, and the last has no rows
  for (;;) {
    const { rowsPerTable, towards } = trial;
    try {
      const { losses, empty } = await attempt(request, (connection, only) => seedRows(connection, { rowsPerTable, towards, except, only }));
      const untried = [...blamed].filter(([place]) => place === '' || empty.has(place));
      return {
        losses: [
          ...losses,
          ...untried.map(([place, said]) => `${place === '' ? '' : `table ${place}: `}the proof ran without rows in it: ${said}`),
        ],
      };
    } catch (error) {
      if (!(error instanceof RowsInTheWay)) throw error;
      // What cannot be read as its new type though it was made up for it never will be.
      if (rowsPerTable === 0 || (towards !== undefined && error.isValue)) throw error.failure;
      if (error.place !== undefined) blamed.set(error.place, error.said);
      if (towards === undefined) trial = { rowsPerTable: undefined, towards: target };
      else if (rowsPerTable === undefined) trial = { rowsPerTable: 1, towards: target };
      else if (error.place !== undefined && !except.has(error.place) && except.size < EMPTIED_MAX) except.add(error.place);
      else {
        trial = { rowsPerTable: 0, towards: target };
        blamed.set('', error.said);
      }
    }
  }
}

/** With the rows that were given nothing else can be tried. */
async function proveWith(request: ProofRequest, rows: (connection: Connection) => Promise<void>): Promise<Proof> {
  try {
    const { losses } = await attempt(request, rows);
    return { losses };
  } catch (error) {
    throw error instanceof RowsInTheWay ? error.failure : error;
  }
}

interface Attempt extends Proof {
  /** The tables that had no rows. */
  readonly empty: ReadonlySet<string>;
}

interface Trial {
  readonly rowsPerTable: number | undefined;
  readonly towards: Snapshot | undefined;
}

/** A statement that failed because of what the rows hold. */
class RowsInTheWay {
  readonly failure: KeelsonError;
  /** The table, where the server says which. */
  readonly place: string | undefined;
  readonly said: string;

  /** Whether a value itself could not be read. */
  readonly isValue: boolean;

  constructor(failure: KeelsonError, { schema, table, message, code }: DatabaseError, sql: string) {
    this.isValue = code?.startsWith('22') === true;
    this.failure = failure;
    this.said = message;
    const named = /^alter\s+table\s+(?:if\s+exists\s+)?(?:only\s+)?((?:"(?:[^"]|"")*"|[\w$.])+)/iu.exec(sql)?.[1];
    this.place = schema !== undefined && table !== undefined ? `${quoted(schema)}.${quoted(table)}` : named;
  }
}

/** Puts rows in; into the tables that the revisions touch, where it is known which these are. */
type Fill = (connection: Connection, only: ReadonlySet<string> | undefined) => Promise<void>;

async function attempt(request: ProofRequest, fill: Fill): Promise<Attempt> {
  const shadow = await request.base.clone();
  try {
    const connection = await shadow.connect();
    const run = new Run(request, connection);
    return await run.all(fill);
  } finally {
    await shadow.drop();
  }
}

/** One go: up, down, up. */
class Run {
  readonly #request: ProofRequest;
  readonly #connection: Connection;
  readonly #migrator: Migrator;

  constructor(request: ProofRequest, connection: Connection) {
    const { revisions, proposed, namespace } = request;
    this.#request = request;
    this.#connection = connection;
    this.#migrator = new Migrator({ connection, revisions: [...revisions, ...proposed], namespace });
  }

  async all(fill: Fill): Promise<Attempt> {
    const { proposed, target } = this.#request;
    const base = this.#request.baseSnapshot ?? (await readSnapshot(this.#connection));
    await fill(this.#connection, await this.#touched(base));
    const before = await readRows(this.#connection);
    const empty = new Set([...before.values()].filter(({ rows }) => rows.length === 0).map(({ name }) => name));
    await this.#migrate('up', before);
    await this.#compare('after up', target);
    const { losses } = await this.#compareRows('after up', before);
    if (proposed.some((revision) => revision.irreversible)) return { losses, empty };
    await this.#migrate('down', before);
    await this.#compare('after down', base);
    await this.#compareRows('after down', before, losses.length > 0);
    await this.#migrate('up again', before);
    await this.#compare('after up again', target);
    return { losses, empty };
  }

  /** In other tables rows would only lie about: nothing that is run can reach them. */
  #touched(base: Snapshot): Promise<ReadonlySet<string> | undefined> {
    const { proposed, target } = this.#request;
    if (proposed.some((revision) => revision.code !== undefined)) return Promise.resolve(undefined);
    const changed = [...new Set([...base.keys(), ...target.keys()])].filter((key) => base.get(key) !== target.get(key));
    return touchedTables(this.#connection, { texts: proposed.flatMap(({ up, down }) => [...up, ...down]), changed });
  }

  async #migrate(what: 'up' | 'down' | 'up again', before: Rows): Promise<void> {
    const { proposed } = this.#request;
    try {
      await (what === 'down' ? this.#migrator.down({ to: proposed.length }) : this.#migrator.up());
    } catch (error) {
      throw this.#failed(what, error, before);
    }
  }

  #failed(what: string, error: unknown, before: Rows): unknown {
    if (!isKeelsonError(error, 'MIGRATION_FAILED')) return error;
    const found = databaseError(error.cause);
    const sql = typeof error.data?.['sql'] === 'string' ? error.data['sql'] : '';
    const failure = this.#notProved(`${what} fails: ${error.message}`, hintFor(found) ?? error.hint, error);
    if (found === undefined || !isAboutRows(found, before)) return failure;
    return new RowsInTheWay(failure, found, sql);
  }

  async #compare(when: string, expected: Snapshot): Promise<void> {
    const found = differences(withoutColumnOrder(await readSnapshot(this.#connection)), withoutColumnOrder(expected));
    if (found.length > 0)
      throw this.#notProved(`${when}: ${listed(found)}`, 'Correct the revision, or the tables, so that both say the same.');
  }

  async #compareRows(when: string, before: Rows, lossesAreKnown = false): Promise<{ readonly losses: readonly string[] }> {
    const { losses, faults } = compareRows(before, await readRows(this.#connection));
    const wrong = this.#request.dataMayChange === true || lossesAreKnown ? faults.filter((fault) => fault.includes('its counter')) : faults;
    if (wrong.length > 0)
      throw this.#notProved(`${when}, with rows in the tables: ${listed(wrong)}`, 'See that the revision keeps what is in the tables.');
    return { losses };
  }

  #notProved(what: string, hint: string, cause?: unknown): KeelsonError {
    const names = this.#request.proposed.map(nameOf).join(', ');
    return new KeelsonError('MIGRATION_NOT_PROVED', { message: `${names} is not proved: ${what.replace(/\.$/u, '')}.`, hint, cause });
  }
}

/** Whether other rows would have passed: not where a column is added that no row can have. */
function isAboutRows(found: DatabaseError, before: Rows): boolean {
  const state = found.code ?? '';
  if (state === NOT_NULL && isNew(found, before)) return false;
  return state.startsWith('22') || state.startsWith('23') || state === RAISED;
}

const NOT_NULL = '23502';
const NO_MEMORY = '53200';
const RAISED = 'P0001';

function isNew({ schema, table, column }: DatabaseError, before: Rows): boolean {
  const place = `${quoted(schema ?? '')}.${quoted(table ?? '')}`;
  const known = [...before.values()].find(({ name }) => name === place);
  return !(known?.columns.some(({ name }) => name === column) ?? false);
}

function hintFor(found: DatabaseError | undefined): string | undefined {
  if (found?.code?.startsWith('22') === true)
    return 'Values cannot be read as the new type: write the `using` of the change by hand, into a revision of its own.';
  if (found?.code === NO_MEMORY)
    return 'One transaction may hold so many locks only: raise max_locks_per_transaction of the server, or put a line `-- commit` between.';
  if (found?.code !== NOT_NULL) return undefined;
  const name = found.column ?? 'it';
  return `Rows that are there have no value for ${name}: give the column a default, or add it nullable, fill it, and make it not null in a later revision.`;
}

function listed(sentences: readonly string[]): string {
  const more = sentences.length - SHOWN_MAX;
  return [...sentences.slice(0, SHOWN_MAX), ...(more > 0 ? [`and ${more} more`] : [])].join('; ');
}

/** As `quote_ident` writes it, but for words that are reserved. */
function quoted(name: string): string {
  return /^[a-z_][a-z0-9_$]*$/u.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}
