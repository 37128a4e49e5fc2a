/** SQL written as SQL: the tagged template, and how it becomes a named statement with parameters. */
import { KeelsonError } from '../errors.ts';
import { encode, type Encoded } from './encode.ts';

/** A statement as the driver sends it: text, parameters, and the name under which the server keeps its plan. */
export interface Statement {
  readonly text: string;
  readonly name: string | undefined;
  readonly values: readonly Encoded[];
}

/** Marks what stands in SQL by its name (a table, a column) instead of as a parameter. */
export const asSql: unique symbol = Symbol('keelson.asSql');

/** Something with a name in SQL; the namespace is the PostgreSQL schema of the app. */
export interface Named {
  [asSql](namespace: string): string;
}

/** A piece of SQL with its parameters; pieces nest. `Row` is what one of its rows looks like, by the writer's word. */
export class Sql<Row = unknown> {
  declare readonly row: Row;
  readonly strings: readonly string[];
  readonly values: readonly unknown[];

  constructor(strings: readonly string[], values: readonly unknown[]) {
    this.strings = strings;
    this.values = values;
  }
}

/** How many texts keep a name on the server; what comes after runs unnamed, so that no server fills with plans. */
const NAMED_STATEMENTS_MAX = 2_000;

let names = 0;

/**
 * Writes SQL. Values become parameters; tables, columns and other pieces of SQL stand as themselves.
 *
 * @example
 * import { sql } from 'keelson/schema';
 * const young = sql<{ id: string }>`select id from people where age < ${18}`;
 */
export function sql<Row = Record<string, unknown>>(strings: TemplateStringsArray, ...values: readonly unknown[]): Sql<Row> {
  return new Sql(strings, values);
}

/** A name, quoted. */
sql.identifier = (name: string): Sql => new Sql([quoteName(name)], []);

/** Danger: text taken as it is. Only for constants of the program, never for anything that came from outside. */
sql.raw = (text: string): Sql => new Sql([text], []);

/** Pieces or values one after another, with a comma between unless told otherwise. */
sql.join = (items: readonly unknown[], separator = ', '): Sql => {
  if (items.length === 0) throw new KeelsonError('MISUSE', { message: 'sql.join() was given nothing to join.' });
  return new Sql(['', ...items.slice(1).map(() => separator), ''], items);
};

/** A name in double quotes, safe in any statement. */
export function quoteName(name: string): string {
  if (name.includes('\0')) throw new KeelsonError('MISUSE', { message: 'A name in SQL may not contain a NUL character.' });
  return `"${name.replaceAll('"', '""')}"`;
}

/** A text in single quotes, for DDL, where parameters cannot stand. */
export function quoteText(text: string): string {
  if (text.includes('\0')) throw new KeelsonError('MISUSE', { message: 'A text in SQL may not contain a NUL character.' });
  const quoted = `'${text.replaceAll("'", "''")}'`;
  return text.includes('\\') ? `E${quoted.replaceAll('\\', '\\\\')}` : quoted;
}

function isNamed(value: unknown): value is Named {
  return value !== null && (typeof value === 'object' || typeof value === 'function') && asSql in value;
}

/** Makes statements out of SQL for one namespace, and remembers the name of each text. */
export class Statements {
  readonly namespace: string;
  readonly #named: boolean;
  readonly #byCallSite = new WeakMap<readonly string[], { readonly text: string; readonly name: string | undefined }>();
  readonly #byText = new Map<string, string>();

  /** With `named: false` every statement goes unnamed: behind a transaction pooler names do not last. */
  constructor(namespace: string, options: { readonly named?: boolean } = {}) {
    this.namespace = namespace;
    this.#named = options.named ?? true;
  }

  /** The statement for a piece of SQL; a call site whose values are all parameters is put together once. */
  compile(piece: Sql): Statement {
    if (piece.values.some((value) => value instanceof Sql || isNamed(value))) return this.#compose(piece);
    let known = this.#byCallSite.get(piece.strings);
    if (known === undefined) {
      const text = numbered(piece.strings);
      known = { text, name: this.name(text) };
      this.#byCallSite.set(piece.strings, known);
    }
    return { text: known.text, name: known.name, values: piece.values.map(encode) };
  }

  /** The name under which the server keeps the plan of a text, the same for every connection of the process. */
  name(text: string): string | undefined {
    if (!this.#named) return undefined;
    const known = this.#byText.get(text);
    if (known !== undefined || this.#byText.size >= NAMED_STATEMENTS_MAX) return known;
    names += 1;
    const name = `keelson_${names}`;
    this.#byText.set(text, name);
    return name;
  }

  #compose(piece: Sql): Statement {
    const values: Encoded[] = [];
    const text = render(piece, this.namespace, (value) => `$${values.push(encode(value))}`);
    return { text, name: this.name(text), values };
  }
}

/** A piece of SQL without parameters as text, for DDL: values stand in it as literals. */
export function toText(piece: Sql, namespace: string): string {
  return render(piece, namespace, literal);
}

function numbered(strings: readonly string[]): string {
  return strings.reduce((text, string, index) => `${text}$${index}${string}`);
}

function render(piece: Sql, namespace: string, parameter: (value: unknown) => string): string {
  let text = piece.strings[0] ?? '';
  for (const [index, value] of piece.values.entries()) {
    if (value instanceof Sql) text += render(value, namespace, parameter);
    else text += isNamed(value) ? value[asSql](namespace) : parameter(value);
    text += piece.strings[index + 1] ?? '';
  }
  return text;
}

/** A value as it stands in DDL. */
export function literal(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  if (typeof value === 'number' && Number.isFinite(value)) return value < 0 ? `(${value})` : String(value);
  const encoded = encode(value);
  if (typeof encoded === 'string') return quoteText(encoded);
  throw new KeelsonError('MISUSE', { message: `A ${typeof value} cannot stand as a literal in SQL.` });
}
