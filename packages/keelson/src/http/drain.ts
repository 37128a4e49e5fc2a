/** The drain: counts the calls under way, refuses new ones once the app stops, and tells when the last is answered. */
import type { FastifyInstance } from 'fastify';
import type { Clock } from '../clock.ts';
import { KeelsonError } from '../errors.ts';
import { isProbe, pathOf } from './request-log.ts';

/**
 * Whoever keeps connections has to be told before they are closed, by an answer on each: a call that is on its way to a connection that
 * closes is lost, and its sender cannot know whether it was done. Connections that nobody uses in this time are closed without a word.
 */
const LINGER_MS = 500;

const drains = new WeakMap<object, Drain>();

/** The drain that watches a server, for answers that stay open until they are told to end. */
export function drainOf(server: FastifyInstance): Drain | undefined {
  return drains.get(server.server);
}

/** Whether an app takes calls, and how many are under way. */
export class Drain {
  #isLeaving = false;
  #isDraining = false;
  #underWay = 0;
  #connections = 0;
  readonly #open = new Set<() => void>();
  readonly #idle = Promise.withResolvers<void>();
  readonly #alone = Promise.withResolvers<void>();

  /** Whether the app has said that it will stop; it may still take calls. */
  get isLeaving(): boolean {
    return this.#isLeaving;
  }

  /** Whether the app takes no more calls. */
  get isDraining(): boolean {
    return this.#isDraining;
  }

  /** How many calls are not answered yet. */
  get underWay(): number {
    return this.#underWay;
  }

  /** Counts the calls of a server, and refuses them once it drains; probes are answered to the end. */
  watch(server: FastifyInstance): void {
    drains.set(server.server, this);
    server.addHook('preClose', (done) => {
      this.#endOpen();
      done();
    });
    server.server.on('connection', (socket) => {
      this.#connections += 1;
      socket.once('close', () => {
        this.#connections -= 1;
        this.#settle();
      });
    });
    const leave = (): void => {
      this.#underWay -= 1;
      this.#settle();
    };
    server.addHook('onRequest', (request, reply, done) => {
      this.#underWay += 1;
      // Emitted once, however the answer ends.
      reply.raw.on('close', leave);
      if (!this.#isLeaving) return done();
      // Whoever comes again opens a new connection, and is led elsewhere.
      reply.header('connection', 'close');
      if (!this.#isDraining) return done();
      return isProbe(pathOf(request.url)) ? done() : done(new KeelsonError('SERVICE_UNAVAILABLE', { message: 'The service is stopping.' }));
    });
  }

  /** Says how an answer is ended that would stay open for ever, once the app takes no more calls; gives a call that forgets it. */
  beforeLeaving(end: () => void): () => void {
    this.#open.add(end);
    return () => this.#open.delete(end);
  }

  /** From now on the app says that it is not ready, and still takes calls: those who send them have to hear of it first. */
  announce(): void {
    this.#isLeaving = true;
  }

  /** From now on no call is taken; resolves true when the last one is answered, false when that took too long. */
  async begin(clock: Clock, deadlineMs: number): Promise<boolean> {
    this.#isLeaving = true;
    this.#isDraining = true;
    this.#endOpen();
    this.#settle();
    const waiting = new AbortController();
    try {
      await Promise.race([this.#alone.promise, clock.sleep(Math.min(LINGER_MS, deadlineMs), waiting.signal)]);
      return await Promise.race([this.#idle.promise.then(() => true), clock.sleep(deadlineMs, waiting.signal).then(() => false)]);
    } finally {
      waiting.abort();
    }
  }

  #endOpen(): void {
    for (const end of this.#open) end();
    this.#open.clear();
  }

  #settle(): void {
    if (!this.#isDraining) return;
    if (this.#underWay === 0) this.#idle.resolve();
    if (this.#connections === 0) this.#alone.resolve();
  }
}
