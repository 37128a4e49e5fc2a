/** The server on which a command makes databases to try migrations in, and throws them away again. */
import path from 'node:path';
import { isKeelsonError, KeelsonError } from '../errors.ts';
import { Shadows } from '../migrate/plan/shadow.ts';
import { type EmbeddedServer, startEmbedded } from '../postgres/embedded.ts';
import { connectPostgres } from '../postgres/postgres.ts';
import type { Context } from './context.ts';
import { connectionOptions, databaseSettings, type DatabaseSettings, isGuarded, isPooled } from './database.ts';
import { plainText } from './output.ts';
import { talkLog } from './talk.ts';

/** What the server that the app uses is, as far as trying migrations goes. */
interface OwnServer {
  readonly url: string;
  /** 18, 15 …; undefined when it cannot be reached. */
  readonly major: number | undefined;
  /** Whether databases may be made there: by right, and because nothing of value is near. */
  readonly isFree: boolean;
  /** Why it is not asked, in a few words. */
  readonly why: string;
}

const VERSION_FACTOR = 10_000;

/**
 * Runs a block with databases to be thrown away: on the server of `SHADOW_DATABASE_URL`; else, in development and test, on that of
 * `DATABASE_URL` where its user may make databases; else on an embedded one that is for this alone.
 *
 * @throws SHADOW_UNAVAILABLE, CONFIG_INVALID, EMBEDDED_SERVER_FAILED
 */
export async function withShadows<T>(context: Context, block: (shadows: Shadows) => Promise<T>): Promise<T> {
  const settings = databaseSettings(context);
  const log = talkLog(context);
  const given = settings.SHADOW_DATABASE_URL;
  if (given !== undefined) {
    await using shadows = await Shadows.open({ url: given, log });
    return await block(shadows);
  }
  const own = await ownServer(context, settings);
  if (own?.isFree === true) {
    await using shadows = await Shadows.open({ url: own.url, log });
    return await block(shadows);
  }
  await using stack = new AsyncDisposableStack();
  const server = await startShadow(context, own);
  stack.defer(() => server.stop());
  const shadows = stack.use(await Shadows.open({ url: server.url, log }));
  if (own !== undefined) sayWhy(context, own, shadows.serverVersion);
  return await block(shadows);
}

/** A server for this alone: apart from the data of the app, and quick, since nothing in it is to last. */
async function startShadow(context: Context, own: OwnServer | undefined): Promise<EmbeddedServer> {
  const dataDirectory = path.join(context.directory, '.keelson', 'shadow');
  try {
    return await startEmbedded({ dataDirectory, durable: false, log: talkLog(context) });
  } catch (cause) {
    if (own === undefined) throw cause;
    throw new KeelsonError('SHADOW_UNAVAILABLE', {
      message: `Migrations cannot be tried on the server of DATABASE_URL (${own.why}), and the embedded one did not start.`,
      hint: 'Name a server on which databases may be made and dropped: SHADOW_DATABASE_URL.',
      cause,
    });
  }
}

/** Undefined when the app has only the embedded server. */
async function ownServer(context: Context, settings: DatabaseSettings): Promise<OwnServer | undefined> {
  const url = settings.DIRECT_DATABASE_URL ?? settings.DATABASE_URL;
  if (url === undefined) return undefined;
  try {
    const postgres = await connectPostgres({ ...connectionOptions(context, settings), connectRetryMs: 0, url });
    try {
      const connection = await postgres.connect();
      try {
        const { rows } = await connection.command(`
          select current_setting('server_version_num'), (r.rolcreatedb or r.rolsuper)::text
          from pg_catalog.pg_roles as r where r.rolname = current_user`);
        const [version, may] = rows[0] ?? [];
        const why = whyNot(settings, may === 'true');
        return { url, major: Math.floor(Number(version) / VERSION_FACTOR), isFree: why === '', why };
      } finally {
        await connection.close();
      }
    } finally {
      await postgres.close();
    }
  } catch (error) {
    if (!isKeelsonError(error)) throw error;
    return { url, major: undefined, isFree: false, why: `it could not be asked: ${error.message}` };
  }
}

function whyNot(settings: DatabaseSettings, mayCreate: boolean): string {
  if (isGuarded(settings)) return `nothing is tried on a server of ${settings.APP_ENV}`;
  if (isPooled(settings)) return 'a transaction pooler stands before it';
  return mayCreate ? '' : 'its user may not make databases';
}

function sayWhy({ output }: Context, { major, why }: OwnServer, shadowMajor: number): void {
  if (major === shadowMajor) return;
  const versions = major === undefined ? '' : ` The server of DATABASE_URL is PostgreSQL ${major}: what is proved here may differ there.`;
  output.talk(
    plainText(
      `Tried on the embedded PostgreSQL ${shadowMajor}, not on the server of DATABASE_URL (${why}).${versions}\n` +
        'hint:  Name a server of the same version on which databases may be made and dropped: SHADOW_DATABASE_URL.',
    ),
  );
}

/**
 * Planning belongs to where code is written.
 *
 * @throws USAGE in production
 */
export function refuseInProduction(context: Context, what: string): void {
  if (databaseSettings(context).APP_ENV !== 'production') return;
  throw new KeelsonError('USAGE', {
    message: `${what} in production.`,
    hint: 'Do it where the code is written, with APP_ENV=development, and bring the files here with the code.',
  });
}
