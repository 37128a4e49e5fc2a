/** Calls: what guards and handlers see of one request, and its context for all that runs below them. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../clock.ts';
import { fieldsOfRequest, type RequestContext, type Trace } from '../context.ts';
import type { Log } from '../log.ts';
import type { Database } from '../work/database.ts';
import type { Repositories } from '../work/model.ts';
import type { Identity } from './guard.ts';
import type { RouteContext, RouteParts } from './route.ts';
import { traceOf } from './trace.ts';

const contexts = new WeakMap<FastifyRequest, CallContext>();

/** The context of a call; the trace is read when somebody asks for it. */
export class CallContext implements RequestContext {
  readonly requestId: string;
  readonly startedAt: Date;
  user: string | undefined;
  tenant: string | undefined;
  readonly #request: FastifyRequest;
  #trace: Trace | undefined | null = null;

  constructor(request: FastifyRequest, clock: Pick<Clock, 'now'>) {
    this.requestId = request.id;
    this.startedAt = clock.now();
    this.#request = request;
  }

  get trace(): Trace | undefined {
    this.#trace = this.#trace === null ? traceOf(this.#request.headers) : this.#trace;
    return this.#trace;
  }

  /** From now on it is known who is calling. */
  identify({ user, tenant }: Identity): void {
    this.user = user;
    this.tenant = tenant;
  }
}

/** The context of a request; made when it is first asked for. */
export function contextOf(request: FastifyRequest, clock: Pick<Clock, 'now'>): CallContext {
  const known = contexts.get(request);
  if (known !== undefined) return known;
  const made = new CallContext(request, clock);
  contexts.set(request, made);
  return made;
}

/** What a log line says of whose request it is, also of one that met no route. */
export function fieldsOf(request: FastifyRequest): Record<string, string> {
  const known = contexts.get(request);
  return fieldsOfRequest(known ?? { requestId: request.id, trace: traceOf(request.headers), user: undefined, tenant: undefined });
}

/** What a guard sees; the log is made when it is asked for. */
export class Call<R extends Repositories, S> {
  readonly request: FastifyRequest;
  readonly context: CallContext;
  protected readonly parts: RouteParts<R, S>;

  constructor(parts: RouteParts<R, S>, request: FastifyRequest, context: CallContext) {
    this.parts = parts;
    this.request = request;
    this.context = context;
  }

  get requestId(): string {
    return this.request.id;
  }

  get services(): S {
    return this.parts.services;
  }

  get log(): Log {
    return this.parts.log.child(fieldsOfRequest(this.context));
  }
}

/** What was read for a handler. */
export interface Reading<P, B, Q, U> {
  readonly body: B;
  readonly query: Q;
  readonly params: U;
  readonly principal: P;
  readonly reply: FastifyReply;
}

/** What a handler sees. */
export class HandlerCall<R extends Repositories, S, P, B, Q, U> extends Call<R, S> implements RouteContext<R, S, P, B, Q, U> {
  readonly body: B;
  readonly query: Q;
  readonly params: U;
  readonly principal: P;
  readonly reply: FastifyReply;
  #database: Database<R> | undefined;

  constructor(call: { parts: RouteParts<R, S>; request: FastifyRequest; context: CallContext }, reading: Reading<P, B, Q, U>) {
    super(call.parts, call.request, call.context);
    this.body = reading.body;
    this.query = reading.query;
    this.params = reading.params;
    this.principal = reading.principal;
    this.reply = reading.reply;
  }

  get database(): Database<R> {
    this.#database ??= this.#openDatabase();
    return this.#database;
  }

  #openDatabase(): Database<R> {
    const { database, session } = this.parts;
    if (session === undefined) return database;
    const { request, context, principal } = this;
    const settings = session({ request, principal, requestId: context.requestId, user: context.user, tenant: context.tenant });
    return settings === undefined || Object.keys(settings).length === 0 ? database : database.for({ settings });
  }
}
