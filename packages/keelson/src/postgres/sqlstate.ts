/** What PostgreSQL answers in five characters, as an error of the catalogue. */
import { DatabaseError } from 'pg';
import { type ErrorCode, KeelsonError, toKeelsonError } from '../errors.ts';

interface Meaning {
  readonly code: ErrorCode;
  readonly message?: string;
  readonly hint?: string;
}

const LOST: Meaning = { code: 'DATABASE_CONNECTION_FAILED' };
const REFUSED: Meaning = { code: 'VALIDATION_ERROR', message: 'A value cannot be stored as it was sent.' };
const CLASHES: Meaning = { code: 'CONFLICT' };
const DIVISION_BY_ZERO = '22012';
const REPEAT: Meaning = { code: 'TRANSACTION_CONFLICT' };

/**
 * What a SQLSTATE means to a caller.
 *
 * @see PostgreSQL documentation, appendix A, "PostgreSQL Error Codes"
 */
const meanings: ReadonlyMap<string, Meaning> = new Map<string, Meaning>([
  // Class 22, data exception; and what a statement of ours can only meet through a value.
  ['22001', { code: 'VALIDATION_ERROR', message: 'A text is too long.' }],
  ['22003', { code: 'VALIDATION_ERROR', message: 'A number is out of range.' }],
  ['22007', { code: 'VALIDATION_ERROR', message: 'A date or time is not well formed.' }],
  ['22008', { code: 'VALIDATION_ERROR', message: 'A date or time is out of range.' }],
  ['22021', { code: 'VALIDATION_ERROR', message: 'A text has a character that cannot be stored.' }],
  ['22P02', { code: 'VALIDATION_ERROR', message: 'A value does not have the form that its place needs.' }],
  ['22P05', { code: 'VALIDATION_ERROR', message: 'A text has a character that cannot be stored.' }],
  ['2201B', { code: 'VALIDATION_ERROR', message: 'A regular expression is not valid.' }],
  ['2201W', { code: 'VALIDATION_ERROR', message: 'A limit may not be negative.' }],
  ['2201X', { code: 'VALIDATION_ERROR', message: 'An offset may not be negative.' }],
  ['54000', { code: 'VALIDATION_ERROR', message: 'A value is larger than can be stored or indexed.' }],
  ['54001', { code: 'VALIDATION_ERROR', message: 'A value nests too deep.' }],
  // Class 23, integrity constraint violation.
  ['23502', REFUSED],
  ['23514', REFUSED],
  ['23000', CLASHES],
  ['23001', CLASHES],
  ['23503', CLASHES],
  ['23505', CLASHES],
  ['23P01', CLASHES],
  // Class 40, transaction rollback: nothing was kept, the same work may succeed.
  ['40000', REPEAT],
  ['40001', REPEAT],
  ['40P01', REPEAT],
  ['25P02', { code: 'TRANSACTION_ABORTED' }],
  // Time-outs, each named by the setting that ends it.
  [
    '25P03',
    { code: 'DATABASE_TIMEOUT', message: 'A transaction waited too long between two statements (idle_in_transaction_session_timeout).' },
  ],
  ['25P04', { code: 'DATABASE_TIMEOUT', message: 'A transaction took too long (DATABASE_TRANSACTION_TIMEOUT_MS).' }],
  ['55P03', { code: 'DATABASE_TIMEOUT', message: 'A lock was not free in time (DATABASE_LOCK_TIMEOUT_MS).' }],
  ['57014', { code: 'DATABASE_TIMEOUT', message: 'A statement took too long (DATABASE_STATEMENT_TIMEOUT_MS) or was cancelled.' }],
  // No state of PostgreSQL: a trigger raises it where the caller may not write what a policy, which knows rows only, would let through.
  ['KS403', { code: 'FORBIDDEN' }],
  // The server does not take connections, or ends them.
  [
    '28000',
    { code: 'DATABASE_CONNECTION_FAILED', hint: 'The server does not let this user in; see its pg_hba.conf and the user in DATABASE_URL.' },
  ],
  [
    '28P01',
    { code: 'DATABASE_CONNECTION_FAILED', hint: 'The password was wrong; correct it in DATABASE_URL (percent-encode special characters).' },
  ],
  ['3D000', { code: 'DATABASE_CONNECTION_FAILED', hint: 'The database does not exist; create it, or correct its name in DATABASE_URL.' }],
  [
    '53300',
    {
      code: 'DATABASE_CONNECTION_FAILED',
      hint: 'The server has no connection left; lower DATABASE_POOL_SIZE or raise its max_connections.',
    },
  ],
  ['57P01', LOST],
  ['57P02', LOST],
  ['57P03', { code: 'DATABASE_CONNECTION_FAILED', hint: 'The server is starting up or shutting down; try again in a moment.' }],
  ['57P04', LOST],
  ['57P05', LOST],
]);

