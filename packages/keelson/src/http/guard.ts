/** Guards: who may call a route. Every route names one, so that nothing is public by omission. */
import type { FastifyRequest } from 'fastify';
import type { ErrorCode } from '../errors.ts';
import type { Log } from '../log.ts';

/** What a guard may look at; the body is not read yet. What it asks the database, it asks through a service. */
export interface GuardContext<S> {
  readonly request: FastifyRequest;
  readonly requestId: string;
  readonly services: S;
  /** Logs with the request's id and trace. */
  readonly log: Log;
}

/** Who is calling, for the request context: log lines and the database's settings. */
export interface Identity {
  readonly user?: string | undefined;
  readonly tenant?: string | undefined;
}

/** How the guard's credentials are described in the OpenAPI document (a Security Scheme Object). */
export interface SecurityScheme {
  /** The scheme's name under `components.securitySchemes`. */
  readonly name: string;
  /** The object, or a function of the API prefix where it names paths. */
  readonly scheme: Readonly<Record<string, unknown>> | ((prefix: string) => Readonly<Record<string, unknown>>);
}

/** Decides who may call a route, and says who is calling. */
export interface Guard<P, S = unknown> {
  /** For the log and the OpenAPI document. */
  readonly name: string;
  readonly security?: SecurityScheme | undefined;
  /** The codes that `check` may throw, for the OpenAPI document. */
  readonly errors?: readonly ErrorCode[] | undefined;
  /** Gives who is calling, or throws `UNAUTHENTICATED`, `FORBIDDEN` or another code of the catalogue. */
  readonly check: (context: GuardContext<S>) => P | Promise<P>;
  /** Who the caller is, by ids that may stand in a log. */
  identify?(principal: P): Identity;
}

/** The guard of routes that anybody may call. */
export const everyone: OpenGuard = { name: 'everyone', check: () => undefined };

/** A guard that asks nothing. */
export interface OpenGuard {
  readonly name: string;
  readonly check: () => undefined;
  identify?(): Identity;
}
