/** What a list may be asked for: the filters, sorts and search that the indexes of its table serve without reading it whole. */
import { KeelsonError } from '../errors.ts';
import { toText } from '../schema/sql.ts';
import { type AnyTable, type ColumnInfo, isHandle, type Part, tableInfo, type TableInfo } from '../schema/table.ts';

/** Comparisons that a list knows; `equal` is written without an operator. */
export type ListOperator = 'equal' | 'not' | 'gt' | 'gte' | 'lt' | 'lte' | 'in' | 'has' | 'null';

/** Columns that must be filtered by equality before an index serves; none when it always does. */
export type Prefix = readonly string[];

/** What a list of one table may be asked for; names are those of the code. */
export interface ListRules {
  readonly table: TableInfo;
  /** The columns that answers show. */
  readonly columns: readonly string[];
  readonly filterable: ReadonlyMap<string, readonly ListOperator[]>;
  /** What must be filtered by equality beside a filter of the column; one of these is enough. */
  readonly filterNeeds: ReadonlyMap<string, readonly Prefix[]>;
  /** What must be filtered by equality for a sort by the column; one of these is enough. */
  readonly sortable: ReadonlyMap<string, readonly Prefix[]>;
  readonly searchable: readonly string[];
  /** The columns that lead an index: a condition on one of them narrows what is read. */
  readonly narrowing: ReadonlySet<string>;
  /** Whether trigram indexes serve a search of all its columns, whatever else is asked for. */
  readonly isSearchIndexed: boolean;
}

/** One index as lists see it: the columns in front of the first expression. */
interface IndexKeys {
  readonly keys: readonly string[];
  readonly isUnique: boolean;
  readonly method: 'btree' | 'gin' | 'gist' | 'brin' | 'hash';
}

/** What a list is asked for beside its filters; a column of such a name cannot be filtered by. */
const RESERVED: ReadonlySet<string> = new Set(['page', 'size', 'cursor', 'search', 'fields', 'total', 'sort_by', 'sort_order']);

/** The methods whose first column narrows what is read. */
const leading: ReadonlySet<string> = new Set(['btree', 'hash']);

/**
 * The rules of a list: a filter needs a column that leads an index, a sort an index that ends with it and the key.
 *
 * @throws MISUSE for a column that the table does not have, or one to search that is no text
 * @example
 * import { index, table, text, uuid } from 'keelson/schema';
 * import { listRules } from 'keelson/work';
 * const games = table('games', { id: uuid().primaryKey(), name: text() }, (t) => [index(t.name, t.id)]);
 * export const rules = listRules(games, { columns: ['id', 'name'] });
 */
export function listRules(
  table: AnyTable,
  options: { readonly columns: readonly string[]; readonly search?: readonly string[] },
): ListRules {
  const described = tableInfo(table);
  const shown = options.columns.map((key) => columnOf(described, key));
  const searchable = (options.search ?? []).map((key) => columnOf(described, key));
  const odd = searchable.find(({ kind, isArray, sqlType, enumType }) => kind !== 'text' || isArray || sqlType === 'uuid' || enumType);
  if (odd !== undefined) throw new KeelsonError('MISUSE', { message: `${described.name}.${odd.key} is no text that a search could read.` });
  const indexes = indexesOf(described);
  const filterNeeds = new Map<string, readonly Prefix[]>();
  const filterable = new Map<string, readonly ListOperator[]>();
  const sortable = new Map<string, readonly Prefix[]>();
  for (const column of shown) {
    const operators = operatorsOf(column, indexes);
    if (operators.length > 0) {
      filterable.set(column.key, operators);
      filterNeeds.set(column.key, prefixesOf(column, indexes));
    }
    const sorts = sortPrefixesOf(column, described, indexes);
    if (sorts.length > 0) sortable.set(column.key, sorts);
  }
  return {
    table: described,
    columns: options.columns,
    filterable,
    filterNeeds,
    sortable,
    searchable: searchable.map(({ key }) => key),
    narrowing: new Set(indexes.flatMap(({ keys, method }) => (method === 'gin' ? keys : leading.has(method) ? keys.slice(0, 1) : []))),
    isSearchIndexed: searchable.length > 0 && isTrigramIndexed(described, searchable),
  };
}

function columnOf(table: TableInfo, key: string): ColumnInfo {
  const column = table.byKey.get(key);
  if (column === undefined) throw new KeelsonError('MISUSE', { message: `${table.name} has no column ${key} to list.` });
  return column;
}

