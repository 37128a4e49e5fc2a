/** What there is to fill: tables with their columns, what may stand in them, and which of them must be filled first. */
import type { Connection } from '../../postgres/connection.ts';
import { RELATIONS } from './catalog-tables.ts';

/** A column. */
export interface SeedColumn {
  readonly name: string;
  /** The name of the type in the catalog, of the base type where it is a domain; of the elements where it is an array. */
  readonly type: string;
  /** `b` base, `e` enum, `c` composite, `r` range, `m` multirange. */
  readonly kind: string;
  readonly isArray: boolean;
  /** The length or precision, as the catalog has it; -1 for none. */
  readonly modifier: number;
  /** Of an enum. */
  readonly labels: readonly string[];
  /** Of a composite type. */
  readonly attributes: number;
  readonly required: boolean;
  readonly hasDefault: boolean;
}

/** What the values of some columns must fulfil. */
export interface SeedRule {
  readonly name: string;
  /** `c` a check, `f` one that is yet to come, `k` a key (unique or primary), `x` an exclusion, `p` the bounds of partitions. */
  readonly kind: string;
  readonly columns: readonly string[];
  readonly text: string;
}

/** Columns that hold what another table has. */
export interface SeedReference {
  readonly name: string;
  readonly columns: readonly string[];
  /** The other table. */
  readonly place: string;
  readonly targets: readonly string[];
}

/** A table to fill. */
export interface SeedTable {
  /** Its name with its schema, quoted where need be. */
  readonly place: string;
  readonly columns: readonly SeedColumn[];
  readonly rules: readonly SeedRule[];
  readonly references: readonly SeedReference[];
}

/** Columns that fill themselves (identity, serial, generated) are left to do so. */
const TABLES = `
  with recursive ${RELATIONS},
  chain as (
    select t.oid, t.typbasetype as base, t.typtypmod as modifier, t.typnotnull as required, 1 as depth
    from pg_type as t
    where t.typtype = 'd'
    union all
    select c.oid, t.typbasetype, greatest(c.modifier, t.typtypmod), c.required or t.typnotnull, c.depth + 1
    from chain as c
    join pg_type as t on t.oid = c.base and t.typtype = 'd'
  ),
  domain as (select distinct on (c.oid) c.* from chain as c order by c.oid, c.depth desc),
  f as (
    select r.oid, r.place, r.relkind from r
    where r.relkind in ('r', 'p') and not r.relispartition and r.relpersistence <> 't'
  ),
  a as not materialized (
    select a.attrelid, a.attnum, a.attname, coalesce(i.base, e.oid, b.oid) as type, e.oid is not null as is_array,
      greatest(a.atttypmod, d.modifier) as modifier, a.attnotnull or coalesce(d.required, false) as required, a.atthasdef
    from f
    join pg_attribute as a on a.attrelid = f.oid and a.attnum > 0 and not a.attisdropped and a.attidentity = '' and a.attgenerated = ''
    left join domain as d on d.oid = a.atttypid
    join pg_type as b on b.oid = coalesce(d.base, a.atttypid)
    left join pg_type as e on b.typcategory = 'A' and e.oid = b.typelem
    left join domain as i on i.oid = e.oid
    left join pg_attrdef as x on x.adrelid = a.attrelid and x.adnum = a.attnum
    where coalesce(pg_get_expr(x.adbin, x.adrelid), '') not like 'nextval(%'
  ),
  names as not materialized (
    select a.attrelid, a.attnum, a.attname from pg_attribute as a where a.attnum > 0 and not a.attisdropped
  )
  select json_build_object(
    'place', f.place,
    'columns', coalesce((select json_agg(json_build_object(
        'name', a.attname, 'type', t.typname, 'kind', t.typtype, 'isArray', a.is_array, 'modifier', a.modifier,
        'labels', coalesce((select json_agg(l.enumlabel order by l.enumsortorder) from pg_enum as l where l.enumtypid = t.oid), '[]'),
        'attributes', (select count(*) from names as n where n.attrelid = t.typrelid),
        'required', a.required, 'hasDefault', a.atthasdef) order by a.attnum)
      from a join pg_type as t on t.oid = a.type where a.attrelid = f.oid), '[]'),
    'rules', coalesce((select json_agg(q) from (
        select c.conname as name, case c.contype when 'c' then 'c' when 'x' then 'x' else 'k' end as kind,
          (select coalesce(json_agg(n.attname), '[]') from names as n where n.attrelid = f.oid and n.attnum = any (c.conkey)) as columns,
          pg_get_constraintdef(c.oid) as text
        from pg_constraint as c where c.conrelid = f.oid and c.contype in ('c', 'p', 'u', 'x')
        union all
        select i.indexrelid::regclass::text, 'k',
          (select coalesce(json_agg(n.attname), '[]') from names as n where n.attrelid = f.oid and n.attnum = any (i.indkey::int2[])),
          pg_get_indexdef(i.indexrelid)
        from pg_index as i where i.indrelid = f.oid and i.indisunique
        union all
        select c.conname, 'c', json_agg(distinct n.attname), pg_get_constraintdef(c.oid)
        from pg_attribute as n
        join pg_type as u on u.oid = n.atttypid
        left join chain as h on h.oid in (u.oid, u.typelem)
        join pg_constraint as c on c.contypid in (u.oid, u.typelem, h.base) and c.contypid <> 0 and c.contype = 'c'
        where n.attrelid = f.oid and n.attnum > 0 and not n.attisdropped
        group by c.oid, c.conname
        union all
        select '', 'p', (select coalesce(json_agg(n.attname), '[]') from names as n where n.attrelid = f.oid and n.attnum = any (p.partattrs::int2[])),
          coalesce((select string_agg(pg_get_expr(k.relpartbound, k.oid), ' ' order by k.relname) from pg_inherits as i
            join pg_class as k on k.oid = i.inhrelid where i.inhparent = f.oid), '')
        from pg_partitioned_table as p where p.partrelid = f.oid) as q), '[]'),
    'references', coalesce((select json_agg(json_build_object(
        'name', c.conname,
        'columns', (select json_agg(n.attname order by k.place) from unnest(c.conkey) with ordinality as k (attnum, place)
          join names as n on n.attrelid = c.conrelid and n.attnum = k.attnum),
        'place', (select format('%I.%I', n.nspname, k.relname) from pg_class as k join pg_namespace as n on n.oid = k.relnamespace where k.oid = c.confrelid),
        'targets', (select json_agg(n.attname order by k.place) from unnest(c.confkey) with ordinality as k (attnum, place)
          join names as n on n.attrelid = c.confrelid and n.attnum = k.attnum)))
      from pg_constraint as c where c.conrelid = f.oid and c.contype = 'f' and c.conparentid = 0), '[]'))
  from f
  order by f.place`;

