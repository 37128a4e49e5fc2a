/** Columns: their SQL type, what they carry in TypeScript, and whether a new row must name them. */
import { KeelsonError } from '../errors.ts';
import type { Named, Sql } from './sql.ts';

/** What a column carries, for the type checker only; read lazily, so that tables may refer to each other in a circle. */
export declare const out: unique symbol;
/** Whether a new row must name the column, for the type checker only. */
export declare const need: unique symbol;
/** Marks the primary key, for the type checker only. */
export declare const isKey: unique symbol;
/** The columns of a table, for the type checker only. */
export declare const columnsOf: unique symbol;

/** `required`: a new row names it; `optional`: it may; `generated`: the database makes it, nobody writes it. */
export type Need = 'required' | 'optional' | 'generated';

/** How a value travels: what the mappers do to PostgreSQL's text and back. */
export type Kind = 'text' | 'integer' | 'bigint' | 'float' | 'boolean' | 'time' | 'json' | 'bytes';

/** An enumerated type of the app's namespace. */
export interface EnumType extends Named {
  readonly enumName: string;
  readonly values: readonly string[];
}

/** What a foreign key does when the row it points to is deleted or its key changes. */
export type ReferentialAction = 'restrict' | 'cascade' | 'set null' | 'set default' | 'no action';

/** When a constraint that can be deferred is checked, where the transaction does not say: at its end, or after each statement. */
export type Deferrable = 'initially deferred' | 'initially immediate';

/** What a column says of itself at run time. */
export interface ColumnTraits {
  readonly sqlType: string;
  readonly kind: Kind;
  readonly isArray: boolean;
  readonly enumType: EnumType | undefined;
  /** Characters, for varchar. */
  readonly lengthMax: number | undefined;
  readonly isNullable: boolean;
  readonly isKey: boolean;
  readonly isUnique: boolean;
  readonly defaultValue: unknown;
  readonly defaultSql: Sql | undefined;
  readonly generatedSql: Sql | undefined;
  /** Whether the database numbers the rows. */
  readonly isIdentity: boolean;
  /** What the unit of work does to it by itself. */
  readonly role: 'key' | 'createdAt' | 'updatedAt' | 'version' | undefined;
  readonly target: (() => unknown) | undefined;
  readonly onDelete: ReferentialAction;
  readonly onUpdate: ReferentialAction;
  readonly deferrable: Deferrable | undefined;
}

/** Any column, with its value type unread. */
export interface AnyColumn {
  readonly traits: ColumnTraits;
  readonly [need]: Need;
}

const plain: ColumnTraits = {
  sqlType: 'text',
  kind: 'text',
  isArray: false,
  enumType: undefined,
  lengthMax: undefined,
  isNullable: false,
  isKey: false,
  isUnique: false,
  defaultValue: undefined,
  defaultSql: undefined,
  generatedSql: undefined,
  isIdentity: false,
  role: undefined,
  target: undefined,
  onDelete: 'no action',
  onUpdate: 'no action',
  deferrable: undefined,
};

/** A column that carries `T`; each method gives a new column. `Made` says that the app makes its keys (UUIDv7). */
export class Column<T, N extends Need = 'required', Made extends boolean = false> implements AnyColumn {
  declare readonly [out]: T;
  declare readonly [need]: N;
  declare readonly made: Made;
  readonly traits: ColumnTraits;

  constructor(traits: Partial<ColumnTraits>) {
    this.traits = { ...plain, ...traits };
  }

  /** May hold no value. */
  nullable(): Column<T | null, N extends 'required' ? 'optional' : N, Made> {
    return new Column({ ...this.traits, isNullable: true });
  }

  /** No two rows hold the same value. */
  unique(): Column<T, N, Made> {
    return new Column({ ...this.traits, isUnique: true });
  }

  /** The key of the table; a uuid key is made by the app as UUIDv7 when a row does not bring one. */
  primaryKey(): KeyColumn<T, Made extends true ? 'optional' : N> {
    return new KeyColumn({ ...this.traits, isKey: true, role: this.traits.sqlType === 'uuid' ? 'key' : undefined });
  }

  /** What a new row holds when it does not say; the entity has the value at once, other writers get it from the database. */
  default(value: T): Column<T, N extends 'required' ? 'optional' : N, Made> {
    return new Column({ ...this.traits, defaultValue: value });
  }

  /** A default that only the database can make; the entity has it after the flush. */
  defaultSql(expression: Sql): Column<T, N extends 'required' ? 'optional' : N, Made> {
    return new Column({ ...this.traits, defaultSql: expression });
  }

  /** Computed by the database from the other columns, and stored; the entity has it after the flush. */
  generated(expression: Sql): Column<T, 'generated', Made> {
    return new Column({ ...this.traits, generatedSql: expression });
  }

  /** Numbered by the database where a new row does not say; for an `integer` or a `bigint`. As a key only for rows that SQL inserts: an entity knows its key from the start. */
  identity(): Column<T, N extends 'required' ? 'optional' : N, Made> {
    return new Column({ ...this.traits, isIdentity: true });
  }

