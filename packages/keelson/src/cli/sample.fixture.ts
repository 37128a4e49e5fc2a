/** A small app in a folder of its own, its program run in this process or in one of its own, and empty databases for it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { PassThrough, Readable, Writable } from 'node:stream';
import { baseSettings } from '../config/base.ts';
import { defineSettings } from '../config/definition.ts';
import type { EnvironmentVariables } from '../config/environment.ts';
import { secret } from '../config/kinds.ts';
import { defineApp } from '../http/app.ts';
import { silentLog } from '../log.ts';
import { connectPostgres } from '../postgres/postgres.ts';
import { text, uuid } from '../schema/column.ts';
import { quoteName } from '../schema/sql.ts';
import { table } from '../schema/table.ts';
import { testServer } from '../testing/server.ts';
import { urlOf } from '../testing/template.ts';
import { defineModel } from '../work/model.ts';
import type { Input } from './input.ts';
import { runCommand } from './main.ts';

/** The repository, in whose folders `keelson/…` is found. */
export const root = path.resolve(import.meta.dirname, '../../../..');

/** The bin of the package. */
export const bin = path.join(root, 'packages/keelson/bin/keelson.js');

/** What a command left behind. */
export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A program that runs. */
export interface Started {
  readonly child: ChildProcess;
  /** Waits until its standard output or error says this. */
  said(pattern: RegExp): Promise<RegExpExecArray>;
  readonly ended: Promise<Ended>;
}

/** An app in a folder. */
export interface Sample extends Disposable {
  readonly folder: string;
  /** Runs a command in this process; by default nothing is piped in, and the app has no services. */
  command(argv: readonly string[], environment?: EnvironmentVariables, input?: Input, services?: object): Promise<Ended>;
  /** Runs the program in a process of its own, to its end, with this text piped in. */
  run(argv: readonly string[], environment?: EnvironmentVariables, input?: string): Promise<Ended>;
  /** Starts the program in a process of its own. */
  start(argv: readonly string[], environment?: EnvironmentVariables): Started;
}

/** The revisions of the app, unless there shall be none. */
const revisions = {
  '20260101T0900_initial.sql': '-- up\ncreate table notes (id uuid primary key);\n\n-- down\ndrop table notes;\n',
  '20260102T0900_add_title.sql': '-- up\nalter table notes add title text;\n\n-- down\nalter table notes drop title;\n',
};

/** The program of the app; `HANG` and `LINGER` are what a bad app does. */
const program = `/** The app of a test. */
import { main } from 'keelson/cli';
import { baseSettings, defineSettings, flag, secret } from 'keelson/config';
import { KeelsonError } from 'keelson/errors';
import { defineApp, everyone, routeFactory } from 'keelson/http';
import { sql, table, text, uuid } from 'keelson/schema';
import { defineModel } from 'keelson/work';

const notes = table('notes', { id: uuid().primaryKey(), title: text().nullable() });
const route = routeFactory();

/** Users are notes whose titles are JSON. */
const administrationOf = (database) => ({
  async createSuperuser(email, password) {
    if (!email.includes('@')) throw new KeelsonError('VALIDATION_ERROR', { validationErrors: [{ field: 'email', message: 'is none' }] });
    const user = { email, password, isActive: true, isSuperuser: true, createdAt: '2026-01-01T00:00:00.000Z' };
    await database.work(({ sql: run }) => run(sql\`insert into \${notes} (id, title) values (gen_random_uuid(), \${JSON.stringify(user)})\`));
    return user;
  },
  async list() {
    const rows = await database.read(({ sql: run }) => run(sql\`select title from \${notes}\`));
    return rows.map((row) => JSON.parse(row.title));
  },
  async deactivate(email) {
    const user = (await this.list()).find((each) => each.email === email);
    if (user === undefined) throw new KeelsonError('NOT_FOUND');
    return { ...user, isActive: false };
  },
  setPassword(email) {
    return this.deactivate(email);
  },
});

export const sample = defineApp({
  name: 'sample',
  version: '1.2.3',
  model: defineModel({ name: 'sample', tables: [notes], repositories: {} }),
  settings: defineSettings({
    ...baseSettings,
    API_KEY: secret({ description: 'Of a service.' }),
    HANG: flag({ description: 'Never stops.', default: false }),
    LINGER: flag({ description: 'Leaves something open.', default: false }),
  }),
  migrationsDirectory: new URL('./migrations', import.meta.url),
  services: ({ database }) => ({ administration: administrationOf(database) }),
  routes: [
    route({ method: 'POST', url: '/notes', guard: { name: 'writer', check: () => ({}) }, summary: 'Adds a note', tags: ['notes'], responses: { 204: null }, handler: () => {} }),
    route({ method: 'GET', url: '/ping', root: true, guard: everyone, summary: 'Answers', responses: { 204: null }, handler: () => {} }),
  ],
  seed: async ({ database }) => {
    await database.work(({ sql: run }) => run(sql\`insert into \${notes} (id, title) values (gen_random_uuid(), 'seeded')\`));
  },
  onStop: async ({ settings }) => {
    if (settings.LINGER) setInterval(() => {}, 1000);
    if (settings.HANG) await new Promise(() => {});
  },
});

if (import.meta.main) void main(sample);
`;