/** Lists the tables that are not the system's. */
export async function listSeedTables(connection: Connection): Promise<readonly SeedTable[]> {
  const { rows } = await connection.query({
    text: TABLES.replaceAll(
      '$1::oid[]',
      `(select array_agg(s.oid) from pg_namespace as s where s.nspname not like 'pg\\_%' and s.nspname <> 'information_schema')::oid[]`,
    ),
    name: undefined,
    values: [],
  });
  return rows.map(([text]) => parseTable(text ?? ''));
}

function parseTable(text: string): SeedTable {
  return JSON.parse(text) as SeedTable;
}

/** Tables after those that they point to; where there is a circle, somebody has to begin. */
export function inFillingOrder(tables: readonly SeedTable[]): readonly SeedTable[] {
  const byPlace = new Map(tables.map((table) => [table.place, table]));
  const ordered = new Set<SeedTable>();
  const begun = new Set<SeedTable>();
  const targetsOf = (table: SeedTable, wanted: boolean): readonly SeedTable[] =>
    table.references
      .filter((reference) => isRequired(table, reference) === wanted)
      .flatMap((reference) => byPlace.get(reference.place) ?? []);
  /** Whether it must point, if only by way of others, to one that has begun and is not filled yet. */
  const mustWait = (table: SeedTable): boolean => {
    const needed = new Set([table]);
    for (const other of needed) {
      if (begun.has(other) && !ordered.has(other)) return true;
      if (!ordered.has(other)) for (const target of targetsOf(other, true)) needed.add(target);
    }
    return false;
  };
  const visit = (table: SeedTable): void => {
    if (begun.has(table)) return;
    begun.add(table);
    // What must point somewhere comes first, so that a circle is broken where nothing has to.
    for (const other of targetsOf(table, true)) visit(other);
    for (const other of targetsOf(table, false)) if (!mustWait(other)) visit(other);
    ordered.add(table);
  };
  for (const table of [...tables].sort((left, right) => requiredOf(left) - requiredOf(right))) visit(table);
  return [...ordered];
}

/** The tables that are wanted, and those that their rows must or may point to. */
export function withReferenced(tables: readonly SeedTable[], wanted: ReadonlySet<string>): readonly SeedTable[] {
  const byPlace = new Map(tables.map((table) => [table.place, table]));
  const places = new Set(wanted);
  // A set visits what is added to it on the way.
  for (const place of places) for (const reference of byPlace.get(place)?.references ?? []) places.add(reference.place);
  return tables.filter(({ place }) => places.has(place));
}

/** Whether a reference may not be left empty. */
export function isRequired(table: SeedTable, reference: SeedReference): boolean {
  return reference.columns.every((name) => table.columns.find((column) => column.name === name)?.required ?? true);
}

function requiredOf(table: SeedTable): number {
  return table.references.filter((reference) => isRequired(table, reference)).length;
}
