/** One HTTP call to a service outside: bounded in time and size, its failures told apart as passing or permanent. */
import { KeelsonError } from 'keelson/errors';
import type { Static, TSchema } from 'typebox';
import { Check } from 'typebox/schema';

/** What is called. */
export interface OutsideCall {
  /** The service's name, for messages. */
  readonly service: string;
  readonly url: URL;
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | FormData;
  readonly signal: AbortSignal;
  /** From the call to the last byte of the answer. */
  readonly timeoutMs: number;
  /** More of an answer is not read. */
  readonly sizeMaxBytes: number;
}

/** A whole answer with a status of success. */
export interface OutsideAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Uint8Array;
}

/** Statuses below 500 that pass by themselves: time-out, conflict, too early, too many. */
const passingStatuses = new Set([408, 409, 425, 429]);

/** How much of a refusal is kept for the log. */
const EXCERPT_MAX_BYTES = 500;

/** A service that asks for a longer wait is asked again after this one. */
const RETRY_AFTER_MAX_S = 3_600;

/**
 * Makes a call and gives its answer; redirects are not followed, since a key could go with them.
 *
 * @throws OUTSIDE_UNAVAILABLE no connection, no answer in time, half an answer, 408, 409, 425, 429 or 5xx
 * @throws OUTSIDE_REFUSED any other status but success, or an answer that is too large
 */
export async function callOutside(call: OutsideCall): Promise<OutsideAnswer> {
  call.signal.throwIfAborted();
  const over = new AbortController();
  const stop = (): void => over.abort(call.signal.reason);
  const timer = setTimeout(() => {
    over.abort(unavailable(call.service, `did not answer within ${String(call.timeoutMs)} ms`));
  }, call.timeoutMs);
  call.signal.addEventListener('abort', stop, { once: true });
  try {
    const response = await fetch(call.url, {
      method: call.method ?? 'GET',
      headers: { ...call.headers },
      body: call.body ?? null,
      redirect: 'manual',
      signal: over.signal,
    });
    const bytes = await readAll(response, call);
    if (!response.ok) throw refusalOf(call.service, response, bytes);
    return { status: response.status, headers: response.headers, bytes };
  } catch (error) {
    over.signal.throwIfAborted();
    if (error instanceof KeelsonError) throw error;
    throw unavailable(call.service, `broke off (${causeOf(error)})`, error);
  } finally {
    clearTimeout(timer);
    call.signal.removeEventListener('abort', stop);
    over.abort();
  }
}

/**
 * Reads an answer as JSON of a form.
 *
 * @throws OUTSIDE_UNAVAILABLE when it is no JSON, or of another form: what stands between us and the service answered instead of it
 */
export function parseAnswer<S extends TSchema>(service: string, schema: S, bytes: Uint8Array): Static<S> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw unavailable(service, 'answered with what is no JSON', error);
  }
  if (!Check(schema, value)) throw unavailable(service, 'answered with JSON of a form that it does not document');
  return value;
}

/** The error for what passes: the same call may succeed later. */
export function unavailable(service: string, what: string, cause?: unknown): KeelsonError {
  return new KeelsonError('OUTSIDE_UNAVAILABLE', { message: `${service} ${what}.`, data: { service }, cause });
}

/** The error for what stays: the same call will be refused again. */
export function refused(service: string, what: string, cause?: unknown): KeelsonError {
  return new KeelsonError('OUTSIDE_REFUSED', { message: `${service} ${what}.`, data: { service }, cause });
}

async function readAll(response: Response, call: OutsideCall): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  const body: AsyncIterable<Uint8Array> | null = response.body;
  for await (const chunk of body ?? []) {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > call.sizeMaxBytes) throw refused(call.service, `answered with more than ${String(call.sizeMaxBytes)} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The error for an answer whose status is not success. */
function refusalOf(service: string, { status, headers }: Response, bytes: Uint8Array): KeelsonError {
  const passes = status >= 500 || passingStatuses.has(status);
  return new KeelsonError(passes ? 'OUTSIDE_UNAVAILABLE' : 'OUTSIDE_REFUSED', {
    message: `${service} answered with status ${String(status)}.`,
    hint: status === 401 || status === 403 ? `Check the key for ${service}.` : undefined,
    retryAfterS: passes ? parseRetryAfter(headers.get('retry-after')) : undefined,
    data: { service, status, answer: new TextDecoder().decode(bytes.subarray(0, EXCERPT_MAX_BYTES)) },
  });
}

/** The seconds of a `Retry-After`; a date is left aside, the caller's own backoff does then. */
function parseRetryAfter(value: string | null): number | undefined {
  if (value === null || !/^\d{1,9}$/u.test(value.trim())) return undefined;
  return Math.min(Number(value), RETRY_AFTER_MAX_S);
}

/** What `fetch` hides behind «fetch failed». */
function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (cause instanceof Error) return 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.message;
  return error.message;
}
