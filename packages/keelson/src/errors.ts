/** Every error that Keelson raises: its code, its status on the wire, what it says and what to do next. */

interface Entry {
  /** The HTTP status that the code answers with. */
  readonly status: number;
  /** A few words for a person, the same for every occurrence (RFC 9457 `title`). */
  readonly title: string;
  /** One sentence for a person; an occurrence may say more exactly what happened. */
  readonly message: string;
  /** What to do next. */
  readonly hint: string;
  /** Whether the same call may succeed when it is made again. */
  readonly retryable: boolean;
}

function entry(status: number, title: string, message: string, hint: string): Entry {
  return { status, title, message, hint, retryable: false };
}

function passing(status: number, title: string, message: string, hint: string): Entry {
  return { status, title, message, hint, retryable: true };
}

/** The catalogue. A code is stable for ever; `docs/errors.md` is checked against it. */
export const catalogue = {
  // What a client can cause.
  MALFORMED_REQUEST: entry(400, 'Malformed request', 'The request could not be read.', 'Send well-formed JSON in UTF-8, without NUL characters.'),
  UNAUTHENTICATED: entry(401, 'Not signed in', 'This call needs a signed-in user.', 'Log in and send the access token as a Bearer token.'),
  TOKEN_EXPIRED: entry(401, 'Token expired', 'The token has expired.', 'Refresh the pair of tokens, or log in again.'),
  TOKEN_INVALID: entry(401, 'Token invalid', 'The token is not valid.', 'Log in again.'),
  TOKEN_REUSED: entry(401, 'Token reused', 'The refresh token was used before; its session has ended.', 'Log in again.'),
  INVALID_CREDENTIALS: entry(401, 'Invalid credentials', 'The e-mail or the password is wrong.', 'Check both and try again.'),
  FORBIDDEN: entry(403, 'Forbidden', 'You may not do this.', 'Ask someone with the right to do it.'),
  NOT_FOUND: entry(404, 'Not found', 'There is nothing here.', 'Check the address and the id.'),
  METHOD_NOT_ALLOWED: entry(405, 'Method not allowed', 'This path does not take this method.', 'Use one of the methods in the Allow header.'),
  REQUEST_TIMEOUT: entry(408, 'Request timeout', 'The request did not arrive in time.', 'Send the whole request at once.'),
  CONFLICT: entry(409, 'Conflict', 'This is taken, or others depend on it.', 'Choose another value, or remove what depends on it first.'),
  STALE_VERSION: entry(409, 'Stale version', 'Somebody else changed this in the meantime.', 'Read it again and repeat your change.'),
  INVALID_STATE_TRANSITION: entry(409, 'Invalid state transition', 'It cannot move to that state from where it is.', 'Read its state and choose a move that is allowed.'),
  PRECONDITION_FAILED: entry(412, 'Precondition failed', 'Its version is not the one in If-Match.', 'Read it again and send the new ETag.'),
  PAYLOAD_TOO_LARGE: entry(413, 'Payload too large', 'The body is larger than is allowed.', 'Send less at once.'),
  UNSUPPORTED_MEDIA_TYPE: entry(415, 'Unsupported media type', 'The body is of a type that this call does not read.', 'Send application/json.'),
  VALIDATION_ERROR: entry(422, 'Validation error', 'The request does not fit what this call takes.', 'See validation_errors for each field.'),
  HEADERS_TOO_LARGE: entry(431, 'Headers too large', 'The headers of the request are larger than is allowed.', 'Send fewer or shorter headers.'),
  RATE_LIMITED: passing(429, 'Too many requests', 'Too many requests.', 'Wait as long as Retry-After says.'),

  // What befalls the service.
  INTERNAL_SERVER_ERROR: entry(500, 'Internal server error', 'Something went wrong on our side.', 'Report the request_id; the log has the cause.'),
  DATABASE_CONNECTION_FAILED: passing(503, 'Database unreachable', 'The database cannot be reached.', 'Check that the server runs and that DATABASE_URL names it.'),
  POOL_EXHAUSTED: passing(503, 'Pool exhausted', 'Every database connection is in use.', 'Shorten what holds connections, or raise DATABASE_POOL_SIZE.'),
  TRANSACTION_CONFLICT: passing(503, 'Transaction conflict', 'Concurrent changes kept getting in the way.', 'Make the call again.'),
  SERVICE_UNAVAILABLE: passing(503, 'Service unavailable', 'The service cannot take this now.', 'Make the call again a little later.'),
  OUTSIDE_REFUSED: entry(502, 'Outside service refused', 'A service outside of this one refused what it was asked for.', 'Correct what the message names; the same call will be refused again.'),
  OUTSIDE_UNAVAILABLE: passing(503, 'Outside service unavailable', 'A service outside of this one did not answer as it should.', 'Make the call again a little later.'),
  COMMIT_UNKNOWN: entry(503, 'Outcome unknown', 'The connection broke while committing: the change may or may not have been made.', 'Read it before you repeat the change.'),
  DATABASE_TIMEOUT: passing(504, 'Database timeout', 'The database took too long.', 'Ask for less at once, or raise the time-out that the message names.'),

  // What a developer or an operator can cause; never answered to a client by name.
  CONFIG_INVALID: entry(500, 'Invalid settings', 'The settings are not valid.', 'Correct each setting that is listed.'),
  DATABASE_ERROR: entry(500, 'Database error', 'The database refused a statement.', 'See the cause; the SQLSTATE names the rule.'),
  EMBEDDED_SERVER_FAILED: entry(500, 'Embedded server failed', 'The embedded PostgreSQL did not start.', 'See the server log that the message names, or set DATABASE_URL.'),
  MIGRATION_FAILED: entry(500, 'Migration failed', 'A migration could not be run.', 'Correct the revision that the message names; nothing of it was kept.'),
  MIGRATION_INVALID: entry(500, 'Invalid migration', 'The migrations folder is not as it must be.', 'Correct the file that the message names.'),
  MIGRATION_NOT_PROVED: entry(500, 'Migration not proved', 'A migration does not do what it must: up, down and up again on rows.', 'See the differences that the message names.'),
  MIGRATIONS_LOCKED: passing(503, 'Migrations locked', 'Another process is migrating this database.', 'Wait until it is done, then run it again.'),
  MIGRATIONS_PENDING: entry(503, 'Migrations pending', 'The database is behind the code.', 'Run `keelson migrate up`.'),
  MISUSE: entry(500, 'Wrong use', 'The library was used in a way that cannot work.', 'Correct the call that the message names.'),
  PLANNER_MISSING: entry(
    500,
    'Planner missing',
    'The comparer of catalogs, which only planning needs, is not installed.',
    'Where migrations are planned, run `npm install --save-dev --save-exact @supabase/pg-delta@1.0.0-alpha.34`.',
  ),
  PLAN_FAILED: entry(500, 'Plan failed', 'No revision could be planned; nothing was written.', 'Write this change by hand, and check it with `keelson migrate check`.'),
  PORT_TAKEN: entry(500, 'Port taken', 'Something else listens on this port.', 'Choose another port: PORT=8001 npm start.'),
  ROW_SECURITY_UNSAFE: entry(500, 'Row security unsafe', 'Row-level security would not hold.', 'Connect as a role that is neither superuser, nor BYPASSRLS, nor owner of the tables.'),
  SHADOW_UNAVAILABLE: entry(500, 'Shadow unavailable', 'There is no server on which migrations can be tried out.', 'Let SHADOW_DATABASE_URL name a server whose user may create databases.'),
  TRANSACTION_ABORTED: entry(500, 'Transaction aborted', 'A statement failed and its error was swallowed; nothing was committed.', 'Let the error pass, or put the statement into a nested unit.'),
  UPDATE_FAILED: entry(500, 'Update failed', 'The packages could not be updated.', 'See what npm said above; every file is as it was.'),
  USAGE: entry(500, 'Wrong usage', 'The command was not understood.', 'Run it again with --help.'),
  LEASE_LOST: entry(500, 'Lease lost', 'Another process holds this row now; what was done here is not written.', 'Raise leaseMs, or see why this process gave no sign of life.'),
  WORK_ABANDONED: entry(500, 'Work abandoned', 'Every attempt ended without an answer: the process died, or was killed.', 'See what the last attempts did; then retry the row.'),
  WORK_POSTPONED: passing(503, 'Work postponed', 'The work asked to be tried again later.', 'Nothing: it is tried again by itself.'),
  WORK_REFUSED: entry(500, 'Work refused', 'The work cannot succeed, however often it is tried.', 'Correct what the message names, then retry the row.'),
  WORKER_STOPPING: passing(503, 'Worker stopping', 'The process is leaving.', 'Nothing: another process takes over.'),
  WORKER_TIMEOUT: passing(504, 'Worker timeout', 'A run took longer than its worker allows.', 'Raise timeoutMs, or let the run end when its signal is aborted.'),
} as const satisfies Record<string, Entry>;

