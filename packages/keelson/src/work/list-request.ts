/** What a list is asked for, and how it is read from the parameters of a query. */
import { KeelsonError } from '../errors.ts';
import { snakeCase } from '../schema/table.ts';
import type { ListOperator, ListRules } from './list-rules.ts';

/** One condition; `value` as the program has it, or as the text of a query. */
export interface ListFilter {
  readonly key: string;
  readonly operator: ListOperator;
  readonly value: unknown;
}

/** The column to sort by. */
export interface ListSort {
  readonly key: string;
  readonly isDescending: boolean;
}

/** One page of a list; names are those of the code. */
export interface ListRequest {
  readonly filters: readonly ListFilter[];
  /** Text that one of the searchable columns contains, in any case. */
  readonly search?: string | undefined;
  readonly sort?: ListSort | undefined;
  /** From 1; pages reach 10,000 rows far, cursors to the end. */
  readonly page?: number | undefined;
  /** How many rows: 1 to 100. */
  readonly size: number;
  /** Where the page before has ended. */
  readonly cursor?: string | undefined;
  readonly isTotalWanted?: boolean | undefined;
  /** The columns that are wanted; all that answers show when not said. */
  readonly keys?: readonly string[] | undefined;
}

/** One page of rows. */
export interface ListPage<T> {
  readonly items: readonly T[];
  /** Missing where a cursor was followed. */
  readonly page?: number;
  readonly size: number;
  /** How many rows match, where it was asked for. */
  readonly total?: number;
  /** What the next page is asked for with; missing on the last one. */
  readonly nextCursor?: string;
}

/** How many rows a page has when it is not said. */
export const LIST_SIZE_DEFAULT = 20;
/** How many rows a page may have. */
export const LIST_SIZE_MAX = 100;
/** How far pages may reach; beyond it only cursors lead. */
export const LIST_ROWS_MAX = 10_000;

/** `gameId[in]` or `gameId`. */
const FILTER = /^(?<key>[A-Za-z0-9_]+)(?:\[(?<operator>[a-z]+)\])?$/u;

/**
 * Reads a list request from the parameters of a query, `sortBy` or `sort_by`, `gameId[in]` or `game_id[in]`; values may be text or read already.
 *
 * @throws VALIDATION_ERROR for what the rules do not know, each with its field
 */
export function readListRequest(query: Readonly<Record<string, unknown>>, rules: ListRules): ListRequest {
  const known = byWireName(query);
  const take = (name: string): string | undefined => {
    const value = known.get(name);
    known.delete(name);
    if (value === undefined || typeof value === 'string') return value;
    if (typeof value === 'number' || typeof value === 'boolean') return String(value);
    if (name === 'fields' && Array.isArray(value)) return value.join(',');
    throw refuse(name, 'must be given once');
  };
  const sortBy = take('sort_by');
  const sortOrder = take('sort_order') ?? 'asc';
  if (sortOrder !== 'asc' && sortOrder !== 'desc') throw refuse('sort_order', 'must be asc or desc');
  const page = take('page');
  const size = take('size');
  const total = take('total');
  const fields = take('fields');
  const search = take('search');
  const cursor = take('cursor');
  const sortKey = sortBy === undefined ? rules.table.primaryKey[0]?.key : keyOf(rules, sortBy);
  return {
    size: size === undefined ? LIST_SIZE_DEFAULT : Number(size),
    ...(page !== undefined && { page: Number(page) }),
    ...(cursor !== undefined && { cursor }),
    ...(search !== undefined && { search }),
    ...(total !== undefined && { isTotalWanted: readFlag('total', total) }),
    ...(sortKey !== undefined &&
      (sortBy !== undefined || sortOrder === 'desc') && { sort: { key: sortKey, isDescending: sortOrder === 'desc' } }),
    ...(fields !== undefined && { keys: fields.split(',').map((name) => keyOf(rules, name)) }),
    filters: [...known].map(([name, value]) => readFilter(rules, name, value)),
  };
}

/** The parameters by their names on the wire; one that comes in both spellings would count as whichever is last. */
function byWireName(query: Readonly<Record<string, unknown>>): Map<string, unknown> {
  const known = new Map<string, unknown>();
  for (const [key, value] of Object.entries(query)) {
    if (value === undefined) continue;
    const name = snakeCase(key);
    if (known.has(name)) throw refuse(name, 'must be given once');
    known.set(name, value);
  }
  return known;
}

/** The error for one parameter of the query. */
export function refuse(field: string, message: string, value?: unknown): KeelsonError {
  return new KeelsonError('VALIDATION_ERROR', {
    validationErrors: [{ field: `query.${field}`, message, ...(value !== undefined && { value }) }],
  });
}

function readFilter(rules: ListRules, name: string, value: unknown): ListFilter {
  const { key = name, operator = 'equal' } = FILTER.exec(name)?.groups ?? {};
  return {
    key: keyOf(rules, key),
    operator: parseListOperator(operator),
    value: operator === 'in' && typeof value === 'string' ? value.split(',') : value,
  };
}

/** The name in code of a column that is named as on the wire; what is no column stays as it is, to be refused by name. */
function keyOf(rules: ListRules, name: string): string {
  return rules.table.byKey.has(name) ? name : (rules.table.columns.find((column) => column.name === name)?.key ?? name);
}

function readFlag(field: string, value: string): boolean {
  if (value === 'true' || value === 'false') return value === 'true';
  throw refuse(field, 'must be true or false', value);
}

function parseListOperator(text: string): ListOperator {
  return text as ListOperator;
}
