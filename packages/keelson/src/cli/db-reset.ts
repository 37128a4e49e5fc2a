/** What `db reset` does: drops the namespace of the app, and nothing of another's, and migrates up again. */
import { KeelsonError } from '../errors.ts';
import { systemClock } from '../clock.ts';
import type { Log } from '../log.ts';
import { readRevisions } from '../migrate/folder.ts';
import { checkedNamespace } from '../migrate/history.ts';
import { withLock } from '../migrate/lock.ts';
import { nameOf } from '../migrate/reference.ts';
import { type MigrationRun, Migrator } from '../migrate/runner.ts';
import type { Connection } from '../postgres/connection.ts';
import { quoteName, quoteText } from '../schema/sql.ts';
import { createBoundRole, grantToBoundRole, hasPolicies } from '../work/bound-role.ts';
import { confirm } from './confirm.ts';
import type { Context } from './context.ts';
import { databaseName, databaseSettings, isGuarded, isPooled, withConnection } from './database.ts';
import { sayingWhatStands, type Stage } from './db-interrupt.ts';
import { renderJson } from './output.ts';
import { talkLog } from './talk.ts';

const LOCK_WAIT_MS = 60_000;

/**
 * Empties the app's part of its database and migrates up again.
 *
 * @throws USAGE in production and staging, and when it was not confirmed; MIGRATION_FAILED, MIGRATION_INVALID, MIGRATIONS_LOCKED, CONFLICT when others depend on it
 */
export async function reset(context: Context, options: { readonly yes?: string; readonly json?: true }): Promise<void> {
  const { app, output } = context;
  const settings = databaseSettings(context);
  if (isGuarded(settings)) {
    throw new KeelsonError('USAGE', {
      message: `A database of ${settings.APP_ENV} is not reset.`,
      hint: 'If its data shall truly be lost, take the migrations back one by one, or drop the database with the means of its server.',
    });
  }
  const namespace = checkedNamespace(app.namespace);
  const name = databaseName(context, settings);
  // Before anything is dropped: what could not be made again.
  const revisions = await readRevisions(app.migrationsDirectory);
  const says = `This deletes everything of ${app.name} in the database ${JSON.stringify(name)} (schema ${JSON.stringify(namespace)}).`;
  await confirm(context, { name, says, yes: options.yes });
  if (isPooled(settings)) {
    throw new KeelsonError('USAGE', {
      message: 'Behind a transaction pooler nothing is reset.',
      hint: 'Set DIRECT_DATABASE_URL to the same database past the pooler.',
    });
  }
  const isEmbedded = (settings.DIRECT_DATABASE_URL ?? settings.DATABASE_URL) === undefined;
  const stage: Stage = { stands: 'nothing was dropped.' };
  const empty = async (connection: Connection): Promise<Emptied> => {
    const log = countingLog(context, revisions.length);
    const roles = await rolesWithRights(connection, namespace);
    output.progress(`Dropping the schema ${namespace} …`);
    await withLock({ connection, namespace, waitMs: LOCK_WAIT_MS, log, clock: systemClock }, () => {
      stage.stands = `the schema ${namespace} was dropped whole, or not at all; run db reset again.`;
      return dropNamespace(connection, namespace);
    });
    output.progress(`Applying ${revisions.length} revisions …`);
    stage.stands = `the schema ${namespace} was dropped, and its revisions are applied in part; db migrate goes on from there.`;
    const applied = await new Migrator({ connection, revisions, namespace, log }).up();
    return { runs: applied, deprived: isEmbedded && (await grantAnew(context, connection)) ? [] : roles };
  };
  const unlimited = { statementTimeoutMs: 0, transactionTimeoutMs: 0, lockTimeoutMs: 10_000 };
  const { runs, deprived } = await sayingWhatStands(output, stage, () => withConnection(context, empty, unlimited));
  if (options.json) output.data(renderJson({ database: name, namespace, runs, rightsLost: deprived }));
  else output.talk([`${app.name} is as new in ${JSON.stringify(name)}:`, ...runs.map((run) => `  up  ${nameOf(run)}`)].join('\n'));
  if (deprived.length > 0) output.talk(`Rights on the schema that went with it, to be granted again: ${deprived.join(', ')}.`);
}

interface Emptied {
  readonly runs: readonly MigrationRun[];
  /** Roles that had rights which went with the schema. */
  readonly deprived: readonly string[];
}

/** Counts the revisions as they are applied, too. */
function countingLog(context: Context, all: number): Log {
  const log = talkLog(context);
  let applied = 0;
  return {
    ...log,
    info: (event, fields) => {
      if (event === 'migration.applied') context.output.progress(`  ${(applied += 1)} of ${all}`);
      log.info(event, fields);
    },
  };
}

