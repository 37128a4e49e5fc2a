/** The role that row-level security binds: how it is made, what it may do, and how connections take it on. */
import type { Connection } from '../postgres/connection.ts';
import { policiesOf } from '../schema/policy.ts';
import { quoteName } from '../schema/sql.ts';
import { tableInfo } from '../schema/table.ts';
import type { Model, Repositories } from './model.ts';

/** PostgreSQL's own limit for names, in bytes. */
const NAME_BYTES_MAX = 63;
const SUFFIX = '_user';

/** Whether a model declares row-level security anywhere. */
export function hasPolicies<R extends Repositories>(model: Model<R>): boolean {
  return model.tables.some((table) => policiesOf(tableInfo(table)).length > 0);
}

/** The role of a namespace on a server that is the app's own, or a test's. */
export function boundRole(namespace: string): string {
  const kept = Buffer.from(namespace).subarray(0, NAME_BYTES_MAX - SUFFIX.length);
  // A cut through a character leaves U+FFFD in its place.
  return `${kept.toString().replace(/\uFFFD+$/u, '')}${SUFFIX}`;
}

/** What a role needs to work with the tables of a model, and no more. */
export function grantsFor<R extends Repositories>({ namespace, tables }: Model<R>, role: string): string[] {
  const place = quoteName(namespace);
  const to = quoteName(role);
  const written = tables.map((table) => `${place}.${quoteName(tableInfo(table).name)}`);
  return [
    `grant usage on schema ${place} to ${to}`,
    `grant select on all tables in schema ${place} to ${to}`,
    ...(written.length === 0 ? [] : [`grant insert, update, delete on ${written.join(', ')} to ${to}`]),
    `grant usage on all sequences in schema ${place} to ${to}`,
  ];
}

/** Makes the role of a namespace where it is missing; nobody can log in as it. */
export async function createBoundRole(connection: Connection, namespace: string): Promise<void> {
  await connection.command(`do $keelson$
begin
  create role ${quoteName(boundRole(namespace))} nologin nosuperuser nobypassrls nocreatedb nocreaterole;
exception
  -- Another start or test may make it at the same moment.
  when duplicate_object or unique_violation then null;
end
$keelson$`);
}

/** The same for tables that the one who runs this makes later. */
export function laterGrants(namespace: string, role: string, owner?: string): string {
  const whose = owner === undefined ? '' : ` for role ${quoteName(owner)}`;
  return `alter default privileges${whose} in schema ${quoteName(namespace)} grant select, insert, update, delete on tables to ${quoteName(role)}`;
}

/** Gives the role of a namespace what it needs, once the tables are there, and for those that a command makes while the app runs. */
export async function grantToBoundRole<R extends Repositories>(connection: Connection, model: Model<R>): Promise<void> {
  const role = boundRole(model.namespace);
  await connection.command([...grantsFor(model, role), laterGrants(model.namespace, role)].join('; '));
}

/** The same URL, with every connection taking on a role as it is opened. */
export function urlWithRole(url: string, role: string): string {
  const changed = new URL(url);
  const options = changed.searchParams.get('options');
  const taken = `-c role=${role.replaceAll(/[\\ ]/gu, String.raw`\$&`)}`;
  changed.searchParams.set('options', options === null ? taken : `${options} ${taken}`);
  return changed.href;
}