/** Makes the app. */
export function makeSample(files: Readonly<Record<string, string>> = revisions): Sample {
  mkdirSync(path.join(root, '.keelson'), { recursive: true });
  const folder = mkdtempSync(path.join(root, '.keelson/cli-'));
  mkdirSync(path.join(folder, 'migrations'));
  writeFileSync(path.join(folder, 'package.json'), '{ "name": "sample", "type": "module" }\n');
  writeFileSync(path.join(folder, 'app.ts'), program);
  for (const [name, content] of Object.entries(files)) writeFileSync(path.join(folder, 'migrations', name), content);
  const start = (argv: readonly string[], environment: EnvironmentVariables = {}, input?: string): Started =>
    startProgram(['app.ts', ...argv], { folder, environment, input });
  return {
    folder,
    command: (argv, environment = {}, input = piped(''), services = {}) => runHere(folder, argv, { environment, input, services }),
    run: (argv, environment, input) => start(argv, environment, input).ended,
    start,
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Where an app that has started says that it is. */
export async function urlsOf(started: Started): Promise<{ readonly api: string; readonly docs: string; readonly health: string }> {
  await started.said(/Ctrl-C stops it\./u);
  const [, api = ''] = await started.said(/^ {2}API +(\S+)$/mu);
  const [, docs = ''] = await started.said(/^ {2}Docs +(\S+)$/mu);
  const [, health = ''] = await started.said(/^ {2}Health +(\S+)$/mu);
  return { api, docs, health };
}

/** Starts node in a folder with nothing of this process's environment but what it needs to run. */
export function startProgram(
  argv: readonly string[],
  {
    folder,
    environment = {},
    input,
  }: { readonly folder: string; readonly environment?: EnvironmentVariables; readonly input?: string | undefined },
): Started {
  const { PATH, HOME, NODE_V8_COVERAGE } = process.env;
  // Starts are halved by a cache of what was compiled, but it blurs coverage.
  const cache = { NODE_COMPILE_CACHE: path.join(root, '.keelson/compile-cache') };
  const env = { PATH, HOME, ...(NODE_V8_COVERAGE === undefined ? cache : { NODE_V8_COVERAGE }), ...environment };
  const child = spawn(process.execPath, [...argv], { cwd: folder, env, stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'] });
  child.stdin?.end(input);
  const written = { out: '', err: '' };
  const watchers = new Set<() => void>();
  const read = (to: 'out' | 'err') => (chunk: string) => {
    written[to] += chunk;
    for (const watch of watchers) watch();
  };
  child.stdout?.setEncoding('utf8').on('data', read('out'));
  child.stderr?.setEncoding('utf8').on('data', read('err'));
  const { promise: ended, resolve } = Promise.withResolvers<Ended>();
  child.once('close', (code, signal) => {
    resolve({ code: code ?? -1, out: written.out, err: signal === null ? written.err : `${written.err}ended by ${signal}` });
  });
  return { child, ended, said: (pattern) => waitFor(pattern, { written, watchers, ended }) };
}

interface Watched {
  readonly written: { readonly out: string; readonly err: string };
  readonly watchers: Set<() => void>;
  readonly ended: Promise<Ended>;
}

async function waitFor(pattern: RegExp, { written, watchers, ended }: Watched): Promise<RegExpExecArray> {
  const { promise, resolve, reject } = Promise.withResolvers<RegExpExecArray>();
  const watch = (): void => {
    const found = pattern.exec(written.out) ?? pattern.exec(written.err);
    if (found !== null) resolve(found);
  };
  watchers.add(watch);
  watch();
  void ended.then(({ code }) =>
    reject(new Error(`It ended with ${code} before it said ${String(pattern)}:\n${written.out}${written.err}`)),
  );
  try {
    return await promise;
  } finally {
    watchers.delete(watch);
  }
}

/** Text that is piped into a command. */
export function piped(content: string | Buffer): Input {
  return { terminal: false, stream: Readable.from([Buffer.from(content)]), echo: new PassThrough() };
}

/** Who sits at a terminal. */
export interface Person extends Input {
  /** Presses a key unasked. */
  readonly press: (key: string) => void;
  /** What the terminal has shown. */
  readonly seen: () => string;
}

/** A person at a terminal, who answers each question in its turn. */
export function person(answers: readonly (readonly [question: string, answer: string])[]): Person {
  const stream = new PassThrough();
  const left = [...answers];
  let seen = '';
  let from = 0;
  const echo = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      seen += chunk.toString('utf8');
      const [question, answer] = left[0] ?? [];
      if (question !== undefined && seen.includes(question, from)) {
        from = seen.length;
        left.shift();
        setImmediate(() => stream.write(`${answer}\r`));
      }
      done();
    },
  });
  return { terminal: true, stream, echo, press: (key) => void stream.write(key), seen: () => seen };
}

const plain = (_colour: string, word: string): string => word;

async function runHere(
  folder: string,
  argv: readonly string[],
  { environment, input, services }: { readonly environment: EnvironmentVariables; readonly input: Input; readonly services: object },
): Promise<Ended> {
  const out: string[] = [];
  const err: string[] = [];
  const output = {
    data: (line: string) => void out.push(line),
    talk: (line: string) => void err.push(line),
    progress: () => {},
    paint: { data: plain, talk: plain },
  };
  const app = defineApp({
    name: 'sample',
    version: '1.2.3',
    model: defineModel({ name: 'sample', tables: [notes], repositories: {} }),
    settings: defineSettings({ ...baseSettings, API_KEY: secret({ description: 'Of a service.' }) }),
    migrationsDirectory: path.join(folder, 'migrations'),
    services: () => services,
    routes: [],
  });
  const code = await runCommand(app, argv, { output, environment, input });
  return { code, out: out.join('\n'), err: err.join('\n') };
}

const notes = table('notes', { id: uuid().primaryKey(), title: text().nullable() });

/** An empty database on the server of the tests. */
export interface EmptyDatabase extends AsyncDisposable {
  readonly url: string;
}

let databases = 0;

/** Makes a database. */
export async function makeDatabase(): Promise<EmptyDatabase> {
  const server = await testServer();
  databases += 1;
  // The name tells whose it is: what a killed run has left is dropped by the next.
  const name = `keelson_test_${process.pid}_cli_${databases}`;
  await commandOn(server.url, `create database ${quoteName(name)}`);
  return {
    url: urlOf(server.url, name),
    [Symbol.asyncDispose]: () => commandOn(server.url, `drop database ${quoteName(name)} with (force)`),
  };
}

async function commandOn(url: string, command: string): Promise<void> {
  const postgres = await connectPostgres({ url, poolSize: 1, statementTimeoutMs: 60_000, log: silentLog });
  const connection = await postgres.connect();
  try {
    await connection.command(command);
  } finally {
    await connection.close();
    await postgres.close();
  }
}
