/** Client errors: what is not HTTP, or never arrives whole, is answered on the socket as a problem like any other. */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '../clock.ts';
import { type ErrorCode, KeelsonError } from '../errors.ts';
import { newId } from '../id.ts';
import type { Log } from '../log.ts';
import { PROBLEM_TYPE, problemOf } from './problem.ts';

const byNodeCode: Readonly<Record<string, ErrorCode>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 'REQUEST_TIMEOUT',
  HPE_HEADER_OVERFLOW: 'HEADERS_TOO_LARGE',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 'PAYLOAD_TOO_LARGE',
};

/** Answers a socket whose request could not be read, and closes it. */
export function answerClientError(
  failure: Error & { readonly code?: string },
  socket: Socket,
  { log, clock }: { log: Log; clock: Clock },
): void {
  if (failure.code === 'ECONNRESET' || !socket.writable) return;
  if (isAnswering(socket)) {
    // Half of another answer is out: more text would be read as its end.
    socket.destroy(failure);
    return;
  }
  const error = new KeelsonError(byNodeCode[failure.code ?? ''] ?? 'MALFORMED_REQUEST');
  endWith(socket, error, { log, clock, reason: failure.code ?? failure.name });
}

/**
 * Answers what Node would answer by itself, or not at all: CONNECT is a 405, and an expectation that nobody knows is passed
 * over, as RFC 9110 (10.1.1) lets a server do.
 */
export function answerRefusals(server: Server, { log, clock }: { log: Log; clock: Clock }): void {
  server.on('connect', (_request, socket) => {
    endWith(socket, new KeelsonError('METHOD_NOT_ALLOWED'), { log, clock, reason: 'CONNECT' }, ['allow: ']);
  });
  server.on('checkExpectation', (request, response) => {
    server.emit('request', request, response);
  });
}

function endWith(
  socket: Duplex,
  error: KeelsonError,
  { log, clock, reason }: { log: Log; clock: Clock; reason: string },
  headers: readonly string[] = [],
): void {
  const requestId = newId();
  const body = JSON.stringify(problemOf(error, { instance: '/', requestId, clock }));
  const head = [
    `HTTP/1.1 ${error.status} ${error.title}`,
    `content-type: ${PROBLEM_TYPE}`,
    `content-length: ${Buffer.byteLength(body)}`,
    `x-request-id: ${requestId}`,
    'cache-control: no-store',
    'x-content-type-options: nosniff',
    'connection: close',
    ...headers,
  ];
  log.info('http.client_error', { request_id: requestId, status: error.status, error: error.code, reason });
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

/** Node keeps the answer that a socket is busy with in a field that its types do not name. */
function isAnswering(socket: Socket): boolean {
  return parseAnswer(socket)?.headersSent === true;
}

function parseAnswer(socket: Socket): { readonly headersSent: boolean } | null | undefined {
  return (socket as Socket & { readonly _httpMessage?: { readonly headersSent: boolean } | null })._httpMessage;
}
