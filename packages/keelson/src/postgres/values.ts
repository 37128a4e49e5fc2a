/** Rows of free SQL as objects, each value by the type that PostgreSQL names for it. */
import { parse as parseArray } from 'postgres-array';
import { toRfc3339 } from '../schema/time.ts';
import type { Result } from './exchange.ts';

type Reader = (text: string) => unknown;

const readBoolean: Reader = (text) => text === 't';
const readNumber: Reader = Number;
const readJson: Reader = (text) => JSON.parse(text);
const readText: Reader = (text) => text;

function arrayOf(read: Reader): Reader {
  return (text) => parseArray(text, read);
}

/**
 * How the text of a type is read, by the OID of the type; what is not here stays text, so int8 and numeric keep every digit.
 *
 * @see PostgreSQL source, src/include/catalog/pg_type.dat
 */
const readers: ReadonlyMap<number, Reader> = new Map<number, Reader>([
  [16, readBoolean],
  [21, readNumber],
  [23, readNumber],
  [26, readNumber],
  [700, readNumber],
  [701, readNumber],
  [114, readJson],
  [3802, readJson],
  [1184, toRfc3339],
  [1000, arrayOf(readBoolean)],
  [1005, arrayOf(readNumber)],
  [1007, arrayOf(readNumber)],
  [1028, arrayOf(readNumber)],
  [1021, arrayOf(readNumber)],
  [1022, arrayOf(readNumber)],
  [199, arrayOf(readJson)],
  [3807, arrayOf(readJson)],
  [1185, arrayOf(toRfc3339)],
  // Arrays of what stays text: char, text, varchar, bpchar, name, int8, numeric, date, timestamp, time, interval, uuid, inet, bytea.
  ...[1002, 1009, 1015, 1014, 1003, 1016, 1231, 1182, 1115, 1183, 1187, 2951, 1041, 1001].map((oid) => [oid, arrayOf(readText)] as const),
]);

/** The rows of a result as objects by column name: int2, int4 and floats are numbers, int8 and numeric text, timestamptz RFC 3339 text in UTC. */
export function toObjects(result: Result): Record<string, unknown>[] {
  const columns = result.fields.map((field) => ({ name: field.name, read: readers.get(field.typeId) ?? readText }));
  return result.rows.map((row) => Object.fromEntries(columns.map(({ name, read }, index) => [name, valueOf(row[index], read)])));
}

function valueOf(text: string | null | undefined, read: Reader): unknown {
  return text === null || text === undefined ? null : read(text);
}
