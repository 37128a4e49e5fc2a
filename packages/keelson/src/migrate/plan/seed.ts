/** Puts a few rows into every table, so that what is tried out is tried out on data. */
import { databaseError } from '../failure.ts';
import type { Connection } from '../../postgres/connection.ts';
import { quoteName } from '../../schema/sql.ts';
import {
  inFillingOrder,
  isRequired,
  listSeedTables,
  type SeedReference,
  type SeedRule,
  type SeedTable,
  withReferenced,
} from './seed-tables.ts';
import { Towards } from './seed-towards.ts';
import { valuesOf } from './seed-values.ts';
import type { Snapshot } from './snapshot.ts';

/** How much is put in. */
export interface SeedOptions {
  /** 3 unless said otherwise. */
  readonly rowsPerTable?: number | undefined;
  /** What the tables will become: values are chosen that fit both. */
  readonly towards?: Snapshot | undefined;
  /** Tables that stay empty, by their names with their schemas. */
  readonly except?: ReadonlySet<string> | undefined;
  /** The tables to fill, with those that they refer to; all unless said otherwise. */
  readonly only?: ReadonlySet<string> | undefined;
}

const ROWS_PER_TABLE = 3;
/** How often a row is put together anew before it is given up. */
const ATTEMPTS_MAX = 24;
/** How many rows of another table are known to point to. */
const KNOWN_MAX = 10;
/** Of one statement. */
const PARAMETERS_MAX = 10_000;

/**
 * Fills the tables as well as it can, those that others point to first; one that cannot be filled stays empty.
 * Inside a transaction each row is put in under a savepoint.
 */
export async function seedRows(connection: Connection, options: SeedOptions = {}): Promise<void> {
  const towards = new Towards(options.towards);
  const listed = await listSeedTables(connection);
  const tables = (options.only === undefined ? listed : withReferenced(listed, options.only)).map((table) => towards.extend(table));
  /** What was read of tables since they got rows. */
  const read: KnownRows = new Map();
  for (const table of inFillingOrder(tables)) {
    if (options.except?.has(table.place)) continue;
    const filler = new Filler(connection, table, towards, read);
    await filler.fill(options.rowsPerTable ?? ROWS_PER_TABLE);
    read.delete(table.place);
  }
}

/** A value, or undefined where the column is left to its default. */
type Row = ReadonlyMap<string, string | null>;

type Known = readonly (readonly (string | null)[])[];

/** Rows that can be pointed to, by their table and by what is asked for them. */
type KnownRows = Map<string, Map<string, Promise<Known>>>;

class Filler {
  readonly #connection: Connection;
  readonly #table: SeedTable;
  readonly #values = new Map<string, readonly string[]>();
  readonly #known = new Map<SeedReference, Known>();
  readonly #read: KnownRows;
  /** How far each column, and each reference, has moved on in what it can choose from. */
  readonly #offsets = new Map<string, number>();
  /** The checks that are yet to come. */
  #future: readonly SeedRule[];
  #onlyRequired = false;

  constructor(connection: Connection, table: SeedTable, towards: Towards, read: KnownRows) {
    this.#connection = connection;
    this.#read = read;
    this.#table = table;
    this.#future = table.rules.filter((rule) => rule.kind === 'f');
    for (const column of table.columns) {
      const rules = table.rules.filter((rule) => rule.columns.includes(column.name));
      this.#values.set(column.name, valuesOf(towards.narrow(table, column), rules, towards.valuesFor(table, column)));
    }
  }

