/** How types are read from the catalogs: enums in order, domains with their checks, composite types, ranges, collations. */

/** Types in the schemas of `$1`, without those of extensions and of tables. */
const TYPES = `
  t as (
    select t.*, format('%I.%I', n.nspname, t.typname) as place
    from pg_type as t
    join pg_namespace as n on n.oid = t.typnamespace
    where n.oid = any ($1::oid[])
      and not exists (select from pg_depend as d where d.classid = 'pg_type'::regclass and d.objid = t.oid and d.deptype = 'e'))`;

const ENUMS = `
  with ${TYPES}
  select 'enum ' || t.place, coalesce(string_agg(quote_literal(e.enumlabel), ', ' order by e.enumsortorder), '')
  from t
  left join pg_enum as e on e.enumtypid = t.oid
  where t.typtype = 'e'
  group by t.place`;

const DOMAINS = `
  with ${TYPES}
  select 'domain ' || t.place, concat_ws(' ',
    format_type(t.typbasetype, t.typtypmod),
    (select format('collate %I.%I', n.nspname, l.collname)
      from pg_collation as l
      join pg_namespace as n on n.oid = l.collnamespace
      where l.oid = t.typcollation and t.typcollation <> (select b.typcollation from pg_type as b where b.oid = t.typbasetype)),
    case when t.typnotnull then 'not null' end,
    'default ' || t.typdefault)
  from t
  where t.typtype = 'd'`;

const DOMAIN_CONSTRAINTS = `
  with ${TYPES}
  select format('domain constraint %s.%I', t.place, c.conname), pg_get_constraintdef(c.oid)
  from t
  join pg_constraint as c on c.contypid = t.oid
  where c.contype <> 'n'`;

const COMPOSITES = `
  with ${TYPES}
  select 'type ' || t.place, coalesce(string_agg(concat_ws(' ',
    quote_ident(a.attname),
    format_type(a.atttypid, a.atttypmod),
    (select format('collate %I.%I', n.nspname, l.collname)
      from pg_collation as l
      join pg_namespace as n on n.oid = l.collnamespace
      where l.oid = a.attcollation and a.attcollation <> (select b.typcollation from pg_type as b where b.oid = a.atttypid))),
    ', ' order by a.attnum), '')
  from t
  join pg_class as c on c.oid = t.typrelid and c.relkind = 'c'
  left join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  group by t.place`;

const RANGES = `
  with ${TYPES}
  select 'range ' || t.place, concat_ws(', ',
    format_type(g.rngsubtype, null),
    'collation ' || (select format('%I.%I', n.nspname, l.collname)
      from pg_collation as l
      join pg_namespace as n on n.oid = l.collnamespace
      where l.oid = g.rngcollation),
    (select format('operator class %I', o.opcname) from pg_opclass as o where o.oid = g.rngsubopc),
    'canonical ' || nullif(g.rngcanonical, 0)::regprocedure,
    'difference ' || nullif(g.rngsubdiff, 0)::regprocedure)
  from t
  join pg_range as g on g.rngtypid = t.oid`;

const OTHER_TYPES = `
  with ${TYPES}
  select 'type ' || t.place, format('base type of %s bytes, reads %s, writes %s', t.typlen, t.typinput, t.typoutput)
  from t
  where t.typtype in ('b', 'p') and t.typelem = 0`;

const COLLATIONS = `
  select format('collation %I.%I', n.nspname, l.collname),
    concat_ws(' ', l.collprovider, l.collcollate, l.collctype, case when not l.collisdeterministic then 'nondeterministic' end,
      to_jsonb(l) ->> 'collicurules', to_jsonb(l) ->> 'colllocale', to_jsonb(l) ->> 'colliculocale')
  from pg_collation as l
  join pg_namespace as n on n.oid = l.collnamespace
  where n.oid = any ($1::oid[])
    and not exists (select from pg_depend as d where d.classid = 'pg_collation'::regclass and d.objid = l.oid and d.deptype = 'e')`;

/** One statement for each kind. */
export const typeQueries: readonly string[] = [ENUMS, DOMAINS, DOMAIN_CONSTRAINTS, COMPOSITES, RANGES, OTHER_TYPES, COLLATIONS];
