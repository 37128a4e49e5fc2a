/** What a database is at one moment of a revision: tables, columns, constraints, indexes, enums, and the locks that are held. */
import type { Connection } from '../../postgres/connection.ts';

/** A table; the numbers count what the transaction did to it so far. */
export interface TableState {
  readonly id: string;
  /** Quoted as SQL needs it, with the schema where that is not the namespace. */
  readonly name: string;
  readonly kind: 'table' | 'partitioned' | 'materialized view' | 'view';
  /** Another one after a statement: the table was written anew. */
  readonly file: string;
  readonly isPartition: boolean;
  readonly hasKey: boolean;
  readonly hasRowSecurity: boolean;
  readonly policies: number;
  readonly scans: number;
  readonly updated: number;
  readonly deleted: number;
}

/** A column. */
export interface ColumnState {
  readonly id: string;
  readonly table: string;
  readonly name: string;
  readonly type: string;
  readonly isNotNull: boolean;
  readonly isIdentity: boolean;
  readonly isGenerated: boolean;
  readonly default: string | null;
  /** Whether a policy that asks for a setting of the session mentions it. */
  readonly isPoliced: boolean;
  /** The sequence that fills it, as a literal can name it. */
  readonly sequence: string | null;
}

/** A constraint: `f` foreign key, `c` check, `u` unique, `p` primary key, `x` exclusion. */
export interface ConstraintState {
  readonly id: string;
  readonly table: string;
  readonly name: string;
  readonly kind: string;
  readonly isValidated: boolean;
  readonly definition: string;
  readonly index: string;
}

/** An index. */
export interface IndexState {
  readonly id: string;
  readonly table: string;
  readonly name: string;
  readonly file: string;
  readonly definition: string;
  /** Whether it belongs to that of a partitioned table. */
  readonly isPartition: boolean;
}

/** A value of an enum. */
export interface EnumValueState {
  readonly id: string;
  readonly enumId: string;
  readonly enumName: string;
  readonly value: string;
}

/** Everything at one moment, by the ids of the objects. */
export interface State {
  readonly tables: ReadonlyMap<string, TableState>;
  readonly columns: ReadonlyMap<string, ColumnState>;
  readonly constraints: ReadonlyMap<string, ConstraintState>;
  readonly indexes: ReadonlyMap<string, IndexState>;
  readonly enumValues: ReadonlyMap<string, EnumValueState>;
  /** The strongest lock of the transaction on each table that blocks others who read or write. */
  readonly locks: ReadonlyMap<string, LockMode>;
}

/** The locks behind which others wait, the strongest first. */
export const lockModes = ['AccessExclusiveLock', 'ExclusiveLock', 'ShareRowExclusiveLock', 'ShareLock'] as const;

/** A lock behind which others wait. */
export type LockMode = (typeof lockModes)[number];

const OURS = `n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and c.relname <> 'keelson_migrations'`;
/** $1 is the namespace, whose tables stand without it. */
const NAME = `case when n.nspname = $1 then '' else quote_ident(n.nspname) || '.' end || quote_ident(c.relname)`;
const FROM = 'from pg_class as c join pg_namespace as n on n.oid = c.relnamespace';

const TABLES = `
  select c.oid::text, ${NAME},
    case c.relkind when 'p' then 'partitioned' when 'm' then 'materialized view' when 'v' then 'view' else 'table' end,
    c.relfilenode::text, c.relispartition::int::text,
    (exists (select from pg_index as i where i.indrelid = c.oid and i.indisprimary))::int::text,
    c.relrowsecurity::int::text, (select count(*) from pg_policy as p where p.polrelid = c.oid)::text,
    pg_stat_get_xact_numscans(c.oid)::text, pg_stat_get_xact_tuples_updated(c.oid)::text, pg_stat_get_xact_tuples_deleted(c.oid)::text
  ${FROM} where c.relkind in ('r', 'p', 'm', 'v') and ${OURS}
    and not exists (select from pg_depend as d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
  order by c.oid`;

const COLUMNS = `
  select a.attrelid || '.' || a.attnum, c.oid::text, quote_ident(a.attname), format_type(a.atttypid, a.atttypmod), a.attnotnull::int::text,
    (a.attidentity <> '')::int::text, (a.attgenerated <> '')::int::text, pg_get_expr(d.adbin, d.adrelid),
    (exists (select from pg_depend as u join pg_policy as p on p.oid = u.objid
      where u.classid = 'pg_policy'::regclass and u.refobjid = c.oid and u.refobjsubid = a.attnum
        and pg_get_expr(coalesce(p.polqual, p.polwithcheck), p.polrelid) ~ 'current_setting'))::int::text,
    pg_get_serial_sequence(quote_ident(n.nspname) || '.' || quote_ident(c.relname), a.attname)
  ${FROM} join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  left join pg_attrdef as d on d.adrelid = c.oid and d.adnum = a.attnum
  where c.relkind in ('r', 'p') and ${OURS}
  order by c.oid, a.attnum`;

