/** A transaction pooler for tests: PgBouncer in front of a server, started as a user that is not root, gone with the test. */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { systemClock } from '../clock.ts';
import { KeelsonError } from '../errors.ts';
import { parseAddress } from '../postgres/address.ts';
import { type Account, chooseAccount } from '../postgres/embedded/account.ts';

/** What stands behind a pooler, and how much of it. */
export interface TestPoolerOptions {
  /** The URL of the database as the app's user; options of the session are not in it, since no pooler passes them on. */
  readonly url: string;
  /** How many connections to the server all clients share; 4. */
  readonly poolSize?: number | undefined;
  /** How many clients there may be; 500. */
  readonly clientsMax?: number | undefined;
}

/** A pooler that runs until the end of the block. */
export interface TestPooler extends AsyncDisposable {
  /** The database through the pooler. */
  readonly url: string;
  /** Its log. */
  log(): string;
}

const PROGRAMS = ['/usr/sbin/pgbouncer', '/usr/bin/pgbouncer', '/usr/local/bin/pgbouncer', '/opt/homebrew/bin/pgbouncer'];

/** Up within this time, or it is tried on another port. */
const START_MS_MAX = 10_000;
const LOOK_MS = 10;
const TRIES_MAX = 3;

/** Ends the pooler when its standard input does, so that a test that is killed leaves none behind. */
const GUARDED = '"$0" -q "$1" & read -r _; kill -TERM $!; wait $!';

/** Where PgBouncer is on this machine; undefined when it is not installed. */
export function findPooler(): string | undefined {
  return PROGRAMS.find((program) => existsSync(program));
}

/**
 * Starts PgBouncer in transaction mode in front of a database.
 *
 * @throws SERVICE_UNAVAILABLE when it is not installed, or does not come up; with its log
 * @example
 * import { startTestPooler } from 'keelson/testing';
 * await using pooler = await startTestPooler({ url: 'postgresql://app:secret@127.0.0.1:5432/app' });
 * const environment = { DATABASE_URL: pooler.url, DATABASE_POOLER: 'transaction' };
 */
export async function startTestPooler(options: TestPoolerOptions): Promise<TestPooler> {
  const program = findPooler();
  if (program === undefined)
    throw new KeelsonError('SERVICE_UNAVAILABLE', { message: `PgBouncer is not installed: none of ${PROGRAMS.join(', ')} is there.` });
  const folder = mkdtempSync(path.join(tmpdir(), 'keelson-pooler-'));
  const account = chooseAccount(folder);
  try {
    // bounded by: TRIES_MAX
    for (let attempt = 1; ; attempt += 1) {
      const port = await freePort();
      const file = writeFiles(folder, { ...options, port, account });
      const child = spawn('/bin/sh', ['-c', GUARDED, program, file], { stdio: ['pipe', 'ignore', 'ignore'], cwd: folder, ...account });
      if (await isUp(port, child)) return started({ child, folder, port, url: options.url });
      await end(child);
      if (attempt === TRIES_MAX) throw new KeelsonError('SERVICE_UNAVAILABLE', { message: `PgBouncer did not start:\n${logOf(folder)}` });
    }
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

interface Started {
  readonly child: ChildProcess;
  readonly folder: string;
  readonly port: number;
  readonly url: string;
}

function started({ child, folder, port, url }: Started): TestPooler {
  const pooled = new URL(url);
  pooled.hostname = '127.0.0.1';
  pooled.port = String(port);
  return {
    url: pooled.href,
    log: () => logOf(folder),
    [Symbol.asyncDispose]: async () => {
      await end(child);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

interface Wishes extends TestPoolerOptions {
  readonly port: number;
  readonly account: Account | undefined;
}

/** The settings and the passwords, readable by the account that it runs under and by nobody else. */
function writeFiles(folder: string, { url, poolSize = 4, clientsMax = 500, port, account }: Wishes): string {
  const { host, port: serverPort, user, password } = parseAddress(url);
  const settings = [
    '[databases]',
    `* = host=${host} port=${serverPort}`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${port}`,
    'unix_socket_dir =',
    'pool_mode = transaction',
    `default_pool_size = ${poolSize}`,
    `max_client_conn = ${clientsMax}`,
    `auth_type = ${password === '' ? 'trust' : 'scram-sha-256'}`,
    `auth_file = ${path.join(folder, 'users.txt')}`,
    `logfile = ${path.join(folder, 'log')}`,
    '',
  ];
  const file = path.join(folder, 'pgbouncer.ini');
  writeFileSync(file, settings.join('\n'), { mode: 0o600 });
  writeFileSync(path.join(folder, 'users.txt'), `${quoted(user)} ${quoted(password)}\n`, { mode: 0o600 });
  chmodSync(folder, 0o700);
  if (account !== undefined) for (const each of [folder, file, path.join(folder, 'users.txt')]) chownSync(each, account.uid, account.gid);
  return file;
}

function quoted(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}

function logOf(folder: string): string {
  const file = path.join(folder, 'log');
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

async function isUp(port: number, child: ChildProcess): Promise<boolean> {
  const startedMs = systemClock.monotonicMs();
  // bounded by: START_MS_MAX
  while (child.exitCode === null && systemClock.monotonicMs() - startedMs < START_MS_MAX) {
    if (await answers(port)) return true;
    await systemClock.sleep(LOOK_MS);
  }
  return false;
}

function answers(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = net.connect(port, '127.0.0.1', () => {
    socket.destroy();
    resolve(true);
  });
  socket.once('error', () => resolve(false));
  return promise;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  child.once('close', () => resolve());
  child.stdin?.end();
  await promise;
}

async function freePort(): Promise<number> {
  const server = net.createServer();
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.once('error', reject);
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
  });
  return promise;
}
