/** Opens connections to one server, each with the same settings. */
import type { ConnectionOptions as TlsOptions } from 'node:tls';
import type { ClientConfig } from 'pg';
import type { Address } from './address.ts';
import { Connection } from './connection.ts';
import { sqlState } from './sqlstate.ts';

/** The settings of a session, by their names in PostgreSQL. */
export type SessionSettings = Readonly<Record<string, string>>;

/** How connections are opened. */
export interface ConnectorOptions {
  readonly address: Address;
  readonly settings: SessionSettings;
  /** Settings for servers that know them; the key is the first version that does. */
  readonly applicationName: string;
  readonly connectTimeoutMs: number;
  /** Behind a transaction pooler a session has no settings of its own. */
  readonly pooled: boolean;
  readonly pipeline: boolean;
}

/** The first server version that ends long transactions itself. */
const TRANSACTION_TIMEOUT_SINCE = 170_000;

const TRANSACTION_TIMEOUT = 'transaction_timeout';

/** Opens connections, and knows the server's version from the first one on. */
export class Connector {
  readonly #options: ConnectorOptions;
  #serverVersion = 0;
  #withTransactionTimeout = false;

  constructor(options: ConnectorOptions) {
    this.#options = options;
  }

  /** 180004 for 18.4; 0 before the first connection. */
  get serverVersion(): number {
    return this.#serverVersion;
  }

  /** The address that connections go to. */
  get address(): Address {
    return this.#options.address;
  }

  /**
   * Opens a connection.
   *
   * @throws DATABASE_CONNECTION_FAILED
   */
  async open(): Promise<Connection> {
    const connection = await this.#openAsKnown();
    this.#serverVersion = versionNumber(connection.parameters.get('server_version') ?? '');
    const timeout = this.#options.settings[TRANSACTION_TIMEOUT];
    if (this.#withTransactionTimeout || this.#options.pooled || timeout === undefined) return connection;
    // Older servers refuse a connection that names a setting unknown to them, so the first one finds out.
    if (this.#serverVersion < TRANSACTION_TIMEOUT_SINCE) return connection;
    await connection.command(`set ${TRANSACTION_TIMEOUT} = ${Number.parseInt(timeout, 10)}`);
    this.#withTransactionTimeout = true;
    return connection;
  }

  async #openAsKnown(): Promise<Connection> {
    try {
      return await this.#openBySslMode();
    } catch (error) {
      // 42704, unknown setting: behind this address an older server has taken over.
      if (sqlState(error) !== '42704' || !this.#withTransactionTimeout) throw error;
      this.#withTransactionTimeout = false;
      return this.#openBySslMode();
    }
  }

  async #openBySslMode(): Promise<Connection> {
    const { sslMode, tls } = this.#options.address;
    switch (sslMode) {
      case 'disable':
        return Connection.open(this.#config(false));
      case 'prefer':
        return this.#openPreferringTls();
      case 'require':
        return Connection.open(this.#config({ ...tls, rejectUnauthorized: false }));
      case 'verify-ca':
        return Connection.open(this.#config({ ...tls, checkServerIdentity: () => undefined }));
      case 'verify-full':
        return Connection.open(this.#config(tls));
    }
  }

  async #openPreferringTls(): Promise<Connection> {
    try {
      return await Connection.open(this.#config({ ...this.#options.address.tls, rejectUnauthorized: false }));
    } catch (error) {
      if (!isWithoutTls(error)) throw error;
      return Connection.open(this.#config(false));
    }
  }

  #config(ssl: false | TlsOptions): ClientConfig {
    const { address, applicationName, connectTimeoutMs, pipeline } = this.#options;
    const options = this.#startupOptions();
    return {
      host: address.host,
      port: address.port,
      database: address.database,
      user: address.user,
      // As a function, so that the driver looks nowhere else for one.
      password: () => address.password,
      ssl,
      sslnegotiation: address.sslNegotiation,
      enableChannelBinding: address.channelBinding,
      application_name: address.applicationName ?? applicationName,
      connectionTimeoutMillis: address.connectTimeoutMs ?? connectTimeoutMs,
      pipeline,
      ...(options === undefined ? {} : { options }),
    };
  }

  #startupOptions(): string | undefined {
    const { address, settings, pooled } = this.#options;
    if (pooled) return address.options;
    const own = Object.entries(settings)
      .filter(([name]) => name !== TRANSACTION_TIMEOUT || this.#withTransactionTimeout)
      .map(([name, value]) => `-c ${name}=${value.replaceAll(/[\\ ]/gu, '\\$&')}`);
    return [address.options ?? [], own].flat().join(' ');
  }
}

function isWithoutTls(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && cause.message === 'The server does not support SSL connections';
}

/** `18.4 (Debian …)` as 180004, as PostgreSQL's own server_version_num. */
function versionNumber(text: string): number {
  const [major = '0', minor = '0'] = text.split(/[^0-9]+/u);
  return Number(major) * 10_000 + Number(minor);
}
