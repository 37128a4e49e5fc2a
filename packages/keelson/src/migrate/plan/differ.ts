/** The comparer of catalogs, behind two functions: what it is called and how it speaks is known here alone. */
import { Pool } from 'pg';
import type { FactBase, plan, StableId } from '@supabase/pg-delta';
import { KeelsonError } from '../../errors.ts';

type Library = typeof import('@supabase/pg-delta');
type Action = ReturnType<typeof plan>['actions'][number];

/** A catalog, read; what is in it only the comparer knows. */
export interface Catalog {
  readonly facts: FactBase;
}

/** An object of a catalog. */
export interface ChangedObject {
  /** `table`, `column`, `constraint`, `index`, `trigger`, `policy`, `type`, `view`, `sequence`, `procedure`, `schema`, … */
  readonly kind: string;
  readonly schema: string;
  /** The table that it belongs to; '' where there is none. */
  readonly table: string;
  readonly name: string;
}

/** One statement between two catalogs. */
export interface Change {
  readonly sql: string;
  readonly verb: 'create' | 'alter' | 'drop';
  readonly makes: readonly ChangedObject[];
  readonly uses: readonly ChangedObject[];
  readonly drops: readonly ChangedObject[];
  /** Whether what comes after it must stand in another transaction. */
  readonly commitAfter: boolean;
  readonly isDestructive: boolean;
}

/**
 * Reads the catalog of a database.
 *
 * @throws PLANNER_MISSING when the comparer is not installed
 */
export async function readCatalog(url: string): Promise<Catalog> {
  library = await loadLibrary();
  const pool = new Pool({ connectionString: url, max: 1 });
  try {
    return { facts: (await library.extract(pool)).factBase };
  } finally {
    await pool.end();
  }
}

/** The statements that make one catalog out of another, in an order that mostly runs. */
export function difference(from: Catalog, to: Catalog): readonly Change[] {
  if (library === undefined) throw missing();
  return library.plan(from.facts, to.facts, { renames: 'off', scope: 'database' }).actions.map(changeOf);
}

/** It is loaded by whoever reads the first catalog, and never by a service. */
let library: Library | undefined;

async function loadLibrary(): Promise<Library> {
  try {
    return library ?? (await import('@supabase/pg-delta'));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND') throw missing(error);
    throw error;
  }
}

function missing(cause?: unknown): KeelsonError {
  return new KeelsonError('PLANNER_MISSING', { cause });
}

function changeOf(action: Action): Change {
  return {
    sql: action.sql,
    verb: action.verb,
    makes: action.produces.map(objectOf),
    uses: action.consumes.map(objectOf),
    drops: action.destroys.map(objectOf),
    commitAfter: action.transactionality === 'commitBoundaryAfter',
    isDestructive: action.dataLoss === 'destructive',
  };
}

function objectOf(id: StableId): ChangedObject {
  return {
    kind: id.kind,
    schema: 'schema' in id ? id.schema : '',
    table: 'table' in id ? id.table : '',
    name: 'name' in id ? id.name : '',
  };
}
