/** Results of SQL as a person or a program reads them: tables, CSV, JSON; and errors with place and hint. */
import { KeelsonError } from '../errors.ts';
import { databaseError } from '../migrate/failure.ts';
import type { Field, Result } from '../postgres/exchange.ts';
import { toObjects } from '../postgres/values.ts';

/** Numbers stand to the right: int2, int4, int8, oid, float4, float8, numeric, money. */
const numeric: ReadonlySet<number> = new Set([20, 21, 23, 26, 700, 701, 1700, 790]);

const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
const NARROWEST = /\p{M}|\p{Cf}/u;
const CONTROLS: ReadonlyMap<string, string> = new Map([
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
]);

/** A result as a table with a line under its names. */
export function renderResult(result: Result): string {
  const cells = result.rows.map((row) => row.map((cell) => (cell === null ? 'NULL' : visible(cell))));
  const names = result.fields.map((field) => visible(field.name));
  const widths = names.map((name, at) => cells.reduce((most, row) => Math.max(most, widthOf(row[at] ?? '')), widthOf(name)));
  const line = (row: readonly string[], fields: readonly Field[] = []): string =>
    row
      .map((cell, at) => {
        const blanks = ' '.repeat((widths[at] ?? 0) - widthOf(cell));
        return numeric.has(fields[at]?.typeId ?? 0) ? blanks + cell : cell + blanks;
      })
      .join(' | ')
      .trimEnd();
  return [
    line(names, result.fields),
    widths.map((width) => '-'.repeat(width)).join('-+-'),
    ...cells.map((row) => line(row, result.fields)),
  ].join('\n');
}

/**
 * A result as CSV: an empty field is no value, an empty text is `""`.
 *
 * @see RFC 4180
 */
export function renderCsv(result: Result): string {
  const field = (text: string): string => (text === '' || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const rows = result.rows.map((row) => row.map((cell) => (cell === null ? '' : field(cell))).join(','));
  return [result.fields.map(({ name }) => field(name)).join(','), ...rows].join('\n');
}

/** A result as one line of JSON; of two columns with one name the second is called `name_2`. */
export function renderJsonLine(result: Result): string {
  const seen = new Map<string, number>();
  const fields = result.fields.map((field) => {
    const count = (seen.get(field.name) ?? 0) + 1;
    seen.set(field.name, count);
    return count === 1 ? field : { ...field, name: `${field.name}_${count}` };
  });
  return JSON.stringify(toObjects({ ...result, fields }));
}

/** What a statement did, as psql says it. */
export function renderTag({ tag, rowCount, fields }: Result): string {
  if (fields.length > 0) return rowCount === 1 ? '(1 row)' : `(${rowCount} rows)`;
  return /^(?:INSERT|UPDATE|DELETE|MERGE|COPY|MOVE|FETCH)$/.test(tag) ? `${tag} ${rowCount}` : tag;
}

/** The failure of a statement with all that the server says of it; what is no error of a statement stays as it is. */
export function sqlFailure(error: unknown, statement: string, hints: ReadonlyMap<string, string>): unknown {
  const told = databaseError(error);
  if (told === undefined) return error;
  const code = told.code ?? '';
  const lines = [`${told.message} (SQLSTATE ${code})`];
  if (told.detail !== undefined) lines.push(told.detail);
  if (told.position !== undefined) lines.push(...pointAt(statement, Number(told.position)));
  const message = lines.join('\n');
  return new KeelsonError('DATABASE_ERROR', { message, hint: hints.get(code) ?? told.hint ?? 'Correct the statement and run it again.' });
}

/** The line in which the server found the fault, and a mark below its place; positions count characters from 1. */
function pointAt(statement: string, position: number): string[] {
  const before = [...statement].slice(0, position - 1).join('');
  const lineStart = before.lastIndexOf('\n') + 1;
  const line = statement.slice(lineStart).split('\n', 1)[0] ?? '';
  const head = `LINE ${before.split('\n').length}: `;
  return [`${head}${visible(line)}`, `${' '.repeat(head.length + widthOf(visible(before.slice(lineStart))))}^`];
}

/** A text on one line, that cannot move the cursor. */
function visible(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return CONTROLS.get(character) ?? `\\u${code.toString(16).padStart(4, '0')}`;
  });
}

function widthOf(text: string): number {
  if (/^[ -~]*$/.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += NARROWEST.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
  return width;
}
