/** A process of the demo: the app, as it is started in production, with its log kept in case that it fails. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { KeelsonError } from 'keelson/errors';

/** What is started. */
export interface ChildOptions {
  readonly command: 'serve' | 'worker';
  /** Where it runs; `.keelson` lies here. */
  readonly folder: string;
  /** All that it knows: nothing of the environment of whoever runs the demo. */
  readonly environment: Readonly<Record<string, string>>;
}

/** A process that is ready. */
export interface Child extends AsyncDisposable {
  readonly pid: number;
  /** Where it serves; the empty text for a worker. */
  readonly ready: string;
  /** Ends it at once, as a crash would. */
  kill(): void;
}

const READY = { serve: /^ {2}Health +(http\S+)\/health$/mu, worker: /"event":"(worker\.process_started)"/u } as const;
const PRINTED_MAX = 20_000;

/**
 * Starts a process, and waits until it is ready.
 *
 * @throws SERVICE_UNAVAILABLE with what it has printed, when it ends before
 */
export async function startChild({ command, folder, environment }: ChildOptions): Promise<Child> {
  const program = path.join(import.meta.dirname, 'app.ts');
  const child = spawn(process.execPath, [program, command], { cwd: folder, env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
  const { promise: ready, resolve, reject } = Promise.withResolvers<string>();
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  let printed = '';
  let isReady = false;
  const read = (chunk: string): void => {
    printed = `${printed}${chunk}`.slice(-PRINTED_MAX);
    const found = isReady ? null : READY[command].exec(printed);
    if (found === null) return;
    isReady = true;
    resolve(command === 'serve' ? (found[1] ?? '') : '');
  };
  child.stdout.setEncoding('utf8').on('data', read);
  child.stderr.setEncoding('utf8').on('data', read);
  child.once('close', () => {
    end();
    reject(new KeelsonError('SERVICE_UNAVAILABLE', { message: `The process of ${command} ended before it was ready:\n${printed}` }));
  });
  child.once('error', reject);
  const where = await ready;
  return {
    pid: child.pid ?? 0,
    ready: where,
    kill: () => void child.kill('SIGKILL'),
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGTERM');
      await ended;
    },
  };
}
