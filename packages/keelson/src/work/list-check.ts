/** Checks what a list is asked for against its rules: what would read a whole table is refused, with what is allowed instead. */
import type { Encoded } from '../schema/encode.ts';
import { encodeArray } from '../schema/encode.ts';
import type { ColumnInfo } from '../schema/table.ts';
import { digestOf, isPlace, readCursor } from './cursor.ts';
import { LIST_ROWS_MAX, LIST_SIZE_MAX, type ListFilter, type ListRequest, type ListSort, refuse } from './list-request.ts';
import type { ListOperator, ListRules, Prefix } from './list-rules.ts';
import { soleValue } from './list-scope.ts';
import { comparedWith, encodeCompared } from './list-values.ts';

/** One condition that may go to the database. */
export interface CheckedFilter {
  readonly column: ColumnInfo;
  readonly operator: ListOperator;
  readonly value: Encoded;
}

/** A request that the rules allow. */
export interface CheckedRequest {
  readonly filters: readonly CheckedFilter[];
  readonly search: string | undefined;
  readonly sort: ListSort;
  /** The column to sort by, then the key. */
  readonly order: readonly ColumnInfo[];
  readonly size: number;
  readonly offset: number;
  /** The place in the order behind which the page begins. */
  readonly after: readonly (string | null)[] | undefined;
  readonly digest: string;
  /** The columns that are wanted. */
  readonly keys: readonly string[];
}

/** What a request is checked with. */
export interface ListFrame {
  readonly rules: ListRules;
  /** What the list is narrowed to before anything is asked. */
  readonly scope: Readonly<Record<string, unknown>>;
}

/** How many values `in` takes. */
export const IN_MAX = 100;
/** How long a text to search for is. */
export const SEARCH_LENGTH_MAX = 200;
/** How many conditions one request has. */
const FILTERS_MAX = 20;
/** What is shorter has no trigram to look up. */
const TRIGRAM_LENGTH = 3;

const ranges: ReadonlySet<ListOperator> = new Set(['gt', 'gte', 'lt', 'lte']);
const narrowing: ReadonlySet<ListOperator> = new Set(['equal', 'in', 'has']);

/**
 * The request, if an index serves it.
 *
 * @throws VALIDATION_ERROR naming the parameter, and what is allowed in its place
 */
export function checkRequest(request: ListRequest, frame: ListFrame): CheckedRequest {
  const { rules } = frame;
  const { size, page } = request;
  if (!Number.isInteger(size) || size < 1 || size > LIST_SIZE_MAX)
    throw refuse('size', `must be a whole number from 1 to ${LIST_SIZE_MAX}`);
  checkPage(request);
  if (request.filters.length > FILTERS_MAX) throw refuse('filters', `must be at most ${FILTERS_MAX}`);
  const filters = request.filters.map((filter) => checkFilter(filter, rules));
  const equal = equalKeys(request, frame.scope);
  for (const [index, { column, operator }] of filters.entries()) checkServed({ column, operator, index }, { request, frame, equal });
  const digest = digestOf(rules.table.name, request);
  const cursor = request.cursor === undefined ? undefined : readCursor(request.cursor);
  if (request.cursor !== undefined && cursor === undefined) throw refuse('cursor', 'is no cursor of a list');
  const sort = cursor?.sort ?? request.sort ?? defaultSort(request, rules, equal);
  if (request.sort !== undefined && (request.sort.key !== sort.key || request.sort.isDescending !== sort.isDescending))
    throw refuse('cursor', 'belongs to another order: follow it with the sort_by and sort_order that it came with');
  const order = checkSort(sort, rules, equal, cursor === undefined ? 'sort_by' : 'cursor');
  checkRanges(request, frame, sort);
  if (cursor !== undefined && (cursor.digest !== digest || !isPlace(cursor.values, order)))
    throw refuse('cursor', 'belongs to another list: follow it with the filters that it came with');
  return {
    filters,
    search: checkSearch(request, frame),
    sort,
    order,
    size,
    offset: ((page ?? 1) - 1) * size,
    after: cursor?.values,
    digest,
    keys: checkKeys(request, rules),
  };
}

