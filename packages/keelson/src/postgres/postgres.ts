/** The way to a PostgreSQL server: a pool for units of work, shared connections for reads, one clear message when it is not there. */
import { type Clock, systemClock } from '../clock.ts';
import type { Log } from '../log.ts';
import { setLocal } from '../schema/set-local.ts';
import { parseAddress } from './address.ts';
import type { Connection } from './connection.ts';
import { Connector, type SessionSettings } from './connector.ts';
import { LoneStatements } from './lone-statements.ts';
import { Pool } from './pool.ts';
import { Readers } from './readers.ts';
import { endWhenSilent } from './silence.ts';
import { openWithRetry } from './start.ts';
import { Watch } from './watch.ts';

/** How a server is used. */
export interface PostgresOptions {
  readonly url: string;
  /** Connections for units of work; 10. */
  readonly poolSize?: number | undefined;
  /** How long to wait for one of them; 5 s. */
  readonly poolWaitMs?: number | undefined;
  /** How many more may be opened for a moment; none. */
  readonly poolOverflow?: number | undefined;
  /** How long one statement may take; 5 s. */
  readonly statementTimeoutMs?: number | undefined;
  /** How long a statement may wait for a lock; 2 s. */
  readonly lockTimeoutMs?: number | undefined;
  /** How long a transaction may take, on servers that know this (17 and newer); 30 s. */
  readonly transactionTimeoutMs?: number | undefined;
  /** How long a transaction may wait between two statements; 10 s. */
  readonly idleInTransactionTimeoutMs?: number | undefined;
  /** How long to keep trying at the start; 30 s, 0 fails at once. */
  readonly connectRetryMs?: number | undefined;
  /** How long one try may take; 5 s. */
  readonly connectTimeoutMs?: number | undefined;
  readonly applicationName?: string | undefined;
  /** Shared connections for statements outside a transaction; 2. */
  readonly readers?: number | undefined;
  /** An idle connection is closed after this long; 10 minutes, 0 keeps it. */
  readonly idleMs?: number | undefined;
  /** A connection is replaced after this long; an hour, 0 keeps it. */
  readonly lifetimeMs?: number | undefined;
  /** A connection that has a statement under way and answers nothing for so long is given up; a minute at least, 0 never. */
  readonly silentMs?: number | undefined;
  /** What stands between: `transaction` for PgBouncer and its like in that mode. */
  readonly pooler?: 'none' | 'transaction' | undefined;
  /** Whether statements are sent before the one ahead is answered; false only to find a fault. */
  readonly pipeline?: boolean | undefined;
  readonly log: Log;
  readonly clock?: Clock | undefined;
  /** Ends the trying at the start. */
  readonly signal?: AbortSignal | undefined;
}

/** A server in use. */
export interface Postgres {
  readonly pool: Pool;
  /** Statements that need no transaction around them, over the connections of the pool. */
  readonly lone: LoneStatements;
  readonly readers: Readers;
  /** 180004 for 18.4. */
  readonly serverVersion: number;
  readonly url: string;
  /** Whether statements may keep their names: not behind a transaction pooler. */
  readonly namedStatements: boolean;
  /** What each transaction has to set for itself because the session cannot: empty but behind a transaction pooler. */
  readonly transactionSettings: SessionSettings;
  /** Who measures what happens here; nobody at first. */
  readonly watch: Watch;
  /** A connection of its own for what lasts: LISTEN, migrations. Whoever asks closes it. */
  readonly connect: () => Promise<Connection>;
  /** Waits for what is under way until the deadline, then ends it. */
  readonly close: (deadlineMs?: number) => Promise<void>;
}

/**
 * Connects to a server, trying again while it is not there yet.
 *
 * @throws DATABASE_CONNECTION_FAILED with one message that says where, why and what to do
 * @throws CONFIG_INVALID when the URL is none
 * @example
 * import { createLog } from 'keelson/log';
 * import { connectPostgres } from 'keelson/postgres';
 * export const open = async (url: string) => connectPostgres({ url, log: createLog({ level: 'info', format: 'json' }) });
 */
