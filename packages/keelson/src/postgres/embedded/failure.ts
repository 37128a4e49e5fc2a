/** What the embedded server says when it cannot start: what happened, the server's last words, and what to do next. */
import { KeelsonError } from '../../errors.ts';

/** What a failure adds to its sentence. */
export interface FailureOptions {
  /** What to do next. */
  readonly hint: string;
  /** What the server or initdb printed last. */
  readonly output?: string | undefined;
  /** Where the whole of it stands. */
  readonly logPath?: string | undefined;
  readonly cause?: unknown;
}

const outputLinesMax = 20;

/** The last lines of what a program printed. */
function lastLines(output: string): string {
  return output.trim().split('\n').slice(-outputLinesMax).join('\n');
}

/** Makes the error of a server that did not start. */
export function embeddedFailure(message: string, options: FailureOptions): KeelsonError {
  const output = lastLines(options.output ?? '');
  const where = options.logPath === undefined ? '' : ` Its log: ${options.logPath}`;
  const said = output === '' ? '' : `\n${output}`;
  return new KeelsonError('EMBEDDED_SERVER_FAILED', {
    message: `${message}${where}${said}`,
    hint: options.hint,
    data: { log_path: options.logPath },
    cause: options.cause,
  });
}

/** The code that Node or PostgreSQL put on an error: `ENOENT`, `28P01`. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
