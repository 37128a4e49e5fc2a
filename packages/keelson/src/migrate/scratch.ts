/** What the tests of migrations run on: a database that goes away again, connections to it, and a log that can be waited for. */
import type { Fields, Log } from '../log.ts';
import { Connection } from '../postgres/connection.ts';
import { quoteName } from '../schema/sql.ts';

let databases = 0;

/** A database of its own on a server. */
export class Scratch {
  readonly url: string;
  readonly #server: string;
  readonly #name: string;
  readonly #connections: Connection[] = [];
  #namespaces = 0;

  private constructor(server: string, name: string) {
    const url = new URL(server);
    url.pathname = `/${name}`;
    this.url = url.href;
    this.#server = server;
    this.#name = name;
  }

  /** Makes the database; what a run that was killed leaves is dropped by its name like every test database. */
  static async open(server: string): Promise<Scratch> {
    databases += 1;
    const scratch = new Scratch(server, `keelson_test_${process.pid}_migrate_${databases}`);
    await scratch.#onServer(`create database ${quoteName(scratch.#name)} template template0 encoding 'UTF8'`);
    return scratch;
  }

  /** A further connection, with settings for its session (`-c name=value …`). */
  async connect(options = ''): Promise<Connection> {
    const connection = await Connection.open({ connectionString: this.url, options });
    this.#connections.push(connection);
    return connection;
  }

  /** A name that no namespace has yet. */
  namespace(words = 'app'): string {
    this.#namespaces += 1;
    return `${words} ${this.#namespaces}`;
  }

  /** Closes every connection and drops the database. */
  async close(): Promise<void> {
    const live = this.#connections.filter((connection) => !connection.broken);
    await Promise.all(live.map((connection) => connection.close()));
    await this.#onServer(`drop database if exists ${quoteName(this.#name)} with (force)`);
  }

  async #onServer(command: string): Promise<void> {
    const connection = await Connection.open({ connectionString: this.#server });
    await connection.command(command);
    await connection.close();
  }
}

/** What a log was told; who waits for an event goes on when it comes. */
export class HeardLog implements Log {
  readonly events: { readonly event: string; readonly fields: Fields }[] = [];
  readonly #waiting = new Map<string, () => void>();

  /** Settles with the next event of this name. */
  next(event: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.set(event, resolve);
    return promise;
  }

  debug(event: string, fields: Fields = {}): void {
    this.events.push({ event, fields });
    this.#waiting.get(event)?.();
  }

  info(event: string, fields?: Fields): void {
    this.debug(event, fields);
  }

  warn(event: string, fields?: Fields): void {
    this.debug(event, fields);
  }

  error(event: string, fields?: Fields): void {
    this.debug(event, fields);
  }

  child(): Log {
    return this;
  }
}