/** A code of the catalogue. */
export type ErrorCode = keyof typeof catalogue;

/** One field that does not fit; `value` is left out where it may be a secret. */
export interface FieldProblem {
  readonly field: string;
  readonly message: string;
  readonly value?: unknown;
}

/** What an occurrence adds to its entry in the catalogue. */
export interface ErrorOptions {
  readonly message?: string | undefined;
  readonly hint?: string | undefined;
  /** Safe to show to a client. */
  readonly detail?: string | undefined;
  readonly validationErrors?: readonly FieldProblem[] | undefined;
  readonly retryAfterS?: number | undefined;
  /** For the log, never for a client. */
  readonly data?: Readonly<Record<string, unknown>> | undefined;
  readonly cause?: unknown;
}

/**
 * An error of the catalogue.
 *
 * @example
 * import { KeelsonError } from 'keelson/errors';
 * throw new KeelsonError('NOT_FOUND', { message: 'There is no game 42.' });
 */
export class KeelsonError extends Error {
  override readonly name = 'KeelsonError';
  readonly code: ErrorCode;
  readonly status: number;
  readonly title: string;
  readonly hint: string;
  readonly retryable: boolean;
  readonly detail: string | undefined;
  readonly validationErrors: readonly FieldProblem[] | undefined;
  readonly retryAfterS: number | undefined;
  readonly data: Readonly<Record<string, unknown>> | undefined;

  constructor(code: ErrorCode, options: ErrorOptions = {}) {
    const known = catalogue[code];
    super(options.message ?? known.message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.status = known.status;
    this.title = known.title;
    this.hint = options.hint ?? known.hint;
    this.retryable = known.retryable;
    this.detail = options.detail;
    this.validationErrors = options.validationErrors;
    this.retryAfterS = options.retryAfterS;
    this.data = options.data;
  }
}

/** Whether an error is one of the catalogue, of the given code where one is given. */
export function isKeelsonError(error: unknown, code?: ErrorCode): error is KeelsonError {
  return error instanceof KeelsonError && (code === undefined || error.code === code);
}

/** Any thrown value as an error of the catalogue; what is unknown becomes `INTERNAL_SERVER_ERROR`. */
export function toKeelsonError(error: unknown): KeelsonError {
  return error instanceof KeelsonError ? error : new KeelsonError('INTERNAL_SERVER_ERROR', { cause: error });
}
