/** Tables as JSON Schema: chosen columns of a table as a TypeBox object, for bodies and answers. */
import * as Type from 'typebox';
import { KeelsonError } from '../errors.ts';
import type { columnsOf } from './column.ts';
import { type AnyTable, type ColumnInfo, type Out, tableInfo } from './table.ts';

/** What a column carries on its way to an answer: a moment may be a `Date` or already text. */
type Wire<T> = T extends Date ? Date | string : T;

/** The columns of a table, by the type of the table. */
type ColumnsOf<T> = T extends { readonly [columnsOf]: infer C } ? C : never;

/** An object of chosen columns. */
export type RowSchema<T, K extends keyof ColumnsOf<T>> = Type.TObject<{ [P in K]: Type.TUnsafe<Wire<Out<ColumnsOf<T>[P]>>> }>;

/**
 * The schema of chosen columns of a table: types, lengths, enum values and null as the table says.
 *
 * @throws MISUSE for a column that the table does not have
 * @example
 * import { rowSchema, table, text, uuid } from 'keelson/schema';
 * const people = table('people', { id: uuid().primaryKey(), name: text(), passwordHash: text() });
 * const Person = rowSchema(people, ['id', 'name']); // never the hash
 */
export function rowSchema<T extends AnyTable, K extends keyof ColumnsOf<T> & string>(table: T, keys: readonly K[]): RowSchema<T, K> {
  const { byKey, name } = tableInfo(table);
  const properties = keys.map((key) => {
    const column = byKey.get(key);
    if (column === undefined) throw new KeelsonError('MISUSE', { message: `The table ${name} has no column ${key}.` });
    return [key, columnSchema(column)] as const;
  });
  return parseRowSchema<T, K>(Type.Object(Object.fromEntries(properties), { additionalProperties: false }));
}

/** The schema of one column. */
export function columnSchema(column: ColumnInfo): Type.TSchema {
  const one = column.isArray ? { type: 'array', items: valueSchema(column) } : valueSchema(column);
  return Type.Unsafe(column.isNullable ? { anyOf: [one, { type: 'null' }] } : one);
}

function valueSchema(column: ColumnInfo): Record<string, unknown> {
  switch (column.kind) {
    case 'text':
      if (column.enumType !== undefined) return { type: 'string', enum: [...column.enumType.values] };
      if (column.sqlType === 'uuid' || column.sqlType === 'date') return { type: 'string', format: column.sqlType };
      return column.lengthMax === undefined ? { type: 'string' } : { type: 'string', maxLength: column.lengthMax };
    case 'integer':
      return { type: 'integer', minimum: -2_147_483_648, maximum: 2_147_483_647 };
    case 'bigint':
      return { type: 'integer', minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER };
    case 'float':
      return { type: 'number' };
    case 'boolean':
      return { type: 'boolean' };
    case 'time':
      return { type: 'string', format: 'date-time' };
    case 'json':
      return {};
    case 'bytes':
      return { type: 'string', contentEncoding: 'base64' };
  }
}

function parseRowSchema<T, K extends keyof ColumnsOf<T>>(schema: unknown): RowSchema<T, K> {
  return schema as RowSchema<T, K>;
}
