/** The server that a data folder says is running: what `postmaster.pid` tells, and whether it is true. */
import { readFile, realpath, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../clock.ts';
import { codeOf } from './failure.ts';
import { identify, isAlive, isRunning, worksIn } from './process-identity.ts';
import type { ProcessIdentity } from './process-identity.ts';

/** What `postmaster.pid` holds. */
export interface Postmaster {
  readonly pid: number;
  readonly port: number;
  /** `starting`, `ready`, `stopping`, or empty while the file is being written. */
  readonly status: string;
}

/** Reads `postmaster.pid`; undefined when there is none or it is not yet written. */
export async function readPostmaster(cluster: string): Promise<Postmaster | undefined> {
  const text = await readFile(join(cluster, 'postmaster.pid'), 'utf8').catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return '';
    throw error;
  });
  const lines = text.split('\n').map((line) => line.trim());
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  return { pid, port: Number(lines[3] ?? '0'), status: lines[7] ?? '' };
}

/** The server of this data folder, if it truly runs: alive, not a zombie, and not another process under a number used again. */
export async function findRunning(cluster: string): Promise<Postmaster | undefined> {
  const postmaster = await readPostmaster(cluster);
  if (postmaster === undefined || !isAlive(postmaster.pid)) return undefined;
  return worksIn(postmaster.pid, await realpath(cluster)) ? postmaster : undefined;
}

// Larger than any number a system gives to a process.
const nobody = 2_147_483_647;

/**
 * Makes a left-over `postmaster.pid` harmless. PostgreSQL refuses to start while a process of the number in it exists, be it a
 * zombie or a stranger. The file is not removed but given a number that nobody has: so PostgreSQL itself still makes sure, by the
 * shared memory named in it, that no back end of the old server is alive.
 */
export async function disownPostmasterFile(cluster: string): Promise<void> {
  const path = join(cluster, 'postmaster.pid');
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return;
  // Written in place: the file keeps its owner and mode.
  await writeFile(path, [String(nobody), ...text.split('\n').slice(1)].join('\n'));
}

const pollMs = 5;
const fastStopMaxMs = 15_000;
const quickStopMaxMs = 10_000;
const killMaxMs = 5_000;

/** Ends a server: in order (SIGINT), else at once (SIGQUIT), else by force; each wait is bounded. Returns the signal that did it. */
export async function endPostmaster(pid: number, clock: Clock): Promise<'SIGINT' | 'SIGQUIT' | 'SIGKILL'> {
  const server = identify(pid);
  if (await signalAndWait(server, 'SIGINT', { clock, maxMs: fastStopMaxMs })) return 'SIGINT';
  if (await signalAndWait(server, 'SIGQUIT', { clock, maxMs: quickStopMaxMs })) return 'SIGQUIT';
  await signalAndWait(server, 'SIGKILL', { clock, maxMs: killMaxMs });
  return 'SIGKILL';
}

async function signalAndWait(server: ProcessIdentity, signal: NodeJS.Signals, wait: { clock: Clock; maxMs: number }): Promise<boolean> {
  const deadlineMs = wait.clock.monotonicMs() + wait.maxMs;
  try {
    process.kill(server.pid, signal);
  } catch (error) {
    if (codeOf(error) === 'ESRCH') return true;
    throw error;
  }
  while (isRunning(server)) {
    if (wait.clock.monotonicMs() > deadlineMs) return false;
    await wait.clock.sleep(pollMs);
  }
  return true;
}