export async function connectPostgres(options: PostgresOptions): Promise<Postgres> {
  const {
    url,
    log,
    clock = systemClock,
    poolSize = 10,
    poolOverflow = 0,
    readers: readersSize = 2,
    transactionTimeoutMs = 30_000,
  } = options;
  const pooled = options.pooler === 'transaction';
  const settings = sessionSettings(options, transactionTimeoutMs);
  const connector = new Connector({
    address: parseAddress(url),
    settings,
    applicationName: options.applicationName ?? 'keelson',
    connectTimeoutMs: options.connectTimeoutMs ?? 5_000,
    pooled,
    pipeline: options.pipeline ?? true,
  });
  const silentMs = options.silentMs ?? Math.max(SILENT_MS_MIN, 2 * transactionTimeoutMs, 2 * (options.statementTimeoutMs ?? 0));
  const watch = new Watch();
  const care = { watch, silentMs, clock };
  const first = await openWithRetry(connector, { log, clock, retryMs: options.connectRetryMs ?? 30_000, signal: options.signal });
  const connect = (): Promise<Connection> => openWatched(connector, care);
  const pool = new Pool({
    connect,
    sizeMax: poolSize,
    overflow: poolOverflow,
    waitMs: options.poolWaitMs,
    idleMs: options.idleMs ?? 600_000,
    lifetimeMs: options.lifetimeMs ?? 3_600_000,
    heldMsMax: transactionTimeoutMs,
    log,
    clock,
    watch,
  });
  if (!pooled) await warnWhenNearLimit(first, poolSize + poolOverflow + readersSize, log);
  pool.add(adopt(first, care));
  const local = pooled ? transactionSettings(settings, connector.serverVersion) : {};
  const begin = pooled ? `begin${setLocal(Object.entries(local))}` : undefined;
  const readers = new Readers({ connect, size: readersSize, begin, clock });
  return {
    pool,
    lone: new LoneStatements(pool, begin),
    readers,
    watch,
    serverVersion: connector.serverVersion,
    url,
    namedStatements: !pooled,
    transactionSettings: local,
    connect: () => connector.open(),
    close: async (deadlineMs) => {
      await Promise.all([readers.close(deadlineMs), pool.close(deadlineMs)]);
    },
  };
}

/** What a connection of the pool or the readers gets. */
interface Care {
  readonly watch: Watch;
  readonly silentMs: number;
  readonly clock: Clock;
}

async function openWatched(connector: Connector, care: Care): Promise<Connection> {
  const startedMs = care.clock.monotonicMs();
  const connection = await connector.open();
  care.watch.opened?.(care.clock.monotonicMs() - startedMs);
  return adopt(connection, care);
}

function adopt(connection: Connection, { watch, silentMs, clock }: Care): Connection {
  connection.watch = watch;
  if (silentMs > 0) void endWhenSilent(connection, silentMs, clock);
  return connection;
}

function sessionSettings(options: PostgresOptions, transactionTimeoutMs: number): SessionSettings {
  return {
    TimeZone: 'UTC',
    DateStyle: 'ISO',
    bytea_output: 'hex',
    statement_timeout: String(options.statementTimeoutMs ?? 5_000),
    lock_timeout: String(options.lockTimeoutMs ?? 2_000),
    idle_in_transaction_session_timeout: String(options.idleInTransactionTimeoutMs ?? 10_000),
    transaction_timeout: String(transactionTimeoutMs),
  };
}

function transactionSettings(settings: SessionSettings, serverVersion: number): SessionSettings {
  const { transaction_timeout: transactionTimeout = '0', ...others } = settings;
  return serverVersion >= 170_000 ? { ...others, transaction_timeout: transactionTimeout } : others;
}

const SILENT_MS_MIN = 60_000;

/** From this share of the server's connections on, a second process of the same kind would not find enough. */
const NEAR_LIMIT_SHARE = 0.5;

async function warnWhenNearLimit(connection: Connection, wanted: number, log: Log): Promise<void> {
  const result = await connection.command(
    "select current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int",
  );
  const available = Number(result.rows[0]?.[0]);
  if (wanted > available * NEAR_LIMIT_SHARE) {
    log.warn('pool.near_server_limit', {
      wanted,
      available,
      hint: 'DATABASE_POOL_SIZE times the number of processes must stay below max_connections.',
    });
  }
}
