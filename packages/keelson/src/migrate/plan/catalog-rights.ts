/** How the rest is read from the catalogs: schemas, extensions, comments, grants, and rarer objects by name alone. */
import { RELATIONS } from './catalog-tables.ts';

const SCHEMAS = `
  select format('schema %I', n.nspname), 'schema'
  from pg_namespace as n
  where n.oid = any ($1::oid[])
    and not exists (select from pg_depend as d where d.classid = 'pg_namespace'::regclass and d.objid = n.oid and d.deptype = 'e')`;

/** Their versions are the server's affair. */
const EXTENSIONS = `
  select format('extension %I', e.extname), format('in schema %I', n.nspname)
  from pg_extension as e
  join pg_namespace as n on n.oid = e.extnamespace
  where n.oid = any ($1::oid[])`;

/** The first object id that is not the system's. */
const FIRST_OWN = 16_384;

/** Comments; where an object has no schema of its own, that of its table or type counts. */
const COMMENTS = `
  with c as (
    select d.*, coalesce(r.relnamespace, p.pronamespace, t.typnamespace, n.oid, kr.relnamespace, kt.typnamespace, gr.relnamespace,
      lr.relnamespace, ur.relnamespace, s.stxnamespace) as namespace
    from pg_description as d
    left join pg_class as r on d.classoid = 'pg_class'::regclass and r.oid = d.objoid
    left join pg_proc as p on d.classoid = 'pg_proc'::regclass and p.oid = d.objoid
    left join pg_type as t on d.classoid = 'pg_type'::regclass and t.oid = d.objoid
    left join pg_namespace as n on d.classoid = 'pg_namespace'::regclass and n.oid = d.objoid
    left join pg_constraint as k on d.classoid = 'pg_constraint'::regclass and k.oid = d.objoid
    left join pg_class as kr on kr.oid = k.conrelid
    left join pg_type as kt on kt.oid = k.contypid
    left join pg_trigger as g on d.classoid = 'pg_trigger'::regclass and g.oid = d.objoid
    left join pg_class as gr on gr.oid = g.tgrelid
    left join pg_policy as l on d.classoid = 'pg_policy'::regclass and l.oid = d.objoid
    left join pg_class as lr on lr.oid = l.polrelid
    left join pg_rewrite as u on d.classoid = 'pg_rewrite'::regclass and u.oid = d.objoid
    left join pg_class as ur on ur.oid = u.ev_class
    left join pg_statistic_ext as s on d.classoid = 'pg_statistic_ext'::regclass and s.oid = d.objoid
    where d.objoid >= ${FIRST_OWN} and d.classoid <> 'pg_extension'::regclass
      and not exists (select from pg_depend as e where e.classid = d.classoid and e.objid = d.objoid and e.deptype = 'e'))
  select format('comment on %s %s', i.type, i.identity), quote_literal(c.description)
  from c
  cross join lateral pg_identify_object(c.classoid, c.objoid, c.objsubid) as i
  where c.namespace = any ($1::oid[]) or (c.namespace is null and $2::boolean)`;

/** What is granted to whom beside what everybody has from the start; the owner goes by that word, whatever the role is called. */
function grantsOf(key: string, acl: string, initial: string, owner: string): string {
  return `
  select 'grants on ' || g.key, coalesce((
      select string_agg(format('%s to %s', x.rights, x.role), '; ' order by x.role)
      from (
        select case when a.grantee = 0 then 'public' when a.grantee = g.owner then 'its owner' else quote_ident(pg_get_userbyid(a.grantee)::text) end as role,
          string_agg(lower(a.privilege_type) || case when a.is_grantable then ' with grant option' else '' end, ', ' order by a.privilege_type) as rights
        from aclexplode(g.acl) as a
        group by 1) as x), 'nothing')
  from (select ${key} as key, ${acl} as acl, ${initial} as initial, ${owner} as owner`;
}

/** Not what was granted from the start, in whatever order it is written. */
const CHANGED = `where g.acl is not null and (
      select array_agg(row (a.grantee, a.privilege_type, a.is_grantable)::text order by a.grantee, a.privilege_type) from aclexplode(g.acl) as a)
    is distinct from (
      select array_agg(row (a.grantee, a.privilege_type, a.is_grantable)::text order by a.grantee, a.privilege_type) from aclexplode(g.initial) as a)`;

