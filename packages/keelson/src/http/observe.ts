/** Observation: what is measured of each request, its span where somebody records, and `/metrics`. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Clock } from '../clock.ts';
import type { BaseSettings } from '../config/base.ts';
import { KeelsonError } from '../errors.ts';
import type { Postgres } from '../postgres/postgres.ts';
import { listenTo, Metrics } from '../telemetry/metrics.ts';
import { Prometheus } from '../telemetry/prometheus.ts';
import type { WorkSource } from '../telemetry/work-metrics.ts';
import { registeredTracer, type RequestSpan, Tracing } from '../telemetry/tracing.ts';
import { isOnThisMachine } from './probes.ts';
import { noteTrace, pathOf } from './request-log.ts';
import { traceOf } from './trace.ts';

/** What observing needs to know. */
export interface ObserveParts {
  readonly base: Pick<BaseSettings, 'METRICS'>;
  readonly postgres: Postgres;
  readonly clock: Clock;
  /** The workers of this process, where it has some. */
  readonly work?: WorkSource | undefined;
}

/** A request to a path that is none of ours: its URL must not become a name. */
const NO_ROUTE = 'none';

/** Measures the requests and the database of a server, each part only where somebody wants it. Danger: hooks run in their order; this is to come first. */
export function observe(server: FastifyInstance, { base, postgres, clock, work }: ObserveParts): void {
  const metrics = base.METRICS === 'off' ? undefined : new Metrics();
  const tracer = registeredTracer();
  const tracing = tracer === undefined ? undefined : new Tracing(tracer, postgres);
  const silence = listenTo(postgres, { metrics, tracing, clock });
  server.addHook('onClose', async () => silence());
  if (tracing !== undefined) traceRequests(server, tracing);
  if (metrics !== undefined) {
    countRequests(server, metrics);
    serveMetrics(server, new Prometheus(metrics, postgres, work), base.METRICS);
  }
}

function countRequests(server: FastifyInstance, { requests }: Metrics): void {
  server.addHook('onResponse', (request, reply, done) => {
    requests.of(request.method, request.routeOptions.url ?? NO_ROUTE, String(reply.statusCode)).add(reply.elapsedTime);
    done();
  });
}

function serveMetrics(server: FastifyInstance, prometheus: Prometheus, readers: BaseSettings['METRICS']): void {
  server.get('/metrics', async (request, reply) => {
    if (readers === 'loopback' && !isOnThisMachine(request)) throw new KeelsonError('NOT_FOUND');
    const { contentType, text } = await prometheus.render();
    return reply.header('content-type', contentType).send(text);
  });
}

function traceRequests(server: FastifyInstance, tracing: Tracing): void {
  const spans = new WeakMap<FastifyRequest, RequestSpan>();
  server.addHook('onRequest', (request, reply, done) => {
    const { method, url, protocol: scheme, headers } = request;
    const span = tracing.request({ method, route: request.routeOptions.url, path: pathOf(url), scheme, headers, joined: traceOf(headers) });
    spans.set(request, span);
    noteTrace(request, span.traceId);
    // Emitted once, however the answer ends.
    reply.raw.once('close', () => span.end(reply.statusCode, !reply.raw.writableEnded));
    span.run(done);
  });
  // A body is read in the events of its socket, which know nothing of the request: from here on it is entered anew.
  server.addHook('preValidation', (request, _reply, done) => {
    const span = spans.get(request);
    if (span === undefined) done();
    else span.run(done);
  });
}
