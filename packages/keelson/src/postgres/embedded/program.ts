/** Runs the programs of PostgreSQL under the right account, so that they end when this process does. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { basename } from 'node:path';
import type { Account } from './account.ts';

/** A program and under whom it runs. */
export interface Program {
  readonly command: string;
  readonly arguments: readonly string[];
  readonly account: Account | undefined;
  /** What the program gets as its standard output and error: a file descriptor, or a pipe. */
  readonly output: number | 'pipe';
  /** Linux: the signal that it gets when this process dies, however it dies. */
  readonly deathSignal: 'INT' | 'KILL';
  /** Where it works; `/` when left out. */
  readonly workingDirectory?: string;
  /** A file that it finds open under `thirdFile`. */
  readonly file?: number;
  /** What it reads on its standard input; without it, nothing. */
  readonly input?: string;
  /** When it is killed. */
  readonly timeoutMs?: number;
}

const setprivPaths = ['/usr/bin/setpriv', '/bin/setpriv', '/usr/local/bin/setpriv'];

/** The util-linux `setpriv`; that of busybox cannot bind a process to its parent's life. */
function findSetpriv(): string | undefined {
  if (process.platform !== 'linux') return undefined;
  return setprivPaths.find((path) => existsSync(path) && basename(realpathSync(path)) !== 'busybox');
}

/** Whether the programs started here die with this process even when it is killed. */
export function diesWithParent(): boolean {
  return findSetpriv() !== undefined;
}

// Nothing of this process's environment reaches the server: a PGPORT or an LC_ALL of the developer's shell would change it.
const environment = { LC_ALL: 'C', TZ: 'UTC', PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin' };

/** The name under which a program finds the file that it was given open. */
export const thirdFile = process.platform === 'linux' ? '/proc/self/fd/3' : '/dev/fd/3';

/** Starts a program in a session of its own: a Ctrl-C in the terminal is for the application, which then stops the server in order. */
export function startProgram(program: Program): ChildProcess {
  const { account, output } = program;
  const setpriv = findSetpriv();
  const limit = program.timeoutMs === undefined ? {} : { timeout: program.timeoutMs, killSignal: 'SIGKILL' as const };
  const input = program.input === undefined ? ('ignore' as const) : ('pipe' as const);
  const files = program.file === undefined ? [] : [program.file];
  const stdio = [input, output, output, ...files];
  const options = { cwd: program.workingDirectory ?? '/', env: environment, detached: true, stdio, ...limit };
  if (setpriv !== undefined) {
    const who = account === undefined ? [] : [`--reuid=${account.uid}`, `--regid=${account.gid}`, '--clear-groups'];
    return spawn(setpriv, [...who, `--pdeathsig=${program.deathSignal}`, '--', program.command, ...program.arguments], options);
  }
  return spawn(program.command, [...program.arguments], { ...options, ...account });
}

/** What a program printed and how it ended. */
export interface Ended {
  /** Undefined when it could not be started or was ended by a signal. */
  readonly exitCode: number | undefined;
  readonly output: string;
}

const outputCharactersMax = 100_000;

/** Runs a program to its end, or to its time limit. */
export function runProgram(program: Omit<Program, 'output' | 'deathSignal'>): Promise<Ended> {
  return new Promise((resolve) => {
    const child = startProgram({ ...program, output: 'pipe', deathSignal: 'KILL' });
    let output = '';
    const collect = (chunk: Buffer): void => {
      if (output.length < outputCharactersMax) output += chunk.toString('utf8');
    };
    child.stdout?.on('data', collect);
    child.stderr?.on('data', collect);
    child.once('error', (error) => resolve({ exitCode: undefined, output: `${output}${error.message}` }));
    child.once('close', (code, signal) => {
      resolve({ exitCode: code ?? undefined, output: signal === null ? output : `${output}\nended by ${signal}` });
    });
    child.stdin?.on('error', () => child.kill('SIGKILL'));
    child.stdin?.end(program.input);
  });
}
