/** The statements that read entities of one class, put together once per database. */
import { encodeColumn } from '../schema/codec.ts';
import { encodeArray, type Encoded } from '../schema/encode.ts';
import { quoteName, type Sql, sql, type Statement, type Statements } from '../schema/sql.ts';
import type { ColumnInfo, TableInfo } from '../schema/table.ts';
import { KeelsonError } from '../errors.ts';
import { limitOf, offsetOf, orderOf, whereOf } from './filter.ts';
import type { EntityMeta } from './entity.ts';

/** What a list asks for, with its types unread. */
export interface ListRequest {
  readonly orderBy?: string | readonly string[] | undefined;
  readonly limit?: number | undefined;
  readonly offset?: number | undefined;
}

type Filter = Readonly<Record<string, unknown>>;

/** The reading statements of one class of entities. */
export class EntitySql {
  readonly meta: EntityMeta;
  readonly #statements: Statements;
  /** The table as it stands in SQL, with its namespace. */
  readonly target: string;
  readonly #select: string;
  readonly #getText: string;
  readonly #getName: string | undefined;

  constructor(meta: EntityMeta, statements: Statements) {
    const { table } = meta;
    this.meta = meta;
    this.#statements = statements;
    this.target = `${quoteName(statements.namespace)}.${quoteName(table.name)}`;
    this.#select = `select ${columnsOf(table)} from ${this.target}`;
    this.#getText = `${this.#select} where ${table.primaryKey.map((column, index) => `${quoteName(column.name)} = $${index + 1}`).join(' and ')}`;
    this.#getName = statements.name(this.#getText);
  }

  /** One row by its key. */
  get(key: unknown): Statement {
    return { text: this.#getText, name: this.#getName, values: [this.encodeKey(key)] };
  }

  /** One row by its key, locked until the transaction ends, since it is read to be changed. */
  lock(key: unknown): Statement {
    return this.#statement(`${this.#getText} for update`, [this.encodeKey(key)]);
  }

  /** Rows by their keys, locked in the order of their keys, so that those who lock many never wait for each other in a circle. */
  lockMany(keys: readonly unknown[]): Statement {
    const values = keys.map((key) => this.encodeKey(key));
    const [column] = this.meta.table.primaryKey;
    const name = quoteName(column?.name ?? '');
    const type = column?.lengthMax === undefined ? (column?.sqlType ?? 'text') : 'varchar';
    const text = `${this.#select} where ${name} = any($1::${type}[]) order by ${name} for update`;
    // Without a name, so that it is planned for the table as it is now: a plan kept from when it was empty would read all of it.
    return { text, name: undefined, values: [encodeArray(values, (value) => (typeof value === 'string' ? value : null))] };
  }

  /** Rows that match. */
  list(filter: Filter, request: ListRequest): Statement {
    const where = whereOf(this.meta.table, filter);
    const { values } = where;
    const order = orderOf(this.meta.table, request.orderBy, true);
    let text = `${this.#select}${where.text}${order} limit $${values.push(limitOf(request.limit))}`;
    if (request.offset !== undefined && request.offset !== 0) text += ` offset $${values.push(offsetOf(request.offset))}`;
    return this.#statement(text, values);
  }

  /** Rows that match and that nobody else holds, locked; others skip them until this transaction ends. */
  claim(filter: Filter, request: ListRequest): Statement {
    const where = whereOf(this.meta.table, filter);
    const { values } = where;
    const order = orderOf(this.meta.table, request.orderBy, false);
    return this.#statement(
      `${this.#select}${where.text}${order} limit $${values.push(limitOf(request.limit ?? 1))} for update skip locked`,
      values,
    );
  }

  count(filter: Filter): Statement {
    const where = whereOf(this.meta.table, filter);
    return this.#statement(`select count(*) from ${this.target}${where.text}`, where.values);
  }

  exists(filter: Filter): Statement {
    const where = whereOf(this.meta.table, filter);
    return this.#statement(`select exists (select 1 from ${this.target}${where.text})`, where.values);
  }

  /** Changes one row by its key without reading it first. */
  update(key: unknown, changes: readonly (readonly [ColumnInfo, Encoded])[], raised: ColumnInfo | undefined): Statement {
    const sets = changes.map(([column], index) => `${quoteName(column.name)} = $${index + 2}`);
    if (raised !== undefined) sets.push(`${quoteName(raised.name)} = ${quoteName(raised.name)} + 1`);
    const [keyColumn] = this.meta.table.primaryKey;
    const text = `update ${this.target} set ${sets.join(', ')} where ${quoteName(keyColumn?.name ?? '')} = $1 returning ${columnsOf(this.meta.table)}`;
    return this.#statement(text, [this.encodeKey(key), ...changes.map(([, value]) => value)]);
  }

  /** Rows chosen by SQL of the repository's own: what follows `select … from <table>`. */
  select(tail: Sql): Statement {
    return this.#statements.compile(sql`${sql.raw(this.#select)} ${tail}`);
  }

  /** Any SQL of the repository's own. */
  compile(piece: Sql): Statement {
    return this.#statements.compile(piece);
  }

  /**
   * A key as text.
   *
   * @throws VALIDATION_ERROR when it cannot be a key of this table
   */
  encodeKey(key: unknown): Encoded {
    const [column, ...more] = this.meta.table.primaryKey;
    if (column === undefined || more.length > 0) {
      throw new KeelsonError('MISUSE', {
        message: `${this.meta.table.name} has a key of several columns.`,
        hint: 'Find its rows by a filter.',
      });
    }
    return encodeColumn(column, key ?? undefined);
  }

  #statement(text: string, values: readonly Encoded[]): Statement {
    return { text, name: this.#statements.name(text), values };
  }
}

function columnsOf(table: TableInfo): string {
  return table.columns.map((column) => quoteName(column.name)).join(', ');
}
