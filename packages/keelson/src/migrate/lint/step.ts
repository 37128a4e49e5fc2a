/** One statement of a revision, and what the database was before it and is after it. */
import type { Revision } from '../revision.ts';
import type { SqlStatement } from '../statements.ts';
import type { RuleName } from './finding.ts';
import type { ColumnState, State, TableState } from './observe.ts';

/** A statement that was run. */
export interface Step {
  readonly revision: Revision;
  readonly statement: SqlStatement;
  /** Before the first statement of the revision: what the running service has, and works on. */
  readonly existing: State;
  readonly before: State;
  readonly after: State;
  /** What the code declares, where this is the newest revision: `hats`, `hats.size`. */
  readonly declared: ReadonlySet<string>;
}

/** What a rule says of a statement. */
export interface Hit {
  readonly rule: RuleName;
  readonly message: string;
  readonly safeWay: string;
}

/** A table that was there before the revision, before and after the statement. */
export interface Touched {
  readonly before: TableState;
  readonly after: TableState;
}

/** The tables that the service knows and that the statement left in place. */
export function touchedTables({ existing, before, after }: Step): readonly Touched[] {
  return [...after.tables.values()].flatMap((table) => {
    const earlier = before.tables.get(table.id);
    return earlier === undefined || !existing.tables.has(table.id) || table.kind === 'view' ? [] : [{ before: earlier, after: table }];
  });
}

/** The columns of a table at one moment. */
export function columnsOf(state: State, table: string): readonly ColumnState[] {
  return [...state.columns.values()].filter((column) => column.table === table);
}

/** Whether the statement read the table from end to end for itself, as checking a constraint does. */
export function isScanned({ before, after }: Touched): boolean {
  return after.scans > before.scans;
}

/** Whether the statement wrote the table anew. */
export function isRewritten({ before, after }: Touched): boolean {
  return before.file !== after.file && before.kind !== 'partitioned';
}

const QUERIES = new Set(['select', 'insert', 'update', 'delete', 'merge', 'with', 'do', 'call', 'copy', 'values', 'table', 'execute']);

/** Whether it works on rows; then PostgreSQL reads whole tables because the shadow's are small. */
export function isQuery(statement: SqlStatement): boolean {
  return QUERIES.has(statement.words[0] ?? '');
}

/** Whether the revision says that it takes things away. */
export function isContract({ revision }: Step): boolean {
  return revision.phase === 'contract';
}

/** A name as part of a further name, `users_email`. */
export function bare(name: string): string {
  return name
    .replace(/^.*\./, '')
    .replaceAll(/[^A-Za-z0-9_]+/g, '_')
    .replaceAll(/^_+|_+$/g, '');
}
