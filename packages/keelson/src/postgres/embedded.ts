/** A real PostgreSQL 18 in a folder of the project, without Docker and without an installed server. */
import { existsSync } from 'node:fs';
import { systemClock } from '../clock.ts';
import type { Clock } from '../clock.ts';
import { isKeelsonError } from '../errors.ts';
import type { Log } from '../log.ts';
import { openBinaries } from './embedded/binaries.ts';
import { assertVersion, makeCluster, removeDrafts } from './embedded/cluster.ts';
import { ensureDatabase, urlOf } from './embedded/database.ts';
import { codeOf, embeddedFailure } from './embedded/failure.ts';
import { openHome } from './embedded/home.ts';
import type { Home } from './embedded/home.ts';
import { launch } from './embedded/launch.ts';
import type { Launched } from './embedded/launch.ts';
import { findPackage } from './embedded/package.ts';
import type { ProgramPackage } from './embedded/package.ts';
import { resetPassword } from './embedded/password.ts';
import { endPostmaster, findRunning } from './embedded/postmaster.ts';
import type { Postmaster } from './embedded/postmaster.ts';
import { isRunning, ownIdentity } from './embedded/process-identity.ts';
import { diesWithParent } from './embedded/program.ts';
import { assertSettingNames } from './embedded/settings.ts';
import { takeStartLock } from './embedded/start-lock.ts';
import { newPassword, readState, writeState } from './embedded/state.ts';
import type { EmbeddedState } from './embedded/state.ts';

/** A server that runs, and how to stop it. */
export interface EmbeddedServer {
  /** `postgresql://app:…@127.0.0.1:<port>/<database>`; the password is in it. */
  readonly url: string;
  readonly port: number;
  /** The folder that holds the data; not the one asked for where the server could not reach that. */
  readonly dataDirectory: string;
  /** Whether another call, mostly of another process, had started it. */
  readonly adopted: boolean;
  readonly startedInMs: number;
  /** Stops the server; when it was adopted, does nothing: it is stopped by the one who started it. May be called again. */
  stop(): Promise<void>;
}

/** How to start a server. */
export interface EmbeddedOptions {
  /** Made if missing; its parents too. */
  readonly dataDirectory: string;
  /** Made if missing. Default `app`. */
  readonly database?: string | undefined;
  /** Default true. False, for tests: what was committed may be lost, or the whole of it, when the machine crashes. */
  readonly durable?: boolean | undefined;
  /** Further settings of PostgreSQL, by name; they go before ours. */
  readonly settings?: Readonly<Record<string, string>> | undefined;
  /** Default: one that is derived from the folder, or the next that is free. One that is asked for must be free. */
  readonly port?: number | undefined;
  readonly log?: Log | undefined;
  readonly clock?: Clock | undefined;
}

/**
 * Starts the PostgreSQL of a data folder, or adopts the one that runs there already.
 *
 * The one who started it owns it: it stops when that one calls `stop()` and, on Linux, when that process dies in whatever way;
 * those who adopted it lose it then. Linux x64 (glibc): tested. Linux arm64, macOS: should work, untested; on macOS a killed process
 * leaves its server there, which the next start ends. Windows: use DATABASE_URL.
 *
 * @throws EMBEDDED_SERVER_FAILED with the server's last words and what to do
 * @throws MISUSE for a setting's name that cannot be one
 * @example
 * import { startEmbedded } from 'keelson/postgres';
 * const server = await startEmbedded({ dataDirectory: '.keelson/postgres' });
 * // … connect to server.url …
 * await server.stop();
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedServer> {
  try {
    return await startOrAdopt(options, options.clock ?? systemClock);
  } catch (error) {
    if (isKeelsonError(error)) throw error;
    throw embeddedFailure(`The embedded PostgreSQL in ${options.dataDirectory} could not be started: ${describe(error)}`, {
      hint: 'Mend what the message says (rights, room on the disk), name another data folder, or set DATABASE_URL.',
      cause: error,
    });
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function startOrAdopt(options: EmbeddedOptions, clock: Clock): Promise<EmbeddedServer> {
  const beganMs = clock.monotonicMs();
  assertSettingNames(options.settings ?? {});
  // First of all: where there is no server to start, no folder is made.
  const found = findPackage();
  const home = await openHome(options.dataDirectory);
  if (home.movedFrom !== undefined) {
    options.log?.warn('embedded.data_moved', { from: home.movedFrom, to: home.path, reason: 'closed to the account of the server' });
  }
  const release = await takeStartLock(home.path, clock);
  try {
    const server = (await adopt(home, options, clock)) ?? (await start({ home, found, options, clock }));
    const startedInMs = Math.round(clock.monotonicMs() - beganMs);
    const { port, adopted } = server;
    options.log?.info('embedded.started', { port, adopted, data_directory: home.path, duration_ms: startedInMs });
    return { ...server, startedInMs };
  } finally {
    await release();
  }
}

type Started = Omit<EmbeddedServer, 'startedInMs'>;

/** The server that runs here, if its owner does; one whose owner died is stopped. */
async function adopt(home: Home, options: EmbeddedOptions, clock: Clock): Promise<Started | undefined> {
  const running = await findRunning(home.cluster);
  if (running === undefined) return undefined;
  const state = await readState(home.path);
  const owned = state?.owner !== undefined && isRunning(state.owner);
  if (!owned || running.status !== 'ready') {
    await endLeftOver(running, options, clock);
    return undefined;
  }
  if (options.durable !== undefined && options.durable !== state.durable) {
    options.log?.warn('embedded.settings_differ', { durable: state.durable, asked: options.durable });
  }
  const database = options.database ?? 'app';
  const address = { port: running.port, password: state.password };
  try {
    await reach(home, address, database);
  } catch (error) {
    const now = await findRunning(home.cluster);
    if (now?.pid === running.pid && now.status === 'ready') throw error;
    // Its owner stopped it at this very moment.
    if (now !== undefined) await endLeftOver(now, options, clock);
    return undefined;
  }
  return { url: urlOf(address, database), port: running.port, dataDirectory: home.path, adopted: true, stop: () => Promise.resolve() };
}