/** Gives the role that policies bind its rights again, as a start does on the embedded server: the app may be running. */
async function grantAnew({ app }: Context, connection: Connection): Promise<boolean> {
  if (!hasPolicies(app.model)) return false;
  await createBoundRole(connection, app.namespace);
  await grantToBoundRole(connection, app.model);
  return true;
}

/** Who but the owner could do something in the schema. */
async function rolesWithRights(connection: Connection, namespace: string): Promise<readonly string[]> {
  const { rows } = await connection.command(`
    select distinct case acl.grantee when 0 then 'public' else acl.grantee::regrole::text end
    from pg_catalog.pg_namespace as n, pg_catalog.aclexplode(n.nspacl) as acl
    where n.nspname = ${quoteText(namespace)} and acl.grantee <> n.nspowner order by 1`);
  return rows.map(([role]) => role ?? '');
}

/** Everything in the database that is in no schema of the system and not in this one, by what it is. */
const others = (namespace: string): string => `
  with foreign_schema as (
    select n.oid from pg_catalog.pg_namespace as n
    where n.nspname <> ${quoteText(namespace)} and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  ), relation as (
    select c.oid from pg_catalog.pg_class as c where c.relnamespace in (table foreign_schema)
  )
  select 'pg_class'::regclass::oid as classid, r.oid as objid, 0 as objsubid from relation as r
  union all select 'pg_class'::regclass, a.attrelid, a.attnum from pg_catalog.pg_attribute as a
    where a.attrelid in (table relation) and a.attnum > 0 and not a.attisdropped
  union all select 'pg_constraint'::regclass, c.oid, 0 from pg_catalog.pg_constraint as c where c.connamespace in (table foreign_schema)
  union all select 'pg_proc'::regclass, p.oid, 0 from pg_catalog.pg_proc as p where p.pronamespace in (table foreign_schema)
  union all select 'pg_type'::regclass, t.oid, 0 from pg_catalog.pg_type as t where t.typnamespace in (table foreign_schema)
  union all select 'pg_trigger'::regclass, t.oid, 0 from pg_catalog.pg_trigger as t where t.tgrelid in (table relation) and not t.tgisinternal
  union all select 'pg_attrdef'::regclass, d.oid, 0 from pg_catalog.pg_attrdef as d where d.adrelid in (table relation)
  union all select 'pg_policy'::regclass, p.oid, 0 from pg_catalog.pg_policy as p where p.polrelid in (table relation)
  union all select 'pg_rewrite'::regclass, r.oid, 0 from pg_catalog.pg_rewrite as r where r.ev_class in (table relation)`;

/**
 * Drops the namespace. Danger: `cascade` follows dependencies into other schemas (foreign keys, views, columns of an enum); what is there
 * is listed before and after, and when anything is missing, nothing is dropped.
 */
async function dropNamespace(connection: Connection, namespace: string): Promise<void> {
  await refuseWithoutRight(connection, namespace);
  await connection.command('begin');
  try {
    await connection.command(`create temporary table keelson_others on commit drop as
      select o.*, pg_catalog.pg_describe_object(o.classid, o.objid, o.objsubid) as description from (${others(namespace)}) as o`);
    await connection.command(`drop schema if exists ${quoteName(namespace)} cascade`);
    const { rows } = await connection.command(`
      select b.description from keelson_others as b
      where (b.classid, b.objid, b.objsubid) not in (select o.classid, o.objid, o.objsubid from (${others(namespace)}) as o)
      order by b.description limit 10`);
    if (rows.length > 0) {
      throw new KeelsonError('CONFLICT', {
        message: `Nothing was dropped: outside of the schema ${JSON.stringify(namespace)} this would be lost too:\n${rows.map(([what]) => `  ${what}`).join('\n')}`,
        hint: 'Remove that first, if it may go; reset never touches what belongs to others.',
      });
    }
    await connection.command('commit');
  } catch (error) {
    if (!connection.broken) await connection.command('rollback');
    throw error;
  }
}

/** Who may drop a schema may not always make it again. */
async function refuseWithoutRight(connection: Connection, namespace: string): Promise<void> {
  const { rows } = await connection.command(`
    select pg_catalog.has_database_privilege(pg_catalog.current_database(), 'create')::text, session_user`);
  const [[may, user] = []] = rows;
  if (may === 'true') return;
  throw new KeelsonError('MIGRATION_FAILED', {
    message: `User ${JSON.stringify(user)} may not make the schema ${JSON.stringify(namespace)} again, so it was not dropped.`,
    hint: 'Grant CREATE on the database to the user, or let someone with the right do it.',
  });
}
