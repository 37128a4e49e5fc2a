/** Values that came from outside, from the text of a query or a cursor, as parameters that their column can be compared with. */
import type { Encoded } from '../schema/encode.ts';
import type { ColumnInfo } from '../schema/table.ts';

/** What a column takes, for the message to one who sent something else. */
interface Form {
  readonly wanted: string;
  readonly takes: (text: string) => boolean;
}

const UUID = /^[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}$/iu;
const DAY = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])$/u;
const MOMENT = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)$/u;
const DECIMAL = /^-?\d{1,100}(?:\.\d{1,100})?$/u;
const WHOLE = /^-?\d{1,16}$/u;
const NUMBER = /^-?(?:\d{1,20}(?:\.\d{1,20})?|\.\d{1,20})(?:e[+-]?\d{1,3})?$/iu;

/** What PostgreSQL itself writes beyond that, and a cursor therefore carries. */
const STORED_DAY = /^(?:-?infinity|\d{4,7}-\d\d-\d\d(?: BC)?)$/u;
const STORED_MOMENT = /^(?:-?infinity|\d{4,6}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,6})?[+-]\d\d(?::\d\d){0,2}(?: BC)?)$/u;
const STORED_SPECIAL = /^(?:NaN|-?Infinity)$/u;

/** A value for a comparison with a column; undefined when the column cannot be compared with it. */
export function encodeCompared(column: ColumnInfo, value: unknown): Encoded | undefined {
  if (value instanceof Date) return column.kind === 'time' && !Number.isNaN(value.getTime()) ? value.toISOString() : undefined;
  const isScalar = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
  if (!isScalar || (typeof value === 'number' && column.kind === 'text' && !column.sqlType.startsWith('numeric'))) return undefined;
  const text = String(value);
  return formOf(column).takes(text) ? text : undefined;
}

/** What a column can be compared with, in words. */
export function comparedWith(column: ColumnInfo): string {
  return formOf(column).wanted;
}

/** Whether a text may be what PostgreSQL wrote for a column. */
export function isStoredText(column: ColumnInfo, text: string): boolean {
  if (column.kind === 'boolean') return text === 't' || text === 'f';
  if (column.kind === 'time') return STORED_MOMENT.test(text);
  if (column.sqlType === 'date') return STORED_DAY.test(text);
  const isSpecial = (column.kind === 'float' || column.sqlType.startsWith('numeric')) && STORED_SPECIAL.test(text);
  return isSpecial || formOf(column).takes(text);
}

function formOf(column: ColumnInfo): Form {
  switch (column.kind) {
    case 'integer':
      return { wanted: 'a whole number of 32 bits', takes: (text) => WHOLE.test(text) && Math.abs(Number(text) + 0.5) < 2 ** 31 };
    case 'bigint':
      return { wanted: 'a whole number', takes: (text) => WHOLE.test(text) && Number.isSafeInteger(Number(text)) };
    case 'float':
      return { wanted: 'a number', takes: (text) => NUMBER.test(text) && Number.isFinite(Number(text)) };
    case 'boolean':
      return { wanted: 'true or false', takes: (text) => text === 'true' || text === 'false' };
    case 'time':
      return { wanted: 'a time as 2026-01-31T09:30:00Z', takes: isMoment };
    default:
      return textForm(column);
  }
}

function textForm({ enumType, sqlType }: ColumnInfo): Form {
  if (enumType !== undefined) return { wanted: `one of ${enumType.values.join(', ')}`, takes: (text) => enumType.values.includes(text) };
  if (sqlType === 'uuid') return { wanted: 'a UUID', takes: (text) => UUID.test(text) };
  if (sqlType === 'date') return { wanted: 'a day as 2026-01-31', takes: isDay };
  if (sqlType.startsWith('numeric')) return { wanted: 'a decimal number', takes: (text) => DECIMAL.test(text) };
  return { wanted: 'a text without NUL characters', takes: (text) => !text.includes('\0') && text.isWellFormed() };
}

function isDay(text: string): boolean {
  return DAY.test(text) && text !== '0000' && new Date(`${text}T00:00:00Z`).toISOString().startsWith(text) && !text.startsWith('0000');
}

function isMoment(text: string): boolean {
  return MOMENT.test(text) && isDay(text.slice(0, 10)) && !Number.isNaN(Date.parse(text.toUpperCase().replace(' ', 'T')));
}