function indexesOf(table: TableInfo): readonly IndexKeys[] {
  const primary: IndexKeys = { keys: table.primaryKey.map(({ key }) => key), isUnique: true, method: 'btree' };
  const singles = table.columns.flatMap(({ key, isUnique }): IndexKeys[] => (isUnique ? [{ keys: [key], isUnique, method: 'btree' }] : []));
  const declared = table.constraints.flatMap((constraint): IndexKeys[] => {
    if (constraint.kind === 'unique') return [{ keys: constraint.columns.map(({ key }) => key), isUnique: true, method: 'btree' }];
    // A partial index serves only those who repeat its condition.
    if (constraint.kind !== 'index' || constraint.options.where !== undefined) return [];
    const keys = leadingKeys(constraint.parts);
    const isUnique = constraint.isUnique && keys.length === constraint.parts.length;
    return [{ keys, isUnique, method: constraint.options.using ?? 'btree' }];
  });
  return [primary, ...singles, ...declared];
}

function leadingKeys(parts: readonly Part[]): readonly string[] {
  const keys: string[] = [];
  for (const part of parts) {
    if (!isHandle(part)) break;
    keys.push(part.key);
  }
  return keys;
}

function operatorsOf(column: ColumnInfo, indexes: readonly IndexKeys[]): readonly ListOperator[] {
  if (RESERVED.has(column.name)) return [];
  const methods = new Set(indexes.filter(({ keys }) => keys.includes(column.key)).map(({ method }) => method));
  if (column.isArray) return methods.has('gin') && column.kind !== 'json' && column.kind !== 'bytes' ? ['has'] : [];
  if (column.kind === 'json' || column.kind === 'bytes') return [];
  if (!methods.has('btree')) return methods.has('hash') ? ['equal', 'in'] : [];
  const isOrdered = column.kind !== 'boolean' && column.enumType === undefined && column.sqlType !== 'uuid';
  const ranges = isOrdered ? (['gt', 'gte', 'lt', 'lte'] as const) : [];
  return ['equal', 'not', ...ranges, 'in', ...(column.isNullable ? (['null'] as const) : [])];
}

/** What stands in front of a column in the indexes that hold it. */
function prefixesOf(column: ColumnInfo, indexes: readonly IndexKeys[]): readonly Prefix[] {
  const prefixes = indexes.flatMap(({ keys, method }): Prefix[] => {
    const position = keys.indexOf(column.key);
    if (position === -1) return [];
    // The columns of a GIN index serve each by itself.
    return [method === 'gin' ? [] : keys.slice(0, position)];
  });
  return shortest(prefixes);
}

function sortPrefixesOf(column: ColumnInfo, table: TableInfo, indexes: readonly IndexKeys[]): readonly Prefix[] {
  const primary = table.primaryKey.map(({ key }) => key);
  if (primary.length === 1 && primary[0] === column.key) return [[]];
  const prefixes = indexes.flatMap(({ keys, isUnique, method }): Prefix[] => {
    const position = keys.indexOf(column.key);
    if (method !== 'btree' || position === -1 || column.isArray) return [];
    const rest = keys.slice(position + 1);
    const missing = primary.filter((key) => key !== column.key && !keys.slice(0, position).includes(key));
    // What is unique needs no key behind it, unless there may be many rows without a value.
    const isEnough = (isUnique && rest.length === 0 && !column.isNullable) || missing.every((key, index) => rest[index] === key);
    return isEnough ? [keys.slice(0, position)] : [];
  });
  return shortest(prefixes);
}

/** Without those that ask for more than another. */
function shortest(prefixes: readonly Prefix[]): readonly Prefix[] {
  return prefixes.filter(
    (prefix, index) =>
      !prefixes.some(
        (other, position) =>
          position !== index && other.every((key) => prefix.includes(key)) && (other.length < prefix.length || position < index),
      ),
  );
}

function isTrigramIndexed(table: TableInfo, columns: readonly ColumnInfo[]): boolean {
  // Under a policy PostgreSQL reads no index for ILIKE: the operator might tell of rows that are not to be seen.
  if (table.constraints.some(({ kind }) => kind === 'policy')) return false;
  const covered = table.constraints.flatMap((constraint) =>
    constraint.kind === 'index' && constraint.options.where === undefined && ['gin', 'gist'].includes(constraint.options.using ?? '')
      ? constraint.parts.flatMap((part) => (isHandle(part) || !toText(part, '').includes('_trgm_ops') ? [] : part.values.filter(isHandle)))
      : [],
  );
  return columns.every(({ key }) => covered.some((handle) => handle.key === key));
}
