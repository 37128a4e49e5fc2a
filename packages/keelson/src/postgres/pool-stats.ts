/** What a pool tells about itself: counters, and who holds its connections. */
import { KeelsonError } from '../errors.ts';
import type { Member } from './pool-member.ts';
import type { Watch } from './watch.ts';

/** How a pool stands. */
export interface PoolStats {
  /** Connections there are, those being opened included. */
  readonly size: number;
  readonly sizeMax: number;
  /** How many more than `sizeMax` may be opened for a moment. */
  readonly overflow: number;
  readonly active: number;
  readonly idle: number;
  readonly connecting: number;
  readonly waiting: number;
  readonly acquiredTotal: number;
  readonly timeoutsTotal: number;
  readonly connectsTotal: number;
  readonly connectFailuresTotal: number;
  /** Connections that came back unfit: lost, in a transaction, or with a statement under way. */
  readonly discardedTotal: number;
  /** All waiting for connections together; one that was idle costs none. */
  readonly acquireMsTotal: number;
  readonly acquireMsMax: number;
}

/** Who holds a connection, what it asked for last, and for how long. */
export interface Holder {
  readonly holder: string;
  readonly statement: string;
  readonly ageMs: number;
}

/** The counters of a pool; they only grow. */
export type PoolCounters = { -readonly [K in Extract<keyof PoolStats, `${string}Total` | 'acquireMsMax'>]: PoolStats[K] };

/** Counts what a pool does, and tells it to whoever measures. */
export class Tally {
  readonly counters: PoolCounters = {
    acquiredTotal: 0,
    timeoutsTotal: 0,
    connectsTotal: 0,
    connectFailuresTotal: 0,
    discardedTotal: 0,
    acquireMsTotal: 0,
    acquireMsMax: 0,
  };
  readonly #watch: Watch;

  constructor(watch: Watch) {
    this.#watch = watch;
  }

  /** Somebody got a connection; one that was idle cost no waiting. */
  acquired(waitedMs: number): void {
    const { counters } = this;
    counters.acquiredTotal += 1;
    counters.acquireMsTotal += waitedMs;
    if (waitedMs > counters.acquireMsMax) counters.acquireMsMax = waitedMs;
    this.#watch.waited?.(waitedMs);
  }

  released(usedMs: number): void {
    this.#watch.used?.(usedMs);
  }
}

/** Those among the members that are held, the longest first. */
export function holdersAmong(members: Iterable<Member>, nowMs: number): readonly Holder[] {
  const held: Holder[] = [];
  for (const { connection, holder, sinceMs } of members) {
    if (holder !== undefined) held.push({ holder, statement: shortened(connection.lastStatement), ageMs: Math.round(nowMs - sinceMs) });
  }
  return held.toSorted((one, other) => other.ageMs - one.ageMs);
}

/** What somebody is told who waited in vain: who has the connections. Names and statements are for the log and the developer, not for a client. */
export function exhaustedError(
  stats: PoolStats,
  data: { readonly waiter: string; readonly waitedMs: number; readonly holders: readonly Holder[] },
): KeelsonError {
  const opening = stats.connecting === 0 ? '' : `, ${stats.connecting} are being opened`;
  const names = data.holders.map(({ holder, statement, ageMs }) => `${holder} for ${ageMs} ms ("${statement}")`);
  return new KeelsonError('POOL_EXHAUSTED', {
    message: `No database connection came free within ${data.waitedMs} ms: ${stats.active} of ${stats.sizeMax} are held${opening}.`,
    hint: names.length === 0 ? undefined : `Held by ${names.join(', ')}. Shorten that, or raise DATABASE_POOL_SIZE.`,
    data,
  });
}

/** What those are told who come when the pool closes. */
export function closedError(): KeelsonError {
  return new KeelsonError('SERVICE_UNAVAILABLE', { message: 'The database connections are being closed.' });
}

const STATEMENT_SHOWN_MAX = 120;

/** The beginning of a statement on one line, for a log. */
export function shortened(text: string): string {
  const line = text
    .slice(0, 2 * STATEMENT_SHOWN_MAX)
    .replaceAll(/\s+/gu, ' ')
    .trim();
  return line.length <= STATEMENT_SHOWN_MAX ? line : `${line.slice(0, STATEMENT_SHOWN_MAX - 1)}…`;
}
