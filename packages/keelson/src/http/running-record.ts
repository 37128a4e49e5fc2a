/** The running record: a note in `.keelson` of the app that runs here, so that a second start can say what is in its way. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { KeelsonError } from '../errors.ts';

/** An app that runs. */
export interface RunningRecord {
  readonly name: string;
  readonly version: string;
  readonly url: string;
  readonly pid: number;
}

/** Where an app would listen. */
export interface Place {
  readonly directory: string;
  readonly name: string;
  readonly host: string;
  readonly port: number;
}

const ANSWER_MS_MAX = 2_000;
const ANSWER_BYTES_MAX = 10_000;

/** Notes that an app runs; a folder that cannot be written is no reason not to. */
export async function writeRecord(directory: string, record: RunningRecord): Promise<void> {
  const file = fileOf(directory, record.name);
  try {
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, `${JSON.stringify(record)}\n`);
  } catch (error) {
    if (!isSystemError(error)) throw error;
  }
}

/** Takes the note away, when it is ours. */
export async function removeRecord(directory: string, record: RunningRecord): Promise<void> {
  const noted = await readRecord(directory, record.name);
  if (noted?.pid === record.pid) await rm(fileOf(directory, record.name), { force: true });
}

/** What to say to a start whose port is taken: which app runs there, if it is one of ours. */
export async function describeTaken({ directory, name, host, port }: Place): Promise<KeelsonError> {
  const url = urlOf(host, port);
  const version = parseVersion(await ask(`${url}/health`));
  const another = `PORT=${port + 1} npm start`;
  if (version === undefined) {
    return new KeelsonError('PORT_TAKEN', {
      message: `Port ${port} of ${host} is taken by another program.`,
      hint: `Stop that, or choose another port: ${another}`,
    });
  }
  const noted = await readRecord(directory, name);
  const isNoted = noted?.url === url && isAlive(noted.pid);
  return new KeelsonError('PORT_TAKEN', {
    message: isNoted
      ? `${name} ${version} is already running at ${url} (pid ${noted.pid}).`
      : `Another app, version ${version}, is already running at ${url}.`,
    hint: `Use it, stop it with Ctrl-C, or start this one beside it: ${another}`,
  });
}

/** Whether something listens there. */
export async function isTaken(host: string, port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = process.getBuiltinModule('node:net').connect({ host: reachable(host), port });
  socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
  socket.setTimeout(ANSWER_MS_MAX, () => resolve(false));
  try {
    return await promise;
  } finally {
    socket.destroy();
  }
}

/** The URL at which what listens on a host is reached from this machine. */
export function urlOf(host: string, port: number): string {
  const address = reachable(host);
  return `http://${address.includes(':') ? `[${address}]` : address}:${port}`;
}

function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}

function fileOf(directory: string, name: string): string {
  return path.join(directory, '.keelson', `${name}.running.json`);
}

async function readRecord(directory: string, name: string): Promise<RunningRecord | undefined> {
  try {
    return parseRecord(JSON.parse(await readFile(fileOf(directory, name), 'utf8')));
  } catch {
    // None, or half of one: nothing is known then.
    return undefined;
  }
}

/** The body of an answer, undefined when there is none that can be had soon. */
async function ask(url: string): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  // Danger: importing node:http into an ES module loads undici and 13 MB.
  const request = process.getBuiltinModule('node:http').get(url, { timeout: ANSWER_MS_MAX, agent: false }, (response) => {
    let text = '';
    response.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      if (text.length > ANSWER_BYTES_MAX) resolve(undefined);
    });
    response.once('end', () => resolve(text)).once('error', () => resolve(undefined));
  });
  request.once('error', () => resolve(undefined)).once('timeout', () => resolve(undefined));
  try {
    return await promise;
  } finally {
    request.destroy();
  }
}

/** The version in an answer of `/health`, undefined when it is not one of ours. */
function parseVersion(text: string | undefined): string | undefined {
  try {
    const health = JSON.parse(text ?? '') as { readonly status?: unknown; readonly version?: unknown; readonly uptime_seconds?: unknown };
    return typeof health.version === 'string' && typeof health.uptime_seconds === 'number' ? health.version : undefined;
  } catch {
    return undefined;
  }
}

function parseRecord(value: unknown): RunningRecord | undefined {
  const record = value as RunningRecord;
  return typeof record.pid === 'number' && typeof record.url === 'string' ? record : undefined;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // It lives, but belongs to another user.
    return isSystemError(error) && error.code === 'EPERM';
  }
}

function isSystemError(error: unknown): error is Error & { readonly code: string } {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && /^E[A-Z]+$/u.test(error.code);
}
