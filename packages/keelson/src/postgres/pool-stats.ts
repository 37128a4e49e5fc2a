/** What a pool tells about itself: counters, and who holds its connections. */

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
export class PoolCounters {
  acquiredTotal = 0;
  timeoutsTotal = 0;
  connectsTotal = 0;
  connectFailuresTotal = 0;
  discardedTotal = 0;
  acquireMsTotal = 0;
  acquireMsMax = 0;

  /** Somebody got a connection after waiting this long. */
  waited(waitedMs: number): void {
    this.acquireMsTotal += waitedMs;
    if (waitedMs > this.acquireMsMax) this.acquireMsMax = waitedMs;
  }
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
