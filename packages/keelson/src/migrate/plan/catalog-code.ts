/** How what runs inside the server is read from the catalogs: views, functions, triggers, rules, policies. */
import { RELATIONS } from './catalog-tables.ts';

const VIEWS = `
  with ${RELATIONS}
  select case r.relkind when 'v' then 'view ' else 'materialized view ' end || r.place, concat_ws(E'\\n',
    (select string_agg(concat_ws(' ', quote_ident(a.attname), format_type(a.atttypid, a.atttypmod), 'default ' || pg_get_expr(e.adbin, e.adrelid)),
        ', ' order by a.attnum)
      from pg_attribute as a
      left join pg_attrdef as e on e.adrelid = a.attrelid and e.adnum = a.attnum
      where a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped),
    'with ' || (select string_agg(o, ' ' order by o) from unnest(r.reloptions) as o),
    case when r.relkind = 'm' and not r.relispopulated then 'with no data' end,
    pg_get_viewdef(r.oid))
  from r
  where r.relkind in ('v', 'm')`;

const FUNCTIONS = `
  select format('%s %s', case p.prokind when 'p' then 'procedure' when 'a' then 'aggregate' else 'function' end, p.oid::regprocedure),
    case when p.prokind <> 'a' then pg_get_functiondef(p.oid)
      else (select concat_ws(', ', pg_get_function_arguments(p.oid), 'returns ' || pg_get_function_result(p.oid),
          'step ' || g.aggtransfn::regprocedure, 'state ' || format_type(g.aggtranstype, null),
          'final ' || nullif(g.aggfinalfn, 0)::regprocedure, 'initial ' || g.agginitval)
        from pg_aggregate as g where g.aggfnoid = p.oid) end
  from pg_proc as p
  where p.pronamespace = any ($1::oid[])
    and not exists (select from pg_depend as d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype in ('e', 'i'))`;

const ENABLED = `case %s when 'D' then 'disabled' when 'R' then 'on replicas' when 'A' then 'always' end`;

const TRIGGERS = `
  with ${RELATIONS}
  select format('trigger %s.%I', r.place, t.tgname), concat_ws(', ', pg_get_triggerdef(t.oid), ${ENABLED.replace('%s', 't.tgenabled')})
  from r
  join pg_trigger as t on t.tgrelid = r.oid
  where not t.tgisinternal`;

const RULES = `
  with ${RELATIONS}
  select format('rule %s.%I', r.place, u.rulename), concat_ws(', ', pg_get_ruledef(u.oid), ${ENABLED.replace('%s', 'u.ev_enabled')})
  from r
  join pg_rewrite as u on u.ev_class = r.oid
  where u.rulename <> '_RETURN'`;

const ROW_SECURITY = `
  with ${RELATIONS}
  select 'row security ' || r.place, concat_ws(', ',
    case when r.relrowsecurity then 'enabled' end, case when r.relforcerowsecurity then 'forced' end)
  from r
  where r.relrowsecurity or r.relforcerowsecurity`;

const POLICIES = `
  with ${RELATIONS}
  select format('policy %s.%I', r.place, p.polname), concat_ws(' ',
    case when p.polpermissive then 'permissive' else 'restrictive' end,
    'for ' || case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' else 'all' end,
    'to ' || (select string_agg(case when o.role = 0 then 'public' else pg_get_userbyid(o.role)::text end, ', ' order by o.role)
      from unnest(p.polroles) as o (role)),
    'using (' || pg_get_expr(p.polqual, p.polrelid) || ')',
    'with check (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')')
  from r
  join pg_policy as p on p.polrelid = r.oid`;

/** What belongs to the database, not to a schema; left out where only some schemas are read. */
const EVENT_TRIGGERS = `
  select format('event trigger %I', t.evtname),
    concat_ws(', ', 'on ' || t.evtevent, array_to_string(t.evttags, ' '), 'runs ' || t.evtfoid::regprocedure, ${ENABLED.replace('%s', 't.evtenabled')})
  from pg_event_trigger as t
  where $2::boolean and cardinality($1::oid[]) >= 0
    and not exists (select from pg_depend as d where d.classid = 'pg_event_trigger'::regclass and d.objid = t.oid and d.deptype = 'e')`;

/** One statement for each kind. */
export const codeQueries: readonly string[] = [VIEWS, FUNCTIONS, TRIGGERS, RULES, ROW_SECURITY, POLICIES];

/** Those that also ask, as `$2`, whether the whole database is read. */
export const databaseCodeQueries: readonly string[] = [EVENT_TRIGGERS];
