/** The request log: one `http.request` line for each call, and the cause of every failure that is ours. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ErrorCode } from '../errors.ts';
import type { Log } from '../log.ts';
import { fieldsOf } from './call.ts';

const codes = new WeakMap<FastifyRequest, ErrorCode>();

/** Remembers with which code a request failed, for its line. */
export function noteCode(request: FastifyRequest, code: ErrorCode): void {
  codes.set(request, code);
}

/** Writes the line of each request when its answer is out; probes are written at debug, since they come every few seconds. */
export function logRequests(server: FastifyInstance, log: Log): void {
  server.addHook('onResponse', (request, reply, done) => {
    const path = pathOf(request.url);
    const error = codes.get(request);
    const fields = {
      ...fieldsOf(request),
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

/** Writes what lies behind an answer of 500 and above. */
export function logFailure(log: Log, request: FastifyRequest, error: unknown): void {
  const { method, url } = request;
  log.error('http.error', { ...fieldsOf(request), method, path: pathOf(url), error });
}

/** The path of a URL, without its query. */
export function pathOf(url: string): string {
  const end = url.indexOf('?');
  return end < 0 ? url : url.slice(0, end);
}

/** Whether a path is one of the probes. */
export function isProbe(path: string): boolean {
  return path === '/health' || path.startsWith('/health/');
}
