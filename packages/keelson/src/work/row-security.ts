/** The check at the start of an app that its row-level security holds: for its role, and on its tables as they are in the database. */
import { KeelsonError } from '../errors.ts';
import type { Row } from '../postgres/exchange.ts';
import { policiesOf, policyName, renderPolicies } from '../schema/policy.ts';
import { encodeArray, encodeText } from '../schema/encode.ts';
import { quoteName } from '../schema/sql.ts';
import { tableInfo, type TableInfo } from '../schema/table.ts';
import { boundRole, grantsFor, laterGrants } from './bound-role.ts';
import type { Database } from './database.ts';
import type { Model, Repositories } from './model.ts';

/** A table with policies, as the database has it. */
interface Secured {
  readonly table: TableInfo;
  readonly owner: string;
  /** Whether the role has what its owner has, being the owner or a member of him. */
  readonly isOwned: boolean;
  readonly isEnabled: boolean;
  readonly policies: ReadonlySet<string>;
}

/** The role that statements run as. */
interface Role {
  readonly name: string;
  readonly isSuperuser: boolean;
  readonly isBypassing: boolean;
}

const ROLE = 'select rolname, rolsuper, rolbypassrls from pg_catalog.pg_roles where rolname = current_user';

// Membership counts as ownership where its rights are inherited: that is how PostgreSQL decides whom policies bind.
const TABLES = `
  select c.relname, pg_catalog.pg_get_userbyid(c.relowner), pg_catalog.pg_has_role(c.relowner, 'usage'),
    c.relrowsecurity and c.relforcerowsecurity,
    (select pg_catalog.json_agg(p.polname) from pg_catalog.pg_policy as p where p.polrelid = c.oid)
  from pg_catalog.pg_class as c
  join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
  where n.nspname = $1 and c.relname = any($2) and c.relkind in ('r', 'p')
  order by c.relname`;

/**
 * Refuses to go on where the policies of a model would not hold: the connections' role is a superuser, has BYPASSRLS or owns one of
 * the tables, or a declared policy is not in the database. Asks nothing when the model has no policies.
 *
 * @throws ROW_SECURITY_UNSAFE saying which role, which table, and the SQL that mends it
 */
export async function checkRowSecurity<R extends Repositories>(database: Database<R>): Promise<void> {
  const { model, postgres } = database;
  const tables = model.tables.map(tableInfo).filter((table) => policiesOf(table).length > 0);
  if (tables.length === 0) return;
  const names = encodeArray(
    tables.map(({ name }) => name),
    (name) => encodeText(String(name)),
  );
  const connection = await postgres.pool.acquire('row security');
  try {
    const [roles, rows] = await Promise.all([
      connection.query({ text: ROLE, name: undefined, values: [] }),
      connection.query({ text: TABLES, name: undefined, values: [model.namespace, names] }),
    ]);
    const secured = rows.rows.flatMap((row) => describe(row, tables));
    refuseRole(roleOf(roles.rows[0]), secured, model);
    for (const each of secured) refuseMissing(each, model.namespace);
  } finally {
    postgres.pool.release(connection);
  }
}

function roleOf(row: Row | undefined): Role {
  return { name: row?.[0] ?? '', isSuperuser: row?.[1] === 't', isBypassing: row?.[2] === 't' };
}

function describe([name, owner, isOwned, isEnabled, policies]: Row, tables: readonly TableInfo[]): Secured[] {
  const table = tables.find((candidate) => candidate.name === name);
  if (table === undefined) return [];
  return [
    { table, owner: owner ?? '', isOwned: isOwned === 't', isEnabled: isEnabled === 't', policies: new Set(parseNames(policies ?? '[]')) },
  ];
}

function refuseRole<R extends Repositories>(role: Role, secured: readonly Secured[], model: Model<R>): void {
  const owned = secured.find(({ isOwned }) => isOwned);
  const named = JSON.stringify(role.name);
  const all = secured.map(({ table }) => table.name).join(', ');
  let why: string | undefined;
  if (role.isSuperuser) why = `${named} is a superuser, whom the policies of ${all} do not bind`;
  else if (role.isBypassing) why = `${named} has BYPASSRLS, so that the policies of ${all} do not bind it`;
  else if (owned?.owner === role.name) why = `${named} owns the table ${owned.table.name}, and an owner can switch its policies off`;
  else if (owned !== undefined)
    why = `${named} is a member of ${JSON.stringify(owned.owner)}, which owns the table ${owned.table.name} and can switch its policies off`;
  if (why === undefined) return;
  throw new KeelsonError('ROW_SECURITY_UNSAFE', {
    message: `The database connections run as a role that row-level security does not hold for: ${why}.`,
    hint: `Run as the owner: ${fittingRole(model, owned?.owner)}; then log in as it by DATABASE_URL, and keep the owner in DIRECT_DATABASE_URL for migrations.`,
    data: { role: role.name, tables: secured.map(({ table }) => table.name) },
  });
}

/** The SQL that makes a role which the policies bind. */
function fittingRole<R extends Repositories>(model: Model<R>, owner: string | undefined): string {
  const role = boundRole(model.namespace);
  return [
    `create role ${quoteName(role)} login password '…' nosuperuser nobypassrls`,
    ...grantsFor(model, role),
    laterGrants(model.namespace, role, owner),
  ].join('; ');
}

function refuseMissing({ table, isEnabled, policies }: Secured, namespace: string): void {
  const declared = policiesOf(table).map((policy) => policyName(table, policy));
  const missing = declared.filter((name) => !policies.has(name));
  if (isEnabled && missing.length === 0) return;
  const [enable = '', force = '', ...made] = renderPolicies(table, namespace);
  const needed = [...(isEnabled ? [] : [enable, force]), ...made.filter((_, index) => missing.includes(declared[index] ?? ''))];
  const what = missing.length === 0 ? 'row-level security is not both enabled and forced on it' : `it has no ${missing.join(', ')}`;
  throw new KeelsonError('ROW_SECURITY_UNSAFE', {
    message: `The table ${table.name} has policies in the model, but in the database ${what}.`,
    hint: `Write a revision with: ${needed.join(' ').replaceAll(/\s+/gu, ' ')}`,
    data: { tables: [table.name], missing },
  });
}

function parseNames(json: string): string[] {
  return JSON.parse(json) as string[];
}