  async fill(rowsMax: number): Promise<void> {
    const { references, place } = this.#table;
    const known = await Promise.all(references.map((reference) => this.#rowsOf(reference)));
    for (const [index, reference] of references.entries()) this.#known.set(reference, known[index] ?? []);
    const pointsToItself = references.some((reference) => reference.place === place);
    if (!pointsToItself && rowsMax > 1 && this.#future.length === 0 && (await this.#addAll(rowsMax))) return;
    for (let at = 0; at < rowsMax; at += 1) {
      if (!(await this.#add(at))) return;
      // What was just put in can be pointed to from the same table.
      for (const reference of this.#table.references) {
        if (reference.place === this.#table.place) this.#known.set(reference, await this.#rowsOf(reference));
      }
    }
  }

  #rowsOf(reference: SeedReference): Promise<Known> {
    const names = reference.targets.map((name) => `${quoteName(name)}::text`).join(', ');
    const text = `select ${names} from ${reference.place} limit ${KNOWN_MAX}`;
    const ofTable = this.#read.get(reference.place) ?? new Map<string, Promise<Known>>();
    this.#read.set(reference.place, ofTable);
    const rows = ofTable.get(text) ?? this.#connection.query({ text, name: undefined, values: [] }).then((result) => result.rows);
    if (reference.place !== this.#table.place) ofTable.set(text, rows);
    return rows;
  }

  /** All rows in one statement, which mostly goes well; otherwise none is there, and they are tried one by one. */
  async #addAll(rowsMax: number): Promise<boolean> {
    const rows = Array.from({ length: rowsMax }, (_, at) => this.#row(at));
    const columns = [...(rows[0]?.keys() ?? [])];
    if (columns.length === 0 || columns.length * rowsMax > PARAMETERS_MAX) return false;
    const inside = this.#connection.transactionStatus === 'T';
    if (inside) await this.#connection.command('savepoint keelson_seed');
    const tuples = rows.map((_, at) => `(${columns.map((__, index) => `$${at * columns.length + index + 1}`).join(', ')})`);
    const text = `insert into ${this.#table.place} (${columns.map(quoteName).join(', ')}) values ${tuples.join(', ')}`;
    try {
      await this.#connection.query({ text, name: undefined, values: rows.flatMap((row) => columns.map((name) => row.get(name) ?? null)) });
      return true;
    } catch (error) {
      if (this.#connection.broken) throw error;
      if (inside) await this.#connection.command('rollback to savepoint keelson_seed');
      return false;
    } finally {
      if (inside && !this.#connection.broken) await this.#connection.command('release savepoint keelson_seed');
    }
  }

  async #add(at: number): Promise<boolean> {
    this.#onlyRequired = false;
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
      const failure = await this.#try(this.#row(at));
      if (failure === undefined) return true;
      if (this.#moveOn(failure.constraint)) continue;
      if (this.#onlyRequired) return false;
      this.#onlyRequired = true;
    }
    return false;
  }

  #row(at: number): Row {
    const row = new Map<string, string | null>();
    for (const column of this.#table.columns) {
      if (this.#onlyRequired && (!column.required || column.hasDefault)) continue;
      const values = this.#values.get(column.name) ?? [];
      row.set(column.name, values[(at + this.#offset(column.name)) % values.length] ?? null);
    }
    for (const reference of this.#table.references) this.#point(row, reference, at);
    return row;
  }

  /** Points to a row that is there; to nothing where that is allowed; else to itself. */
  #point(row: Map<string, string | null>, reference: SeedReference, at: number): void {
    const known = this.#known.get(reference) ?? [];
    const chosen = known[(at + this.#offset(reference.name)) % Math.max(known.length, 1)];
    const isNeeded = isRequired(this.#table, reference);
    for (const [index, name] of reference.columns.entries()) {
      const own = isNeeded ? (row.get(reference.targets[index] ?? '') ?? null) : null;
      row.set(name, chosen === undefined ? own : (chosen[index] ?? null));
    }
  }

  /** Chooses other values for the columns of the rule that was broken; false when it is not known, or nothing is left to choose. */
  #moveOn(constraint: string | undefined): boolean {
    const { rules, references } = this.#table;
    const broken = references.find((reference) => reference.name === constraint);
    if (broken !== undefined) return this.#advance([broken.name]);
    const rule =
      rules.find(({ name }) => constraint !== undefined && (name === constraint || name.endsWith(`.${constraint}`))) ??
      rules.find(({ kind }) => constraint === undefined && kind === 'p');
    if (rule === undefined) return false;
    const wheels = rule.columns.map((column) => references.find((reference) => reference.columns.includes(column))?.name ?? column);
    return this.#advance([...new Set(wheels)]);
  }

  /** Like the wheels of a counter: when one has gone round, the next one moves. */
  #advance(wheels: readonly string[]): boolean {
    for (const wheel of wheels) {
      const reference = this.#table.references.find(({ name }) => name === wheel);
      const size = (reference === undefined ? this.#values.get(wheel) : this.#known.get(reference))?.length ?? 0;
      const next = this.#offset(wheel) + 1;
      this.#offsets.set(wheel, next);
      if (size > 0 && next % size !== 0) return true;
    }
    return wheels.length > 1;
  }

  #offset(wheel: string): number {
    return this.#offsets.get(wheel) ?? 0;
  }

  /** Puts a row in; gives what was in the way. */
  async #try(row: Row): Promise<Refusal | undefined> {
    const inside = this.#connection.transactionStatus === 'T';
    if (inside) await this.#connection.command('savepoint keelson_seed');
    try {
      return await this.#insert(row);
    } catch (error) {
      if (this.#connection.broken) throw error;
      if (inside) await this.#connection.command('rollback to savepoint keelson_seed');
      const found = databaseError(error);
      // A check that is yet to come may be about a type that is yet to come.
      if (found?.code?.startsWith('42') === true) this.#future = [];
      return { constraint: found?.constraint };
    } finally {
      if (inside && !this.#connection.broken) await this.#connection.command('release savepoint keelson_seed');
    }
  }

  async #insert(row: Row): Promise<Refusal | undefined> {
    const { place } = this.#table;
    const names = [...row.keys()].map(quoteName).join(', ');
    const places = [...row.keys()].map((_, index) => `$${index + 1}`).join(', ');
    const what = row.size === 0 ? 'default values' : `(${names}) values (${places})`;
    const checks = this.#future.map((rule) => `, (${rule.text} is not false)::text`).join('');
    const returning = checks === '' ? '' : ` returning tableoid::text, ctid::text${checks}`;
    const { rows } = await this.#connection.query({
      text: `insert into ${place} ${what}${returning}`,
      name: undefined,
      values: [...row.values()],
    });
    const [table, id, ...passed] = rows[0] ?? [];
    const broken = this.#future[passed.indexOf('false')];
    if (broken === undefined) return undefined;
    await this.#connection.query({
      text: `delete from ${place} where tableoid = $1::oid and ctid = $2::tid`,
      name: undefined,
      values: [table ?? null, id ?? null],
    });
    return { constraint: broken.name };
  }
}

/** The rule that a row breaks, where it has a name. */
interface Refusal {
  readonly constraint: string | undefined;
}
