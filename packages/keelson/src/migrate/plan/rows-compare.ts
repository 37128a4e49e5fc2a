/** What became of the contents of tables: what is gone, what reads differently, and which counters would collide. */
import type { ColumnRows, Rows, TableRows } from './rows.ts';

/** What was found, in sentences. */
export interface RowsComparison {
  /** Gone, or not the same after a change of type. */
  readonly losses: readonly string[];
  /** Values that changed though their column did not; counters that stand at a value that is in use. */
  readonly faults: readonly string[];
}

/** Compares the contents before with those after. */
export function compareRows(before: Rows, after: Rows): RowsComparison {
  const losses: string[] = [];
  const faults: string[] = [];
  for (const [id, table] of before) {
    const now = after.get(id) ?? namesake(table, before, after);
    if (now === undefined) {
      if (table.rows.length > 0) losses.push(`table ${table.name}: its rows are gone (${table.rows.length} in the trial)`);
      continue;
    }
    const found = compareTables(table, now);
    losses.push(...found.losses);
    faults.push(...found.faults);
  }
  for (const [id, table] of after) faults.push(...countersBehind(table, before.get(id)));
  return { losses, faults };
}

/** A table that was dropped and made anew under its name. */
function namesake(table: TableRows, before: Rows, after: Rows): TableRows | undefined {
  return [...after].find(([id, { name }]) => name === table.name && !before.has(id))?.[1];
}

interface Pair {
  readonly was: ColumnRows;
  readonly is: ColumnRows;
  /** Whether it was dropped and made anew under its name. */
  readonly isAnew: boolean;
  /** The places of their values in the rows. */
  readonly wasAt: number;
  readonly isAt: number;
}

function compareTables(before: TableRows, after: TableRows): RowsComparison {
  const pairs = pairsOf(before, after);
  const kept = new Set(pairs.map(({ was }) => was.id));
  const losses = before.columns
    .filter((column, at) => !kept.has(column.id) && !column.isGenerated && before.rows.some((row) => row[at] !== null))
    .map((column) => `column ${before.name}.${column.name}: its values are gone`);
  if (before.rows.length !== after.rows.length) {
    const fault = `table ${after.name}: it had ${before.rows.length} rows, and has ${after.rows.length}`;
    return { losses, faults: [fault] };
  }
  const same = pairs.filter(({ was, is, isAnew }) => was.typeId === is.typeId && was.shape === is.shape && !isAnew);
  const faults = same
    .filter((pair) => !haveSameValues(pair, before, after))
    .map(({ is }) => `column ${after.name}.${is.name}: its values have changed`);
  if (faults.length === 0 && !haveSameRows(same, before, after)) faults.push(`table ${after.name}: values have moved from row to row`);
  for (const pair of pairs) {
    if (same.includes(pair)) continue;
    const loss = retypedLoss(pair, { same, before, after });
    if (loss !== undefined) (pair.isAnew ? faults : losses).push(loss);
  }
  return { losses, faults };
}

/** Columns by their numbers; what is left, by their names: who drops a column to make it anew has to carry its values over. */
function pairsOf(before: TableRows, after: TableRows): readonly Pair[] {
  return before.columns.flatMap((was, wasAt) => {
    const byId = after.columns.findIndex(({ id }) => id === was.id);
    const isAt =
      byId === -1
        ? after.columns.findIndex(({ id, name }) => name === was.name && !before.columns.some((column) => column.id === id))
        : byId;
    const is = after.columns[isAt];
    return is === undefined || was.isGenerated || is.isGenerated ? [] : [{ was, is, wasAt, isAt, isAnew: byId === -1 }];
  });
}

function haveSameValues(pair: Pair, before: TableRows, after: TableRows): boolean {
  const was = before.rows.map((row) => relabel(pair, row[pair.wasAt] ?? null));
  const is = after.rows.map((row) => row[pair.isAt] ?? null);
  return isSameList(was.map(asKey).sort(), is.map(asKey).sort());
}

function haveSameRows(pairs: readonly Pair[], before: TableRows, after: TableRows): boolean {
  return isSameList(keysBefore(pairs, before).sort(), keysAfter(pairs, after).sort());
}

/** A row by the columns that did not change. */
function keysBefore(pairs: readonly Pair[], before: TableRows): string[] {
  return before.rows.map((row) => JSON.stringify(pairs.map((pair) => relabel(pair, row[pair.wasAt] ?? null))));
}

function keysAfter(pairs: readonly Pair[], after: TableRows): string[] {
  return after.rows.map((row) => JSON.stringify(pairs.map((pair) => row[pair.isAt] ?? null)));
}

