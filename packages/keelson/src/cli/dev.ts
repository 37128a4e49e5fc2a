/** The command `dev`: serves under `node --watch`, which starts the app anew when a file that it has loaded changes. */
import { spawn } from 'node:child_process';
import { KeelsonError } from '../errors.ts';

const numbers = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

/**
 * Runs `serve` of this same program until it is told to stop, and gives its exit code.
 *
 * @throws MISUSE when node cannot be started
 */
export async function serveAndWatch(): Promise<number> {
  const [node = process.execPath, program = 'app.ts'] = process.argv;
  // Watched are the files that were loaded, not the folder: there the embedded server writes.
  const argv = [...process.execArgv, '--watch', '--watch-preserve-output', program, 'serve'];
  const child = spawn(node, argv, { stdio: 'inherit' });
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  child.once('error', (cause) =>
    reject(new KeelsonError('MISUSE', { message: `${node} could not be started.`, hint: 'Install the packages anew: npm ci', cause })),
  );
  child.once('exit', (code, signal) =>
    resolve(code ?? 128 + (signal === 'SIGHUP' || signal === 'SIGINT' ? numbers[signal] : numbers.SIGTERM)),
  );
  // A Ctrl-C on a terminal reaches the child too.
  const pass = (signal: NodeJS.Signals): void => {
    if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
  };
  process.on('SIGINT', pass).on('SIGTERM', pass).on('SIGHUP', pass);
  try {
    return await promise;
  } finally {
    process.off('SIGINT', pass).off('SIGTERM', pass).off('SIGHUP', pass);
  }
}
