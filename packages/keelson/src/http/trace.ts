/** Traces: the caller's `traceparent` is joined where it is well-formed, and passed over where it is not. */
import type { IncomingHttpHeaders } from 'node:http';
import type { Trace } from '../context.ts';

const FORM = /^(?<version>[0-9a-f]{2})-(?<traceId>[0-9a-f]{32})-(?<parentId>[0-9a-f]{16})-(?<flags>[0-9a-f]{2})(?<rest>-.*)?$/u;
const NO_TRACE = '0'.repeat(32);
const NO_PARENT = '0'.repeat(16);
const LENGTH = 55;
const STATE_LENGTH_MAX = 512;

/**
 * The trace that the headers of a request name. Versions to come are read as far as this one goes.
 *
 * @see https://www.w3.org/TR/trace-context/, sections 3.2 and 4
 */
export function traceOf(headers: IncomingHttpHeaders): Trace | undefined {
  const { traceparent, tracestate } = headers;
  if (typeof traceparent !== 'string') return undefined;
  const { version, traceId, parentId, flags, rest } = FORM.exec(traceparent)?.groups ?? {};
  if (version === undefined || traceId === undefined || parentId === undefined || flags === undefined) return undefined;
  if (version === 'ff' || (version === '00' && rest !== undefined)) return undefined;
  if (traceId === NO_TRACE || parentId === NO_PARENT) return undefined;
  const state = Array.isArray(tracestate) ? tracestate.join(',') : tracestate;
  return {
    traceId,
    parentId,
    isSampled: (Number.parseInt(flags, 16) & 1) === 1,
    traceparent: traceparent.slice(0, LENGTH),
    tracestate: state === undefined || state.length > STATE_LENGTH_MAX ? undefined : state,
  };
}
