/** The statements of one page of a list: a keyset, never more than one page of rows, in an order that an index has. */
import type { Encoded } from '../schema/encode.ts';
import { quoteName, type Statement } from '../schema/sql.ts';
import type { ColumnInfo, TableInfo } from '../schema/table.ts';
import { whereOf } from './filter.ts';
import type { CheckedFilter, CheckedRequest, ListFrame } from './list-check.ts';
import { singled } from './list-scope.ts';

/** What is sent for a page, and which columns come back. */
export interface ListStatements {
  readonly rows: Statement;
  readonly total: Statement;
  readonly columns: readonly ColumnInfo[];
}

/** The parts that every branch of a page shares. */
interface Frame {
  readonly select: string;
  readonly clauses: readonly string[];
  readonly values: Encoded[];
}

const comparisons = { equal: '=', not: 'is distinct from', gt: '>', gte: '>=', lt: '<', lte: '<=' } as const;

/**
 * Puts a checked request into SQL. One row more than the page is asked for, which tells whether there is a next one. The statements go
 * unnamed: their shapes are chosen by clients, and a plan is to fit the values that are asked for.
 */
export function listStatements(request: CheckedRequest, { rules, scope }: ListFrame, target: string): ListStatements {
  const { table } = rules;
  const wanted = new Set([...request.keys, ...request.order.map(({ key }) => key)]);
  const columns = table.columns.filter(({ key }) => wanted.has(key));
  const { text: scoped, values } = whereOf(table, singled(scope));
  const clauses = scoped === '' ? [] : [scoped.slice(' where '.length)];
  if (request.search !== undefined) clauses.push(searchClause(request.search, { keys: rules.searchable, table, values }));
  const counted = [...values];
  const all = [...clauses, ...request.filters.map((filter) => filterClause(filter, counted))];
  const total = { text: `select count(*) from ${target}${whereText(all)}`, name: undefined, values: counted };
  for (const filter of request.filters) if (!isSaidByOrder(filter, request)) clauses.push(filterClause(filter, values));
  const select = `select ${namesOf(columns).join(', ')} from ${target}`;
  return { rows: { text: rowsText(request, { select, clauses, values }), name: undefined, values }, total, columns };
}

/**
 * Whether the order itself says what a filter says: with or without a value; and behind the bound of a range, where the cursor is. Said again
 * it would do harm: PostgreSQL begins at one of two bounds, and would read from this one to the cursor on every page.
 */
function isSaidByOrder({ column, operator, value }: CheckedFilter, request: CheckedRequest): boolean {
  const { order, sort, after } = request;
  if (column !== order[0]) return false;
  if (operator === 'null') return (value === 't') === isOfEmpty(request);
  if (after === undefined || after[0] === null) return false;
  return sort.isDescending ? operator === 'lt' || operator === 'lte' : operator === 'gt' || operator === 'gte';
}

/** Whether only rows without a value in the column of the order are asked for. */
function isOfEmpty({ filters, order }: CheckedRequest): boolean {
  return filters.some(({ column, operator, value }) => column === order[0] && operator === 'null' && value === 't');
}

function rowsText(request: CheckedRequest, frame: Frame): string {
  const { order, offset, size, sort, after } = request;
  const [first] = order;
  const limit = `limit $${frame.values.push(String(size + 1))}`;
  const skip = offset === 0 ? '' : ` offset $${frame.values.push(String(offset))}`;
  if (first === undefined || !first.isNullable) return `${branch(request, frame, { columns: order, after })} ${limit}${skip}`;
  // Ordered by the empty column too, so that its index is read and not the key's, most of whose rows may have a value.
  const empty = { columns: order.slice(1), ordered: order, condition: `${quoteName(first.name)} is null` };
  const filled = { columns: order, ...(after === undefined && { condition: `${quoteName(first.name)} is not null` }), after };
  if (isOfEmpty(request) || after?.[0] === null) return `${branch(request, frame, { ...empty, after: after?.slice(1) })} ${limit}${skip}`;
  if (request.filters.some(({ column, operator }) => column === first && operator !== 'not'))
    return `${branch(request, frame, filled)} ${limit}${skip}`;
  // Rows without a value come last in both directions. One index gives either part in its order; `or` would give neither.
  const inner = `limit $${frame.values.push(String(size + 1 + offset))}`;
  const both = `(${branch(request, frame, filled)} ${inner}) union all (${branch(request, frame, { ...empty, after: undefined })} ${inner})`;
  return `select * from (${both}) as page order by ${quoteName(first.name)} is null, ${orderText(order, sort.isDescending)} ${limit}${skip}`;
}

interface Branch {
  readonly columns: readonly ColumnInfo[];
  readonly ordered?: readonly ColumnInfo[];
  readonly condition?: string;
  readonly after: readonly (string | null)[] | undefined;
}

function branch(
  { sort }: CheckedRequest,
  { select, clauses, values }: Frame,
  { columns, ordered = columns, condition, after }: Branch,
): string {
  const all = condition === undefined ? [...clauses] : [...clauses, condition];
  if (after !== undefined) {
    const places = after.map((value) => `$${values.push(value)}`).join(', ');
    all.push(`(${namesOf(columns).join(', ')}) ${sort.isDescending ? '<' : '>'} (${places})`);
  }
  return `${select}${whereText(all)} order by ${orderText(ordered, sort.isDescending)}`;
}

function orderText(columns: readonly ColumnInfo[], isDescending: boolean): string {
  return namesOf(columns)
    .map((name) => (isDescending ? `${name} desc` : name))
    .join(', ');
}

function filterClause({ column, operator, value }: CheckedFilter, values: Encoded[]): string {
  const name = quoteName(column.name);
  switch (operator) {
    case 'null':
      return value === 't' ? `${name} is null` : `${name} is not null`;
    case 'in':
      return `${name} = any($${values.push(value)})`;
    case 'has':
      return `${name} @> $${values.push(value)}`;
    default:
      return `${name} ${comparisons[operator]} $${values.push(value)}`;
  }
}

function searchClause(search: string, { keys, table, values }: { keys: readonly string[]; table: TableInfo; values: Encoded[] }): string {
  const pattern = `$${values.push(`%${search.replaceAll(/[\\%_]/gu, String.raw`\$&`)}%`)}`;
  const columns = keys.flatMap((key) => table.byKey.get(key) ?? []);
  return `(${namesOf(columns)
    .map((name) => `${name} ilike ${pattern}`)
    .join(' or ')})`;
}

function namesOf(columns: readonly ColumnInfo[]): readonly string[] {
  return columns.map(({ name }) => quoteName(name));
}

function whereText(clauses: readonly string[]): string {
  return clauses.length === 0 ? '' : ` where ${clauses.join(' and ')}`;
}
