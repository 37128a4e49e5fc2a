/** Calls to GLISK for its tests: the whole app on a database of its own, without a socket. */
import type { Fields, Log } from 'keelson/log';
import { testApp } from 'keelson/testing';
import { glisk } from './app.ts';

const POOL_SIZE = 10;

/** An answer, read. */
export interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  /** The body as it was sent, to look for what must not be in it. */
  readonly text: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** What a call brings. */
export interface Call {
  readonly body?: unknown;
  readonly payload?: string | Buffer;
  /** A bearer token. */
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The address that the connection comes from. */
  readonly from?: string;
  /** The path stands by itself, not under the prefix of the API. */
  readonly isRoot?: boolean;
}

/** The app of one test. */
export async function startGlisk(environment: Readonly<Record<string, string>> = {}) {
  const lines: string[] = [];
  const app = await testApp(glisk, { poolSize: POOL_SIZE, log: recorder(lines), environment });
  const call = async (method: 'DELETE' | 'GET' | 'OPTIONS' | 'POST' | 'PUT', url: string, given: Call = {}): Promise<Answered> => {
    const headers: Record<string, string> = { ...given.headers };
    if (given.token !== undefined) headers['authorization'] = `Bearer ${given.token}`;
    if (given.body !== undefined || given.payload !== undefined) headers['content-type'] ??= 'application/json';
    const payload = given.payload ?? (given.body === undefined ? undefined : JSON.stringify(given.body));
    const response = await app.inject({
      method,
      url: given.isRoot === true ? url : `/api/v1${url}`,
      headers,
      ...(given.from === undefined ? {} : { remoteAddress: given.from }),
      ...(payload === undefined ? {} : { payload }),
    });
    return { status: response.statusCode, headers: response.headers, text: response.body, body: parseBody(response.body) };
  };
  return { call, lines, database: app.database, services: app.services, [Symbol.asyncDispose]: () => app[Symbol.asyncDispose]() };
}

/** The app of a test, running. */
export type RunningGlisk = Awaited<ReturnType<typeof startGlisk>>;

/** A log that keeps its lines. */
function recorder(lines: string[]): Log {
  const write = (event: string, fields?: Fields): void => {
    lines.push(JSON.stringify({ event, ...fields }));
  };
  const log: Log = { debug: write, info: write, warn: write, error: write, child: () => log };
  return log;
}

function parseBody(text: string): Readonly<Record<string, unknown>> {
  return text.startsWith('{') ? (JSON.parse(text) as Readonly<Record<string, unknown>>) : {};
}
