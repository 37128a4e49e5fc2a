/** The settings that every app reads. */
import type { Declaration, SettingContext, SettingsOf } from './declaration.ts';
import { choice, databaseUrl, flag, host, integer, list, port, secret, text } from './kinds.ts';

const development = (context: SettingContext): boolean => context.environment === 'development';
const safeAtHome = (context: SettingContext): boolean => development(context) || context.environment === 'test';

const application = {
  APP_ENV: choice({
    description: 'Where the app runs. Production and staging ask for more: a good SECRET_KEY, exact origins.',
    values: ['development', 'staging', 'production', 'test'],
    default: 'development',
  }),
  PROJECT_NAME: text({
    description: 'The name of the app, shown in its documents.',
    default: { note: "the app's own name", value: () => 'Keelson' },
    lengthMax: 100,
  }),
  API_V1_PREFIX: text({
    description: 'The path that every call of the API begins with.',
    default: '/api/v1',
    lengthMax: 100,
    pattern: { matches: /^(?:\/[a-z0-9._~-]+)+$/i, words: 'a path like /api/v1, without a slash at the end' },
  }),
  DEBUG: flag({
    description: 'Say more in the log. Refused in production.',
    default: false,
    check: (on, context) =>
      on && context.environment === 'production'
        ? { problem: 'it is on in production', hint: 'Remove it, or write DEBUG=false.' }
        : undefined,
  }),
  HOST: host({ description: 'The address to listen on; 0.0.0.0 is every address of the machine.', default: '127.0.0.1' }),
  PORT: port(8000),
  CORS_ORIGINS: list({
    description: 'Web pages of these origins may call the API from a browser, with credentials. * (any) is for development and test alone.',
    of: 'origin',
    check: (origins, context) =>
      origins.includes('*') && !safeAtHome(context)
        ? {
            problem: `* with credentials lets any web page act as its visitor; it is refused in ${context.environment}`,
            hint: 'List the exact origins.',
          }
        : undefined,
  }),
  TRUST_PROXY: integer({
    description: 'How many proxies stand in front: the address of a client is read from X-Forwarded-For past so many hops.',
    default: 0,
    min: 0,
    max: 10,
    unit: 'hops',
  }),
  RATE_LIMIT: choice({
    description: 'Whether calls are limited per address of a client, and guesses at passwords slowed down. Off only outside production.',
    values: ['on', 'off'],
    default: {
      note: 'on; off in test',
      value: (context: SettingContext) => (context.environment === 'test' ? 'off' : 'on'),
    },
    check: (limit, context) =>
      limit === 'off' && context.environment === 'production'
        ? { problem: 'it is off in production', hint: 'Remove it, and raise RATE_LIMIT_PER_MINUTE where it is too low.' }
        : undefined,
  }),
  RATE_LIMIT_PER_MINUTE: integer({
    description: 'How many calls one address may make in a minute, in each process.',
    default: 300,
    min: 1,
    max: 10_000_000,
    unit: 'calls',
  }),
  HEALTH_DETAILS: choice({
    description: 'Who may read the details of the database at /health/db: everybody (open), this machine (loopback), nobody (off).',
    values: ['open', 'loopback', 'off'],
    default: {
      note: 'open in development and test, else loopback',
      value: (context: SettingContext) => (safeAtHome(context) ? 'open' : 'loopback'),
    },
  }),
  METRICS: choice({
    description: 'Who may read the metrics at /metrics: everybody (open), this machine (loopback), nobody (off; nothing is measured).',
    values: ['open', 'loopback', 'off'],
    default: {
      note: 'open in development and test, else loopback',
      value: (context: SettingContext) => (safeAtHome(context) ? 'open' : 'loopback'),
    },
  }),
  DRAIN_DELAY_MS: integer({
    description:
      'How long a stop still takes calls while /health/ready answers 503, in milliseconds: the time a load balancer needs to see it.',
    default: 0,
    min: 0,
    max: 300_000,
    unit: 'milliseconds',
  }),
  LOG_LEVEL: choice({
    description: 'From which level on events are logged.',
    values: ['debug', 'info', 'warn', 'error', 'silent'],
    default: {
      note: 'info; debug when DEBUG is on',
      value: (context: SettingContext) => (context.values['DEBUG'] === true ? 'debug' : 'info'),
    },
  }),
  LOG_FORMAT: choice({
    description: 'How the log is written: lines for machines (json) or for people (pretty).',
    values: ['json', 'pretty'],
    default: { note: 'pretty on a terminal, else json', value: (context: SettingContext) => (context.terminal ? 'pretty' : 'json') },
  }),
};

const day = 86_400_000;

function milliseconds(
  description: string,
  range: { readonly default: number; readonly min: number; readonly max: number },
): Declaration<number> {
  return integer({ description, ...range, unit: 'milliseconds' });
}

const workers = {
  WORKERS_IN_SERVER: choice({
    description:
      'Whether the server runs the workers of the app too; else `node app.ts worker` runs them, in as many processes as are wanted.',
    values: ['on', 'off'],
    default: {
      note: 'on in development and test, else off',
      value: (context: SettingContext) => (safeAtHome(context) ? 'on' : 'off'),
    },
  }),
  WORKER_POLL_MS: milliseconds(
    'How often workers look for rows without being woken, in milliseconds: the fallback when a notification is lost.',
    {
      default: 1_000,
      min: 10,
      max: 600_000,
    },
  ),
  WORKER_DRAIN_MS: milliseconds('How long a stop lets runs of workers end before it gives their rows back, in milliseconds.', {
    default: 10_000,
    min: 0,
    max: 3_600_000,
  }),
};

