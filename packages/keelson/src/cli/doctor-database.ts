/** What `doctor` looks at in the database: whether it can be reached, its version, the migrations, and its clock. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Clock } from '../clock.ts';
import { KeelsonError } from '../errors.ts';
import { embeddedPlace } from '../http/start-database.ts';
import { readRevisions } from '../migrate/folder.ts';
import { Migrator } from '../migrate/runner.ts';
import { describeAddress, parseAddress } from '../postgres/address.ts';
import type { Connection } from '../postgres/connection.ts';
import type { Postgres } from '../postgres/postgres.ts';
import { sqlState } from '../postgres/sqlstate.ts';
import { type Context, shownPath } from './context.ts';
import { databaseSettings, withConnection } from './database.ts';
import { failed, type Finding } from './doctor-finding.ts';

const VERSION_MIN = 140_000;
const SKEW_WARN_MS = 1_000;
/** Tokens and sessions are good by the clock; 5 s is what a token's check forgives. */
const SKEW_FAIL_MS = 5_000;

/** Looks at the server, and, when it is there, at what is in it. */
export async function inspectDatabase(context: Context, clock: Clock): Promise<readonly Finding[]> {
  const settings = databaseSettings(context);
  const isEmbedded = (settings.DIRECT_DATABASE_URL ?? settings.DATABASE_URL) === undefined;
  const { dataDirectory } = embeddedPlace({ name: context.app.name, directory: context.directory });
  if (isEmbedded && !existsSync(path.join(dataDirectory, 'cluster'))) {
    return [
      {
        name: 'server',
        state: 'ok',
        says: `The embedded server has no data yet: the first start makes it in ${shownPath(dataDirectory)}.`,
      },
    ];
  }
  try {
    return await withConnection(
      context,
      async (connection, postgres) => [
        judgeServer(postgres, isEmbedded ? shownPath(dataDirectory) : undefined),
        ...(await inspectMigrations(context, connection)),
        await inspectClock(connection, clock),
      ],
      { connectRetryMs: 0 },
    );
  } catch (error) {
    const found = failed('server', error);
    return [
      sqlState(error) === '3D000' ? { ...found, todo: 'Make it: npx keelson db create. Or correct its name in DATABASE_URL.' } : found,
    ];
  }
}

/** Whether the server is new enough. */
function judgeServer({ serverVersion, url }: Pick<Postgres, 'serverVersion' | 'url'>, embeddedIn: string | undefined): Finding {
  const place = embeddedIn === undefined ? describeAddress(parseAddress(url)) : `embedded, ${embeddedIn}`;
  const says = `PostgreSQL ${Math.floor(serverVersion / 10_000)}.${serverVersion % 10_000} (${place}).`;
  if (serverVersion >= VERSION_MIN) return { name: 'server', state: 'ok', says };
  return { name: 'server', state: 'fail', says, todo: 'PostgreSQL 14 is needed: upgrade the server.' };
}

async function inspectMigrations({ app }: Context, connection: Connection): Promise<readonly Finding[]> {
  try {
    const revisions = await readRevisions(app.migrationsDirectory);
    const { state, pending, problems } = await new Migrator({ connection, revisions, namespace: app.namespace }).status();
    const contradictions = problems.map(({ message, hint }): Finding => ({ name: 'migrations', state: 'fail', says: message, todo: hint }));
    if (state === 'unknown') return contradictions;
    if (pending.length === 0)
      return [{ name: 'migrations', state: 'ok', says: `Up to date, ${revisions.length} applied.` }, ...contradictions];
    const says = `${pending.length} of ${revisions.length} pending.`;
    return [
      { name: 'migrations', state: 'warn', says, todo: 'npx keelson migrate up; in development a start does it.' },
      ...contradictions,
    ];
  } catch (error) {
    if (error instanceof KeelsonError) return [failed('migrations', error)];
    throw error;
  }
}

/** Whether the clock of the server and ours go together, as far as can be seen through the time that the question took. */
export async function inspectClock(connection: Connection, clock: Clock): Promise<Finding> {
  const before = clock.now().getTime();
  const { rows } = await connection.command(`select (extract(epoch from clock_timestamp()) * 1000)::bigint`);
  const after = clock.now().getTime();
  const skewMs = Number(rows[0]?.[0]) - (before + after) / 2;
  const surelyMs = Math.max(0, Math.abs(skewMs) - (after - before) / 2);
  if (surelyMs < SKEW_WARN_MS) return { name: 'clock', state: 'ok', says: 'It goes with that of the database.' };
  const says = `The database is ${(Math.abs(skewMs) / 1000).toFixed(1)} s ${skewMs > 0 ? 'ahead' : 'behind'}.`;
  return { name: 'clock', state: surelyMs < SKEW_FAIL_MS ? 'warn' : 'fail', says, todo: 'Set both machines by a time server (NTP).' };
}
