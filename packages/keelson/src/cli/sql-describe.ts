/** The backslash commands of `db sql`: what is there, asked of the catalogue. */
import { KeelsonError } from '../errors.ts';
import type { Connection } from '../postgres/connection.ts';
import type { Result } from '../postgres/exchange.ts';

/** One answer of a command. */
export interface Described {
  readonly title?: string;
  readonly result: Result;
}

/** What `\?` prints. */
export const commandHelp = String.raw`\dt [name]  tables and views, of one name or all
\d <name>   columns, indexes, constraints and policies of a table
\dn         schemas
\l          databases
\q          quit`;

const notOfTheSystem = `n.nspname !~ '^pg_' and n.nspname <> 'information_schema'`;

const TABLES = `
  select n.nspname as schema, c.relname as name,
    case c.relkind when 'r' then 'table' when 'p' then 'partitioned table' when 'v' then 'view' when 'm' then 'materialized view' else 'foreign table' end as type,
    pg_catalog.pg_get_userbyid(c.relowner) as owner,
    pg_catalog.pg_size_pretty(pg_catalog.pg_total_relation_size(c.oid)) as size
  from pg_catalog.pg_class as c
  join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p', 'v', 'm', 'f') and ${notOfTheSystem} and ($1::text is null or c.relname = $1 or n.nspname || '.' || c.relname = $1)
  order by 1, 2`;

const SCHEMAS = `
  select n.nspname as name, pg_catalog.pg_get_userbyid(n.nspowner) as owner
  from pg_catalog.pg_namespace as n where ${notOfTheSystem} order by 1`;

const DATABASES = `
  select d.datname as name, pg_catalog.pg_get_userbyid(d.datdba) as owner, pg_catalog.pg_encoding_to_char(d.encoding) as encoding
  from pg_catalog.pg_database as d where not d.datistemplate order by 1`;

const COLUMNS = `
  select a.attname as column, pg_catalog.format_type(a.atttypid, a.atttypmod) as type,
    case when a.attnotnull then 'not null' else '' end as nullable, pg_catalog.pg_get_expr(d.adbin, d.adrelid) as default
  from pg_catalog.pg_attribute as a
  left join pg_catalog.pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
  where a.attrelid = pg_catalog.to_regclass($1) and a.attnum > 0 and not a.attisdropped order by a.attnum`;

const INDEXES = `
  select c.relname as index, pg_catalog.pg_get_indexdef(i.indexrelid) as definition
  from pg_catalog.pg_index as i join pg_catalog.pg_class as c on c.oid = i.indexrelid
  where i.indrelid = pg_catalog.to_regclass($1) order by 1`;

const CONSTRAINTS = `
  select c.conname as constraint, c.conrelid::regclass::text as on, pg_catalog.pg_get_constraintdef(c.oid) as definition
  from pg_catalog.pg_constraint as c
  where (c.conrelid = pg_catalog.to_regclass($1) or c.confrelid = pg_catalog.to_regclass($1)) and c.contype in ('c', 'f', 'x')
  order by c.conrelid <> pg_catalog.to_regclass($1), 1`;

const POLICIES = `
  select p.polname as policy, pg_catalog.pg_get_expr(p.polqual, p.polrelid) as using, pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) as with_check
  from pg_catalog.pg_policy as p where p.polrelid = pg_catalog.to_regclass($1) order by 1`;

/**
 * Answers a backslash command.
 *
 * @throws USAGE for one that is not known, NOT_FOUND for a table that is not there
 */
export async function describe(connection: Connection, command: string): Promise<readonly Described[]> {
  const [word = '', name] = command.replace(/;$/, '').split(/\s+/, 2);
  const query = (text: string, ...values: readonly (string | null)[]): Promise<Result> =>
    connection.query({ text, name: undefined, values });
  if (word === '\\dn') return [{ result: await query(SCHEMAS) }];
  if (word === '\\l') return [{ result: await query(DATABASES) }];
  if (word === '\\dt' || (word === '\\d' && name === undefined)) return [{ result: await query(TABLES, name ?? null) }];
  if (word === '\\d' && name !== undefined) return describeTable(query, name);
  throw new KeelsonError('USAGE', {
    message: `${word} is not known here.`,
    hint: String.raw`These are: \dt, \d <table>, \dn, \l, \?, \q.`,
  });
}

async function describeTable(query: (text: string, name: string) => Promise<Result>, name: string): Promise<readonly Described[]> {
  const columns = await query(COLUMNS, name);
  if (columns.rows.length === 0) {
    throw new KeelsonError('NOT_FOUND', { message: `There is no table ${name}.`, hint: String.raw`See what there is: \dt` });
  }
  const more: Described[] = [];
  for (const [title, text] of [
    ['Indexes', INDEXES],
    ['Constraints', CONSTRAINTS],
    ['Policies', POLICIES],
  ] as const) {
    const result = await query(text, name);
    if (result.rows.length > 0) more.push({ title, result });
  }
  return [{ title: name, result: columns }, ...more];
}
