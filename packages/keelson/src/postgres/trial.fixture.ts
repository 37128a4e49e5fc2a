/** What the tests of this folder share: a server, sessions on it, a clock that is moved by hand, a proxy that cuts. */
import net from 'node:net';
import type { Clock } from '../clock.ts';
import type { Fields, Log } from '../log.ts';
import { silentLog } from '../log.ts';
import type { Statement } from '../schema/sql.ts';
import { testServer } from '../testing/server.ts';
import { connectPostgres, type Postgres, type PostgresOptions } from './postgres.ts';

/** A server in use that ends with the block. */
export type Trial = Postgres & AsyncDisposable;

/** Connects to the server of the test run; fails at once where it is not there. */
export async function openTrial(options: Partial<PostgresOptions> = {}): Promise<Trial> {
  const { url } = await testServer();
  const postgres = await connectPostgres({ url, log: silentLog, connectRetryMs: 0, poolSize: 4, ...options });
  return { ...postgres, [Symbol.asyncDispose]: () => postgres.close() };
}

/** A statement without a name. */
export function unnamed(text: string, ...values: readonly (string | null)[]): Statement {
  return { text, name: undefined, values };
}

/** A statement with a name. */
export function named(name: string, text: string, ...values: readonly (string | null)[]): Statement {
  return { text, name, values };
}

const rejections: unknown[] = [];
process.on('unhandledRejection', (reason) => rejections.push(reason));

/** Every rejection of this process that nobody handled; there must be none. */
export function unhandledRejections(): readonly unknown[] {
  return rejections;
}

/** A log that keeps its lines. */
export interface KeptLog extends Log {
  readonly lines: { readonly level: string; readonly event: string; readonly fields: Fields }[];
  /** Resolves with the next line of an event. */
  next(event: string): Promise<Fields>;
}

/** Makes a log that keeps its lines. */
export function keepLog(): KeptLog {
  const lines: KeptLog['lines'] = [];
  const waiting = new Map<string, PromiseWithResolvers<Fields>>();
  const write =
    (level: string) =>
    (event: string, fields: Fields = {}): void => {
      lines.push({ level, event, fields });
      waiting.get(event)?.resolve(fields);
      waiting.delete(event);
    };
  const next = (event: string): Promise<Fields> => {
    const awaited = waiting.get(event) ?? Promise.withResolvers<Fields>();
    waiting.set(event, awaited);
    return awaited.promise;
  };
  const log: KeptLog = {
    lines,
    next,
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: () => log,
  };
  return log;
}

/** A clock that stands still until it is moved. */
export class HandClock implements Clock {
  #nowMs = 0;
  readonly #sleepers = new Set<{ readonly untilMs: number; readonly wake: () => void }>();

  now(): Date {
    return new Date(this.#nowMs);
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  sleep(durationMs: number, signal?: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const sleeper = { untilMs: this.#nowMs + durationMs, wake: resolve };
    this.#sleepers.add(sleeper);
    const give = (): void => {
      this.#sleepers.delete(sleeper);
      reject(new DOMException('The wait was ended.', 'AbortError'));
    };
    if (signal?.aborted === true) give();
    else signal?.addEventListener('abort', give, { once: true });
    return promise;
  }

  /** Moves on and wakes whoever's time has come. */
  advance(durationMs: number): void {
    this.#nowMs += durationMs;
    for (const sleeper of this.#sleepers) {
      if (sleeper.untilMs > this.#nowMs) continue;
      this.#sleepers.delete(sleeper);
      sleeper.wake();
    }
  }
}

/** A proxy in front of the server. */
export interface Cutter extends AsyncDisposable {
  readonly url: string;
  /** Cuts the connection once so many messages more have come from the server. */
  cutAfter(messages: number): void;
  /** Ends every connection as a server does that goes without a word. */
  hangUp(): void;
  /** Takes no more connections until told so again. */
  refuse(refusing: boolean): void;
  /** Lets nothing through any more, without a word: as a cable that was pulled. */
  freeze(): void;
  readonly hasCut: boolean;
}

/** Starts a proxy that cuts what it carries after the n-th message of the server; on a port of its own unless told which. */
export async function startCutter(url: string, port = 0): Promise<Cutter> {
  const target = new URL(url);
  const sockets = new Set<net.Socket>();
  const state = { left: Number.POSITIVE_INFINITY, hasCut: false, refusing: false, frozen: false };
  const server = net.createServer((client) => {
    if (state.refusing) {
      client.destroy();
      return;
    }
    const upstream = net.connect(Number(target.port), target.hostname);
    const end = (): void => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', end).on('close', end);
    }
    client.on('data', (chunk) => {
      if (!state.frozen) upstream.write(chunk);
    });
    let rest = Buffer.alloc(0);
    upstream.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      for (let size = messageSize(rest); size !== undefined; size = messageSize(rest)) {
        state.left -= 1;
        if (state.left < 0) {
          state.hasCut = true;
          end();
          return;
        }
        if (!state.frozen) client.write(rest.subarray(0, size));
        rest = rest.subarray(size);
      }
    });
  });
  server.listen(port, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const proxied = new URL(url);
  proxied.port = String(portOf(server));
  return {
    url: proxied.href,
    cutAfter: (messages) => Object.assign(state, { left: messages, hasCut: false }),
    hangUp: () => {
      for (const socket of sockets) socket.end();
    },
    refuse: (refusing) => Object.assign(state, { refusing }),
    freeze: () => Object.assign(state, { frozen: true }),
    get hasCut() {
      return state.hasCut;
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A port on which nobody listens. */
export async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const port = portOf(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function messageSize(bytes: Buffer): number | undefined {
  if (bytes.length < 5) return undefined;
  const size = 1 + bytes.readUInt32BE(1);
  return size <= bytes.length ? size : undefined;
}

/** The port on which a server listens. */
export function portOf(server: net.Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
