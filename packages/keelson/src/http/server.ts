/** The server: a Fastify instance with the app's routes, on which every failure is a problem and every call is logged. */
import { fastify, type FastifyInstance } from 'fastify';
import type { BaseSettings } from '../config/base.ts';
import type { Declarations } from '../config/declaration.ts';
import type { Health } from '../health/health.ts';
import type { WorkSource } from '../telemetry/work-metrics.ts';
import type { Repositories } from '../work/model.ts';
import type { App, Standing } from './app.ts';
import { acceptForms, acceptJson, keepBytes } from './bodies.ts';
import { answerClientError, answerRefusals } from './client-error.ts';
import { schemaController } from './compilers.ts';
import { allowOrigins } from './cors.ts';
import { serveDocs } from './docs-page.ts';
import { Drain } from './drain.ts';
import { guardEntry } from './entry.ts';
import { serveErrorPages } from './error-pages.ts';
import { securityHeaders } from './headers.ts';
import { type EdgeLimits, edgeLimits } from './limits.ts';
import { observe } from './observe.ts';
import { renderOpenApi } from './openapi.ts';
import { serveProbes } from './probes.ts';
import { publicError, sendProblem } from './problem.ts';
import { limitRate } from './rate-limit.ts';
import { requestIdOf } from './request-id.ts';
import { logFailure, logRequests } from './request-log.ts';
import type { Route, Session } from './route.ts';

/** What a server is built of, beside the app. */
export interface ServerParts<R extends Repositories, S, D extends Declarations> extends Standing<R, S, D> {
  /** The settings that every app has, of those of the app. */
  readonly base: BaseSettings;
  readonly health: Health;
  readonly drain?: Drain | undefined;
  /** The workers of the app, for /metrics. */
  readonly work?: WorkSource | undefined;
  /** Limits that differ, for tests. */
  readonly limits?: Partial<EdgeLimits> | undefined;
}

/** What `addRoutes` adds: routes that read forms, or no body at all, stand in scopes of their own; everywhere else a form is a 415. */
interface Bound<R extends Repositories, S> {
  readonly route: Route<R, S>;
  readonly path: string;
}

/**
 * Builds the server of an app, ready for `inject` and for `listen`.
 *
 * @throws MISUSE when two routes stand in each other's way
 */
export async function buildServer<R extends Repositories, S, D extends Declarations>(
  app: App<R, S, D>,
  parts: ServerParts<R, S, D>,
): Promise<FastifyInstance> {
  const { base, drain = new Drain() } = parts;
  const server = createServer(parts);
  observe(server, { base, postgres: parts.database.postgres, clock: parts.clock, work: parts.work });
  const routes = app.routes.map((route): Bound<R, S> => ({
    route,
    path: route.root === true ? route.url : `${base.API_V1_PREFIX}${route.url}`,
  }));
  addHeaders(server, base.APP_ENV);
  drain.watch(server);
  await allowOrigins(server, base.CORS_ORIGINS);
  await limitRate(server, base);
  guardEntry(server);
  serveProbes(server, parts.health, base.HEALTH_DETAILS);
  serveErrorPages(server);
  const facts = { name: base.PROJECT_NAME, version: app.version, description: app.description };
  serveDocs(server, base.PROJECT_NAME, () => renderOpenApi(facts, routes, base.API_V1_PREFIX));
  const bound = { ...parts, session: app.session };
  addRoutes(
    server,
    routes.filter(({ route }) => route.forms !== true && route.rawBytesMax === undefined),
    bound,
  );
  await server.register(async (scope) => {
    acceptForms(scope);
    addRoutes(
      scope,
      routes.filter(({ route }) => route.forms === true),
      bound,
    );
  });
  for (const one of routes) {
    const { rawBytesMax } = one.route;
    if (rawBytesMax === undefined) continue;
    await server.register(async (scope) => {
      keepBytes(scope, rawBytesMax);
      addRoutes(scope, [one], bound);
    });
  }
  await app.extend?.(server, parts);
  await server.ready();
  return server;
}

type Core = Pick<ServerParts<Repositories, unknown, Declarations>, 'base' | 'log' | 'clock' | 'limits'>;

function createServer({ base, log, clock, limits }: Core): FastifyInstance {
  const { headersMs, requestMs, checkMs, bodyBytesMax, parameterLengthMax } = { ...edgeLimits, ...limits };
  const server = fastify({
    bodyLimit: bodyBytesMax,
    requestTimeout: requestMs,
    // Node would answer a missing Host and close without a body; the entry below says what is wrong.
    http: { headersTimeout: headersMs, connectionsCheckingInterval: checkMs, requireHostHeader: false },
    routerOptions: { maxParamLength: parameterLengthMax },
    trustProxy: base.TRUST_PROXY === 0 ? false : (_address: string, hop: number) => hop < base.TRUST_PROXY,
    schemaController,
    genReqId: requestIdOf,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    clientErrorHandler: (error, socket) => answerClientError(error, socket, { log, clock }),
    frameworkErrors: (error, request, reply) => {
      reply.headers(securityHeaders(base.APP_ENV)).header('x-request-id', request.id);
      void sendProblem(request, reply, error, clock);
    },
  });
  server.setErrorHandler((error, request, reply) => {
    if (publicError(error).status >= 500) logFailure(log, request, error);
    return sendProblem(request, reply, error, clock);
  });
  answerRefusals(server.server, { log, clock });
  acceptJson(server);
  logRequests(server, log);
  return server;
}

function addHeaders(server: FastifyInstance, environment: BaseSettings['APP_ENV']): void {
  const headers = securityHeaders(environment);
  server.addHook('onRequest', (request, reply, done) => {
    reply.headers(headers).header('x-request-id', request.id);
    done();
  });
}

function addRoutes<R extends Repositories, S, D extends Declarations>(
  scope: FastifyInstance,
  routes: readonly Bound<R, S>[],
  { database, services, log, clock, session }: ServerParts<R, S, D> & { readonly session: Session | undefined },
): void {
  for (const { route, path } of routes) {
    const bound = route.bind({ database: database.for({ name: `${route.method} ${path}` }), services, log, clock, session });
    scope.route({
      method: route.method,
      url: path,
      ...(bound.admit === undefined ? {} : { onRequest: bound.admit }),
      ...(route.bodyMax === undefined ? {} : { bodyLimit: route.bodyMax.bytes, config: { keysMax: route.bodyMax.keys } }),
      handler: async (request, reply) => {
        const text = await bound.handle(request, reply);
        if (reply.sent) return reply;
        if (text === undefined) return reply.send();
        return reply.header('content-type', 'application/json; charset=utf-8').send(text);
      },
    });
  }
}
