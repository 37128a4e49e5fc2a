/** Wake-ups: who waits for rows is told at once in this process and by NOTIFY in the others; a poll stays the fallback. */
import { randomUUID } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { KeelsonError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Connection } from '../postgres/connection.ts';
import type { Postgres } from '../postgres/postgres.ts';
import { encode } from '../schema/encode.ts';
import { directWay, KeptConnection } from './kept-connection.ts';

/** What is told: `new` rows wait, or rows have come `back`, which may lie before a watermark. */
export type WakeKind = 'new' | 'back';

/** Told that rows of a table or a queue wait. */
export type WakeListener = (kind: WakeKind) => void;

/** How wake-ups are heard and given. */
export interface WakeUpsOptions {
  readonly postgres: Postgres;
  /** Opens a connection past a pooler; one of `postgres` when left out, and none behind a transaction pooler. */
  readonly direct?: (() => Promise<Connection>) | undefined;
  readonly namespace: string;
  readonly clock: Clock;
  readonly log: Log;
  /** How often the listener calls itself to see whether it hears; 10 s. */
  readonly pingMs?: number | undefined;
  /** How long it waits to hear itself; 5 s. */
  readonly silentMs?: number | undefined;
  /** False for a process that only wakes others. */
  readonly isListening?: boolean | undefined;
}

/** One NOTIFY at most in this time, for all wake-ups of it: each takes a lock that the whole server shares. */
const NOTIFY_MS = 10;
const PING_MS = 10_000;
const PING = 'ping';

/** The channel on which worker processes of a namespace wake each other; the payload names the table or queue. */
export function workChannel(namespace: string): string {
  return `${namespace}.work`;
}

/** The wake-ups of one process. */
export class WakeUps {
  readonly #options: WakeUpsOptions;
  readonly #channel: string;
  /** Tells the notifications of this process from those of others. */
  readonly #origin = randomUUID();
  readonly #listeners = new Map<string, Set<WakeListener>>();
  readonly #ending = new AbortController();
  readonly #kept: KeptConnection | undefined;
  /** What has to be told to the others. */
  #untold = new Map<string, WakeKind>();
  #isTelling = false;
  #heard: (() => void) | undefined;

  private constructor(options: WakeUpsOptions) {
    this.#options = options;
    this.#channel = workChannel(options.namespace);
    const open = options.isListening === false ? undefined : directWay(options.postgres, options.direct);
    this.#kept = open === undefined ? undefined : this.#createListener(open);
  }

  /**
   * Begins to hear; behind a transaction pooler without a way past it nothing is heard from others, and who waits polls.
   *
   * @throws DATABASE_CONNECTION_FAILED
   */
  static async open(options: WakeUpsOptions): Promise<WakeUps> {
    const wakeUps = new WakeUps(options);
    await wakeUps.#kept?.open();
    return wakeUps;
  }

  /** Hears of a table or a queue; gives a call that ends this. */
  on(name: string, listener: WakeListener): () => void {
    const known = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, known);
    known.add(listener);
    return () => known.delete(listener);
  }

  /** Wakes who waits for a table or a queue: this process now, the others by a NOTIFY that many wake-ups share. */
  wake(name: string, kind: WakeKind = 'new'): void {
    if (this.#ending.signal.aborted) return;
    this.#dispatch(name, kind);
    if (kind === 'back' || !this.#untold.has(name)) this.#untold.set(name, kind);
    if (!this.#isTelling) void this.#tell();
  }

  async close(): Promise<void> {
    this.#ending.abort();
    await this.#kept?.close();
    this.#listeners.clear();
  }

  /** The first of a burst is told at once, the others together after a moment. */
  async #tell(): Promise<void> {
    const { clock, log } = this.#options;
    this.#isTelling = true;
    // What is woken in this turn of the event loop goes with it.
    await Promise.resolve();
    // bounded by: what is woken meanwhile
    while (this.#untold.size > 0 && !this.#ending.signal.aborted) {
      const payloads = [...this.#untold].map(([name, kind]) => [name, kind, this.#origin].join('\n'));
      this.#untold = new Map();
      this.#notify(payloads).catch((error: unknown) => log.debug('worker.notify_failed', { error }));
      await clock.sleep(NOTIFY_MS, this.#ending.signal).catch(() => undefined);
    }
    this.#isTelling = false;
  }

  async #notify(payloads: readonly string[]): Promise<void> {
    const text = 'select pg_notify($1, told.payload) from unnest($2::text[]) as told (payload)';
    await this.#options.postgres.readers.query({ text, name: undefined, values: [this.#channel, encode(payloads)] });
  }

  #createListener(open: () => Promise<Connection>): KeptConnection {
    const { clock, log, pingMs = PING_MS, silentMs } = this.#options;
    let isFirst = true;
    return new KeptConnection({
      purpose: 'listen',
      open,
      prepare: async (connection) => {
        await connection.listen(this.#channel, (payload) => this.#hear(payload));
        // What was told while nobody listened is not told again.
        if (!isFirst) for (const name of this.#listeners.keys()) this.#dispatch(name, 'back');
        isFirst = false;
      },
      check: async () => {
        await this.#ping();
        return pingMs;
      },
      silentMs,
      clock,
      log,
    });
  }

  /** Calls itself, over another connection; resolves when it has heard itself. */
  async #ping(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#heard = resolve;
    await this.#notify([[PING, PING, this.#origin].join('\n')]);
    await promise;
  }

  #hear(payload: string): void {
    const [name = '', kind = 'new', origin] = payload.split('\n');
    if (origin !== this.#origin) this.#dispatch(name, kind === 'back' ? 'back' : 'new');
    else if (kind === PING) this.#heard?.();
  }

  #dispatch(name: string, kind: WakeKind): void {
    for (const listener of this.#listeners.get(name) ?? []) {
      try {
        listener(kind);
      } catch (cause) {
        const error = new KeelsonError('INTERNAL_SERVER_ERROR', { message: `A listener for wake-ups of ${name} failed.`, cause });
        this.#options.log.error('worker.wake_failed', { name, error });
      }
    }
  }
}
