/** The question that the inventory asks of the catalog: one statement for everything. */

/** Kind, schema, table, name, definition, parts as JSON, and details of columns as JSON. */
export const INVENTORY_SQL = `
with spaces as (
  select oid, nspname from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema'
),
foreign_to_us as (select classid, objid from pg_depend where deptype = 'e'),
relations as (
  select c.oid, n.nspname, c.relname, c.relkind, c.relispartition
  from pg_class as c join spaces as n on n.oid = c.relnamespace
  where c.relname !~ '^keelson_migrations'
    and not exists (select from foreign_to_us as f where f.classid = 'pg_class'::regclass and f.objid = c.oid)
),
tables as (select * from relations where relkind in ('r', 'p', 'f')),
types as (
  select t.oid, n.nspname, t.typname, t.typtype, t.typbasetype
  from pg_type as t join spaces as n on n.oid = t.typnamespace
  where t.typtype in ('e', 'd', 'r')
    and not exists (select from foreign_to_us as f where f.classid = 'pg_type'::regclass and f.objid = t.oid)
)
select 'schema', nspname, '', nspname, '', '[]', null from spaces
union all
select 'table', nspname, '', relname, relkind::text, '[]', null from tables
union all
select 'view', nspname, '', relname, relkind::text || pg_get_viewdef(oid), '[]', null from relations where relkind in ('v', 'm')
union all
select 'sequence', s.nspname, coalesce(t.relname, ''), s.relname, concat_ws(' ', q.seqtypid::regtype, q.seqincrement, q.seqmin, q.seqmax, q.seqstart, q.seqcycle, d.deptype),
  case when a.attname is null then '[]' else jsonb_build_array(a.attname)::text end, null
from relations as s join pg_sequence as q on q.seqrelid = s.oid
left join pg_depend as d on d.classid = 'pg_class'::regclass and d.objid = s.oid and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i')
left join tables as t on t.oid = d.refobjid
left join pg_attribute as a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
union all
select 'enum', t.nspname, '', t.typname, string_agg(quote_literal(e.enumlabel), ', ' order by e.enumsortorder),
  jsonb_agg(e.enumlabel order by e.enumsortorder)::text, null
from types as t join pg_enum as e on e.enumtypid = t.oid where t.typtype = 'e' group by t.nspname, t.typname
union all
select 'type', nspname, '', typname, format_type(typbasetype, null), '[]', null from types where typtype <> 'e'
union all
select case when k.conparentid = 0 and k.coninhcount = 0 then '' else 'part ' end || 'constraint', t.nspname, t.relname, k.conname, pg_get_constraintdef(k.oid),
  (select coalesce(jsonb_agg(a.attname), '[]')::text from pg_attribute as a
   where (a.attrelid = k.conrelid and a.attnum = any (k.conkey)) or (a.attrelid = k.confrelid and a.attnum = any (k.confkey))), null
from pg_constraint as k join tables as t on t.oid = k.conrelid
where (k.contype in ('p', 'u', 'f', 'c', 'x') and k.conparentid = 0 and k.coninhcount = 0)
  or (k.contype in ('p', 'u', 'f') and k.conparentid <> 0 and t.relispartition)
union all
select case when c.relispartition then 'part ' else '' end || 'index', t.nspname, t.relname, c.relname,
  (case when i.indisunique then 'unique ' else '' end) || regexp_replace(pg_get_indexdef(i.indexrelid), '^.*? USING ', ''),
  (select coalesce(jsonb_agg(a.attname), '[]')::text from pg_depend as d
   join pg_attribute as a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
   where d.classid = 'pg_class'::regclass and d.objid = i.indexrelid and d.refobjid = i.indrelid and d.refobjsubid > 0), null
from pg_index as i join pg_class as c on c.oid = i.indexrelid join relations as t on t.oid = i.indrelid
where not exists (select from pg_constraint as k where k.conindid = i.indexrelid and k.contype in ('p', 'u', 'x'))
union all
select 'trigger', t.nspname, t.relname, g.tgname, regexp_replace(pg_get_triggerdef(g.oid), '^CREATE (CONSTRAINT )?TRIGGER ("([^"]|"")*"|[^ ]+) ', '\\1'), '[]', null
from pg_trigger as g join relations as t on t.oid = g.tgrelid where not g.tgisinternal and g.tgparentid = 0
union all
select 'policy', t.nspname, t.relname, p.polname,
  concat_ws(' ', p.polcmd::text, p.polpermissive, p.polroles::regrole[]::text, pg_get_expr(p.polqual, p.polrelid), '/', pg_get_expr(p.polwithcheck, p.polrelid)), '[]', null
from pg_policy as p join tables as t on t.oid = p.polrelid
union all
select 'function', n.nspname, '', p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')',
  case p.prokind when 'a' then 'aggregate' else regexp_replace(pg_get_functiondef(p.oid), '^[^\\n]*', '') end, '[]', null
from pg_proc as p join spaces as n on n.oid = p.pronamespace
where not exists (select from foreign_to_us as f where f.classid = 'pg_proc'::regclass and f.objid = p.oid)
union all
select 'extension', '', '', extname, '', '[]', null from pg_extension where extname <> 'plpgsql'
union all
select 'column', t.nspname, t.relname, a.attname, format_type(a.atttypid, a.atttypmod), '[]',
  jsonb_build_object(
    'isNullable', not a.attnotnull,
    'fallback', case when a.attgenerated = '' then pg_get_expr(d.adbin, d.adrelid) end,
    'identity', case a.attidentity when 'a' then 'always' when 'd' then 'by default' else '' end,
    'isGenerated', a.attgenerated <> '',
    'hasSequence', exists (
      select from pg_depend as o where o.classid = 'pg_class'::regclass and o.refclassid = 'pg_class'::regclass
        and o.refobjid = a.attrelid and o.refobjsubid = a.attnum and o.deptype in ('a', 'i')
        and exists (select from pg_sequence as q where q.seqrelid = o.objid)),
    'enumSchema', coalesce(e.nspname, ''), 'enumName', coalesce(e.typname, ''),
    'isArray', y.typelem <> 0 and y.typcategory = 'A', 'isPartition', t.relispartition
  )::text
from tables as t
join pg_attribute as a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
join pg_type as y on y.oid = a.atttypid
left join pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
left join types as e on e.typtype = 'e'
  and e.oid = (select case b.typcategory when 'A' then b.typelem else b.oid end from pg_type as b where b.oid = case y.typtype when 'd' then y.typbasetype else y.oid end)
`;
