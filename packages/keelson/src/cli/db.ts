/** What `db create` and `db seed` do. */
import { KeelsonError } from '../errors.ts';
import { describeAddress, parseAddress } from '../postgres/address.ts';
import { connectPostgres } from '../postgres/postgres.ts';
import { sqlState } from '../postgres/sqlstate.ts';
import { quoteName } from '../schema/sql.ts';
import { confirm } from './confirm.ts';
import type { Context, WholeApp } from './context.ts';
import { connectionOptions, databaseName, databaseSettings, type DatabaseSettings, isGuarded } from './database.ts';
import { sayingWhatStands } from './db-interrupt.ts';
import { renderJson } from './output.ts';

/**
 * Makes the database of `DATABASE_URL` where it is missing.
 *
 * @throws CONFIG_INVALID, DATABASE_CONNECTION_FAILED
 */
export async function create(context: Context, options: { readonly json?: true }): Promise<void> {
  const { output } = context;
  const settings = databaseSettings(context);
  const database = databaseName(context, settings);
  const url = settings.DIRECT_DATABASE_URL ?? settings.DATABASE_URL;
  const created = url === undefined ? false : await createMissing(context, { settings, url, database });
  if (options.json) output.data(renderJson({ database, embedded: url === undefined, created }));
  else if (url === undefined)
    output.talk(`The embedded server makes the database ${JSON.stringify(database)} by itself, at its first start.`);
  else output.talk(`The database ${JSON.stringify(database)} ${created ? 'was made' : 'is there already'}.`);
}

interface Wanted {
  readonly settings: DatabaseSettings;
  readonly url: string;
  readonly database: string;
}

async function createMissing(context: Context, { settings, url, database }: Wanted): Promise<boolean> {
  const connect = connectionOptions(context, settings);
  try {
    const there = await connectPostgres({ ...connect, url });
    await there.close();
    return false;
  } catch (error) {
    if (sqlState(error) !== '3D000') throw error;
  }
  const server = await connectPostgres({ ...connect, url: withDatabase(url, 'postgres'), statementTimeoutMs: 60_000 });
  try {
    const connection = await server.connect();
    try {
      await connection.command(`create database ${quoteName(database)}`);
      return true;
    } catch (error) {
      // Somebody else made it in between.
      if (sqlState(error) === '42P04' || sqlState(error) === '23505') return false;
      throw explained(error, url);
    } finally {
      await connection.close();
    }
  } finally {
    await server.close();
  }
}

/** The same server and user, another database; on its maintenance database one can ask for others. */
export function withDatabase(url: string, database: string): string {
  const [place = '', query] = url.split('?', 2);
  const rest = new URLSearchParams(query);
  rest.delete('dbname');
  const server = /^[^/]*\/\/[^/]*/.exec(place)?.[0] ?? place;
  return `${server}/${encodeURIComponent(database)}${rest.size === 0 ? '' : `?${rest.toString()}`}`;
}

function explained(error: unknown, url: string): unknown {
  if (sqlState(error) !== '42501') return error;
  const { user } = parseAddress(url);
  return new KeelsonError('DATABASE_ERROR', {
    message: `User ${JSON.stringify(user)} may not make databases at ${describeAddress(parseAddress(url))}.`,
    hint: `Let a superuser do it: create database … owner ${quoteName(user)}; or give the right: alter role ${quoteName(user)} createdb.`,
    cause: error,
  });
}

/**
 * Runs the app's seed.
 *
 * @throws USAGE when the app has none, or it was not confirmed where it must be; and what the seed throws
 */
export async function seed(context: Context, whole: WholeApp, options: { readonly yes?: string }): Promise<void> {
  const { app, output } = context;
  if (whole.seed === undefined) {
    throw new KeelsonError('USAGE', {
      message: `${app.name} has no seed.`,
      hint: 'Give defineApp a function: seed: async ({ services, database }) => { … }.',
    });
  }
  const settings = databaseSettings(context);
  if (isGuarded(settings)) {
    const name = databaseName(context, settings);
    await confirm(context, { name, says: `This fills the database ${JSON.stringify(name)} of ${settings.APP_ENV}.`, yes: options.yes });
  }
  const fill = whole.seed;
  output.progress('Seeding …');
  await sayingWhatStands(output, { stands: 'what the seed has committed stays, and the rest is rolled back; run it again.' }, fill);
  output.talk(`The seed of ${app.name} was run.`);
}
