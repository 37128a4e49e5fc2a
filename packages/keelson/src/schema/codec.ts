/** Values of columns as text for PostgreSQL, each checked against what its column can hold. */
import { KeelsonError } from '../errors.ts';
import { type Encoded, encodeArray, encodeJson, encodeText, encodeTime } from './encode.ts';
import type { ColumnInfo } from './table.ts';

/**
 * A value for a column as text.
 *
 * @throws VALIDATION_ERROR when the column cannot hold it; the message names the column
 */
export function encodeColumn(column: ColumnInfo, value: unknown): Encoded {
  if (value === null) return null;
  if (!column.isArray) return encodeOne(column, value);
  if (!Array.isArray(value)) throw refuse(column, value, 'an array');
  return encodeArray(value, (item) => (item === null ? null : encodeOne(column, item)));
}

function encodeOne(column: ColumnInfo, value: unknown): Encoded {
  switch (column.kind) {
    case 'text':
      if (typeof value !== 'string') throw refuse(column, value, 'a text');
      return encodeText(value);
    case 'integer':
    case 'bigint':
      if (!Number.isSafeInteger(value)) throw refuse(column, value, 'a whole number');
      return String(value);
    case 'float':
      if (typeof value !== 'number') throw refuse(column, value, 'a number');
      return String(value);
    case 'boolean':
      if (typeof value !== 'boolean') throw refuse(column, value, 'true or false');
      return value ? 't' : 'f';
    case 'time':
      if (!(value instanceof Date)) throw refuse(column, value, 'a Date');
      return encodeTime(value);
    case 'json':
      return encodeJson(value);
    case 'bytes':
      if (!(value instanceof Uint8Array)) throw refuse(column, value, 'bytes');
      return `\\x${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex')}`;
  }
}

function refuse(column: ColumnInfo, value: unknown, wanted: string): KeelsonError {
  const given = value === undefined ? 'nothing' : typeof value === 'object' ? 'an object' : `a ${typeof value}`;
  return new KeelsonError('VALIDATION_ERROR', {
    message: `${column.key} takes ${wanted}, but was given ${given}.`,
    data: { table: column.table, column: column.name },
  });
}
