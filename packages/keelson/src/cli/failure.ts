/** A failure as a person reads it: what happened, what to do, what was behind it; no stack and no secret. */
import { KeelsonError, isKeelsonError } from '../errors.ts';
import { redactText } from '../redact.ts';
import { plainText } from './output.ts';

/** The exit codes of every command. */
export const exitCodes = { ok: 0, failed: 1, wrongUse: 2 } as const;

const CAUSES_MAX = 4;

/** The code that a command ends with when it fails. */
export function exitCodeOf(error: unknown): number {
  return isKeelsonError(error, 'USAGE') ? exitCodes.wrongUse : exitCodes.failed;
}

/** One block of text; `debug` adds the stack. */
export function describeFailure(error: unknown, debug: boolean): { readonly title: string; readonly text: string } {
  const lines = [wordsOf(error)];
  const hint = error instanceof KeelsonError ? error.hint : 'This is a fault of the app or of Keelson; DEBUG=1 shows where.';
  lines.push(...fieldsOf(error, lines[0] ?? ''), `hint:  ${hint}`);
  for (const cause of causesOf(error)) if (!lines.some((line) => line.includes(cause))) lines.push(`cause: ${cause}`);
  if (error instanceof KeelsonError) lines.push(`code:  ${error.code}`);
  if (debug) lines.push(...stacksOf(error));
  return { title: 'error:', text: plainText(lines.map(redactText).join('\n')) };
}

/** Which fields do not fit, where the message does not say so itself; never with their values. */
function fieldsOf(error: unknown, message: string): string[] {
  const problems = error instanceof KeelsonError ? (error.validationErrors ?? []) : [];
  return problems.filter((problem) => !message.includes(problem.message)).map((problem) => `  ${problem.field}: ${problem.message}`);
}

function causesOf(error: unknown): string[] {
  const causes: string[] = [];
  let cause = causeOf(error);
  while (cause !== undefined && causes.length < CAUSES_MAX) {
    causes.push(wordsOf(cause));
    cause = causeOf(cause);
  }
  return causes;
}

function stacksOf(error: unknown): string[] {
  const stacks: string[] = [];
  let at = error;
  while (at instanceof Error && stacks.length < CAUSES_MAX) {
    if (at.stack !== undefined) stacks.push(at.stack);
    at = at.cause;
  }
  return stacks;
}

function causeOf(error: unknown): unknown {
  return error instanceof Error ? (error.cause ?? undefined) : undefined;
}

function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return `Something was thrown that is not an error: ${String(error)}`;
  if (error.message !== '') return error.message;
  // A connection that was tried on several addresses has no words of its own.
  return error instanceof AggregateError && error.errors.length > 0 ? wordsOf(error.errors[0]) : error.name;
}
