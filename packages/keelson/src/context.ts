/** Request context: for whom and since when something runs, known to all that runs for one request, however deep. */
import { AsyncLocalStorage } from 'node:async_hooks';

/** The trace that a caller has begun. @see https://www.w3.org/TR/trace-context/ */
export interface Trace {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** The caller's own step, 16 hexadecimal digits. */
  readonly parentId: string;
  readonly isSampled: boolean;
  /** To be passed on in calls to others, as `traceparent`. */
  readonly traceparent: string;
  /** To be passed on with it, as `tracestate`. */
  readonly tracestate: string | undefined;
}

/** What is known of the request that something runs for. */
export interface RequestContext {
  readonly requestId: string;
  readonly startedAt: Date;
  /** Who is calling, as the guard's `identify` says. */
  readonly user: string | undefined;
  readonly tenant: string | undefined;
  readonly trace: Trace | undefined;
}

const contexts = new AsyncLocalStorage<RequestContext>();

/**
 * The context of the request that this runs for; undefined outside of requests.
 *
 * @example
 * import { currentRequest } from 'keelson/context';
 * export const whoAsks = (): string => currentRequest()?.user ?? 'nobody';
 */
export function currentRequest(): RequestContext | undefined {
  return contexts.getStore();
}

/** Runs a block for a request. */
export function runInRequest<T>(context: RequestContext, block: () => T): T {
  return contexts.run(context, block);
}

/** What log lines say of a request. */
export function fieldsOfRequest({ requestId, trace, user, tenant }: Omit<RequestContext, 'startedAt'>): Record<string, string> {
  const fields: Record<string, string> = { request_id: requestId };
  if (trace !== undefined) fields['trace_id'] = trace.traceId;
  if (user !== undefined) fields['user_id'] = user;
  if (tenant !== undefined) fields['tenant_id'] = tenant;
  return fields;
}
