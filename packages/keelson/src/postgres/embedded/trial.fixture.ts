/** What the tests of the embedded server share: folders that are left clean, processes that start servers, and waits with an end. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { readdirSync, readlinkSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { Client } from 'pg';
import { systemClock } from '../../clock.ts';
import type { Clock } from '../../clock.ts';
import { isKeelsonError, KeelsonError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { startEmbedded } from '../embedded.ts';
import type { EmbeddedOptions, EmbeddedServer } from '../embedded.ts';
import type { Account } from './account.ts';
import { readPostmaster } from './postmaster.ts';
import { isAlive } from './process-identity.ts';

/** What one test works with: a folder that any user may enter, and servers in it. Afterwards nothing of it is left. */
export interface Trial {
  readonly folder: string;
  /** A data folder in it, not made yet. */
  readonly dataDirectory: string;
  /** Starts a server that is stopped after the test; in the trial's data folder unless another is named, without care for a crash. */
  start(options?: Partial<EmbeddedOptions>): Promise<EmbeddedServer>;
  /** Starts a server from another process, under another account where one is given. */
  startElsewhere(options?: Partial<EmbeddedOptions>, how?: Elsewhere): Starter;
  /** Something to be done after the test, before its folder is removed. */
  after(end: () => Promise<unknown>): void;
}

/** Opens a trial. */
export async function openTrial(t: TestContext): Promise<Trial> {
  const folder = await mkdtemp(join(tmpdir(), 'keelson-embedded-'));
  await chmod(folder, 0o755);
  const dataDirectory = join(folder, 'data');
  const ends: (() => Promise<unknown>)[] = [];
  t.after(async () => {
    for (const end of ends) await end();
    const left = await leftIn(folder);
    for (const pid of left) process.kill(pid, 'SIGKILL');
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    if (left.length > 0) throw new KeelsonError('MISUSE', { message: `The test left processes running: ${left.join(', ')}` });
  });
  return {
    folder,
    dataDirectory,
    start: async (options) => {
      const server = await startEmbedded({ dataDirectory, durable: false, ...options });
      ends.push(() => server.stop());
      return server;
    },
    startElsewhere: (options, how = {}) => {
      const starter = spawnStarter({ dataDirectory, durable: false, ...options }, how);
      ends.push(() => starter.kill());
      return starter;
    },
    after: (end) => {
      ends.push(end);
    },
  };
}

/** The processes that work in a folder or below it; Linux alone can tell. */
export function processesIn(folder: string): number[] {
  if (process.platform !== 'linux') return [];
  const pids = readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0);
  return pids.filter((pid) => isAlive(pid) && worksBelow(pid, folder));
}

/** Those that do not end on their own within moments. */
async function leftIn(folder: string): Promise<number[]> {
  for (let look = 0; look < 200 && processesIn(folder).length > 0; look += 1) await systemClock.sleep(10);
  return processesIn(folder);
}

function worksBelow(pid: number, folder: string): boolean {
  try {
    return readlinkSync(`/proc/${pid}/cwd`).startsWith(folder);
  } catch {
    return false;
  }
}

/** The number of the server in a data folder. */
export async function pidIn(dataDirectory: string): Promise<number> {
  const postmaster = await readPostmaster(join(dataDirectory, 'cluster'));
  if (postmaster === undefined) throw new KeelsonError('MISUSE', { message: `No server runs in ${dataDirectory}.` });
  return postmaster.pid;
}

/** The rows of one statement, over a connection of its own. */
export async function ask(url: string, statement: string): Promise<unknown[][]> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    const result = await client.query<unknown[]>({ text: statement, rowMode: 'array' });
    return result.rows;
  } finally {
    await client.end();
  }
}

/** The value of one setting of the server. */
export async function setting(url: string, name: string): Promise<unknown> {
  const [row] = await ask(url, `select current_setting('${name}')`);
  return row?.[0];
}

