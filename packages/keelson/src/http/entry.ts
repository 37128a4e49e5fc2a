/** The entry: what is asked of every request before its route: whether it can be understood, and whether there is anything at its path. */
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { KeelsonError } from '../errors.ts';
import { refuseBrokenEscapes } from './bodies.ts';
import { AllowedMethods } from './methods.ts';
import { pathOf } from './request-log.ts';

/** Guards the routes that are added from now on. */
export function guardEntry(server: FastifyInstance): void {
  const methods = new AllowedMethods();
  server.addHook('onRoute', (route) => methods.add(route.method, route.url));
  server.addHook('onRequest', (request, reply, done) => {
    refuseUnclear(request.raw);
    if (request.is404 || request.method === 'TRACE') throw nothingHere(request, reply, methods);
    if (request.url.includes('%')) refuseBrokenEscapes(request.url);
    done();
  });
  // Whoever gives a call up without an answer ends here, too.
  server.setNotFoundHandler((request, reply) => {
    throw nothingHere(request, reply, methods);
  });
}

/** What a proxy in front could have read in another way. @see RFC 9112, section 3.2 */
function refuseUnclear({ method, headers, rawHeaders, httpVersion }: IncomingMessage): void {
  if (httpVersion === '0.9') throw malformed('The request names no version of HTTP.');
  const hosts = hostsIn(rawHeaders);
  if (hosts > 1) throw malformed('The request has more than one Host header.');
  if (hosts === 0 && httpVersion === '1.1') throw malformed('The request has no Host header.');
  // Of these no body is ever read.
  if (method === 'GET' || method === 'HEAD' || method === 'OPTIONS') return;
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding !== '' && encoding.toLowerCase() !== 'identity') {
    throw new KeelsonError('UNSUPPORTED_MEDIA_TYPE', { message: 'The body is compressed, and compressed bodies are not read.' });
  }
}

/** Node keeps the first of several and says nothing of the others; names and values take turns. */
function hostsIn(rawHeaders: readonly string[]): number {
  let hosts = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at];
    if (name?.length === 4 && name.toLowerCase() === 'host') hosts += 1;
  }
  return hosts;
}

/** TRACE would send back what it was sent, credentials with it; whether the path is there is beside the point. */
function nothingHere(request: FastifyRequest, reply: FastifyReply, methods: AllowedMethods): KeelsonError {
  const allowed = methods.of(pathOf(request.url));
  if (allowed.length === 0 && request.method !== 'TRACE') return new KeelsonError('NOT_FOUND');
  reply.header('allow', allowed.join(', '));
  return new KeelsonError('METHOD_NOT_ALLOWED');
}

function malformed(message: string): KeelsonError {
  return new KeelsonError('MALFORMED_REQUEST', { message });
}
