/** The first connection: tried again while the server is not there, and one clear message when it does not come. */
import { randomInt } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { KeelsonError } from '../errors.ts';
import type { Log } from '../log.ts';
import { describeAddress } from './address.ts';
import type { Connection } from './connection.ts';
import type { Connector } from './connector.ts';
import { sqlState } from './sqlstate.ts';

/** How long to try, and what to tell meanwhile. */
export interface RetryOptions {
  readonly log: Log;
  readonly clock: Clock;
  readonly retryMs: number;
  readonly signal: AbortSignal | undefined;
}

interface Trouble {
  readonly why: string;
  readonly hint: string;
  /** Whether it may pass by itself. */
  readonly passing: boolean;
}

const FIRST_PAUSE_MS = 100;
const PAUSE_MS_MAX = 2_000;
const ATTEMPTS_PER_LINE = 5;

/**
 * Opens a connection, with growing pauses between the tries.
 *
 * @throws DATABASE_CONNECTION_FAILED when the server did not come, or will not let us in however often we ask
 */
export async function openWithRetry(connector: Connector, options: RetryOptions): Promise<Connection> {
  const { clock, log, signal } = options;
  const startedMs = clock.monotonicMs();
  // bounded by: retryMs
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await connector.open();
    } catch (error) {
      const trouble = troubleOf(error);
      const leftMs = startedMs + options.retryMs - clock.monotonicMs();
      if (!trouble.passing || leftMs <= 0) throw asOneMessage(error, trouble, connector, attempt);
      if (attempt % ATTEMPTS_PER_LINE === 1) {
        const { host, port } = connector.address;
        log.warn('database.waiting', { host, port, attempt, why: trouble.why, left_ms: Math.round(leftMs) });
      }
      await clock.sleep(Math.min(pauseMs(attempt), leftMs), signal);
    }
  }
}

/** Doubles each time, then anything between half of it and the whole, so that many processes do not knock together. */
function pauseMs(attempt: number): number {
  const wholeMs = Math.min(PAUSE_MS_MAX, FIRST_PAUSE_MS * 2 ** Math.min(attempt - 1, 10));
  return wholeMs / 2 + randomInt(Math.ceil(wholeMs / 2));
}

function asOneMessage(error: unknown, trouble: Trouble, connector: Connector, attempts: number): KeelsonError {
  const where = describeAddress(connector.address);
  const tries = attempts === 1 ? '' : ` (tried ${attempts} times)`;
  return new KeelsonError('DATABASE_CONNECTION_FAILED', {
    message: `PostgreSQL at ${where}: ${trouble.why}${tries}.`,
    hint: trouble.hint,
    data: { sqlState: sqlState(error) },
    cause: error instanceof Error ? (error.cause ?? error) : error,
  });
}

const REFUSED: Trouble = {
  why: 'nothing listens there',
  hint: 'Start the server, correct host and port in DATABASE_URL, or leave DATABASE_URL out to use the embedded server.',
  passing: true,
};
const UNKNOWN_HOST: Trouble = { why: 'the host is not known', hint: 'Correct the host in DATABASE_URL.', passing: true };
const SILENT: Trouble = {
  why: 'the host does not answer',
  hint: 'Check host and port in DATABASE_URL, and what lies between: firewall, VPN, security group.',
  passing: true,
};

const byState: ReadonlyMap<string, Trouble> = new Map([
  [
    '28P01',
    { why: 'the password is wrong', hint: 'Correct the password in DATABASE_URL; percent-encode special characters.', passing: false },
  ],
  [
    '28000',
    { why: 'the server does not let this user in', hint: "Correct the user in DATABASE_URL, or the server's pg_hba.conf.", passing: false },
  ],
  [
    '3D000',
    {
      why: 'the database does not exist',
      hint: 'Create it (`npx keelson db create`, or `createdb`), or correct its name in DATABASE_URL.',
      passing: false,
    },
  ],
  [
    '53300',
    {
      why: 'it has no connection left',
      hint: 'Lower DATABASE_POOL_SIZE, end other clients, or raise max_connections of the server.',
      passing: true,
    },
  ],
  ['57P03', { why: 'it is starting up or shutting down', hint: 'Try again in a moment.', passing: true }],
  ['42501', { why: 'the user may not connect to this database', hint: 'Grant CONNECT on the database to the user.', passing: false }],
  [
    '08P01',
    {
      why: 'what listens there refused how we asked',
      hint: 'Behind PgBouncer set DATABASE_POOLER=transaction, and leave `options` out of DATABASE_URL.',
      passing: false,
    },
  ],
]);

const byCode: ReadonlyMap<string, Trouble> = new Map([
  ['ECONNREFUSED', REFUSED],
  ['ENOENT', { ...REFUSED, why: 'there is no such Unix socket' }],
  ['ENOTFOUND', UNKNOWN_HOST],
  ['EAI_AGAIN', UNKNOWN_HOST],
  ['ETIMEDOUT', SILENT],
  ['EHOSTUNREACH', SILENT],
  ['ENETUNREACH', SILENT],
]);

const byWords: readonly (readonly [RegExp, Trouble])[] = [
  [/timeout expired/u, SILENT],
  [
    /does not support SSL/u,
    { why: 'it does not offer TLS', hint: 'Leave sslmode out of DATABASE_URL, or switch TLS on in the server.', passing: false },
  ],
  [/password must be/u, { why: 'it asks for a password', hint: 'Put the password into DATABASE_URL.', passing: false }],
  [
    /certificate|self-signed|altnames|SSL|TLS/iu,
    {
      why: 'its TLS certificate cannot be trusted',
      hint: 'Name the authority by sslrootcert in DATABASE_URL, or use sslmode=require to encrypt without checking.',
      passing: false,
    },
  ],
];

function troubleOf(error: unknown): Trouble {
  const cause = error instanceof KeelsonError ? error.cause : error;
  const state = sqlState(error);
  const code = cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
  const words = cause instanceof Error ? cause.message : '';
  return (
    byState.get(state ?? '') ??
    byCode.get(code) ??
    byWords.find(([pattern]) => pattern.test(`${words} ${code}`))?.[1] ?? {
      why: words === '' ? 'no connection could be made' : words,
      hint: 'Check DATABASE_URL and the log of the server.',
      passing: state === undefined,
    }
  );
}
