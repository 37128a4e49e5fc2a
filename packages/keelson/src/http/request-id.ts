/** Request ids: a client's own where it can be trusted in a log, else one of ours. */
import type { IncomingMessage } from 'node:http';
import { newId } from '../id.ts';

const ACCEPTED = /^[A-Za-z0-9._-]{8,128}$/u;

/** The id of a request, for its answer, its log lines and its problem. */
export function requestIdOf({ headers }: Pick<IncomingMessage, 'headers'>): string {
  const given = headers['x-request-id'];
  return typeof given === 'string' && ACCEPTED.test(given) ? given : newId();
}
