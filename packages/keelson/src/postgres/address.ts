/** Where a server is and who asks, out of a URL. */
import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import type { ConnectionOptions as TlsOptions } from 'node:tls';
import { KeelsonError } from '../errors.ts';

/** Whether and how a connection is encrypted, in the words of libpq. */
export type SslMode = 'disable' | 'prefer' | 'require' | 'verify-ca' | 'verify-full';

/** A server, a database on it, and a user. */
export interface Address {
  /** A host name, an IP address, or the folder of a Unix socket. */
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string;
  readonly sslMode: SslMode;
  readonly tls: TlsOptions;
  readonly sslNegotiation: 'postgres' | 'direct';
  readonly channelBinding: boolean;
  readonly applicationName: string | undefined;
  /** Settings of the session as `-c name=value`, as libpq's `options`. */
  readonly options: string | undefined;
  readonly connectTimeoutMs: number | undefined;
}

const SCHEMES = /^(postgres|postgresql)(\+(asyncpg|psycopg|psycopg2))?:$/u;

const SSL_MODES: ReadonlyMap<string, SslMode> = new Map([
  ['disable', 'disable'],
  ['allow', 'prefer'],
  ['prefer', 'prefer'],
  ['require', 'require'],
  ['no-verify', 'require'],
  ['verify-ca', 'verify-ca'],
  ['verify-full', 'verify-full'],
]);

/**
 * Reads a URL of a PostgreSQL server; user, password and database may be percent-encoded.
 *
 * @throws CONFIG_INVALID saying what is wrong with it, never showing the password
 * @see PostgreSQL documentation, "Connection URIs" and "SSL Support" of libpq
 * @example
 * import { parseAddress } from 'keelson/postgres';
 * const { host, database } = parseAddress('postgresql://app:p%40ss@127.0.0.1:5432/app?sslmode=require');
 */
export function parseAddress(text: string): Address {
  const url = readUrl(text);
  const query = url.searchParams;
  const user = query.get('user') ?? (decode(url.username, 'user') || userInfo().username);
  const socket = decode(url.hostname, 'host');
  return {
    host: query.get('host') ?? (socket === NO_HOST ? 'localhost' : bare(socket)),
    port: portOf(query.get('port') ?? url.port),
    database: query.get('dbname') ?? (decode(url.pathname.slice(1), 'database') || user),
    user,
    password: query.get('password') ?? decode(url.password, 'password'),
    sslMode: sslModeOf(query),
    tls: tlsOf(query),
    sslNegotiation: query.get('sslnegotiation') === 'direct' ? 'direct' : 'postgres',
    channelBinding: query.get('channel_binding') === 'require',
    applicationName: query.get('application_name') ?? undefined,
    options: query.get('options') ?? undefined,
    connectTimeoutMs: timeoutOf(query.get('connect_timeout')),
  };
}

/** An address for people: everything but the password. */
export function describeAddress(address: Address): string {
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  return `${host}:${address.port}, database "${address.database}", user "${address.user}"`;
}

/** Stands where a URL has no host, which a URL of this kind must have. */
const NO_HOST = 'no-host.invalid';

function readUrl(text: string): URL {
  // `postgresql://user@/db?host=/run/postgresql` has no host between `@` and `/`; `new URL` would not take it.
  const whole = text.trim().replace(/^([a-z0-9+]+:\/\/(?:[^/?#]*@)?)(?=[/?]|$)/iu, `$1${NO_HOST}`);
  if (/^[^/]*\/\/[^/]*,/u.test(whole)) throw invalid('names several hosts; name one.');
  if (!URL.canParse(whole)) throw invalid('is not a URL.');
  const url = new URL(whole);
  if (!SCHEMES.test(url.protocol)) throw invalid(`begins with ${url.protocol}//, not with postgresql://.`);
  return url;
}

function decode(text: string, part: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw invalid(`has a percent sign in its ${part} that encodes nothing; write it as %25.`, cause);
  }
}

function bare(host: string): string {
  return host.startsWith('[') ? host.slice(1, -1) : host;
}

function portOf(text: string): number {
  const port = text === '' ? 5432 : Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw invalid(`has the port ${text}, which is none.`);
  return port;
}

function timeoutOf(text: string | null): number | undefined {
  const seconds = Number(text ?? '0');
  return seconds > 0 ? seconds * 1000 : undefined;
}

function sslModeOf(query: URLSearchParams): SslMode {
  const named = query.get('sslmode');
  if (named === null) return query.get('ssl') === 'true' || query.get('sslnegotiation') === 'direct' ? 'verify-full' : 'disable';
  const mode = SSL_MODES.get(named);
  if (mode === undefined) throw invalid(`has sslmode=${named}; it is one of ${[...SSL_MODES.keys()].join(', ')}.`);
  // As libpq has it: who names a root certificate wants it checked.
  return mode === 'require' && query.has('sslrootcert') ? 'verify-ca' : mode;
}

function tlsOf(query: URLSearchParams): TlsOptions {
  const tls: TlsOptions = {};
  const root = query.get('sslrootcert');
  if (root !== null && root !== 'system') tls.ca = contentOf(root, 'sslrootcert');
  const certificate = query.get('sslcert');
  if (certificate !== null) tls.cert = contentOf(certificate, 'sslcert');
  const key = query.get('sslkey');
  if (key !== null) tls.key = contentOf(key, 'sslkey');
  return tls;
}

function contentOf(path: string, parameter: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw invalid(`names a file in ${parameter} that cannot be read.`, cause);
  }
}

function invalid(problem: string, cause?: unknown): KeelsonError {
  return new KeelsonError('CONFIG_INVALID', {
    message: `The URL of the database ${problem}`,
    hint: 'Write it as postgresql://user:password@host:port/database, with special characters percent-encoded.',
    cause,
  });
}
