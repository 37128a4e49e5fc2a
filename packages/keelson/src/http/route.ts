/** Routes: what a call takes, who may make it, what it answers, and the function that does it. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Static, TSchema } from 'typebox';
import type { Clock } from '../clock.ts';
import type { RequestContext } from '../context.ts';
import type { ErrorCode } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Database } from '../work/database.ts';
import type { Repositories } from '../work/model.ts';
import type { Guard, SecurityScheme } from './guard.ts';
import type { Shape } from './wire/shape.ts';

/** The methods that a route may take. */
export type Method = 'DELETE' | 'GET' | 'PATCH' | 'POST' | 'PUT';

/** Answers by status; `null` is an answer without a body. */
export type Responses = Readonly<Record<number, TSchema | null>>;

/** What a schema gives the handler; a part without a schema is not read. */
export type Input<T> = T extends TSchema ? Static<T> : undefined;

/** What a handler may give for a value of an answer: entities and lists of rows too, extra properties do not leave. */
export type Answer<T> = unknown extends T
  ? T
  : T extends Date | Uint8Array
    ? T
    : T extends readonly (infer I)[]
      ? readonly Answer<I>[]
      : T extends object
        ? { readonly [K in keyof T]: Answer<T[K]> | (undefined extends T[K] ? undefined : never) }
        : T;

/** What the handler of a route with these answers gives. */
export type Output<A extends Responses> = { [K in keyof A]: OutputOf<A[K]> }[keyof A];

type OutputOf<T> = T extends TSchema ? Answer<Static<T>> : void;

/** What a handler works with. */
export interface RouteContext<R extends Repositories, S, P, B, Q, U> {
  readonly body: B;
  readonly query: Q;
  readonly params: U;
  /** Who is calling, as the guard found. */
  readonly principal: P;
  /** Who asks, in which trace and since when; what runs below finds it as `currentRequest()`. */
  readonly context: RequestContext;
  /** The database, seen by this call: the route's name stands in the errors of a full pool, and what the app's `session` gives is set in every transaction. */
  readonly database: Database<R>;
  readonly services: S;
  /** Logs with the request's id, its trace and who is calling. */
  readonly log: Log;
  readonly requestId: string;
  readonly request: FastifyRequest;
  /** For headers and, where a route has several answers, the status; the answer itself is what the handler gives. */
  readonly reply: FastifyReply;
}

/** What a route says of itself beside its schemas and its handler. */
export interface RouteFacts {
  readonly method: Method;
  /** The path under the API prefix, parameters as `/users/:id`. */
  readonly url: string;
  /** The path stands by itself, not under the API prefix. */
  readonly root?: boolean | undefined;
  readonly summary: string;
  readonly description?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  /** Unique in the app; made of method and path where it is not given. */
  readonly operationId?: string | undefined;
  /** The codes that the handler may throw, beyond those that every call may answer with. */
  readonly errors?: readonly ErrorCode[] | undefined;
  /** Takes forms (`application/x-www-form-urlencoded`) too: read by the body's schema, or by one of their own. */
  readonly forms?: boolean | undefined;
  /** The body is not read: `request.body` holds the bytes as they were sent, at most this many, for what is signed over them. */
  readonly rawBytesMax?: number | undefined;
  /** A body that may be larger than others are: in bytes, and in members of all its objects together. */
  readonly bodyMax?: { readonly bytes: number; readonly keys: number } | undefined;
  /** Headers that the handler reads or sets, for the document. */
  readonly takes?: readonly ('If-Match' | 'If-None-Match')[] | undefined;
  readonly gives?: readonly ('ETag' | 'Location')[] | undefined;
}

/** A route as it is written. */
export interface RouteDefinition<R extends Repositories, S, P, B, Q, U, A extends Responses> extends RouteFacts {
  readonly guard: Guard<P, S>;
  readonly body?: B;
  readonly query?: Q;
  readonly params?: U;
  /** By status, the successes; failures are `errors`. */
  readonly responses: A;
  readonly handler: (context: RouteContext<R, S, P, Input<B>, Input<Q>, Input<U>>) => Output<A> | Promise<Output<A>>;
}

/** What a route is bound to when the server is built. */
export interface RouteParts<R extends Repositories, S> {
  readonly database: Database<R>;
  readonly services: S;
  readonly log: Log;
  readonly clock: Pick<Clock, 'now'>;
  readonly session?: Session | undefined;
}

/** Whose transactions a call's database runs. */
export interface SessionContext {
  readonly request: FastifyRequest;
  readonly requestId: string;
  /** What the route's guard gave. */
  readonly principal: unknown;
  readonly user: string | undefined;
  readonly tenant: string | undefined;
}

/** Gives the transaction-local settings of a call's database, such as `{ 'app.user': user }`; none when there are none. */
export type Session = (context: SessionContext) => Readonly<Record<string, string>> | undefined;

/** A bound route: what Fastify is given. */
export interface BoundRoute {
  /** Runs the guard, before the body is read; undefined for a route that is open to everyone. */
  readonly admit: ((request: FastifyRequest) => Promise<void>) | undefined;
  /** Reads the request, runs the handler, and gives the answer as JSON text; undefined for an answer without a body. */
  readonly handle: (request: FastifyRequest, reply: FastifyReply) => Promise<string | undefined>;
}

/** What a route looks like on the wire. */
export interface RouteWire {
  readonly body: Shape | undefined;
  readonly query: Shape | undefined;
  readonly params: Shape | undefined;
  /** By status; `null` is an answer without a body. */
  readonly responses: ReadonlyMap<number, Shape | null>;
}

/** A route of an app whose database has the repositories `R` and whose services are `S`. */
export interface Route<R extends Repositories, S> extends RouteFacts {
  readonly guard: {
    readonly name: string;
    readonly security?: SecurityScheme | undefined;
    readonly errors?: readonly ErrorCode[] | undefined;
  };
  /** What the request and the answers look like on the wire. */
  readonly wire: RouteWire;
  readonly bind: (parts: RouteParts<R, S>) => BoundRoute;
}

/** Makes routes for an app; the types of repositories and services are named once. */
export interface RouteFactory<R extends Repositories, S> {
  <
    P,
    A extends Responses,
    B extends TSchema | undefined = undefined,
    Q extends TSchema | undefined = undefined,
    U extends TSchema | undefined = undefined,
  >(
    definition: RouteDefinition<R, S, P, B, Q, U, A>,
  ): Route<R, S>;
}
