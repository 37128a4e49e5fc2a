/** Viewers: the open answers of server-sent events; what is sent is written to all, and a viewer that does not read is let go. */
import type { ServerResponse } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { KeelsonError } from '../errors.ts';
import { drainOf } from './drain.ts';

/** How many may look on, and how far one of them may fall behind. */
export interface ViewerLimits {
  readonly viewersMax: number;
  readonly viewersPerAddressMax: number;
  /** What a viewer has not read yet; one with more is let go, and comes again to what is true then. */
  readonly behindBytesMax: number;
}

const TRY_AGAIN_S = 10;

/** The open streams of one feed. */
export class Viewers {
  readonly #limits: ViewerLimits;
  readonly #answers = new Set<ServerResponse>();
  readonly #addresses = new Map<string, number>();

  constructor(limits: ViewerLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#answers.size;
  }

  /**
   * Takes over the answer of a request, and keeps it open until the viewer goes or the app stops.
   *
   * @throws SERVICE_UNAVAILABLE when too many look on or the app is stopping, RATE_LIMITED when too many of them come from one address
   * @see https://html.spec.whatwg.org/multipage/server-sent-events.html
   */
  add(request: FastifyRequest, reply: FastifyReply, onLeft: () => void): ServerResponse {
    const drain = drainOf(request.server);
    if (drain?.isDraining === true) throw new KeelsonError('SERVICE_UNAVAILABLE', { message: 'The service is stopping.' });
    this.#admit(request.ip);
    reply.hijack();
    const answer = reply.raw;
    const forget = drain?.beforeLeaving(() => answer.end('event: leaving\ndata:\n\n'));
    // Emitted once, however the answer ends.
    answer.once('close', () => {
      forget?.();
      this.#answers.delete(answer);
      this.#leave(request.ip);
      onLeft();
    });
    answer.on('error', () => answer.destroy());
    this.#answers.add(answer);
    answer.writeHead(200, { ...parseHeaders(reply.getHeaders()), ...streamHeaders });
    answer.flushHeaders();
    return answer;
  }

  /** Writes the same text to every viewer. */
  broadcast(text: string): void {
    for (const answer of this.#answers) this.write(answer, text);
  }

  /** Writes to one viewer, unless it has fallen too far behind: then it is let go. */
  write(answer: ServerResponse, text: string): void {
    if (answer.writableEnded || answer.destroyed) return;
    if (answer.writableLength > this.#limits.behindBytesMax) answer.destroy();
    else answer.write(text);
  }

  /** Ends every stream. */
  close(): void {
    for (const answer of this.#answers) answer.end();
  }

  #admit(address: string): void {
    const { viewersMax, viewersPerAddressMax } = this.#limits;
    if (this.#answers.size >= viewersMax) {
      throw new KeelsonError('SERVICE_UNAVAILABLE', { message: `${viewersMax} are looking on already.`, retryAfterS: TRY_AGAIN_S });
    }
    const here = this.#addresses.get(address) ?? 0;
    if (here >= viewersPerAddressMax) {
      const message = `${viewersPerAddressMax} are looking on from this address already.`;
      throw new KeelsonError('RATE_LIMITED', { message, hint: 'Close one of the pages.', retryAfterS: TRY_AGAIN_S });
    }
    this.#addresses.set(address, here + 1);
  }

  #leave(address: string): void {
    const rest = (this.#addresses.get(address) ?? 1) - 1;
    if (rest > 0) this.#addresses.set(address, rest);
    else this.#addresses.delete(address);
  }
}

/** No proxy on the way keeps back what is sent, and no cache keeps it. */
const streamHeaders = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  'x-accel-buffering': 'no',
} as const;

/** Fastify allows any value; those that are set here are texts. */
function parseHeaders(headers: object): Record<string, string> {
  return headers as Record<string, string>;
}
