/** npm as a child process: what it is asked, without what an outer npm has left in the environment, and how its refusals are read. */
import { spawn } from 'node:child_process';
import type { EnvironmentVariables } from '../config/environment.ts';
import { KeelsonError } from '../errors.ts';
import { redactText } from '../redact.ts';
import { plainText } from './output.ts';

/** What a program has left behind. */
export interface Left {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs npm in a folder. */
export type Npm = (argv: readonly string[], folder: string) => Promise<Left>;

const OUTPUT_CHARACTERS_MAX = 64 * 1024 * 1024;
const END_WAIT_MS = 5_000;
const WORDS_LINES_MAX = 12;

/** What an outer npm was told is not meant for this one. */
const outer =
  /^npm_(?!config_)|^npm_config_(?:workspaces?|include_workspace_root|dry_run|package_lock_only|package_lock|save.*|omit|only|json|global|location|prefix|local_prefix|package|call|yes)$/iu;

/** Runs npm; an abort ends it with all that it has started. */
export function npmOf(environment: EnvironmentVariables, signal: AbortSignal): Npm {
  return (argv, folder) => runProgram(['npm', ...argv], { folder, environment: cleared(environment), signal });
}

/** The environment without what an outer npm has put there. */
export function cleared(environment: EnvironmentVariables): EnvironmentVariables {
  return { ...Object.fromEntries(Object.entries(environment).filter(([name]) => !outer.test(name))), npm_config_update_notifier: 'false' };
}

/** Where a program runs. */
export interface Place {
  readonly folder: string;
  readonly environment: EnvironmentVariables;
  readonly signal: AbortSignal;
  /** A line for a shell, whose output a person sees. */
  readonly isShell?: boolean;
}

/**
 * Runs a program to its end.
 *
 * @throws MISUSE when it cannot be started, or was aborted
 */
export async function runProgram(command: readonly string[], { folder, environment, signal, isShell = false }: Place): Promise<Left> {
  signal.throwIfAborted();
  const [file = '', ...argv] = command;
  const onWindows = process.platform === 'win32';
  const child = spawn(file, argv, {
    cwd: folder,
    env: { ...environment },
    // What a person sees of it is no data.
    stdio: ['ignore', isShell ? process.stderr : 'pipe', isShell ? process.stderr : 'pipe'],
    shell: isShell || onWindows,
    // A group of its own: it is ended with all that it has started, and by nobody else.
    detached: !onWindows,
  });
  const written = { out: '', err: '' };
  for (const [name, stream] of [
    ['out', child.stdout],
    ['err', child.stderr],
  ] as const) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      if (written[name].length < OUTPUT_CHARACTERS_MAX) written[name] += chunk;
    });
  }
  const end = (how: NodeJS.Signals): void => {
    if (child.pid === undefined) return;
    try {
      process.kill(onWindows ? child.pid : -child.pid, how);
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  };
  let hard: NodeJS.Timeout | undefined;
  const abort = (): void => {
    end('SIGTERM');
    hard = setTimeout(end, END_WAIT_MS, 'SIGKILL');
  };
  signal.addEventListener('abort', abort, { once: true });
  const { promise, resolve, reject } = Promise.withResolvers<Left>();
  child.once('error', (cause) =>
    reject(
      new KeelsonError('MISUSE', {
        message: `${file} could not be started in ${folder}.`,
        hint: 'Install npm, or put its folder into PATH.',
        cause,
      }),
    ),
  );
  child.once('close', (code) => resolve({ code: code ?? 1, ...written }));
  try {
    const left = await promise;
    signal.throwIfAborted();
    return left;
  } finally {
    clearTimeout(hard);
    signal.removeEventListener('abort', abort);
  }
}

const isGone = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ESRCH';

/** With these npm says that versions do not go together, and not that it cannot know. */
const misfits = new Set(['ERESOLVE', 'ETARGET', 'EOVERRIDE', 'EBADENGINE', 'EBADPLATFORM', 'E404', 'ENOVERSIONS', 'ENOTSUP']);

/** The code that npm failed with. */
export function npmCodeOf({ err }: Left): string | undefined {
  return /^npm (?:error|ERR!) code (\S+)$/mu.exec(err)?.[1];
}

/** Why npm refused: because versions do not fit, in its words. */
export function misfitOf(left: Left): string | undefined {
  const code = npmCodeOf(left);
  return code !== undefined && misfits.has(code) ? wordsOf(left.err) : undefined;
}

/** npm could not do what it was asked for a reason that other versions do not mend. */
export function npmFailure(what: string, { err, out }: Left): KeelsonError {
  return new KeelsonError('OUTSIDE_UNAVAILABLE', {
    message: `npm could not ${what}:\n${wordsOf(err) || wordsOf(out) || '  it said nothing'}`,
    hint: 'See whether the registry can be reached and lets you in (npm ping, npm whoami), then run it again. No file was changed.',
  });
}

/** What npm said, without its frame. */
export function wordsOf(text: string): string {
  const lines = plainText(redactText(text))
    .split('\n')
    .map((line) => line.replace(/^npm (?:error|ERR!) ?/u, '').trimEnd())
    .filter((line) => line !== '' && !/^(?:npm warn|A complete log|For a full report|.*-debug-0\.log)/u.test(line));
  return lines
    .slice(0, WORDS_LINES_MAX)
    .map((line) => `  ${line}`)
    .join('\n');
}
