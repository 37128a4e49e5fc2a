/** Accounts in processes of their own, as it runs in production: two of them on one database, asked over connections that are kept. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connectPostgres } from 'keelson/postgres';
import { silentLog } from 'keelson/log';
import { testServer } from 'keelson/testing';

const program = path.join(import.meta.dirname, 'app.ts');

/** A process that serves accounts. */
export interface Served extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly origin: string;
  readonly agent: http.Agent;
  /** How it ended: its exit code, or the signal. */
  readonly ended: Promise<number | string>;
  /** What it has printed, its log too. */
  printed(): string;
}

/** An answer that has come whole. */
export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Readonly<Record<string, unknown>>;
}

/** A call. */
export interface Call {
  readonly method: 'GET' | 'PATCH' | 'POST';
  readonly path: string;
  readonly token?: string;
  readonly body?: object;
}

/** Starts a process and waits until it says where it is. */
export async function serve(databaseUrl: string, environment: Readonly<Record<string, string>> = {}): Promise<Served> {
  const folder = mkdtempSync(path.join(tmpdir(), 'keelson-accounts-'));
  const { PATH, HOME } = process.env;
  const env = {
    PATH,
    HOME,
    APP_ENV: 'test',
    SECRET_KEY: 'Vq3n8Xw1Lr6Zt0Yb5Kc9Hd2Gf7Js4Pm6AeUx',
    DATABASE_URL: databaseUrl,
    PORT: '0',
    LOG_FORMAT: 'json',
    LOG_LEVEL: 'warn',
    RATE_LIMIT: 'off',
    ...environment,
  };
  const child = spawn(process.execPath, [program, 'serve'], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let printed = '';
  const { promise: started, resolve, reject } = Promise.withResolvers<string>();
  const read = (chunk: string): void => {
    printed += chunk;
    const found = /^ {2}Health +(http\S+)\/health$/mu.exec(printed)?.[1];
    if (found !== undefined) resolve(found);
  };
  child.stdout.setEncoding('utf8').on('data', read);
  child.stderr.setEncoding('utf8').on('data', read);
  const { promise: ended, resolve: end } = Promise.withResolvers<number | string>();
  child.once('close', (code, signal) => end(code ?? signal ?? 'nothing'));
  void ended.then((how) => reject(new Error(`accounts ended with ${how}:\n${printed}`)));
  const origin = await started;
  const agent = new http.Agent({ keepAlive: true, maxSockets: 32 });
  return {
    child,
    origin,
    agent,
    ended,
    printed: () => printed,
    [Symbol.asyncDispose]: async () => {
      agent.destroy();
      child.kill('SIGKILL');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Asks a process over one of the connections that are kept to it. */
export async function ask({ origin, agent }: Pick<Served, 'origin' | 'agent'>, { method, path: url, token, body }: Call): Promise<Answer> {
  const payload = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
  const headers = {
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(payload === undefined ? {} : { 'content-type': 'application/json', 'content-length': payload.length }),
  };
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const request = http.request(`${origin}${url}`, { method, headers, agent }, (response) => {
    const chunks: Buffer[] = [];
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    response.on('end', () =>
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: parseBody(Buffer.concat(chunks).toString()) }),
    );
    response.on('error', reject);
  });
  request.on('error', reject);
  request.end(payload);
  return promise;
}

/** An empty database on the server of the tests, named so that what a killed run has left is dropped by the next. */
export async function emptyDatabase(name: string): Promise<{ readonly url: string } & AsyncDisposable> {
  const server = await testServer();
  const database = `keelson_test_${process.pid}_${name}`;
  const url = new URL(server.url);
  url.pathname = `/${database}`;
  await command(server.url, `create database ${database}`);
  return { url: url.href, [Symbol.asyncDispose]: async () => void (await command(server.url, `drop database ${database} with (force)`)) };
}

/** Runs a command on a server, on a connection of its own. */
export async function command(url: string, text: string): Promise<readonly (readonly (string | null)[])[]> {
  const postgres = await connectPostgres({ url, poolSize: 1, statementTimeoutMs: 60_000, log: silentLog });
  const connection = await postgres.connect();
  try {
    return (await connection.command(text)).rows;
  } finally {
    await connection.close();
    await postgres.close();
  }
}

function parseBody(text: string): Readonly<Record<string, unknown>> {
  return text === '' ? {} : (JSON.parse(text) as Readonly<Record<string, unknown>>);
}