const database = {
  DATABASE_URL: databaseUrl({
    description: 'The PostgreSQL server, 14 or newer. postgresql+asyncpg:// and postgresql+psycopg:// are understood too.',
    unset: 'none (the embedded server)',
  }),
  DIRECT_DATABASE_URL: databaseUrl({
    description: 'The same database past a pooler, for migrations and notifications.',
    unset: 'none (DATABASE_URL)',
  }),
  SHADOW_DATABASE_URL: databaseUrl({
    description:
      'A server where planning a migration may make and drop databases of its own, best of the version that production has. Never needed in production.',
    unset: 'none (the embedded server, or that of DATABASE_URL in development and test)',
  }),
  DATABASE_POOL_SIZE: integer({
    description: 'How many connections one process holds at most.',
    default: 10,
    min: 1,
    max: 1_000,
    unit: 'connections',
    aliases: ['DB_POOL_SIZE'],
  }),
  DATABASE_MAX_OVERFLOW: integer({
    description: 'How many connections above the pool size may be opened for a moment.',
    default: 0,
    min: 0,
    max: 1_000,
    unit: 'connections',
  }),
  DATABASE_POOL_WAIT_MS: milliseconds('How long a call waits for a connection of the pool, in milliseconds.', {
    default: 5_000,
    min: 1,
    max: 600_000,
  }),
  DATABASE_STATEMENT_TIMEOUT_MS: milliseconds('How long one statement may run, in milliseconds.', { default: 5_000, min: 1, max: day }),
  DATABASE_LOCK_TIMEOUT_MS: milliseconds('How long one statement waits for a lock, in milliseconds.', { default: 2_000, min: 1, max: day }),
  DATABASE_TRANSACTION_TIMEOUT_MS: milliseconds(
    'How long one transaction may last, in milliseconds; kept by servers that know it (17 and newer).',
    { default: 30_000, min: 1, max: day },
  ),
  DATABASE_CONNECT_RETRY_MS: milliseconds('How long a start waits for the server, in milliseconds; 0 fails at once.', {
    default: 30_000,
    min: 0,
    max: 3_600_000,
  }),
  DATABASE_POOLER: choice({
    description: 'What stands between the app and the server: nothing, or a pooler like PgBouncer that shares connections by transaction.',
    values: ['none', 'transaction'],
    default: 'none',
  }),
  MIGRATE_ON_START: choice({
    description:
      'What a start does about migrations: nothing (never), refuse while one that adds something is pending (check), apply them (apply).',
    values: ['never', 'check', 'apply'],
    default: {
      note: 'apply in development and test, else check',
      value: (context: SettingContext) => (safeAtHome(context) ? 'apply' : 'check'),
    },
  }),
};

const security = {
  SECRET_KEY: secret({
    description: 'Signs the access tokens.',
    strong: true,
    requiredIn: ['staging', 'production'],
    unset: 'made and kept in .keelson/secret-key in development and test',
  }),
  SECRET_KEY_PREVIOUS: list({ description: 'Former keys, after a change: they verify tokens and never sign.', of: 'secret', itemsMax: 5 }),
  ALGORITHM: choice({
    description: 'How access tokens are signed: by a key that verifies them too, or by one whose public half is at /.well-known/jwks.json.',
    values: ['HS256', 'EdDSA'],
    default: 'HS256',
  }),
  ACCESS_TOKEN_EXPIRE_MINUTES: integer({
    description: 'How long an access token is good, in minutes.',
    default: 15,
    min: 1,
    max: 1_440,
    unit: 'minutes',
  }),
  REFRESH_TOKEN_IDLE_DAYS: integer({
    description: 'How long a session lasts without being refreshed, in days.',
    default: 7,
    min: 1,
    max: 365,
    unit: 'days',
    check: (days, context) => {
      const absolute = context.values['REFRESH_TOKEN_ABSOLUTE_DAYS'];
      return typeof absolute === 'number' && days > absolute
        ? { problem: `${days} is more than REFRESH_TOKEN_ABSOLUTE_DAYS (${absolute})`, hint: 'Lower it, or raise the other.' }
        : undefined;
    },
  }),
  REFRESH_TOKEN_ABSOLUTE_DAYS: integer({
    description: 'How long a session lasts at all, in days.',
    default: 30,
    min: 1,
    max: 365,
    unit: 'days',
  }),
  PASSWORD_SCHEME: choice({
    description: 'How new passwords are hashed; hashes of the other scheme are still verified.',
    values: ['bcrypt', 'argon2id'],
    default: 'bcrypt',
  }),
  PASSWORD_MIN_LENGTH: integer({ description: 'The fewest characters of a password.', default: 8, min: 8, max: 64, unit: 'characters' }),
};

/**
 * The settings that every app reads; an app adds its own and may declare one of these again with another default.
 *
 * @example
 * import { baseSettings, defineSettings, port, text } from 'keelson/config';
 * export const settings = defineSettings({ ...baseSettings, PROJECT_NAME: text({ description: 'The name.', default: 'GLISK' }), PORT: port(8001) });
 */
export const baseSettings = { ...application, ...database, ...workers, ...security };

/** The values of {@link baseSettings}. */
export type BaseSettings = SettingsOf<typeof baseSettings>;