/** Where the server refuses a row by its policies; a missing grant has the same SQLSTATE, and the words of both are translated. */
const POLICY_ROUTINE = 'ExecWithCheckOptions';

/** FATAL ends that are not the server's going away: the connection is lost all the same. */
const ENDING: ReadonlySet<string> = new Set([
  '25P03',
  '25P04',
  '57P01',
  '57P02',
  '57P03',
  '57P04',
  '57P05',
  '53300',
  '28000',
  '28P01',
  '3D000',
]);

const NETWORK: ReadonlySet<string> = new Set([
  'EAI_AGAIN',
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTDOWN',
  'EHOSTUNREACH',
  'ENETDOWN',
  'ENETUNREACH',
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
]);

/** What the driver says, without a code, when a connection is gone or was never there. */
const DRIVER_WORDS =
  /^(Connection terminated|Client (has encountered a connection error|was closed)|timeout expired|Received unexpected|received invalid response)/u;

/** The SQLSTATE of an error, also when it lies inside one of the catalogue. */
export function sqlState(error: unknown): string | undefined {
  if (error instanceof DatabaseError) return error.code;
  if (!(error instanceof KeelsonError)) return undefined;
  const state = error.data?.['sqlState'];
  return typeof state === 'string' ? state : sqlState(error.cause);
}

/** Whether two transactions got in each other's way, so that running the whole block again may succeed (40001, 40P01). */
export function isSerializationFailure(error: unknown): boolean {
  const state = sqlState(error);
  return state === '40001' || state === '40P01';
}

/** Whether the connection is gone, so that the outcome of what was under way on it is not known. For errors of the driver and of this library, not for those of other network clients. */
export function isConnectionLost(error: unknown): boolean {
  if (error instanceof KeelsonError) {
    return error.code === 'DATABASE_CONNECTION_FAILED' || (error.code === 'DATABASE_TIMEOUT' && isConnectionLost(error.cause));
  }
  if (error instanceof DatabaseError) {
    return error.severity === 'FATAL' || error.severity === 'PANIC' || (error.code !== undefined && isEnding(error.code));
  }
  return error instanceof Error && (NETWORK.has(codeOf(error)) || DRIVER_WORDS.test(error.message));
}

/**
 * An error of the driver as one of the catalogue: `data` has the SQLSTATE and the names for the log,
 * the message is safe for a client, the cause is kept. What did not come from the driver becomes `INTERNAL_SERVER_ERROR`.
 *
 * @see RFC 9457 for how it reads on the wire
 */
export function fromDatabase(error: unknown): KeelsonError {
  if (error instanceof KeelsonError) return error;
  if (!(error instanceof DatabaseError)) {
    return isConnectionLost(error) ? new KeelsonError('DATABASE_CONNECTION_FAILED', { cause: error }) : toKeelsonError(error);
  }
  const meaning = meaningOf(error);
  return new KeelsonError(meaning.code, { message: meaning.message, hint: meaning.hint, data: namesIn(error), cause: error });
}

/** A failure that no SQLSTATE explains, on the way to the server or back: the connection is at fault. */
export function asConnectionFailure(error: unknown): KeelsonError {
  const known = fromDatabase(error);
  return known.code === 'INTERNAL_SERVER_ERROR' ? new KeelsonError('DATABASE_CONNECTION_FAILED', { cause: error }) : known;
}

function meaningOf(error: DatabaseError): Meaning {
  if (error.code === '42501' && error.routine === POLICY_ROUTINE) return { code: 'FORBIDDEN' };
  const known = meanings.get(error.code ?? '');
  if (known !== undefined) return known;
  return isConnectionLost(error) ? LOST : meaningOfClass(error.code ?? '');
}

/** What a class means where its state is not named above. */
function meaningOfClass(state: string): Meaning {
  switch (state.slice(0, 2)) {
    case '22':
      // A value that does not fit what is done with it; dividing by it is our own arithmetic.
      return state === DIVISION_BY_ZERO ? { code: 'DATABASE_ERROR' } : REFUSED;
    case '54':
      return REFUSED;
    case '53':
      // No memory, no space on the disk, too many of something: the server may have it again in a moment.
      return { code: 'SERVICE_UNAVAILABLE' };
    default:
      return { code: 'DATABASE_ERROR' };
  }
}

function isEnding(state: string): boolean {
  return state.startsWith('08') || ENDING.has(state);
}

function namesIn(error: DatabaseError): Readonly<Record<string, string>> {
  const data: Record<string, string> = { sqlState: error.code ?? '' };
  if (error.constraint !== undefined) data['constraint'] = error.constraint;
  if (error.schema !== undefined) data['schema'] = error.schema;
  if (error.table !== undefined) data['table'] = error.table;
  if (error.column !== undefined) data['column'] = error.column;
  return data;
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : '';
}
