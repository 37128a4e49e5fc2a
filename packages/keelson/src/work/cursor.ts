/** Cursors: where a page has ended, as text that a client hands back; opaque to it, and refused by every other list. */
import { createHash } from 'node:crypto';
import type { ColumnInfo } from '../schema/table.ts';
import { isStoredText } from './list-values.ts';
import type { ListRequest, ListSort } from './list-request.ts';

/** What a cursor says. */
export interface Cursor {
  readonly sort: ListSort;
  /** The values of the last row in the columns of the order, as PostgreSQL wrote them. */
  readonly values: readonly (string | null)[];
  /** Of the filters that it belongs to. */
  readonly digest: string;
}

/** The longest value that an index takes is 2,704 bytes; JSON may double it, and four characters of base64 carry three. */
export const CURSOR_LENGTH_MAX = 8_000;

const BASE64URL = /^[A-Za-z0-9_-]+$/u;

/** A cursor as text. */
export function writeCursor({ sort, values, digest }: Cursor): string {
  return Buffer.from(JSON.stringify([`${sort.isDescending ? '-' : '+'}${sort.key}`, values, digest])).toString('base64url');
}

/** A cursor from its text; undefined when it is none. */
export function readCursor(text: string): Cursor | undefined {
  if (text.length > CURSOR_LENGTH_MAX || !BASE64URL.test(text)) return undefined;
  let content: unknown;
  try {
    content = JSON.parse(Buffer.from(text, 'base64url').toString());
  } catch {
    return undefined;
  }
  if (!isList(content) || content.length !== 3) return undefined;
  const [sort, values, digest] = content;
  if (typeof sort !== 'string' || typeof digest !== 'string' || !isList(values)) return undefined;
  if (sort[0] !== '+' && sort[0] !== '-') return undefined;
  const texts = values.filter((value): value is string | null => value === null || typeof value === 'string');
  if (texts.length !== values.length) return undefined;
  return { sort: { key: sort.slice(1), isDescending: sort[0] === '-' }, values: texts, digest };
}

/** Whether the values of a cursor can be a place in an order; only its first column may be without a value. */
export function isPlace(values: readonly (string | null)[], order: readonly ColumnInfo[]): boolean {
  return (
    values.length === order.length &&
    order.every((column, index) => {
      const value = values[index] ?? null;
      return value === null ? index === 0 && column.isNullable : isStoredText(column, value);
    })
  );
}

/** What tells the lists of one table apart whose filters are not the same. */
export function digestOf(table: string, { filters, search }: ListRequest): string {
  const conditions = filters.map(({ key, operator, value }) => JSON.stringify([key, operator, value])).toSorted();
  return createHash('sha256')
    .update(JSON.stringify([table, conditions, search ?? null]))
    .digest('base64url')
    .slice(0, 16);
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}
