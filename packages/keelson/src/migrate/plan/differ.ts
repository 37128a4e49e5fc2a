/** The comparer of catalogs, behind two functions: what it is called and how it speaks is known here alone. */
import { Pool } from 'pg';
import type * as library from '@supabase/pg-delta';
import { KeelsonError } from '../../errors.ts';

type Library = typeof library;

/** A catalog, read; what is in it only the comparer knows. */
export interface Catalog {
  readonly facts: library.FactBase;
  /** Who made it; that objects are owned by this role is not worth a statement. */
  readonly owner: string;
  /** Every role of the server, since a grant may name one. */
  readonly roles: readonly string[];
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
  /** Whether it only gives or takes a right of the role that owns everything here. */
  readonly isOwnRight: boolean;
}

/**
 * Reads the catalog of a database.
 *
 * @throws PLANNER_MISSING when the comparer is not installed
 */
export async function readCatalog(url: string): Promise<Catalog> {
  comparer = await loadLibrary();
  const pool = new Pool({ connectionString: url, max: 1 });
  // A shadow may be dropped under it.
  pool.on('error', () => undefined);
  try {
    const { factBase } = await comparer.extract(pool);
    const { rows } = await pool.query<{ role: string; own: boolean }>(
      'select rolname as role, rolname = current_user as own from pg_roles',
    );
    return { facts: factBase, owner: rows.find((row) => row.own)?.role ?? '', roles: rows.map((row) => row.role) };
  } finally {
    await pool.end();
  }
}

/**
 * The statements that make one catalog out of another, in an order that mostly runs.
 *
 * @throws PLAN_FAILED when the comparer finds no way
 */
export function difference(from: Catalog, to: Catalog): readonly Change[] {
  if (comparer === undefined) throw missing();
  try {
    const { actions } = comparer.plan(from.facts, to.facts, {
      renames: 'off',
      scope: 'database',
      defaultOwner: to.owner,
      assumedRoles: [...to.roles],
    });
    return actions.map((action) => changeOf(action, to.owner));
  } catch (cause) {
    const said = cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause);
    throw new KeelsonError('PLAN_FAILED', { message: `The comparer finds no way between the tables and the revisions: ${said}`, cause });
  }
}

/** It is loaded by whoever reads the first catalog, and never by a service. */
let comparer: Library | undefined;

/** Of `import`, and of `require`, through which a loader may come here. */
const NOT_FOUND: ReadonlySet<unknown> = new Set(['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND']);

/**
 * Begins to load the comparer, which takes a while, so that it is there when it is needed; whether it is there at all is said then.
 */
export function prepareComparer(): void {
  void loadLibrary().then(
    (library) => (comparer = library),
    () => undefined,
  );
}

async function loadLibrary(): Promise<Library> {
  try {
    return comparer ?? (await import('@supabase/pg-delta'));
  } catch (error) {
    if (error instanceof Error && 'code' in error && NOT_FOUND.has(error.code)) throw missing(error);
    throw error;
  }
}

function missing(cause?: unknown): KeelsonError {
  return new KeelsonError('PLANNER_MISSING', { cause });
}

function changeOf(action: library.Action, owner: string): Change {
  const ids = [...action.produces, ...action.consumes, ...action.destroys];
  return {
    // Its own name for a type that is replaced would puzzle the reader.
    sql: action.sql.replaceAll('__pgdelta_replaced', '__before'),
    verb: action.verb,
    makes: action.produces.map(objectOf),
    uses: action.consumes.map(objectOf),
    drops: action.destroys.map(objectOf),
    commitAfter: action.transactionality === 'commitBoundaryAfter',
    isOwnRight: /^(?:GRANT|REVOKE) /.test(action.sql) && ids.some((id) => id.kind === 'role' && id.name === owner),
  };
}

function objectOf(id: library.StableId): ChangedObject {
  if (id.kind === 'comment' || id.kind === 'acl' || id.kind === 'securityLabel') return { ...objectOf(id.target), kind: id.kind };
  return {
    kind: id.kind,
    schema: 'schema' in id ? (id.schema ?? '') : '',
    table: 'table' in id ? id.table : '',
    name: 'name' in id ? id.name : '',
  };
}
