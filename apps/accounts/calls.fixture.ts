/** Calls to accounts for its tests: the whole app on a database of its own, without a socket. */
import { type Clock, systemClock } from 'keelson/clock';
import type { Fields, Log } from 'keelson/log';
import { testApp } from 'keelson/testing';
import { accounts } from './app.ts';

const POOL_SIZE = 20;

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
  readonly form?: Readonly<Record<string, string>>;
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly payload?: string | Buffer;
  /** The address that the connection comes from. */
  readonly from?: string;
  /** The path stands by itself, not under the prefix of the API. */
  readonly isRoot?: boolean;
}

/** A clock that starts now and is moved by hand. */
interface HandClock extends Clock {
  skipMs(durationMs: number): void;
}

/** The app of one test. */
export async function startAccounts(environment: Readonly<Record<string, string>> = {}) {
  let skippedMs = 0;
  const clock: HandClock = {
    ...systemClock,
    now: () => new Date(systemClock.now().getTime() + skippedMs),
    skipMs: (durationMs) => {
      skippedMs += durationMs;
    },
  };
  const lines: string[] = [];
  const app = await testApp(accounts, { poolSize: POOL_SIZE, log: recorder(lines), clock, environment });
  const call = async (method: 'DELETE' | 'GET' | 'PATCH' | 'POST' | 'PUT', url: string, given: Call = {}): Promise<Answered> => {
    const headers: Record<string, string> = { ...given.headers };
    if (given.token !== undefined) headers['authorization'] = `Bearer ${given.token}`;
    if (given.form !== undefined) headers['content-type'] = 'application/x-www-form-urlencoded';
    else if (given.body !== undefined || given.payload !== undefined) headers['content-type'] ??= 'application/json';
    const payload = given.payload ?? (given.form === undefined ? JSON.stringify(given.body) : new URLSearchParams(given.form).toString());
    const response = await app.inject({
      method,
      url: given.isRoot === true ? url : `/api/v1${url}`,
      headers,
      ...(given.from === undefined ? {} : { remoteAddress: given.from }),
      ...(payload === undefined ? {} : { payload }),
    });
    return { status: response.statusCode, headers: response.headers, text: response.body, body: parseBody(response.body) };
  };
  return { call, clock, lines, database: app.database, services: app.services, [Symbol.asyncDispose]: () => app[Symbol.asyncDispose]() };
}

/** The app of a test, running. */
export type RunningAccounts = Awaited<ReturnType<typeof startAccounts>>;

/** A log that keeps its lines. */
function recorder(lines: string[]): Log {
  const write = (event: string, fields?: Fields): void => {
    lines.push(JSON.stringify({ event, ...fields }));
  };
  const log: Log = { debug: write, info: write, warn: write, error: write, child: () => log };
  return log;
}

function parseBody(text: string): Readonly<Record<string, unknown>> {
  return text === '' ? {} : (JSON.parse(text) as Readonly<Record<string, unknown>>);
}
