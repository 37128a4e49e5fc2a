/** Tracing: spans by the OpenTelemetry API, for whoever has registered an SDK; where nobody has, there is no tracer and nothing is done. */
import {
  type Context,
  context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Tracer,
} from '@opentelemetry/api';
import { parseAddress } from '../postgres/address.ts';
import type { Postgres } from '../postgres/postgres.ts';
import { sqlState } from '../postgres/sqlstate.ts';
import type { Trace } from '../context.ts';
import type { StatementName } from './statement-name.ts';

/** A request, as its span tells it. */
export interface TracedRequest {
  readonly method: string;
  /** The pattern, never the path: `/users/:id`. */
  readonly route: string | undefined;
  readonly path: string;
  readonly scheme: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** The caller's trace, where no propagator is registered that would read it. */
  readonly joined: Trace | undefined;
}

/** The span of a request that is under way. */
export interface RequestSpan {
  readonly traceId: string;
  /** Runs a block so that spans made in it are children of this one. */
  run(block: () => void): void;
  /** Ends it; `isAborted` when the caller went away before the answer was out. */
  end(status: number, isAborted: boolean): void;
}

/** Makes the spans of a service. */
export class Tracing {
  readonly #tracer: Tracer;
  readonly #database: Readonly<Record<string, string | number>>;

  constructor(tracer: Tracer, postgres: Pick<Postgres, 'url'>) {
    const { database, host, port } = parseAddress(postgres.url);
    this.#tracer = tracer;
    this.#database = { 'db.system.name': 'postgresql', 'db.namespace': database, 'server.address': host, 'server.port': port };
  }

  /** Begins the server span of a request; none when it is not recorded. */
  request(request: TracedRequest): RequestSpan {
    const { method, route, path, scheme } = request;
    const parent = parentOf(request);
    const span = this.#tracer.startSpan(
      route === undefined ? method : `${method} ${route}`,
      {
        kind: SpanKind.SERVER,
        attributes: {
          'http.request.method': method,
          'url.path': path,
          'url.scheme': scheme,
          ...(route === undefined ? {} : { 'http.route': route }),
        },
      },
      parent,
    );
    const own = trace.setSpan(parent, span);
    return {
      traceId: span.spanContext().traceId,
      run: (block) => context.with(own, block),
      end: (status, isAborted) => endRequest(span, status, isAborted),
    };
  }

  /** Begins the client span of a statement, where somebody records what it is asked for. Parameters are never told, nor the words of a failure: they may quote a value. */
  statement({ operation, summary }: StatementName): ((error: unknown) => void) | undefined {
    const active = context.active();
    if (trace.getSpan(active)?.isRecording() !== true) return undefined;
    const attributes = { ...this.#database, 'db.operation.name': operation, 'db.query.summary': summary };
    const span = this.#tracer.startSpan(summary, { kind: SpanKind.CLIENT, attributes }, active);
    return (error) => {
      if (error !== undefined) failStatement(span, error);
      span.end();
    };
  }
}

/** The tracer of the SDK that is registered; undefined when there is none. */
export function registeredTracer(): Tracer | undefined {
  const provider = parseProvider(trace.getTracerProvider());
  return provider.getDelegateTracer === undefined ? provider.getTracer(NAME) : provider.getDelegateTracer(NAME);
}

const NAME = 'keelson';

function parentOf({ headers, joined }: TracedRequest): Context {
  const extracted = propagation.extract(ROOT_CONTEXT, headers);
  if (extracted !== ROOT_CONTEXT || joined === undefined) return extracted;
  const { traceId, parentId, isSampled } = joined;
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId,
    spanId: parentId,
    traceFlags: isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
    isRemote: true,
  });
}

function endRequest(span: Span, status: number, isAborted: boolean): void {
  if (isAborted) span.setAttribute('error.type', 'aborted');
  else span.setAttribute('http.response.status_code', status);
  if (status >= 500 && !isAborted) {
    span.setAttribute('error.type', String(status));
    span.setStatus({ code: SpanStatusCode.ERROR });
  }
  span.end();
}

function failStatement(span: Span, error: unknown): void {
  const state = sqlState(error);
  if (state !== undefined) span.setAttribute('db.response.status_code', state);
  span.setAttribute('error.type', state ?? (error instanceof Error ? error.name : 'unknown'));
  span.setStatus({ code: SpanStatusCode.ERROR });
}

/** The API's own provider stands in for that of an SDK, and gives no tracer of it before one is registered. */
interface Provider {
  getTracer(name: string): Tracer;
  getDelegateTracer?(name: string): Tracer | undefined;
}

function parseProvider(provider: unknown): Provider {
  return provider as Provider;
}
