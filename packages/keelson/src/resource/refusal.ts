/** Refusals: what the database refuses of a row, in the words of its resource. */
import { KeelsonError, isKeelsonError } from '../errors.ts';
import { sqlState } from '../postgres/sqlstate.ts';
import { constraintName } from '../schema/names.ts';
import type { TableInfo } from '../schema/table.ts';
import type { RowAction } from './resource.ts';

/** What was tried, and on what. */
export interface Attempt {
  readonly table: TableInfo;
  readonly noun: string;
  readonly action: RowAction;
  /** Where the row stands in the request. */
  readonly field: 'body' | 'body.items';
}

const REFERRED: ReadonlySet<string | undefined> = new Set(['23001', '23503']);

/** The error as the caller can act on it; what is not known here stays as it is. */
export function inWordsOf(attempt: Attempt, error: unknown): unknown {
  if (!isKeelsonError(error, 'CONFLICT')) return error;
  const constraint = error.data?.['constraint'];
  const { table, noun, action } = attempt;
  if (REFERRED.has(sqlState(error))) {
    const column = action === 'remove' ? undefined : referringColumn(table, constraint);
    if (column !== undefined) return refersToNothing(attempt, column, error);
    if (action !== 'remove') return error;
    const message = `This ${noun} cannot be removed while others refer to it.`;
    return new KeelsonError('CONFLICT', { message, hint: 'Remove what refers to it first.', data: error.data, cause: error });
  }
  const columns = uniqueColumns(table, constraint);
  if (columns === undefined) return error;
  const message = `There is already one with this ${columns.join(' and ')}.`;
  return new KeelsonError('CONFLICT', { message, hint: 'Choose another value.', data: error.data, cause: error });
}

/** The column of a reference; of one that holds two rows in one place, as (game_id, player_id), that which says the row. */
function referringColumn({ name: table, columns }: TableInfo, constraint: unknown): string | undefined {
  const isOf = (names: readonly string[]): boolean => constraint === constraintName(table, names, 'fkey');
  const single = columns.find(({ name }) => isOf([name]));
  return (single ?? columns.find(({ name }) => columns.some((place) => isOf([place.name, name]))))?.name;
}

function refersToNothing({ field }: Attempt, column: string, cause: KeelsonError): KeelsonError {
  const isOne = field === 'body';
  const problem = isOne
    ? { field: `body.${column}`, message: 'refers to nothing' }
    : { field, message: `must each refer by ${column} to something` };
  return new KeelsonError('VALIDATION_ERROR', { validationErrors: [problem], data: cause.data, cause });
}

/** The columns of a unique constraint of the table, in the names of the wire. */
function uniqueColumns(table: TableInfo, constraint: unknown): readonly string[] | undefined {
  const single = table.columns.find(({ name, isUnique }) => isUnique && constraint === constraintName(table.name, [name], 'key'));
  if (single !== undefined) return [single.name];
  for (const each of table.constraints) {
    if (each.kind !== 'unique') continue;
    const names = each.columns.map(({ key }) => table.byKey.get(key)?.name ?? key);
    if (constraint === constraintName(table.name, names, 'key')) return names;
  }
  return undefined;
}

/** What a hook refuses of a row, by its place in the request: hooks speak of `body.name`, also where it is one of many. */
export function placed(error: unknown, place: string): unknown {
  if (!isKeelsonError(error, 'VALIDATION_ERROR') || error.validationErrors === undefined || place === 'body') return error;
  const validationErrors = error.validationErrors.map((problem) => ({ ...problem, field: problem.field.replace(/^body(?=\.|$)/u, place) }));
  return new KeelsonError('VALIDATION_ERROR', { message: error.message, hint: error.hint, validationErrors, cause: error });
}
