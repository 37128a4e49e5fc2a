/** Values between Kysely and the database: JSON on its way in, rows on their way out. */
import { type RawBuilder, sql } from 'kysely';
import { KeelsonError } from '../errors.ts';
import type { Result } from '../postgres/exchange.ts';
import { toObjects } from '../postgres/values.ts';
import { encodeJson } from '../schema/encode.ts';

/** The types whose text a statement of one's own keeps and which columns carry otherwise: int8 and bytea, and arrays of them. */
const readers: ReadonlyMap<number, (text: string) => unknown> = new Map<number, (text: string) => unknown>([
  [20, readWhole],
  [1016, readWhole],
  [17, readBytes],
  [1001, readBytes],
]);

/**
 * A value for a jsonb column. Needed for arrays, texts and whatever else is no object: a parameter does not know its column,
 * and an array alone would be sent as an array of PostgreSQL's.
 */
export function json<T>(value: T): RawBuilder<T> {
  return sql<T>`${encodeJson(value)}::jsonb`;
}

/**
 * The rows of a result, with values as the types of the tables say.
 *
 * @throws DATABASE_ERROR for an int8 that a number cannot hold
 */
export function toRows(result: Result): Record<string, unknown>[] {
  const rows = toObjects(result);
  const odd = result.fields.flatMap(({ name, typeId }) => {
    const read = readers.get(typeId);
    return read === undefined ? [] : [{ name, read }];
  });
  if (odd.length === 0) return rows;
  for (const row of rows) {
    for (const { name, read } of odd) row[name] = readCell(row[name], read);
  }
  return rows;
}

function readCell(value: unknown, read: (text: string) => unknown): unknown {
  if (typeof value === 'string') return read(value);
  return Array.isArray(value) ? value.map((item: unknown) => readCell(item, read)) : value;
}

function readWhole(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value)) return value;
  throw new KeelsonError('DATABASE_ERROR', {
    message: `The number ${text} is too large to be carried exactly.`,
    hint: 'Cast it to text or numeric in the query.',
  });
}

function readBytes(text: string): Buffer {
  return Buffer.from(text.slice(2), 'hex');
}
