/** Throw-away databases on one server, in which migrations are tried out before anyone depends on them. */
import { randomBytes } from 'node:crypto';
import { KeelsonError } from '../../errors.ts';
import { type Log, silentLog } from '../../log.ts';
import { describeAddress, parseAddress } from '../../postgres/address.ts';
import type { Connection } from '../../postgres/connection.ts';
import { Connector } from '../../postgres/connector.ts';
import { sqlState } from '../../postgres/sqlstate.ts';
import { quoteName } from '../../schema/sql.ts';

/** Where shadows are made. */
export interface ShadowsOptions {
  /** A database on the server; its user may create others. */
  readonly url: string;
  readonly log?: Log | undefined;
}

const PREFIX = 'keelson_shadow_';
/** The name carries the number of the lock that its owner holds as long as it lives. */
const NAME = /^keelson_shadow_([0-9a-f]{15})_\d+$/u;
const LEFT_OVERS_MAX = 100;
/** A drop waits until the whole server has written its files: so many wait for each other, and go at once. */
const DOOMED_MAX = 6;
const CONNECT_TIMEOUT_MS = 5_000;

/** Makes shadows, and drops them all in the end. */
export class Shadows implements AsyncDisposable {
  /** The major version: 18, 15, … */
  readonly serverVersion: number;
  /** Whether the role is bound by no right and no policy. */
  readonly isSuperuser: boolean;
  readonly #url: string;
  readonly #log: Log;
  readonly #connection: Connection;
  readonly #owner: string;
  readonly #strategy: string;
  readonly #living = new Set<Shadow>();
  /** What nobody needs any more, by name. */
  readonly #doomed = new Set<string>();
  #made = 0;

  private constructor(options: ShadowsOptions, connection: Connection, facts: ServerFacts) {
    this.#url = options.url;
    this.#log = options.log ?? silentLog;
    this.#connection = connection;
    this.#owner = facts.owner;
    this.#strategy = facts.strategy;
    this.serverVersion = facts.version;
    this.isSuperuser = facts.isSuperuser;
  }

  /**
   * Connects to the server, and drops what owners that are gone have left there.
   *
   * @throws SHADOW_UNAVAILABLE when it cannot be reached, or the user may not create databases
   */
  static async open(options: ShadowsOptions): Promise<Shadows> {
    const connection = await connectTo(options.url, describeAddress(parseAddress(options.url)));
    try {
      const facts = await takeOwnership(connection, options.url);
      const shadows = new Shadows(options, connection, facts);
      await shadows.#dropLeftOvers();
      return shadows;
    } catch (error) {
      connection.destroy();
      throw error;
    }
  }

  /**
   * Makes an empty database.
   *
   * @throws SHADOW_UNAVAILABLE when the server refuses
   */
  async create(): Promise<Shadow> {
    return this.#create("template template0 encoding 'UTF8'");
  }

