/** Starts the server on a cluster that is there, and waits until it takes connections. */
import type { ChildProcess } from 'node:child_process';
import { constants } from 'node:fs';
import { open, readFile, rename, stat } from 'node:fs/promises';
import type { Clock } from '../../clock.ts';
import { giveToOwner } from './account.ts';
import type { Binaries } from './binaries.ts';
import { embeddedFailure } from './failure.ts';
import { dataArgument } from './home.ts';
import type { Home } from './home.ts';
import { isFree, noPortFree, portsFor, portTaken } from './port.ts';
import { disownPostmasterFile, endPostmaster, readPostmaster } from './postmaster.ts';
import { startProgram } from './program.ts';
import { settingArguments } from './settings.ts';

/** What a launch needs. */
export interface Launch {
  readonly home: Home;
  readonly binaries: Binaries;
  readonly durable: boolean;
  readonly settings: Readonly<Record<string, string>>;
  /** Undefined: the data folder's own, or the next free one. */
  readonly port: number | undefined;
  readonly clock: Clock;
}

/** A server that takes connections. */
export interface Launched {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly port: number;
}

/**
 * Starts the server; a port that was taken between the look and the start is passed over.
 *
 * @throws EMBEDDED_SERVER_FAILED with the last lines of the server's log
 */
export async function launch(options: Launch): Promise<Launched> {
  await disownPostmasterFile(options.home.cluster);
  await turnLog(options.home.logPath);
  const ports = options.port === undefined ? portsFor(options.home.path) : [options.port];
  for (const port of ports) {
    if (!(await isFree(port))) continue;
    const launched = await launchOn(port, options);
    if (launched !== 'port taken') return launched;
  }
  throw options.port === undefined ? noPortFree() : portTaken(options.port);
}

const logSizeMaxBytes = 1_000_000;

/** Keeps the log of the server from growing for ever: the one before is kept, older ones are not. */
async function turnLog(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found !== undefined && found.size > logSizeMaxBytes) await rename(path, `${path}.1`);
}

const oldBackendsMaxMs = 10_000;

async function launchOn(port: number, options: Launch): Promise<Launched | 'port taken'> {
  const deadlineMs = options.clock.monotonicMs() + oldBackendsMaxMs;
  // bounded by: oldBackendsMaxMs
  for (;;) {
    const result = await launchOnce(port, options);
    if ('child' in result) return result;
    if (/could not bind|could not create any TCP/.test(result.output)) return 'port taken';
    const oldBackends = result.output.includes('pre-existing shared memory block');
    if (!oldBackends || options.clock.monotonicMs() > deadlineMs) {
      throw embeddedFailure(`The embedded PostgreSQL did not start on the data in ${options.home.cluster}.`, {
        output: result.output,
        logPath: options.home.logPath,
        hint:
          'See what it printed. Disk full or rights missing: mend that and start again. ' +
          `Data of no value: remove ${options.home.path}. Or set DATABASE_URL.`,
      });
    }
    // The back ends of a server that was killed notice it within moments.
    await options.clock.sleep(50);
  }
}

async function launchOnce(port: number, options: Launch): Promise<Launched | { output: string }> {
  const { home, clock } = options;
  // Not through a link: root may write here into another user's folder.
  const log = await open(home.logPath, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  try {
    await giveToOwner(log, home.path);
    const { size } = await log.stat();
    const child = startProgram({
      command: options.binaries.postgres,
      arguments: ['-D', dataArgument(home, home.cluster), ...settingArguments({ ...options, port })],
      account: home.account,
      workingDirectory: home.cluster,
      output: log.fd,
      deathSignal: 'INT',
    });
    const outcome = await untilReady(child, home, clock);
    if (outcome === 'ready' && child.pid !== undefined) {
      child.unref();
      return { child, pid: child.pid, port };
    }
    return { output: `${await readFrom(home.logPath, size)}${outcome === 'ready' ? '' : outcome}` };
  } finally {
    await log.close();
  }
}

async function readFrom(path: string, offset: number): Promise<string> {
  return (await readFile(path)).subarray(offset).toString('utf8');
}

const readyMaxMs = 120_000;
const pollMs = 4;

/** Waits for line 8 of `postmaster.pid`; returns 'ready', or why it never came. */
async function untilReady(child: ChildProcess, home: Home, clock: Clock): Promise<string> {
  const deadlineMs = clock.monotonicMs() + readyMaxMs;
  let problem: string | undefined;
  child.once('error', (error) => {
    problem = error.message;
  });
  child.once('exit', (code, signal) => {
    problem ??= `The server ended with ${signal ?? `exit code ${code}`}.`;
  });
  // bounded by: readyMaxMs
  for (;;) {
    if (problem !== undefined) return problem;
    const postmaster = await readPostmaster(home.cluster);
    if (postmaster !== undefined && postmaster.pid === child.pid && postmaster.status === 'ready') return 'ready';
    if (clock.monotonicMs() > deadlineMs) {
      if (child.pid !== undefined) await endPostmaster(child.pid, clock);
      return `The server was not ready within ${readyMaxMs} ms.`;
    }
    await clock.sleep(pollMs);
  }
}
