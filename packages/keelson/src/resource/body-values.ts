/** Values of a body: what it says of columns, as entities carry them, and what stands there where it says nothing. */
import { KeelsonError } from '../errors.ts';
import type { ColumnInfo } from '../schema/table.ts';
import { parseTime } from '../schema/time.ts';
import type { Fields } from '../work/mapper.ts';

/** The columns that a body says, as entities carry them; `place` is where the body stands in the request. */
export function valuesOf(columns: readonly ColumnInfo[], body: Fields, place: string): Fields {
  const said = columns.filter(({ key }) => body[key] !== undefined);
  return Object.fromEntries(
    said.map((column) => [column.key, column.kind === 'time' ? timeOf(body[column.key], `${place}.${column.name}`) : body[column.key]]),
  );
}

/** The format knows leap seconds, in every zone; neither `Date` nor PostgreSQL does. */
function timeOf(value: unknown, field: string): unknown {
  if (Array.isArray(value)) return value.map((item, index) => timeOf(item, `${field}[${index}]`));
  if (typeof value !== 'string') return value;
  const time = parseTime(value);
  if (!Number.isNaN(time.getTime())) return time;
  throw new KeelsonError('VALIDATION_ERROR', {
    validationErrors: [{ field, message: 'must be a moment that a clock without leap seconds shows' }],
  });
}

/** What a row that is replaced has where nothing is said. */
export function fallbacksOf(columns: readonly ColumnInfo[]): Fields {
  const loose = columns.filter(({ isNullable, defaultValue }) => isNullable || defaultValue !== undefined);
  return Object.fromEntries(loose.map(({ key, defaultValue }) => [key, defaultValue === undefined ? null : structuredClone(defaultValue)]));
}