  /** Drops all that were made, and leaves the server. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#living].map((shadow) => shadow.drop()));
    await this.#dropDoomed();
    if (!this.#connection.broken) await this.#connection.close();
  }

  async #create(clause: string): Promise<Shadow> {
    this.#made += 1;
    const name = `${PREFIX}${this.#owner}_${this.#made}`;
    try {
      await this.#connection.command(`create database ${quoteName(name)} ${clause}${this.#strategy}`);
    } catch (error) {
      throw unavailable(error, `A database for trying out the migrations could not be made at ${describeAddress(parseAddress(this.#url))}`);
    }
    const shadow = new Shadow(urlOf(this.#url, name), {
      clone: () => this.#create(`template ${quoteName(name)}`),
      drop: async () => {
        if (!this.#living.delete(shadow)) return;
        this.#doomed.add(name);
        if (this.#doomed.size >= DOOMED_MAX) await this.#dropDoomed();
      },
    });
    this.#living.add(shadow);
    return shadow;
  }

  /** All at once, each on a connection of its own, so that the server writes its files once and not the files of those that go next. */
  async #dropDoomed(): Promise<void> {
    const names = [...this.#doomed];
    this.#doomed.clear();
    if (this.#connection.broken) return;
    await Promise.all(
      names.map(async (name, at) => {
        const connection = at === 0 ? this.#connection : await connectTo(this.#url, 'the server of the shadows');
        try {
          await connection.command(`drop database if exists ${quoteName(name)} with (force)`);
        } finally {
          if (at > 0 && !connection.broken) await connection.close();
        }
      }),
    );
  }

  async #dropLeftOvers(): Promise<void> {
    const { rows } = await this.#connection.command(`
      select d.datname
      from pg_catalog.pg_database as d
      where d.datname ~ '${NAME.source}'
        and not exists (
          select from pg_catalog.pg_locks as l
          where l.locktype = 'advisory' and l.objsubid = 1
            and (l.classid::bigint << 32) | l.objid::bigint = ('x0' || substr(d.datname, ${PREFIX.length + 1}, 15))::bit(64)::bigint)
      limit ${LEFT_OVERS_MAX}`);
    for (const [name] of rows) {
      try {
        await this.#connection.command(`drop database if exists ${quoteName(name ?? '')} with (force)`);
      } catch (error) {
        // It belongs to another role, whose next run will drop it.
        this.#log.debug('shadow.left_over_kept', { name, error });
      }
    }
  }
}

interface Upkeep {
  clone(): Promise<Shadow>;
  drop(): Promise<void>;
}

/** One throw-away database. */
export class Shadow {
  readonly url: string;
  readonly #upkeep: Upkeep;
  readonly #connections = new Set<Connection>();

  constructor(url: string, upkeep: Upkeep) {
    this.url = url;
    this.#upkeep = upkeep;
  }

  /** A connection that the shadow closes when it is cloned or dropped, if nobody did before. */
  async connect(): Promise<Connection> {
    const connection = await connectTo(this.url, 'a shadow database');
    this.#connections.add(connection);
    return connection;
  }

  /** A copy of it, rows and all. Its own connections are closed first, since the server copies only what nobody uses. */
  async clone(): Promise<Shadow> {
    await this.#closeConnections();
    return this.#upkeep.clone();
  }

  /** Closes its connections and drops it, if not at once, then with those that follow. */
  async drop(): Promise<void> {
    await this.#closeConnections();
    await this.#upkeep.drop();
  }

  async #closeConnections(): Promise<void> {
    const open = [...this.#connections].filter((connection) => !connection.broken);
    this.#connections.clear();
    await Promise.all(open.map((connection) => connection.close()));
  }
}

interface ServerFacts {
  readonly owner: string;
  readonly version: number;
  readonly strategy: string;
  readonly isSuperuser: boolean;
}

/** The first major version that can be told how to copy a database. */
const STRATEGY_SINCE = 15;

async function takeOwnership(connection: Connection, url: string): Promise<ServerFacts> {
  // 60 bits: as a number it is positive, and as two halves of a lock the same on every server.
  const owner = randomBytes(8).toString('hex').slice(0, 15);
  const { rows } = await connection.command(`
    select pg_try_advisory_lock(x'0${owner}'::bigint)::text, current_setting('server_version_num')::int / 10000,
      current_setting('fsync'), (r.rolcreatedb or r.rolsuper)::text, r.rolsuper::text
    from pg_catalog.pg_roles as r
    where r.rolname = current_user`);
  const [, version, fsync, mayCreate, isSuperuser] = rows[0] ?? [];
  if (mayCreate !== 'true') {
    const { user } = parseAddress(url);
    throw new KeelsonError('SHADOW_UNAVAILABLE', {
      message: `The user ${JSON.stringify(user)} may not create databases, so the migrations cannot be tried out at ${describeAddress(parseAddress(url))}.`,
      hint: `Grant the right (alter role ${quoteName(user)} createdb), or let SHADOW_DATABASE_URL name a server where it exists.`,
    });
  }
  const copies = Number(version) >= STRATEGY_SINCE;
  // Copying files is quickest where nothing need reach the disk; elsewhere it would force a checkpoint.
  const strategy = copies ? ` strategy ${fsync === 'off' ? 'file_copy' : 'wal_log'}` : '';
  return { owner, version: Number(version), strategy, isSuperuser: isSuperuser === 'true' };
}

async function connectTo(url: string, place: string): Promise<Connection> {
  const connector = new Connector({
    address: parseAddress(url),
    settings: {
      TimeZone: 'UTC',
      DateStyle: 'ISO',
      statement_timeout: '0',
      idle_in_transaction_session_timeout: '0',
      // What a killed server loses of a shadow is no loss.
      synchronous_commit: 'off',
    },
    applicationName: 'keelson/shadow',
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
    pooled: false,
    pipeline: true,
  });
  try {
    return await connector.open();
  } catch (error) {
    throw unavailable(error, `The server for trying out the migrations cannot be reached: ${place}`);
  }
}

function unavailable(cause: unknown, message: string): KeelsonError {
  const origin = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  const said = origin instanceof Error && origin.message !== '' ? `: ${origin.message}` : '';
  return new KeelsonError('SHADOW_UNAVAILABLE', { message: `${message}${said}.`, data: { sqlState: sqlState(cause) }, cause });
}

/** By text, not by `URL`: that one takes no user without a host, which a Unix socket has. */
function urlOf(server: string, database: string): string {
  const [place = '', query = ''] = server.trim().split(/\?(.*)/su);
  const parameters = new URLSearchParams(query);
  parameters.delete('dbname');
  const base = place.replace(/^([^/]*\/\/[^/]*).*$/su, `$1/${database}`);
  return parameters.size === 0 ? base : `${base}?${parameters.toString()}`;
}