function checkPage({ page, size, cursor }: ListRequest): void {
  if (page === undefined) return;
  if (cursor !== undefined) throw refuse('page', 'cannot stand beside cursor');
  if (!Number.isInteger(page) || page < 1) throw refuse('page', 'must be a whole number from 1');
  if (page * size > LIST_ROWS_MAX)
    throw refuse('page', `times size must be at most ${LIST_ROWS_MAX}; to read on, follow next_cursor with cursor`);
}

function checkFilter({ key, operator, value }: ListFilter, rules: ListRules): CheckedFilter {
  const operators = rules.filterable.get(key);
  const column = rules.table.byKey.get(key);
  if (operators === undefined || column === undefined)
    throw refuse(column?.name ?? key, `cannot be filtered by; allowed are ${allowedFilters(rules)}`);
  const field = operator === 'equal' ? column.name : `${column.name}[${operator}]`;
  if (!operators.includes(operator)) throw refuse(field, `is not known; ${column.name} takes ${operators.join(', ')}`);
  return { column, operator, value: encodeOperand(column, { operator, value, field }) };
}

function encodeOperand(column: ColumnInfo, { operator, value, field }: { operator: ListOperator; value: unknown; field: string }): Encoded {
  if (operator === 'null') {
    if (value === true || value === 'true') return 't';
    if (value === false || value === 'false') return 'f';
    throw refuse(field, 'must be true or false', value);
  }
  const one = (item: unknown): Encoded => {
    const encoded = encodeCompared(column, item);
    if (encoded === undefined) throw refuse(field, `must be ${comparedWith(column)}`, item);
    return encoded;
  };
  if (operator === 'has') return encodeArray([value], one);
  if (operator !== 'in') return one(value);
  if (!Array.isArray(value) || value.length === 0 || value.length > IN_MAX) throw refuse(field, `must be a list of 1 to ${IN_MAX} values`);
  return encodeArray(value, one);
}

/** The columns that hold one value in every row of the list. */
function equalKeys(request: ListRequest, scope: Readonly<Record<string, unknown>>): ReadonlySet<string> {
  const keys = new Set(request.filters.flatMap(({ key, operator, value }) => (isOne(operator, value) ? [key] : [])));
  for (const [key, condition] of Object.entries(scope)) {
    const value = soleValue(condition);
    if (typeof value !== 'object' || value instanceof Date) keys.add(key);
  }
  return keys;
}

function isOne(operator: ListOperator, value: unknown): boolean {
  return operator === 'equal' || (operator === 'in' && Array.isArray(value) && value.length === 1);
}

interface Served {
  readonly request: ListRequest;
  readonly frame: ListFrame;
  readonly equal: ReadonlySet<string>;
}

function checkServed({ column, operator, index }: { column: ColumnInfo; operator: ListOperator; index: number }, served: Served): void {
  const { request, frame, equal } = served;
  const needs = frame.rules.filterNeeds.get(column.key) ?? [];
  if (!needs.some((prefix) => prefix.every((key) => equal.has(key))))
    throw refuse(column.name, `needs a filter beside it: ${namesOf(frame.rules, needs)}`);
  const isNegative = operator === 'not' || (operator === 'null' && String(request.filters[index]?.value) === 'false');
  if (isNegative && !isNarrowed(request, frame))
    throw refuse(`${column.name}[${operator}]`, `needs a filter that narrows the list beside it: ${narrowingNames(frame.rules)}`);
}

/** Whether an index leads to the rows of the list before the rest is looked at. */
function isNarrowed(request: ListRequest, { rules, scope }: ListFrame): boolean {
  return (
    request.filters.some(({ key, operator }) => narrowing.has(operator) && rules.narrowing.has(key)) ||
    Object.keys(scope).some((key) => rules.narrowing.has(key))
  );
}

/** Without a sort, a list of a range goes by the column of the range, every other one by the key. */
function defaultSort(request: ListRequest, rules: ListRules, equal: ReadonlySet<string>): ListSort {
  const range = request.filters.find(({ key, operator }) => ranges.has(operator) && isSortable(rules, key, equal));
  return { key: range?.key ?? rules.table.primaryKey[0]?.key ?? '', isDescending: false };
}

