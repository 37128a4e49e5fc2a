/** Live feeds: one value that many look at while it changes; it is asked for once per change, however many they are. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import { type ViewerLimits, Viewers } from './viewers.ts';

/** What a feed shows, and how often it may ask. */
export interface LiveFeedOptions<T> {
  /** For the log. */
  readonly name: string;
  /** Gives what is true now; asked only while somebody looks on, and never twice at once. */
  readonly load: () => Promise<T>;
  readonly clock: Clock;
  readonly log: Log;
  /** The least time between two questions, however fast things change; 200 ms. */
  readonly gapMs?: number | undefined;
  /** The longest time between two questions: what others changed is seen by then; 1 s. */
  readonly refreshMs?: number | undefined;
  readonly limits?: Partial<ViewerLimits> | undefined;
}

const GAP_MS = 200;
const REFRESH_MS = 1_000;
/** After this long without news a viewer hears that the stream is alive: proxies close what is silent. */
const ALIVE_MS = 10_000;
/** A question that takes long is asked more seldom: a twentieth of the time goes into asking, at most. */
const SHARE = 20;
const limitsUsual: ViewerLimits = { viewersMax: 500, viewersPerAddressMax: 50, behindBytesMax: 262_144 };

/**
 * A value that is sent to everyone who looks on, as server-sent events, whenever it has changed.
 *
 * @example
 * import { LiveFeed } from 'keelson/http';
 * import { systemClock } from 'keelson/clock';
 * import { silentLog } from 'keelson/log';
 * const feed = new LiveFeed({ name: 'visits', load: async () => ({ visits: 3 }), clock: systemClock, log: silentLog });
 * feed.touch();
 */
export class LiveFeed<T> {
  readonly #options: LiveFeedOptions<T>;
  readonly #viewers: Viewers;
  readonly #gapMs: number;
  readonly #refreshMs: number;
  #run: AbortController | undefined;
  #text: string | undefined;
  #isTouched = false;
  #wake: () => void = () => undefined;
  #saidMs = 0;
  #isFailing = false;

  constructor(options: LiveFeedOptions<T>) {
    this.#options = options;
    this.#viewers = new Viewers({ ...limitsUsual, ...options.limits });
    this.#gapMs = options.gapMs ?? GAP_MS;
    this.#refreshMs = options.refreshMs ?? REFRESH_MS;
  }

  /** How many look on. */
  get viewers(): number {
    return this.#viewers.size;
  }

  /** Says that something has changed; costs nothing while nobody looks on. */
  touch(): void {
    this.#isTouched = true;
    this.#wake();
  }

  /**
   * Makes a request a viewer: it is given what is known at once, and then every change.
   *
   * @throws SERVICE_UNAVAILABLE when too many look on or the app is stopping, RATE_LIMITED when too many of them come from one address
   */
  join(request: FastifyRequest, reply: FastifyReply): void {
    const answer = this.#viewers.add(request, reply, () => {
      if (this.#viewers.size === 0) this.#run?.abort();
    });
    // Whoever loses the stream waits this long before coming again.
    this.#viewers.write(answer, `retry: ${this.#refreshMs}\n\n${this.#text ?? ''}`);
    if (this.#run === undefined) this.#start();
  }

  /** Lets every viewer go. */
  close(): void {
    this.#viewers.close();
    this.#run?.abort();
  }

  #start(): void {
    const run = new AbortController();
    this.#run = run;
    const go = async (): Promise<void> => {
      while (!run.signal.aborted) await this.#turn(run.signal);
    };
    const end = (): void => {
      // What is known grows old from here on: the next who comes is not told.
      this.#text = undefined;
      this.#run = undefined;
      if (this.#viewers.size > 0) this.#start();
    };
    go().then(end, end);
  }

  /** One question; then the pause, and the wait for something new. */
  async #turn(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const startedMs = clock.monotonicMs();
    this.#isTouched = false;
    await this.#tell();
    const restMs = (clock.monotonicMs() - startedMs) * SHARE;
    await clock.sleep(Math.max(this.#gapMs, restMs), signal);
    if (this.#isTouched) return;
    const touched = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    const waiting = new AbortController();
    const either = AbortSignal.any([signal, waiting.signal]);
    try {
      await Promise.race([touched, clock.sleep(Math.max(0, this.#refreshMs - this.#gapMs), either)]);
    } finally {
      waiting.abort();
    }
  }

  async #tell(): Promise<void> {
    const { load, log, clock, name } = this.#options;
    let text: string;
    try {
      text = `data: ${JSON.stringify(await load())}\n\n`;
    } catch (error) {
      if (!this.#isFailing) log.warn('live.load_failed', { feed: name, error });
      this.#isFailing = true;
      this.#text = undefined;
      this.#viewers.broadcast('event: trouble\ndata:\n\n');
      return;
    }
    this.#isFailing = false;
    const nowMs = clock.monotonicMs();
    const isNews = text !== this.#text;
    if (!isNews && nowMs - this.#saidMs < ALIVE_MS) return;
    this.#saidMs = nowMs;
    this.#text = text;
    this.#viewers.broadcast(isNews ? text : 'event: alive\ndata:\n\n');
  }
}