const waitMaxMs = 60_000;

/** Waits until something is so; fails when it never is. */
export async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const deadlineMs = systemClock.monotonicMs() + waitMaxMs;
  while (!(await isSo())) {
    if (systemClock.monotonicMs() > deadlineMs) throw new KeelsonError('MISUSE', { message: `It never came about: ${what}` });
    await systemClock.sleep(2);
  }
}

/** Waits until a process has ended. */
export function untilEnded(pid: number): Promise<void> {
  return until(`process ${pid} ends`, () => !isAlive(pid));
}

/** A clock on which every wait is over at once, and counts. */
export function hastyClock(): Clock {
  let nowMs = 0;
  return {
    now: () => systemClock.now(),
    monotonicMs: () => nowMs,
    sleep: async (durationMs) => {
      nowMs += durationMs * 100;
      await systemClock.sleep(1);
    },
  };
}

/** A log that keeps its lines. */
export function keptLog(): Log & { readonly lines: string[] } {
  const lines: string[] = [];
  const write = (event: string, fields?: object): void => {
    lines.push(JSON.stringify({ event, ...fields }));
  };
  const log = { debug: write, info: write, warn: write, error: write, child: () => log, lines };
  return log;
}

/** What a starter says of its server. */
export interface Report {
  readonly url: string;
  readonly port: number;
  readonly adopted: boolean;
  readonly dataDirectory: string;
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

/** How a server is started from another process. */
export interface Elsewhere {
  readonly account?: Account;
  /** What the process does then: wait to be told, leave at once without a stop, or have nothing more to do. */
  readonly afterwards?: 'wait' | 'leave' | 'return';
}

/** Another process that starts a server and stops it when told to. */
export interface Starter {
  readonly process: ChildProcess;
  readonly report: Promise<Report>;
  /** Has it stop its server and end; resolves with its exit code. */
  finish(): Promise<unknown>;
  /** Kills it (-9) and waits until it is gone. */
  kill(): Promise<unknown>;
}

const program = `
const { startEmbedded } = await import(process.argv[1]);
process.chdir('/');
try {
  const server = await startEmbedded(JSON.parse(process.argv[2]));
  console.log(JSON.stringify(server));
  if (process.argv[3] === 'leave') process.exit();
  if (process.argv[3] === 'wait') process.stdin.once('data', async () => { await server.stop(); process.exit(); });
} catch (error) {
  console.log(JSON.stringify({ code: error.code, message: error.message, hint: error.hint }));
  process.exit(3);
}`;

function spawnStarter(options: EmbeddedOptions, how: Elsewhere): Starter {
  const module = new URL('../embedded.ts', import.meta.url).href;
  const child = spawn(
    process.execPath,
    ['--input-type=module', '-e', program, '--', module, JSON.stringify(options), how.afterwards ?? 'wait'],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
      cwd: '/',
      ...how.account,
    },
  );
  const ended = new Promise((resolve) => {
    child.once('exit', resolve);
  });
  const report = (async () => {
    for await (const line of createInterface({ input: child.stdout })) return parseReport(line);
    throw new KeelsonError('MISUSE', { message: 'The starter ended without a word.' });
  })();
  // Looked at later, or not at all when the process is killed first.
  report.catch(() => undefined);
  return {
    process: child,
    report,
    finish: () => {
      child.stdin.write('\n');
      return ended;
    },
    kill: () => {
      child.kill('SIGKILL');
      return ended;
    },
  };
}

function parseReport(line: string): Report {
  return JSON.parse(line) as Report;
}

/** The error of a start that must fail. */
export async function failureOf(options: EmbeddedOptions): Promise<KeelsonError> {
  try {
    const server = await startEmbedded({ durable: false, ...options });
    await server.stop();
  } catch (error) {
    if (isKeelsonError(error)) return error;
    throw error;
  }
  return assert.fail('it started');
}
