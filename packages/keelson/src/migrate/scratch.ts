/** What the tests of migrations run on: connections to a real server, namespaces that go away again, and a log that can be waited for. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Fields, Log } from '../log.ts';
import { Connection } from '../postgres/connection.ts';
import { startEmbedded } from '../postgres/embedded.ts';
import { quoteName } from '../schema/sql.ts';

let namespaces = 0;

/** A database to try things in. */
export class Scratch {
  readonly url: string;
  readonly #connections: Connection[] = [];
  readonly #namespaces: string[] = [];
  readonly #stop: () => Promise<void>;

  private constructor(url: string, stop: () => Promise<void>) {
    this.url = url;
    this.#stop = stop;
  }

  /** On the server of this URL, or, without one, on a server of its own. */
  static async open(url: string | undefined): Promise<Scratch> {
    if (url !== undefined) return new Scratch(url, () => Promise.resolve());
    const directory = await mkdtemp(join(tmpdir(), 'keelson-migrate-'));
    const server = await startEmbedded({ dataDirectory: directory, durable: false });
    return new Scratch(server.url, async () => {
      await server.stop();
      await rm(directory, { recursive: true, force: true });
    });
  }

  /** A further connection, with settings for its session (`-c name=value …`). */
  async connect(options = ''): Promise<Connection> {
    const connection = await Connection.open({ connectionString: this.url, options, application_name: 'scratch' });
    this.#connections.push(connection);
    return connection;
  }

  /** A namespace that nobody else uses; it goes away when the tests are done. */
  namespace(words = 'app'): string {
    namespaces += 1;
    const name = `${words} ${process.pid} ${namespaces}`;
    this.#namespaces.push(name);
    return name;
  }

  /** Closes every connection and drops every namespace. */
  async close(): Promise<void> {
    const live = this.#connections.filter((connection) => !connection.broken);
    await Promise.all(live.map((connection) => connection.close()));
    const connection = await Connection.open({ connectionString: this.url });
    for (const namespace of this.#namespaces) await connection.command(`drop schema if exists ${quoteName(namespace)} cascade`);
    await connection.close();
    await this.#stop();
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
