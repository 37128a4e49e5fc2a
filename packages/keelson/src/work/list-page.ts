/** One page of a list, read: checked, sent in one round trip, and made into plain rows and the cursor of the next page. */
import { KeelsonError } from '../errors.ts';
import type { Result } from '../postgres/exchange.ts';
import type { Statement } from '../schema/sql.ts';
import type { ColumnInfo } from '../schema/table.ts';
import { writeCursor } from './cursor.ts';
import { type CheckedRequest, checkRequest, type ListFrame } from './list-check.ts';
import type { ListPage, ListRequest } from './list-request.ts';
import type { ListRules } from './list-rules.ts';
import { listStatements } from './list-statement.ts';
import { compileMapper, type Fields, type RowText } from './mapper.ts';

/** Where a page is read. */
export interface PageSource {
  readonly target: string;
  query(statement: Statement): Promise<Result>;
}

type Plain = (row: RowText) => Fields;

/** Per rules: one compiled reader for all columns that answers show, and one for each column, for sparse pages. */
const plains = new WeakMap<ListRules, { readonly whole: Plain; readonly single: ReadonlyMap<string, Plain> }>();

/**
 * Reads one page.
 *
 * @throws VALIDATION_ERROR for what no index serves
 */
export async function readPage(source: PageSource, request: ListRequest, frame: ListFrame): Promise<ListPage<Fields>> {
  const checked = checkRequest(request, frame);
  const { rows, total, columns } = listStatements(checked, frame, source.target);
  // Sent together: over one connection both are one round trip.
  const [listed, counted] = await Promise.all([source.query(rows), request.isTotalWanted === true ? source.query(total) : undefined]);
  const shown = listed.rows.slice(0, checked.size);
  const last = listed.rows.length > checked.size ? shown.at(-1) : undefined;
  return {
    items: shown.map(plainOf(frame.rules, checked, columns)),
    ...(request.cursor === undefined && { page: request.page ?? 1 }),
    size: checked.size,
    ...(counted !== undefined && { total: Number(counted.rows[0]?.[0]) }),
    ...(last !== undefined && { nextCursor: cursorBehind(last, checked, columns) }),
  };
}

function cursorBehind(row: RowText, { sort, order, digest }: CheckedRequest, columns: readonly ColumnInfo[]): string {
  return writeCursor({ sort, digest, values: order.map((column) => row[columns.indexOf(column)] ?? null) });
}

function plainOf(rules: ListRules, { keys }: CheckedRequest, columns: readonly ColumnInfo[]): Plain {
  const { whole, single } = compiled(rules);
  const isWhole = keys.length === rules.columns.length && columns.length === keys.length;
  if (isWhole) return whole;
  const readers = columns.flatMap(({ key }, index) => (keys.includes(key) ? [{ index, read: single.get(key) }] : []));
  return (row) => {
    const item: Fields = {};
    for (const { index, read } of readers) Object.assign(item, read?.([row[index] ?? null]));
    return item;
  };
}

function compiled(rules: ListRules): { readonly whole: Plain; readonly single: ReadonlyMap<string, Plain> } {
  const known = plains.get(rules);
  if (known !== undefined) return known;
  const { table } = rules;
  const shown = table.columns.filter(({ key }) => rules.columns.includes(key));
  if (shown.length === 0) throw new KeelsonError('MISUSE', { message: `A list of ${table.name} shows no column.` });
  const made = {
    whole: compileMapper({ ...table, columns: shown }, Object.prototype).plain,
    single: new Map(shown.map((column) => [column.key, compileMapper({ ...table, columns: [column] }, Object.prototype).plain])),
  };
  plains.set(rules, made);
  return made;
}
