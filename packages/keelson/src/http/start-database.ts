/** The database of a start: the server that `DATABASE_URL` names, or the embedded one, and its migrations checked or applied. */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../clock.ts';
import type { BaseSettings } from '../config/base.ts';
import { KeelsonError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { HistoryProblem } from '../migrate/compare.ts';
import { readRevisions } from '../migrate/folder.ts';
import type { Revision } from '../migrate/revision.ts';
import { Migrator } from '../migrate/runner.ts';
import { startEmbedded } from '../postgres/embedded.ts';
import { connectPostgres, type Postgres } from '../postgres/postgres.ts';
import { boundRole, createBoundRole, grantToBoundRole, hasPolicies, urlWithRole } from '../work/bound-role.ts';
import type { Model } from '../work/model.ts';
import type { Steps } from './steps.ts';

/** What the database steps need to know. */
export interface DatabaseGround {
  /** Of the app: for `application_name` and the embedded database. */
  readonly name: string;
  /** Its policies are why connections to the embedded server, whose user is a superuser, take on a role that they bind. */
  readonly model?: Model | undefined;
  readonly base: BaseSettings;
  readonly directory: string;
  readonly log: Log;
  readonly clock: Clock;
  readonly steps: Steps;
}

/** How long a stop waits for units of work that outlived their calls. */
const CLOSE_MS = 5_000;

/**
 * Connects, after starting the embedded server where no other is named.
 *
 * @throws DATABASE_CONNECTION_FAILED, EMBEDDED_SERVER_FAILED
 */
export async function openPostgres(ground: DatabaseGround): Promise<Postgres> {
  const { base, steps } = ground;
  const url = base.DATABASE_URL ?? (await embeddedUrl(ground));
  const postgres = await connectPostgres({
    ...connection(ground, url),
    poolSize: base.DATABASE_POOL_SIZE,
    poolOverflow: base.DATABASE_MAX_OVERFLOW,
    poolWaitMs: base.DATABASE_POOL_WAIT_MS,
    statementTimeoutMs: base.DATABASE_STATEMENT_TIMEOUT_MS,
    lockTimeoutMs: base.DATABASE_LOCK_TIMEOUT_MS,
    transactionTimeoutMs: base.DATABASE_TRANSACTION_TIMEOUT_MS,
    pooler: base.DATABASE_POOLER,
  });
  steps.undoWith('database', () => postgres.close(CLOSE_MS));
  return postgres;
}

/**
 * Checks or applies the migrations as `MIGRATE_ON_START` says, and gives the revisions of the app.
 *
 * @throws MIGRATIONS_PENDING, MIGRATION_FAILED, MIGRATION_INVALID
 */
export async function bringUp(
  ground: DatabaseGround,
  postgres: Postgres,
  target: { folder: string | URL; namespace: string },
): Promise<readonly Revision[]> {
  const { base, log, clock } = ground;
  const { folder } = target;
  const revisions = await readRevisions(typeof folder === 'string' && !folder.startsWith('file:') ? folder : fileURLToPath(folder));
  if (base.MIGRATE_ON_START === 'never') return revisions;
  const bound = boundModel(ground);
  // Behind a pooler a session is not one's own; migrations need one that is, and the rights of the owner.
  const directUrl = base.DIRECT_DATABASE_URL ?? (bound === undefined ? undefined : ownerUrl(postgres.url));
  const direct = directUrl === undefined ? undefined : await connectPostgres({ ...connection(ground, directUrl), poolSize: 1 });
  try {
    const own = await (direct ?? postgres).connect();
    try {
      const isPooled = direct === undefined && base.DATABASE_POOLER === 'transaction';
      const migrator = new Migrator({ connection: own, revisions, namespace: target.namespace, log, clock, isPooled });
      if (base.MIGRATE_ON_START === 'apply') await applyPending(migrator, log);
      else await refusePending(migrator, log);
      if (bound !== undefined) await grantToBoundRole(own, bound);
    } finally {
      await own.close();
    }
  } finally {
    await direct?.close();
  }
  return revisions;
}

async function applyPending(migrator: Migrator, log: Log): Promise<void> {
  const { pending, problems } = await migrator.status();
  // A database that is ahead is usual while a new version replaces this one, which may well be started anew meanwhile.
  const isOnlyAhead = pending.length === 0 && problems.every(({ kind }) => kind === 'ahead');
  if (isOnlyAhead) warnOf(problems, log);
  else await migrator.up();
}

async function refusePending(migrator: Migrator, log: Log): Promise<void> {
  const { pending, problems } = await migrator.status();
  warnOf(problems, log);
  if (pending.length === 0) return;
  // What takes away waits until no process runs that still uses it: code that is new does without.
  const phaseOf = new Map(migrator.revisions.map(({ id, phase }) => [id, phase]));
  if (pending.every((id) => phaseOf.get(id) === 'contract')) {
    log.info('migration.contract_pending', { pending });
    return;
  }
  const named = pending.length === 1 ? `the migration ${pending[0]}` : `${pending.length} migrations (${pending[0]} … ${pending.at(-1)})`;
  throw new KeelsonError('MIGRATIONS_PENDING', {
    message: `The database is behind the code by ${named}.`,
    hint: 'Run `keelson migrate up`, or start with MIGRATE_ON_START=apply.',
    data: { pending },
  });
}

function warnOf(problems: readonly HistoryProblem[], log: Log): void {
  for (const { kind, message, hint } of problems) log.warn('migration.history_differs', { kind, message, hint });
}

/** Where the embedded server of an app keeps its data, and what its database is called. */
export function embeddedPlace(app: { readonly name: string; readonly directory: string }): {
  readonly dataDirectory: string;
  readonly database: string;
} {
  return { dataDirectory: path.join(app.directory, '.keelson', 'postgres'), database: app.name.replaceAll('-', '_') };
}

async function embeddedUrl(ground: DatabaseGround): Promise<string> {
  const { name, directory, log, clock, steps } = ground;
  const server = await startEmbedded({ ...embeddedPlace({ name, directory }), log, clock });
  steps.undoWith('embedded server', () => server.stop());
  const bound = boundModel(ground);
  if (bound === undefined) return server.url;
  const owner = await connectPostgres({ ...connection(ground, server.url), poolSize: 1 });
  try {
    const own = await owner.connect();
    await createBoundRole(own, bound.namespace);
    await own.close();
  } finally {
    await owner.close();
  }
  return urlWithRole(server.url, boundRole(bound.namespace));
}

/** The model, where it has policies and the server is the embedded one: elsewhere the role in DATABASE_URL must be fit by itself. */
function boundModel({ base, model }: DatabaseGround): Model | undefined {
  return base.DATABASE_URL === undefined && model !== undefined && hasPolicies(model) ? model : undefined;
}

/** The embedded server's own URL: the role that was added to it is its only option. */
function ownerUrl(url: string): string {
  const changed = new URL(url);
  changed.searchParams.delete('options');
  return changed.href;
}

function connection({ name, base, log, clock }: DatabaseGround, url: string): Parameters<typeof connectPostgres>[0] {
  return { url, applicationName: name, connectRetryMs: base.DATABASE_CONNECT_RETRY_MS, log, clock };
}
