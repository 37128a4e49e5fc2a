/** The PostgreSQL that tests run on: the one of the test run, the one that DATABASE_URL names, or one of its own. */
import { existsSync, mkdirSync, readdirSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { processEnvironment } from '../config/environment.ts';
import { KeelsonError } from '../errors.ts';
import { startEmbedded } from '../postgres/embedded.ts';

/** A server for tests; the user in its URL may create databases. */
export interface TestServer {
  readonly url: string;
  /** Whether what it keeps may be lost: then databases are cloned by copying files, the quickest way. */
  readonly isThrowaway: boolean;
  stop(): Promise<void>;
}

/** Under which name the server of a test run is handed to the processes of its files. */
export const TEST_SERVER_VARIABLE = 'TEST_DATABASE_URL';

/** Up within this time, or the run fails. */
const START_MS_MAX = 60_000;
/** Memory that a run may need on /dev/shm before the disk is the better place. */
const MEMORY_BYTES_MIN = 512 * 1024 * 1024;
const FOLDER = /^keelson-test-(\d+)$/u;

let own: Promise<TestServer> | undefined;

/** The server of this process; started on the first call when nobody else has. */
export function testServer(): Promise<TestServer> {
  const environment = processEnvironment();
  const shared = environment[TEST_SERVER_VARIABLE];
  if (shared !== undefined && shared !== '') return Promise.resolve({ url: shared, isThrowaway: true, stop: nothing });
  const given = environment['DATABASE_URL'];
  if (given !== undefined && given !== '') return Promise.resolve({ url: given, isThrowaway: false, stop: nothing });
  own ??= startTestServer();
  return own;
}

/**
 * Starts a server whose data is thrown away; in memory where there is room.
 *
 * @throws EMBEDDED_SERVER_FAILED when it is not up within 60 s
 */
export async function startTestServer(): Promise<TestServer> {
  const parent = roomyFolder();
  removeLeftOvers(parent);
  const dataDirectory = path.join(parent, `keelson-test-${process.pid}`);
  mkdirSync(dataDirectory, { recursive: true });
  const late = AbortSignal.timeout(START_MS_MAX);
  const started = startEmbedded({ dataDirectory, durable: false });
  const server = await Promise.race([started, whenAborted(late)]);
  const remove = (): void => rmSync(dataDirectory, { recursive: true, force: true });
  process.once('exit', remove);
  return {
    url: server.url,
    isThrowaway: true,
    stop: async () => {
      await server.stop();
      remove();
    },
  };
}

function roomyFolder(): string {
  if (!existsSync('/dev/shm')) return tmpdir();
  const { bavail, bsize } = statfsSync('/dev/shm');
  return bavail * bsize >= MEMORY_BYTES_MIN ? '/dev/shm' : tmpdir();
}

/** What runs that were killed have left: their server died with them, their folder did not. */
function removeLeftOvers(parent: string): void {
  for (const name of readdirSync(parent)) {
    const pid = FOLDER.exec(name)?.[1];
    if (pid === undefined || isAlive(Number(pid))) continue;
    rmSync(path.join(parent, name), { recursive: true, force: true });
  }
}

/** Whether a process with this id runs. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

async function whenAborted(signal: AbortSignal): Promise<never> {
  const { promise, resolve } = Promise.withResolvers<void>();
  signal.addEventListener('abort', () => resolve(), { once: true });
  await promise;
  throw new KeelsonError('EMBEDDED_SERVER_FAILED', {
    message: `The PostgreSQL for the tests was not up within ${START_MS_MAX / 1_000} s.`,
  });
}

async function nothing(): Promise<void> {
  // It belongs to somebody else.
}