const CONSTRAINTS = `
  select k.oid::text, k.conrelid::text, quote_ident(k.conname), k.contype::text, k.convalidated::int::text, pg_get_constraintdef(k.oid), k.conindid::text
  ${FROM} join pg_constraint as k on k.conrelid = c.oid
  where k.contype in ('f', 'c', 'u', 'p', 'x') and k.conparentid = 0 and ${OURS}
  order by k.oid`;

const INDEXES = `
  select c.oid::text, i.indrelid::text, quote_ident(c.relname), c.relfilenode::text, pg_get_indexdef(c.oid), c.relispartition::int::text
  ${FROM} join pg_index as i on i.indexrelid = c.oid
  where ${OURS}
  order by c.oid`;

const ENUM_VALUES = `
  select e.oid::text, t.oid::text, case when n.nspname = $1 then '' else quote_ident(n.nspname) || '.' end || quote_ident(t.typname), e.enumlabel
  from pg_enum as e join pg_type as t on t.oid = e.enumtypid join pg_namespace as n on n.oid = t.typnamespace
  order by e.oid`;

const LOCKS = `
  select l.relation::text, l.mode from pg_locks as l join pg_class as c on c.oid = l.relation and c.relkind in ('r', 'p', 'm')
  where l.pid = pg_backend_pid() and l.locktype = 'relation' and l.granted
    and l.database = (select oid from pg_database where datname = current_database())`;

/** Reads what the database is, as the transaction of the connection sees it. */
export async function observe(connection: Connection, namespace: string): Promise<State> {
  const texts = [TABLES, COLUMNS, CONSTRAINTS, INDEXES, ENUM_VALUES, LOCKS];
  const results = await Promise.all(
    texts.map((text) => connection.query({ text, name: undefined, values: text.includes('$1') ? [namespace] : [] })),
  );
  const [tables = [], columns = [], constraints = [], indexes = [], enumValues = [], locks = []] = results.map(({ rows }) => rows);
  return {
    tables: byId(tables.map(tableOf)),
    columns: byId(columns.map(columnOf)),
    constraints: byId(constraints.map(constraintOf)),
    indexes: byId(indexes.map(indexOf)),
    enumValues: byId(enumValues.map(([id, enumId, enumName, value]) => texted({ id, enumId, enumName, value }))),
    locks: strongest(locks),
  };
}

type Cells = readonly (string | null)[];

function tableOf([id, name, kind, file, isPartition, hasKey, hasRowSecurity, ...counts]: Cells): TableState {
  const [policies = 0, scans = 0, updated = 0, deleted = 0] = counts.map(Number);
  return {
    ...texted({ id, name, file }),
    kind: kind === 'partitioned' || kind === 'materialized view' || kind === 'view' ? kind : 'table',
    isPartition: isPartition === '1',
    hasKey: hasKey === '1',
    hasRowSecurity: hasRowSecurity === '1',
    policies,
    scans,
    updated,
    deleted,
  };
}

function columnOf([id, table, name, type, notNull, identity, generated, fallback, policed, sequence]: Cells): ColumnState {
  return {
    ...texted({ id, table, name, type }),
    isNotNull: notNull === '1',
    isIdentity: identity === '1',
    isGenerated: generated === '1',
    default: fallback ?? null,
    isPoliced: policed === '1',
    sequence: sequence ?? null,
  };
}

function constraintOf([id, table, name, kind, validated, definition, index]: Cells): ConstraintState {
  return { ...texted({ id, table, name, kind, definition, index }), isValidated: validated === '1' };
}

function indexOf([id, table, name, file, definition, isPartition]: Cells): IndexState {
  return { ...texted({ id, table, name, file, definition }), isPartition: isPartition === '1' };
}

function texted<K extends string>(cells: Readonly<Record<K, string | null | undefined>>): Record<K, string> {
  return parseTexts(Object.entries(cells).map(([key, value]) => [key, typeof value === 'string' ? value : '']));
}

function parseTexts<K extends string>(entries: readonly (readonly [string, string])[]): Record<K, string> {
  return Object.fromEntries(entries) as Record<K, string>;
}

function byId<T extends { readonly id: string }>(items: readonly T[]): ReadonlyMap<string, T> {
  return new Map(items.map((item) => [item.id, item]));
}

function strongest(rows: readonly Cells[]): ReadonlyMap<string, LockMode> {
  const held = new Map<string, LockMode>();
  for (const mode of lockModes) {
    for (const [table, found] of rows) if (found === mode && table && !held.has(table)) held.set(table, mode);
  }
  return held;
}
