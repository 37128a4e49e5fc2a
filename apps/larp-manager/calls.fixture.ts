/** Calls to LARP manager for its tests: the whole app on a database of its own, without a socket, and people who are signed in. */
import assert from 'node:assert/strict';
import { type Clock, systemClock } from 'keelson/clock';
import type { Fields, Log } from 'keelson/log';
import { testApp } from 'keelson/testing';
import { larpManager } from './app.ts';
import { addTwoGames, type TwoGames } from './rows.fixture.ts';

/** What everybody signs in with. */
export const password = 'correct horse battery';

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
  readonly token?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  /** The path stands by itself, not under the prefix of the API. */
  readonly isRoot?: boolean;
}

type Method = 'DELETE' | 'GET' | 'PATCH' | 'POST' | 'PUT';

/** The app of one test. */
export async function startLarp(environment: Readonly<Record<string, string>> = {}, clock: Clock = systemClock) {
  const lines: string[] = [];
  const statements: string[] = [];
  const app = await testApp(larpManager, { log: recorder(lines), clock, environment });
  app.database.postgres.watch.statement = (text) => {
    statements.push(text);
    return undefined;
  };
  const call = async (method: Method, url: string, { body, token, headers, isRoot = false }: Call = {}): Promise<Answered> => {
    const response = await app.inject({
      method,
      url: isRoot ? url : `/api/v1${url}`,
      headers: {
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...headers,
      },
      ...(body !== undefined && { payload: JSON.stringify(body) }),
    });
    return { status: response.statusCode, headers: response.headers, text: response.body, body: parseBody(response.body) };
  };
  const login = (email: string, given = password): Promise<Answered> => call('POST', '/auth/login', { body: { email, password: given } });
  return {
    call,
    login,
    lines,
    /** Everything that was asked of the database, in order. */
    statements,
    database: app.database,
    services: app.services,
    /** The access token of a user who is there, whose password it sets. */
    tokenOf: async (user: { readonly id: string; readonly email: string }): Promise<string> => {
      await app.services.users.setPassword(user, password);
      const answer = await login(user.email);
      assert.equal(answer.status, 200, answer.text);
      return String(answer.body['access_token']);
    },
    [Symbol.asyncDispose]: () => app[Symbol.asyncDispose](),
  };
}

/** The app of a test, running. */
export type RunningLarp = Awaited<ReturnType<typeof startLarp>>;

/** The two games of `addTwoGames`, and an access token of each of their people. */
export async function signInTwoGames(
  larp: RunningLarp,
): Promise<TwoGames & { readonly tokens: Readonly<Record<keyof TwoGames['users'], string>> }> {
  const games = await addTwoGames(larp.database);
  const { root, gerd, ann, bob, cat, dora } = games.users;
  const tokens = {
    root: await larp.tokenOf(root),
    gerd: await larp.tokenOf(gerd),
    ann: await larp.tokenOf(ann),
    bob: await larp.tokenOf(bob),
    cat: await larp.tokenOf(cat),
    dora: await larp.tokenOf(dora),
  };
  return { ...games, tokens };
}

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