  /** Many values in one column. */
  array(): Column<T[], N> {
    if (this.traits.isArray) throw new KeelsonError('MISUSE', { message: 'A column cannot be an array of arrays.' });
    return new Column({ ...this.traits, isArray: true });
  }
}

/** A column that is the key of its table. */
export class KeyColumn<T, N extends Need> extends Column<T, N> {
  declare readonly [isKey]: true;
}

/** The key type of the table that a reference points to; read lazily. */
type KeyOf<F> = F extends () => { readonly [columnsOf]: { readonly id: { readonly [out]: infer K } } } ? K : never;

/** A foreign key to the `id` of another table. */
export interface Reference<F, X = never, N extends Need = 'required'> extends AnyColumn {
  readonly [out]: KeyOf<F> | X;
  readonly [need]: N;
  nullable(): Reference<F, null, 'optional'>;
  unique(): Reference<F, X, N>;
}

/** What a reference may say beside its target. */
export interface ReferenceOptions {
  readonly onDelete?: ReferentialAction | undefined;
  readonly onUpdate?: ReferentialAction | undefined;
  /** May be checked at the end of the transaction, as rows that refer to each other need. */
  readonly deferrable?: Deferrable | undefined;
}

class ReferenceColumn<F, X, N extends Need> implements Reference<F, X, N> {
  declare readonly [out]: KeyOf<F> | X;
  declare readonly [need]: N;
  readonly traits: ColumnTraits;

  constructor(traits: ColumnTraits) {
    this.traits = traits;
  }

  nullable(): Reference<F, null, 'optional'> {
    return new ReferenceColumn({ ...this.traits, isNullable: true });
  }

  unique(): Reference<F, X, N> {
    return new ReferenceColumn({ ...this.traits, isUnique: true });
  }
}

// The target must be `() => void`: any other return type makes a circle of tables fail with TS7022.
/**
 * A foreign key to the `id` of another table, which is named in a function so that tables may stand in any order.
 *
 * @example
 * import { references, table, uuid } from 'keelson/schema';
 * const authors = table('authors', { id: uuid().primaryKey() });
 * const books = table('books', { id: uuid().primaryKey(), authorId: references(() => authors, { onDelete: 'restrict' }) });
 */
export function references<F extends () => void>(target: F, options: ReferenceOptions = {}): Reference<F> {
  const { onDelete = 'no action', onUpdate = 'no action', deferrable } = options;
  return new ReferenceColumn({ ...plain, sqlType: 'uuid', target, onDelete, onUpdate, deferrable });
}

/** A UUID; as a primary key the app makes it, as version 7. */
export function uuid(): Column<string, 'required', true> {
  return new Column({ sqlType: 'uuid' });
}

/** Text of any length. */
export function text(): Column<string> {
  return new Column({});
}

/** Text of at most so many characters. */
export function varchar(lengthMax: number): Column<string> {
  return new Column({ sqlType: `varchar(${lengthMax})`, lengthMax });
}

/** A whole number of 32 bits. */
export function integer(): Column<number> {
  return new Column({ sqlType: 'integer', kind: 'integer' });
}

/** A whole number of 64 bits, carried as a number; what a number cannot hold exactly is refused, never rounded. */
export function bigint(): Column<number> {
  return new Column({ sqlType: 'bigint', kind: 'bigint' });
}

/** A number of 64 bits with a fraction, not exact. */
export function doublePrecision(): Column<number> {
  return new Column({ sqlType: 'double precision', kind: 'float' });
}

/** An exact decimal number, carried as text so that no digit is lost. */
export function numeric(precision: number, scale: number): Column<string> {
  return new Column({ sqlType: `numeric(${precision},${scale})` });
}

/** True or false. */
export function boolean(): Column<boolean> {
  return new Column({ sqlType: 'boolean', kind: 'boolean' });
}

/** A moment, kept in UTC. */
export function timestamptz(): Column<Date> {
  return new Column({ sqlType: 'timestamptz', kind: 'time' });
}

/** A day without a time, as `YYYY-MM-DD`. */
export function date(): Column<string> {
  return new Column({ sqlType: 'date' });
}

/** JSON in binary form; `T` is what the program keeps in it. */
export function jsonb<T = unknown>(): Column<T> {
  return new Column({ sqlType: 'jsonb', kind: 'json' });
}

/** Bytes. */
export function bytea(): Column<Uint8Array> {
  return new Column({ sqlType: 'bytea', kind: 'bytes' });
}

/** When the row was made; the unit of work sets it, the database for other writers. */
export function createdAt(): Column<Date, 'optional'> {
  return new Column({ sqlType: 'timestamptz', kind: 'time', role: 'createdAt' });
}

/** When the row was last changed; the unit of work sets it on every change, a trigger for other writers. */
export function updatedAt(): Column<Date, 'optional'> {
  return new Column({ sqlType: 'timestamptz', kind: 'time', role: 'updatedAt' });
}

/** Counts the changes of the row; an update that started from an older one fails with `STALE_VERSION`. */
export function version(): Column<number, 'optional'> {
  return new Column({ sqlType: 'integer', kind: 'integer', role: 'version', defaultValue: 1 });
}