function isSortable(rules: ListRules, key: string, equal: ReadonlySet<string>): boolean {
  return rules.sortable.get(key)?.some((prefix) => prefix.every((needed) => equal.has(needed))) ?? false;
}

function checkSort(sort: ListSort, rules: ListRules, equal: ReadonlySet<string>, field: string): readonly ColumnInfo[] {
  const { table } = rules;
  const column = table.byKey.get(sort.key);
  const isKey = table.primaryKey[0]?.key === sort.key;
  if (column === undefined || !(isKey || isSortable(rules, sort.key, equal)))
    throw refuse(field, `cannot be ${column?.name ?? sort.key}; allowed are ${allowedSorts(rules)}`);
  return [column, ...table.primaryKey.filter((key) => key !== column)];
}

/** A range in one order and a sort in another would read one of them to its end. */
function checkRanges(request: ListRequest, frame: ListFrame, sort: ListSort): void {
  const other = request.filters.find(({ key, operator }) => ranges.has(operator) && key !== sort.key);
  if (other === undefined || isNarrowed(request, frame)) return;
  const name = frame.rules.table.byKey.get(other.key)?.name ?? other.key;
  throw refuse(
    `${name}[${other.operator}]`,
    `needs sort_by=${name}, or a filter that narrows the list beside it: ${narrowingNames(frame.rules)}`,
  );
}

function checkSearch(request: ListRequest, frame: ListFrame): string | undefined {
  const { search } = request;
  if (search === undefined || search === '') return undefined;
  const { searchable, isSearchIndexed, table } = frame.rules;
  if (searchable.length === 0) throw refuse('search', `is not known to lists of ${table.name}`);
  if (search.length > SEARCH_LENGTH_MAX) throw refuse('search', `must be at most ${SEARCH_LENGTH_MAX} characters`);
  if (search.includes('\0') || !search.isWellFormed()) throw refuse('search', 'must be a text without NUL characters');
  if (isNarrowed(request, frame)) return search;
  if (!isSearchIndexed) throw refuse('search', `needs a filter that narrows the list beside it: ${narrowingNames(frame.rules)}`);
  if ([...search].length < TRIGRAM_LENGTH) throw refuse('search', `must be at least ${TRIGRAM_LENGTH} characters`);
  return search;
}

function checkKeys({ keys }: ListRequest, rules: ListRules): readonly string[] {
  if (keys === undefined) return rules.columns;
  const unknown = keys.find((key) => !rules.columns.includes(key));
  if (unknown !== undefined || keys.length === 0)
    throw refuse('fields', `cannot be ${unknown ?? 'empty'}; allowed are ${rules.columns.map((key) => nameOf(rules, key)).join(', ')}`);
  return rules.columns.filter((key) => keys.includes(key));
}

function nameOf(rules: ListRules, key: string): string {
  return rules.table.byKey.get(key)?.name ?? key;
}

function namesOf(rules: ListRules, prefixes: readonly Prefix[]): string {
  return prefixes.map((prefix) => prefix.map((key) => `${nameOf(rules, key)}=…`).join('&')).join(' or ');
}

function allowed(rules: ListRules, ways: ReadonlyMap<string, readonly Prefix[]>): string {
  const names = [...ways].map(([key, prefixes]) => {
    const name = nameOf(rules, key);
    return prefixes.some((prefix) => prefix.length === 0) ? name : `${name} (with ${namesOf(rules, prefixes)})`;
  });
  return names.length === 0 ? 'none' : names.join(', ');
}

function allowedSorts(rules: ListRules): string {
  return allowed(rules, rules.sortable);
}

function allowedFilters(rules: ListRules): string {
  return allowed(rules, rules.filterNeeds);
}

function narrowingNames(rules: ListRules): string {
  const keys = [...rules.filterable].map(([key]) => key).filter((key) => rules.narrowing.has(key));
  return keys.length === 0 ? 'it has none' : keys.map((key) => `${nameOf(rules, key)}=…`).join(' or ');
}
