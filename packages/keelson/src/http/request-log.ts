/** The request log: one `http.request` line for each call, and the cause of every failure that is ours. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type ErrorCode, isKeelsonError } from '../errors.ts';
import type { Log } from '../log.ts';
import { isConnectionLost, sqlState } from '../postgres/sqlstate.ts';
import { fieldsOf } from './call.ts';

const codes = new WeakMap<FastifyRequest, ErrorCode>();

/** Remembers with which code a request failed, for its line. */
export function noteCode(request: FastifyRequest, code: ErrorCode): void {
  codes.set(request, code);
}

const traces = new WeakMap<FastifyRequest, string>();

/** Remembers in which trace a request is recorded, for its lines. */
export function noteTrace(request: FastifyRequest, traceId: string): void {
  traces.set(request, traceId);
}

function tracedAs(request: FastifyRequest): { readonly trace_id?: string } {
  const traceId = traces.get(request);
  return traceId === undefined ? {} : { trace_id: traceId };
}

/** Writes the line of each request when its answer is out; probes are written at debug, since they come every few seconds. */
export function logRequests(server: FastifyInstance, log: Log): void {
  server.addHook('onResponse', (request, reply, done) => {
    const path = pathOf(request.url);
    const error = codes.get(request);
    const fields = {
      ...fieldsOf(request),
      ...tracedAs(request),
      method: request.method,
      path,
      route: request.routeOptions.url ?? null,
      status: reply.statusCode,
      duration_ms: Math.round(reply.elapsedTime * 1000) / 1000,
      ...(error === undefined ? {} : { error }),
    };
    if (isProbe(path)) log.debug('http.request', fields);
    else log.info('http.request', fields);
    done();
  });
}

/** Writes, once, what lies behind an answer of 500 and above: `database.error` when the database failed, else `http.error`. */
export function logFailure(log: Log, request: FastifyRequest, error: unknown): void {
  const { method, url } = request;
  const fields = { ...fieldsOf(request), ...tracedAs(request), method, path: pathOf(url) };
  const cause = databaseCause(error);
  if (cause === undefined) log.error('http.error', { ...fields, error });
  else log.error('database.error', { ...fields, sqlstate: sqlState(cause) ?? null, error });
}

const CAUSES_MAX = 10;

/** The failure of the database that lies in an error, however deep. */
function databaseCause(error: unknown): unknown {
  let current = error;
  for (let depth = 0; depth < CAUSES_MAX && current instanceof Error; depth += 1) {
    // A refused connection that is not one of ours was that of another client, to something else.
    if (sqlState(current) !== undefined || (isKeelsonError(current) && isConnectionLost(current))) return current;
    current = current.cause;
  }
  return undefined;
}

/** The path of a URL, without its query. */
export function pathOf(url: string): string {
  const end = url.indexOf('?');
  return end < 0 ? url : url.slice(0, end);
}

/** Whether a path is one of the probes, or the metrics: machines ask for them every few seconds, to the end. */
export function isProbe(path: string): boolean {
  return path === '/health' || path.startsWith('/health/') || path === '/metrics';
}
