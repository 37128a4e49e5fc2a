/** Problems: every failure as one body of `application/problem+json`, with nothing internal in it. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../clock.ts';
import { catalogue, type ErrorCode, type FieldProblem, isKeelsonError, KeelsonError, toKeelsonError } from '../errors.ts';
import { noteCode, pathOf } from './request-log.ts';

/** The media type of RFC 9457. */
export const PROBLEM_TYPE = 'application/problem+json';

/** The body of a failure. @see RFC 9457 */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly instance: string;
  readonly error: ErrorCode;
  readonly message: string;
  readonly detail?: string;
  readonly timestamp: string;
  readonly request_id: string;
  readonly validation_errors?: readonly FieldProblem[];
  readonly retry_after?: number;
}

/** Where and when a failure happened. */
export interface Occurrence {
  /** The path, without the query. */
  readonly instance: string;
  readonly requestId: string;
  readonly clock: Pick<Clock, 'now'>;
}

/** What a problem holds at most; an app may throw what it likes. */
export const problemLimits = { lengthMax: 8_192, fieldsMax: 100, retryAfterS: 86_400 } as const;

/** What waits for a call that may be made again, where the error does not say. */
const RETRY_AFTER_S = 1;

/** Codes that name the inside of the service: a client is told that something went wrong, the log what. */
const internal: ReadonlySet<ErrorCode> = new Set([
  'CONFIG_INVALID',
  'DATABASE_ERROR',
  'EMBEDDED_SERVER_FAILED',
  'MIGRATION_FAILED',
  'MIGRATION_INVALID',
  'MISUSE',
  'PORT_TAKEN',
  'ROW_SECURITY_UNSAFE',
  'TRANSACTION_ABORTED',
  'USAGE',
]);

/** The error as a client may know it. */
export function publicError(error: unknown): KeelsonError {
  const known = fromFastify(error) ?? toKeelsonError(error);
  if (internal.has(known.code)) return new KeelsonError('INTERNAL_SERVER_ERROR', { cause: known });
  if (known.code === 'MIGRATIONS_PENDING' || known.code === 'MIGRATIONS_LOCKED')
    return new KeelsonError('SERVICE_UNAVAILABLE', { cause: known });
  return known;
}

/** The body for an error that a client may know. */
export function problemOf(error: KeelsonError, { instance, requestId, clock }: Occurrence): Problem {
  const retryAfterS = retryAfter(error);
  return {
    type: `/errors/${error.code}`,
    title: error.title,
    status: error.status,
    instance: cut(instance),
    error: error.code,
    // What befalls the service is told in the words of the catalogue: those of the occurrence may name hosts and tables.
    message: error.status >= 500 ? catalogue[error.code].message : cut(error.message),
    ...(error.detail === undefined ? {} : { detail: cut(error.detail) }),
    timestamp: clock.now().toISOString(),
    request_id: requestId,
    ...(error.validationErrors === undefined ? {} : { validation_errors: error.validationErrors.slice(0, problemLimits.fieldsMax) }),
    ...(retryAfterS === undefined ? {} : { retry_after: retryAfterS }),
  };
}

/** Answers a request with a problem. */
export function sendProblem(request: FastifyRequest, reply: FastifyReply, thrown: unknown, clock: Clock): FastifyReply {
  const error = withPrecondition(publicError(thrown), request);
  noteCode(request, error.code);
  const problem = problemOf(error, { instance: pathOf(request.url), requestId: request.id, clock });
  return reply
    .code(error.status)
    .headers(problemHeaders(problem))
    .send(Buffer.from(JSON.stringify(problem)));
}

/** The headers that belong to a problem. */
function problemHeaders(problem: Problem): Record<string, string> {
  return {
    'content-type': PROBLEM_TYPE,
    ...(problem.status === 401 ? { 'www-authenticate': challenge(problem.error) } : {}),
    ...(problem.retry_after === undefined ? {} : { 'retry-after': String(problem.retry_after) }),
  };
}

/** @see RFC 6750, section 3.1 */
function challenge(code: ErrorCode): string {
  return code === 'TOKEN_EXPIRED' || code === 'TOKEN_INVALID' ? 'Bearer error="invalid_token"' : 'Bearer';
}

function retryAfter(error: KeelsonError): number | undefined {
  if (error.status !== 429 && error.status !== 503) return undefined;
  // An unknown outcome is no invitation to do it again.
  const seconds = error.retryAfterS ?? (error.retryable ? RETRY_AFTER_S : undefined);
  return seconds === undefined ? undefined : Math.min(Math.max(Math.ceil(seconds), 0), problemLimits.retryAfterS);
}

/** Cut between characters, so that no half of a pair is left. */
function cut(text: string): string {
  return text.length <= problemLimits.lengthMax ? text : text.slice(0, problemLimits.lengthMax).toWellFormed();
}

/** Whoever named the version that they know is told that this was what failed. */
function withPrecondition(error: KeelsonError, request: FastifyRequest): KeelsonError {
  if (error.code !== 'STALE_VERSION' || request.headers['if-match'] === undefined) return error;
  return new KeelsonError('PRECONDITION_FAILED', { cause: error });
}

const byFastifyCode: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_NOT_FOUND: 'NOT_FOUND',
  FST_ERR_MAX_PARAM_LENGTH: 'NOT_FOUND',
  FST_ERR_HANDLER_TIMEOUT: 'SERVICE_UNAVAILABLE',
};

const byStatus: Readonly<Record<number, ErrorCode>> = {
  400: 'MALFORMED_REQUEST',
  401: 'UNAUTHENTICATED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  405: 'METHOD_NOT_ALLOWED',
  408: 'REQUEST_TIMEOUT',
  409: 'CONFLICT',
  412: 'PRECONDITION_FAILED',
  413: 'PAYLOAD_TOO_LARGE',
  415: 'UNSUPPORTED_MEDIA_TYPE',
  422: 'VALIDATION_ERROR',
  429: 'RATE_LIMITED',
  431: 'HEADERS_TOO_LARGE',
  503: 'SERVICE_UNAVAILABLE',
};

/** Errors of Fastify and its plugins carry a status; their texts stay inside. */
function fromFastify(error: unknown): KeelsonError | undefined {
  if (isKeelsonError(error) || !(error instanceof Error)) return undefined;
  const code = 'code' in error && typeof error.code === 'string' ? byFastifyCode[error.code] : undefined;
  const status = 'statusCode' in error && typeof error.statusCode === 'number' ? error.statusCode : undefined;
  const known = code ?? (status === undefined ? undefined : byStatus[status]) ?? (isClientError(status) ? 'MALFORMED_REQUEST' : undefined);
  return known === undefined ? undefined : new KeelsonError(known, { cause: error });
}

function isClientError(status: number | undefined): boolean {
  return status !== undefined && status >= 400 && status < 500;
}