/** Only the owner starts a server, and only under the lock: one that is not ready here is on its way out. */
async function endLeftOver(running: Postmaster, options: EmbeddedOptions, clock: Clock): Promise<void> {
  const signal = await endPostmaster(running.pid, clock);
  options.log?.info('embedded.left_over_stopped', { pid: running.pid, signal });
}

interface Start {
  readonly home: Home;
  readonly found: ProgramPackage;
  readonly options: EmbeddedOptions;
  readonly clock: Clock;
}

async function start({ home, found, options, clock }: Start): Promise<Started> {
  const binaries = await openBinaries(found, home.account);
  const before = await readState(home.path);
  const state: EmbeddedState = { password: before?.password ?? newPassword(), owner: ownIdentity(), durable: options.durable ?? true };
  const { password } = state;
  const made = existsSync(home.cluster);
  if (made) assertVersion(home, binaries);
  if (made && before === undefined) await resetPassword(home, binaries, password);
  // Before the cluster is made: one whose password nobody knows cannot come about.
  await writeState(home.path, state);
  await removeDrafts(home);
  if (!made) await makeCluster(home, binaries, password);
  const { durable } = state;
  const launched = await launch({ home, binaries, durable, settings: options.settings ?? {}, port: options.port, clock });
  const stop = stopper(launched, options, clock);
  const database = options.database ?? 'app';
  const address = { port: launched.port, password };
  try {
    await reach(home, address, database);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: urlOf(address, database), port: launched.port, dataDirectory: home.path, adopted: false, stop };
}

async function reach(home: Home, address: { port: number; password: string }, database: string): Promise<void> {
  try {
    await ensureDatabase(address, database);
  } catch (error) {
    const refused = codeOf(error) === '28P01';
    throw embeddedFailure(`The embedded PostgreSQL on port ${address.port} runs, but database '${database}' cannot be reached.`, {
      output: describe(error),
      logPath: home.logPath,
      hint: refused
        ? `The password in ${home.path}/state.json is not the one of the data: remove ${home.path} to begin anew.`
        : 'See the log of the server, or set DATABASE_URL.',
      cause: error,
    });
  }
}

/** Stops the server once, however often it is called. Without a setpriv to do it, the server is also ended when this process exits. */
function stopper(launched: Launched, options: EmbeddedOptions, clock: Clock): () => Promise<void> {
  const { child, pid } = launched;
  const onExit = (): void => {
    child.kill('SIGINT');
  };
  if (!diesWithParent()) process.once('exit', onExit);
  let stopping: Promise<void> | undefined;
  const stopNow = async (): Promise<void> => {
    process.removeListener('exit', onExit);
    if (child.exitCode !== null || child.signalCode !== null) return;
    const signal = await endPostmaster(pid, clock);
    options.log?.info('embedded.stopped', { pid, signal });
  };
  return () => (stopping ??= stopNow());
}
