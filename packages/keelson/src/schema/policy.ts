/** Row-level security: policies beside a table say which rows a session sees and may write, whatever its SQL says. */
import { KeelsonError } from '../errors.ts';
import { constraintName } from './names.ts';
import { quoteName, quoteText, Sql, toText } from './sql.ts';

/** What every policy may say. */
interface PolicyScope {
  /** The role that it holds for; every role when it is not said. */
  readonly to?: string | undefined;
  /** `restrictive`: rows must meet it beside one of the permissive policies, of which one is enough. */
  readonly as?: 'permissive' | 'restrictive' | undefined;
}

/** What a policy holds for, and its conditions: `using` for the rows that are there, `check` for those that are written. */
export type PolicyRule =
  | (PolicyScope & {
      readonly for?: 'all' | 'update' | undefined;
      readonly using: Sql;
      /** `using` holds for what is written too when this is not said. */
      readonly check?: Sql | undefined;
    })
  | (PolicyScope & { readonly for: 'select' | 'delete'; readonly using: Sql; readonly check?: never })
  | (PolicyScope & { readonly for: 'insert'; readonly check: Sql; readonly using?: never });

/** A policy of a table. */
export interface Policy {
  readonly kind: 'policy';
  readonly name: string;
  readonly rule: PolicyRule;
}

/** The types that a setting of a session can be read as. */
export type SettingType = 'uuid' | 'uuid[]' | 'text' | 'integer' | 'bigint' | 'boolean';

/** A setting that an app may have: PostgreSQL keeps names without a dot for itself. */
const SETTING = /^[a-z_][a-z0-9_]*\.[a-z_][a-z0-9_]*$/u;

const POLICY = /^[a-z][a-z0-9_]{0,62}$/u;

/**
 * Says which rows of a table a session may see and write. A table with a policy shows no row that no policy allows, to nobody but
 * superusers and roles with BYPASSRLS; its owner is bound as well.
 *
 * @throws MISUSE for a name that is not plain
 * @see PostgreSQL documentation, "Row Security Policies"
 * @example
 * import { policy, setting, sql, table, text, uuid } from 'keelson/schema';
 * export const notes = table('notes', { id: uuid().primaryKey(), tenantId: uuid(), title: text() }, (t) => [
 *   policy('tenant_isolation', { using: sql`${t.tenantId} = ${setting('app.tenant_id', 'uuid')}` }),
 * ]);
 */
export function policy(name: string, rule: PolicyRule): Policy {
  if (!POLICY.test(name))
    throw new KeelsonError('MISUSE', { message: `A policy may not be named ${JSON.stringify(name)}: use lower snake_case.` });
  return { kind: 'policy', name, rule };
}

/**
 * A setting of the transaction as SQL: null where it was not set, which no condition with `=` lets through.
 *
 * @throws MISUSE for a name that is not two plain words with a dot between
 * @example
 * import { setting, sql } from 'keelson/schema';
 * const tenant = sql`select ${setting('app.tenant_id', 'uuid')} as tenant_id`;
 */
export function setting(name: string, type: SettingType): Sql {
  checkSetting(name);
  // A setting that some transaction of the connection has had is '' afterwards, no longer null.
  const read = `nullif(current_setting(${quoteText(name)}, true), '')`;
  return new Sql([type === 'text' ? read : `${read}::${type}`], []);
}

/**
 * Refuses a name that no setting of an app can have.
 *
 * @throws MISUSE
 */
export function checkSetting(name: string): void {
  if (SETTING.test(name)) return;
  throw new KeelsonError('MISUSE', {
    message: `A transaction-local setting may not be named ${JSON.stringify(name)}.`,
    hint: 'Write it as app.name, in lower case.',
  });
}

/** A table as far as policies are concerned. */
interface PolicedTable {
  readonly name: string;
  readonly constraints: readonly (Policy | { readonly kind: string })[];
}

/** The policies of a table. */
export function policiesOf(table: PolicedTable): readonly Policy[] {
  return table.constraints.filter((constraint): constraint is Policy => constraint.kind === 'policy');
}

/** The name that a policy has in the database. */
export function policyName(table: PolicedTable, declared: Policy): string {
  return constraintName(table.name, [declared.name], 'policy');
}

/**
 * The DDL that switches row-level security on and makes the policies; nothing for a table without any.
 *
 * @throws MISUSE when two policies have one name
 */
export function renderPolicies(table: PolicedTable, namespace: string): string[] {
  const policies = policiesOf(table);
  if (policies.length === 0) return [];
  const twice = policies.find(({ name }, index) => policies.findIndex((other) => other.name === name) !== index);
  if (twice !== undefined) throw new KeelsonError('MISUSE', { message: `Two policies of ${table.name} have the name ${twice.name}.` });
  const place = `${quoteName(namespace)}.${quoteName(table.name)}`;
  return [
    `alter table ${place} enable row level security;`,
    // Without it the owner would see everything, and with him every program that logs in as he does.
    `alter table ${place} force row level security;`,
    ...policies.map((declared) => renderPolicy(table, declared, namespace)),
  ];
}

/** The DDL that takes policies away; their tables go after it. */
export function renderPoliciesDown(table: PolicedTable, namespace: string): string[] {
  const place = `${quoteName(namespace)}.${quoteName(table.name)}`;
  return policiesOf(table)
    .toReversed()
    .map((declared) => `drop policy ${quoteName(policyName(table, declared))} on ${place};`);
}

function renderPolicy(table: PolicedTable, declared: Policy, namespace: string): string {
  const { as = 'permissive', for: action = 'all', to, using, check } = declared.rule;
  const place = `${quoteName(namespace)}.${quoteName(table.name)}`;
  const parts = [
    `create policy ${quoteName(policyName(table, declared))} on ${place}`,
    `  as ${as} for ${action} to ${to === undefined ? 'public' : quoteName(to)}`,
    ...(using === undefined ? [] : [`  using (${toText(using, namespace)})`]),
    ...(check === undefined ? [] : [`  with check (${toText(check, namespace)})`]),
  ];
  return `${parts.join('\n')};`;
}