/** Which rows belong together is told by the columns that stayed; where these are alike, by the order of the rows. */
function retypedLoss(
  pair: Pair,
  { same, before, after }: { same: readonly Pair[]; before: TableRows; after: TableRows },
): string | undefined {
  const was = inOrderOf(keysBefore(same, before)).map((at) => relabel(pair, before.rows[at]?.[pair.wasAt] ?? null));
  const is = inOrderOf(keysAfter(same, after)).map((at) => after.rows[at]?.[pair.isAt] ?? null);
  const isSame =
    pair.was.isComposite && pair.is.isComposite
      ? isSameInCommon
      : (left: string | null, right: string | null) => plain(left) === plain(right);
  const at = was.findIndex((value, index) => !isSame(value, is[index] ?? null));
  if (at === -1) return undefined;
  const example = `${JSON.stringify(was[at])} became ${JSON.stringify(is[at])}`;
  if (pair.isAnew)
    return `column ${after.name}.${pair.is.name}: it is dropped and made anew, and its values are not carried over: ${example}`;
  return `column ${after.name}.${pair.is.name}: values read differently as ${pair.is.type} than as ${pair.was.type}: ${example}`;
}

function inOrderOf(keys: readonly string[]): readonly number[] {
  return keys
    .map((key, at) => ({ key, at }))
    .sort((left, right) => (left.key < right.key ? -1 : Number(left.key > right.key)) || left.at - right.at)
    .map(({ at }) => at);
}

/** The value under the names that the values of the enum have now. */
function relabel({ was, is }: Pair, value: string | null): string | null {
  if (value === null || Object.keys(was.labels).length === 0) return value;
  const names = new Map(Object.entries(is.labels).map(([label, id]) => [id, label]));
  const rename = (label: string): string => names.get(was.labels[label] ?? '') ?? label;
  if (!value.startsWith('{')) return rename(value);
  // An array in the server's own writing: what need not be quoted is not.
  return value.replaceAll(/"((?:[^"\\]|\\.)*)"|[^{},]+/gu, (whole, quoted: string | undefined) => {
    if (whole === 'NULL') return whole;
    const label = rename(quoted === undefined ? whole : quoted.replaceAll(/\\(.)/gu, '$1'));
    return /^[\w-]+$/u.test(label) && label.toUpperCase() !== 'NULL' ? label : `"${label.replaceAll(/["\\]/gu, '\\$&')}"`;
  });
}

/** A value without what only its type says: zeros behind the comma, a zone, blanks at the end, the spaces of JSON. */
function plain(value: string | null): string | null {
  if (value === null) return null;
  if (/^-?\d+\.\d*$/u.test(value)) return value.replace(/\.?0*$/u, '');
  if (/^[[{"]/u.test(value)) return jsonOrSame(value);
  const words: Readonly<Record<string, string>> = { t: 'true', f: 'false' };
  const text = value.trimEnd().replace(/^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d(?:\.\d+)?)(?:\+00)?$/u, '$1 $2');
  return (words[text] ?? text).replace(/^(\d{4}-\d\d-\d\d) 00:00:00$/u, '$1');
}

/** Whether two composite values, read as JSON, agree in the attributes that both have. */
function isSameInCommon(left: string | null, right: string | null): boolean {
  if (left === null || right === null) return left === right;
  return agree(parseJson(left), parseJson(right));
}

function agree(left: unknown, right: unknown): boolean {
  if (Array.isArray(left) && Array.isArray(right))
    return left.length === right.length && left.every((value, at) => agree(value, right[at]));
  if (!isRecord(left) || !isRecord(right)) return String(left) === String(right);
  return Object.entries(left).every(([key, value]) => !(key in right) || agree(value, right[key]));
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseJson(text: string): unknown {
  return JSON.parse(text);
}

function jsonOrSame(value: string): string {
  try {
    return JSON.stringify(JSON.parse(value));
  } catch {
    return value;
  }
}

/** Sequences that give a value next that is in the table already, where they did not before. */
function countersBehind(after: TableRows, before: TableRows | undefined): readonly string[] {
  return [...after.next].flatMap(([id, next]) => {
    const column = after.columns.find((candidate) => candidate.id === id);
    if (column === undefined || !isBehind(after, id) || (before?.next.has(id) === true && isBehind(before, id))) return [];
    return [`column ${after.name}.${column.name}: its counter gives ${next} next, which is in the table already; set it with setval()`];
  });
}

function isBehind(table: TableRows, id: number): boolean {
  const at = table.columns.findIndex((column) => column.id === id);
  const next = table.next.get(id);
  return next !== undefined && table.rows.some((row) => /^\d+$/u.test(row[at] ?? '') && BigInt(row[at] ?? '0') >= next);
}

function asKey(value: string | null): string {
  return JSON.stringify(value);
}

function isSameList(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((value, at) => value === right[at]);
}
