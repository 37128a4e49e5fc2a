/** What goes wrong with migrations, said so that a person finds the place: file, line, the SQL of that line, what to do. */
import { DatabaseError } from 'pg';
import { KeelsonError } from '../errors.ts';
import { isConnectionLost } from '../postgres/sqlstate.ts';
import type { SqlStatement } from './statements.ts';

/** How much of a line of SQL is repeated in a message. */
const EXCERPT_MAX = 200;

/** An error about a file of the migrations folder. */
export function invalid(file: string, line: number | undefined, what: string, hint?: string): KeelsonError {
  const place = line === undefined ? file : `${file}:${line}`;
  return new KeelsonError('MIGRATION_INVALID', { message: `${place}: ${what}.`, hint, data: { file, line } });
}

/** Where a revision failed. `statement.line` counts from the first line of the file; `kept` says what stays in the database. */
export interface FailedAt {
  readonly file: string;
  readonly statement: SqlStatement | undefined;
  readonly line: number;
  readonly kept: string;
}

/** The failure of a statement of a revision, with its place in the file. */
export function migrationFailed(error: unknown, at: FailedAt): KeelsonError {
  const found = databaseError(error);
  const inside = at.statement === undefined ? 0 : linesBefore(at.statement.text, Number(found?.position ?? 1));
  const line = (at.statement?.line ?? at.line) + inside;
  const source = at.statement?.text.split('\n')[inside]?.trim() ?? '';
  const excerpt = source.length > EXCERPT_MAX ? `${source.slice(0, EXCERPT_MAX)}…` : source;
  const said = found === undefined ? wordsOf(error) : [found.message, found.detail].filter((part) => part !== undefined).join(': ');
  const state = found?.code === undefined ? '' : ` (SQLSTATE ${found.code})`;
  return new KeelsonError('MIGRATION_FAILED', {
    message: `${at.file}:${line}: ${said}${state}${excerpt === '' ? '' : `, in: ${excerpt}`}`,
    hint: [hintFor(error, found), at.kept].filter((part) => part !== '').join(' '),
    data: { file: at.file, line, sqlState: found?.code, sql: excerpt, where: found?.where },
    cause: error,
  });
}

/** The server's own error, also where it lies inside one of the catalogue. */
export function databaseError(error: unknown): DatabaseError | undefined {
  const found = error instanceof KeelsonError ? error.cause : error;
  return found instanceof DatabaseError ? found : undefined;
}

function hintFor(error: unknown, found: DatabaseError | undefined): string {
  if (isConnectionLost(error)) return 'The connection was lost on the way; run it again when the server can be reached.';
  switch (found?.code) {
    case '25001':
      return 'This statement cannot run inside a transaction: put it into a revision of its own with `-- transaction: off` above `-- up`.';
    case '55P04':
      return 'A value that was added to an enum can be used after a commit only: put a line `-- commit` behind the `alter type`.';
    case '42501':
      return 'The user of the connection lacks the right; let the owner of the objects run it, or grant the right first.';
    case '55P03':
    case '40P01':
      return 'Others held a lock for too long (see long transactions in pg_stat_activity); run it again when they have ended.';
    case undefined:
      return '';
    default:
      return found?.hint ?? 'Correct the revision and run it again.';
  }
}

/** How many line ends stand before a position, which the server counts in characters from 1. */
function linesBefore(text: string, position: number): number {
  let lines = 0;
  let characters = 0;
  for (const character of text) {
    characters += 1;
    if (characters >= position) break;
    if (character === '\n') lines += 1;
  }
  return lines;
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
