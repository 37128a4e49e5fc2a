/** A service outside as a test wants it: a real HTTP server that answers as it is told, and the ways in which such services fail. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request as it arrived. */
export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/** How a request is answered. */
export type Behaviour = (response: ServerResponse, seen: Seen) => void | Promise<void>;

/** A running service. */
export interface FakeService extends AsyncDisposable {
  readonly url: string;
  readonly seen: readonly Seen[];
}

/** Starts a service; the choice says how each request is answered. */
export async function startService(choose: (seen: Seen, index: number) => Behaviour): Promise<FakeService> {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    void bodyOf(request).then((body) => {
      const each = { method: request.method ?? '', path: request.url ?? '', headers: request.headers, body };
      seen.push(each);
      return choose(each, seen.length - 1)(response, each);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address: AddressInfo | string | null = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${String(port)}`,
    seen,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) if (Buffer.isBuffer(chunk)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Answers with JSON. */
export function json(value: unknown, status = 200): Behaviour {
  return (response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
  };
}

/** Answers with bytes. */
export function bytes(value: Uint8Array): Behaviour {
  return (response) => {
    response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(value);
  };
}

/** Never answers. */
export const silence: Behaviour = () => undefined;

/** A failure, and what another attempt may expect of it. */
export interface Failure {
  readonly name: string;
  readonly behaviour: Behaviour;
  readonly code: 'OUTSIDE_UNAVAILABLE' | 'OUTSIDE_REFUSED';
  readonly retryAfterS?: number;
}

function only(code: number, headers: Readonly<Record<string, string>> = {}): Behaviour {
  return (response) => {
    response.writeHead(code, { 'content-type': 'text/plain', ...headers }).end('what went wrong');
  };
}

/** The ways in which every service fails, whatever it is asked for. */
export const failures: readonly Failure[] = [
  { name: '429', behaviour: only(429, { 'retry-after': '7' }), code: 'OUTSIDE_UNAVAILABLE', retryAfterS: 7 },
  { name: '500', behaviour: only(500), code: 'OUTSIDE_UNAVAILABLE' },
  { name: '503', behaviour: only(503, { 'retry-after': '99999999' }), code: 'OUTSIDE_UNAVAILABLE', retryAfterS: 3_600 },
  { name: 'time-out', behaviour: silence, code: 'OUTSIDE_UNAVAILABLE' },
  {
    name: 'half an answer',
    behaviour: (response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
      response.write('{"id": "half', () => response.destroy());
    },
    code: 'OUTSIDE_UNAVAILABLE',
  },
  {
    name: 'half an answer that then stands still',
    behaviour: (response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
      response.write('{"id": "half');
    },
    code: 'OUTSIDE_UNAVAILABLE',
  },
  {
    name: 'a broken connection',
    behaviour: (response) => {
      response.destroy();
    },
    code: 'OUTSIDE_UNAVAILABLE',
  },
  { name: '400', behaviour: only(400), code: 'OUTSIDE_REFUSED' },
  { name: '401', behaviour: only(401), code: 'OUTSIDE_REFUSED' },
  { name: 'a redirect', behaviour: only(302, { location: 'http://127.0.0.1:9/elsewhere' }), code: 'OUTSIDE_REFUSED' },
];

/** The ways in which a service fails that should have answered with JSON. */
export const jsonFailures: readonly Failure[] = [
  ...failures,
  { name: 'bad JSON', behaviour: bytes(Buffer.from('{"id": "x", ')), code: 'OUTSIDE_UNAVAILABLE' },
  { name: 'no UTF-8', behaviour: bytes(Buffer.from([0x22, 0xff, 0x22])), code: 'OUTSIDE_UNAVAILABLE' },
  { name: 'a page', behaviour: bytes(Buffer.from('<html>Bad gateway</html>')), code: 'OUTSIDE_UNAVAILABLE' },
  { name: 'JSON of another form', behaviour: json({ strange: true }), code: 'OUTSIDE_UNAVAILABLE' },
  { name: 'no content', behaviour: bytes(Buffer.alloc(0)), code: 'OUTSIDE_UNAVAILABLE' },
];

/** A call that nobody ends. */
export function calmly(): { readonly signal: AbortSignal } {
  return { signal: new AbortController().signal };
}
