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
  for (const filter of request.filters) clauses.push(filterClause(filter, values));
  if (request.search !== undefined) clauses.push(searchClause(request.search, { keys: rules.searchable, table, values }));
  const total = { text: `select count(*) from ${target}${whereText(clauses)}`, name: undefined, values: [...values] };
  const select = `select ${namesOf(columns).join(', ')} from ${target}`;
  return { rows: { text: rowsText(request, { select, clauses, values }), name: undefined, values }, total, columns };
}

function rowsText(request: CheckedRequest, frame: Frame): string {
  const { order, offset, size, sort, after } = request;
  const [first] = order;
  const limit = `limit $${frame.values.push(String(size + 1))}`;
  const skip = offset === 0 ? '' : ` offset $${frame.values.push(String(offset))}`;
  if (first === undefined || !first.isNullable) return `${branch(request, frame, { columns: order, after })} ${limit}${skip}`;
  const empty = { columns: order.slice(1), condition: `${quoteName(first.name)} is null` };
  if (after?.[0] === null) return `${branch(request, frame, { ...empty, after: after.slice(1) })} ${limit}${skip}`;
  const filled = { columns: order, condition: `${quoteName(first.name)} is not null`, after };
  if (request.filters.some(({ column, operator }) => column === first && operator !== 'not' && operator !== 'null'))
    return `${branch(request, frame, filled)} ${limit}${skip}`;
  // Rows without a value come last in both directions. One index gives either part in its order; `or` would give neither.
  const inner = `limit $${frame.values.push(String(size + 1 + offset))}`;
  const both = `(${branch(request, frame, filled)} ${inner}) union all (${branch(request, frame, { ...empty, after: undefined })} ${inner})`;
  return `select * from (${both}) as page order by ${quoteName(first.name)} is null, ${orderText(order, sort.isDescending)} ${limit}${skip}`;
}

interface Branch {
  readonly columns: readonly ColumnInfo[];
  readonly condition?: string;
  readonly after: readonly (string | null)[] | undefined;
}

function branch({ sort }: CheckedRequest, { select, clauses, values }: Frame, { columns, condition, after }: Branch): string {
  const all = condition === undefined ? [...clauses] : [...clauses, condition];
  if (after !== undefined) {
    const places = after.map((value) => `$${values.push(value)}`).join(', ');
    all.push(`(${namesOf(columns).join(', ')}) ${sort.isDescending ? '<' : '>'} (${places})`);
  }
  return `${select}${whereText(all)} order by ${orderText(columns, sort.isDescending)}`;
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