const RELATION_GRANTS = `
  with ${RELATIONS}
  ${grantsOf("format('%s %s', case when r.relkind = 'S' then 'sequence' else 'table' end, r.place)", 'r.relacl', `acldefault((case when r.relkind = 'S' then 's' else 'r' end)::"char", r.relowner)`, 'r.relowner')}
    from r where r.relkind in ('r', 'p', 'v', 'm', 'f', 'S')) as g
  ${CHANGED}`;

const COLUMN_GRANTS = `
  with ${RELATIONS}
  ${grantsOf("format('column %s.%I', r.place, a.attname)", 'a.attacl', "acldefault('c', r.relowner)", 'r.relowner')}
    from r join pg_attribute as a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped) as g
  ${CHANGED}`;

/** The schema `public` comes with rights of its own, which depend on the server. */
const SCHEMA_GRANTS = `
  ${grantsOf(
    "format('schema %I', n.nspname)",
    'n.nspacl',
    `coalesce(
      (select i.initprivs from pg_init_privs as i where i.classoid = 'pg_namespace'::regclass and i.objoid = n.oid), acldefault('n', n.nspowner))`,
    'n.nspowner',
  )}
    from pg_namespace as n where n.oid = any ($1::oid[])) as g
  ${CHANGED}`;

const FUNCTION_GRANTS = `
  ${grantsOf("format('function %s', p.oid::regprocedure)", 'p.proacl', "acldefault('f', p.proowner)", 'p.proowner')}
    from pg_proc as p where p.pronamespace = any ($1::oid[])
      and not exists (select from pg_depend as d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')) as g
  ${CHANGED}`;

const TYPE_GRANTS = `
  ${grantsOf("'type ' || format_type(t.oid, null)", 't.typacl', "acldefault('T', t.typowner)", 't.typowner')}
    from pg_type as t where t.typnamespace = any ($1::oid[])
      and not exists (select from pg_depend as d where d.classid = 'pg_type'::regclass and d.objid = t.oid and d.deptype = 'e')) as g
  ${CHANGED}`;

const DEFAULT_GRANTS = `
  select format('default grants on %s%s', d.defaclobjtype, ' in schema ' || quote_ident(n.nspname)), d.defaclacl::text
  from pg_default_acl as d
  left join pg_namespace as n on n.oid = d.defaclnamespace
  where d.defaclnamespace = any ($1::oid[]) or (d.defaclnamespace = 0 and $2::boolean)`;

/** Casts, operators and the like: that they are there, under which identity. */
const OTHERS = `
  select format('%s %s', i.type, i.identity), i.type
  from (
    select 'pg_operator'::regclass as classid, o.oid, o.oprnamespace as namespace from pg_operator as o
    union all select 'pg_opclass'::regclass, o.oid, o.opcnamespace from pg_opclass as o
    union all select 'pg_opfamily'::regclass, o.oid, o.opfnamespace from pg_opfamily as o
    union all select 'pg_ts_config'::regclass, o.oid, o.cfgnamespace from pg_ts_config as o
    union all select 'pg_ts_dict'::regclass, o.oid, o.dictnamespace from pg_ts_dict as o
    union all select 'pg_conversion'::regclass, o.oid, o.connamespace from pg_conversion as o
    union all select 'pg_cast'::regclass, o.oid, null from pg_cast as o
    union all select 'pg_publication'::regclass, o.oid, null from pg_publication as o
    union all select 'pg_foreign_server'::regclass, o.oid, null from pg_foreign_server as o) as o
  cross join lateral pg_identify_object(o.classid, o.oid, 0) as i
  where o.oid >= ${FIRST_OWN}
    and (o.namespace = any ($1::oid[]) or (o.namespace is null and $2::boolean))
    and not exists (select from pg_depend as d where d.classid = o.classid and d.objid = o.oid and d.deptype in ('e', 'i'))`;

/** One statement for each kind. */
export const rightsQueries: readonly string[] = [
  SCHEMAS,
  EXTENSIONS,
  RELATION_GRANTS,
  COLUMN_GRANTS,
  SCHEMA_GRANTS,
  FUNCTION_GRANTS,
  TYPE_GRANTS,
];

/** Those that also ask, as `$2`, whether the whole database is read. */
export const databaseRightsQueries: readonly string[] = [COMMENTS, DEFAULT_GRANTS, OTHERS];
