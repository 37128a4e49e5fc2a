/** The connections of a process: few, bounded, and each known by who holds it. */
import { type Clock, systemClock } from '../clock.ts';
import { KeelsonError } from '../errors.ts';
import { type Log, silentLog } from '../log.ts';
import type { Connection } from './connection.ts';
import {
  isHeldTooLong,
  isIdleTooLong,
  isTooOld,
  keepHouse,
  type Member,
  type PoolLimits,
  poolLimits,
  type PoolOptions,
} from './pool-limits.ts';
import { type Holder, PoolCounters, type PoolStats, shortened } from './pool-stats.ts';
import { fromDatabase, sqlState } from './sqlstate.ts';
import { type Waiter, WaitingLine } from './waiting-line.ts';

const VALIDATE_WAIT_MS = 2_000;
const CLOSE_WAIT_MS = 10_000;
const HOLDERS_NAMED_MAX = 20;

/** Hands out connections, each to one holder at a time. */
export class Pool {
  readonly #limits: PoolLimits;
  readonly #connect: () => Promise<Connection>;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #members = new Map<Connection, Member>();
  /** The one that came back last is handed out first: its caches are warm, and the others can be let go. */
  readonly #idle: Member[] = [];
  readonly #line: WaitingLine;
  readonly #counters = new PoolCounters();
  readonly #ending = new AbortController();
  /** On their way out; only closing the pool waits for them. */
  readonly #leaving = new Set<Connection>();
  readonly #drained = Promise.withResolvers<void>();
  #active = 0;
  #connecting = 0;
  #validating = 0;
  #generation = 0;
  #keeping = false;

  constructor(options: PoolOptions) {
    this.#connect = options.connect;
    this.#log = options.log ?? silentLog;
    this.#clock = options.clock ?? systemClock;
    this.#limits = poolLimits(options);
    this.#line = new WaitingLine({
      waitMs: this.#limits.waitMs,
      clock: this.#clock,
      signal: this.#ending.signal,
      onTimeout: (waiter) => this.#exhausted(waiter),
    });
  }

  /** How it stands at this moment. */
  get stats(): PoolStats {
    const { sizeMax, overflow } = this.#limits;
    const { acquiredTotal, timeoutsTotal, connectsTotal, connectFailuresTotal, discardedTotal, acquireMsTotal, acquireMsMax } =
      this.#counters;
    const now = {
      size: this.#size,
      active: this.#active,
      idle: this.#idle.length,
      connecting: this.#connecting,
      waiting: this.#line.length,
    };
    const totals = { acquiredTotal, timeoutsTotal, connectsTotal, connectFailuresTotal, discardedTotal, acquireMsTotal, acquireMsMax };
    return { ...now, sizeMax, overflow, ...totals };
  }

  /** Who holds connections now, the longest first. */
  get holders(): readonly Holder[] {
    const nowMs = this.#clock.monotonicMs();
    const held: Holder[] = [];
    for (const { connection, holder, sinceMs } of this.#members.values()) {
      if (holder !== undefined) held.push({ holder, statement: shortened(connection.lastStatement), ageMs: Math.round(nowMs - sinceMs) });
    }
    return held.toSorted((one, other) => other.ageMs - one.ageMs);
  }

  /** An idle connection at once; none when there is none that is surely fit, and `acquire` is the way. */
  tryAcquire(holder: string): Connection | undefined {
    const nowMs = this.#clock.monotonicMs();
    for (let member = this.#idle.pop(); member !== undefined; member = this.#idle.pop()) {
      if (member.connection.broken || this.#outlived(member, nowMs)) this.#remove(member);
      else if (nowMs - member.sinceMs > this.#limits.validateAfterMs) {
        this.#idle.push(member);
        return undefined;
      } else {
        this.#hold(member, holder, nowMs);
        return member.connection;
      }
    }
    return undefined;
  }

  /**
   * A connection for one holder, by whose name it is known; waits its turn when all are held.
   *
   * @throws POOL_EXHAUSTED when none came free in time; `data.holders` says who has them
   * @throws DATABASE_CONNECTION_FAILED when none could be opened
   * @throws SERVICE_UNAVAILABLE when the pool is closed
   */
  acquire(holder: string): Promise<Connection> {
    if (this.#ending.signal.aborted) return Promise.reject(closedError());
    const connection = this.tryAcquire(holder);
    if (connection !== undefined) return Promise.resolve(connection);
    const promise = this.#line.join(holder);
    this.#serve();
    return promise;
  }

  /**
   * Takes a connection back. One that is lost, in a transaction or still at work is ended, never handed on.
   *
   * @throws MISUSE when it is not held: it was released twice, or is not of this pool
   */
  release(connection: Connection): void {
    const member = this.#members.get(connection);
    if (member?.holder === undefined) throw new KeelsonError('MISUSE', { message: 'A connection was released that nobody holds.' });
    const { holder } = member;
    member.holder = undefined;
    this.#active -= 1;
    const nowMs = this.#clock.monotonicMs();
    const fit = !connection.broken && connection.pending === 0 && connection.transactionStatus === 'I';
    if (!fit) this.#discarded(connection, holder);
    if (!fit || this.#surplus || this.#ending.signal.aborted || this.#outlived(member, nowMs)) {
      this.#remove(member);
      this.#serve();
    } else this.#give(member, nowMs);
    this.#checkDrained();
  }

  /** Takes in a connection that was opened elsewhere. */
  add(connection: Connection): void {
    const nowMs = this.#clock.monotonicMs();
    const member: Member = { connection, bornMs: nowMs, generation: this.#generation, holder: undefined, sinceMs: nowMs, reported: false };
    this.#members.set(connection, member);
    this.#counters.connectsTotal += 1;
    connection.onEnd = () => this.#lost(member);
    if (this.#ending.signal.aborted || this.#surplus) {
      this.#remove(member);
      return;
    }
    this.#give(member, nowMs);
    if (!this.#keeping) void this.#keep();
  }

  /** Lets every connection go as it comes free: the statements that they keep no longer fit the tables. */
  renew(): void {
    this.#generation += 1;
    for (const member of this.#idle.splice(0)) this.#remove(member);
  }

  /** Lets no one in any more, waits for the holders until the deadline, then ends what is left. */
  async close(deadlineMs: number = CLOSE_WAIT_MS): Promise<void> {
    this.#ending.abort(closedError());
    this.#line.dismiss(closedError);
    this.renew();
    this.#checkDrained();
    const inTime = new AbortController();
    const late = this.#clock.sleep(deadlineMs, inTime.signal).catch(ignore);
    await Promise.race([this.#drained.promise, late]);
    inTime.abort();
    const left = [...this.#members.keys(), ...this.#leaving];
    for (const connection of left) connection.destroy();
    await Promise.all(left.map((connection) => connection.ended));
  }

  get #size(): number {
    return this.#members.size + this.#connecting;
  }

  get #surplus(): boolean {
    return this.#size > this.#limits.sizeMax && this.#line.length === 0;
  }

  #outlived(member: Member, nowMs: number): boolean {
    return member.generation !== this.#generation || isTooOld(member, this.#limits, nowMs);
  }

  #hold(member: Member, holder: string, nowMs: number): void {
    member.holder = holder;
    member.sinceMs = nowMs;
    member.reported = false;
    this.#active += 1;
    this.#counters.acquiredTotal += 1;
  }

  /** To whoever has waited longest, or to the idle ones. */
  #give(member: Member, nowMs: number): void {
    const waiter = this.#line.next();
    if (waiter === undefined) {
      member.sinceMs = nowMs;
      this.#idle.push(member);
      return;
    }
    this.#hold(member, waiter.holder, nowMs);
    this.#counters.waited(nowMs - waiter.sinceMs);
    waiter.resolve(member.connection);
  }

  /** Sees to it that for everyone in line a connection is on its way, as far as the limit allows. */
  #serve(): void {
    while (this.#line.length > this.#connecting + this.#validating) {
      const member = this.#idle.pop();
      if (member !== undefined) void this.#validate(member);
      else if (this.#size < this.#limits.sizeMax + this.#limits.overflow) void this.#open();
      else return;
    }
  }

  async #open(): Promise<void> {
    this.#connecting += 1;
    try {
      const connection = await this.#connect();
      this.#connecting -= 1;
      this.add(connection);
    } catch (error) {
      this.#connecting -= 1;
      this.#notOpened(error);
    }
  }

  #notOpened(error: unknown): void {
    this.#counters.connectFailuresTotal += 1;
    // A server that is full has still served those who are here: one of theirs will come free.
    const full = sqlState(error) === '53300' && this.#members.size > 0;
    if (!full) {
      this.#line.next()?.reject(fromDatabase(error));
      this.#serve();
    }
    this.#checkDrained();
  }

  /** Asks a connection that has been idle for long whether it is still there. */
  async #validate(member: Member): Promise<void> {
    this.#validating += 1;
    const { connection } = member;
    const answered = new AbortController();
    this.#clock.sleep(VALIDATE_WAIT_MS, answered.signal).then(() => connection.destroy(), ignore);
    try {
      await connection.command('');
    } catch (error) {
      this.#log.debug('pool.idle_lost', { error });
    }
    answered.abort();
    this.#validating -= 1;
    if (connection.broken || this.#ending.signal.aborted) this.#remove(member);
    else this.#give(member, this.#clock.monotonicMs());
    this.#serve();
    this.#checkDrained();
  }

  #remove(member: Member): void {
    const { connection } = member;
    if (!this.#members.delete(connection)) return;
    this.#leaving.add(connection);
    void connection.ended.then(() => {
      this.#leaving.delete(connection);
      this.#checkDrained();
    });
    if (connection.pending > 0 || connection.transactionStatus !== 'I') connection.destroy();
    else void connection.close();
  }

  #lost(member: Member): void {
    const at = this.#idle.indexOf(member);
    if (at === -1) return;
    this.#idle.splice(at, 1);
    this.#remove(member);
    this.#serve();
  }

  #discarded(connection: Connection, holder: string): void {
    this.#counters.discardedTotal += 1;
    if (connection.outdated) this.renew();
    const { pending, transactionStatus } = connection;
    if (!connection.broken) this.#log.warn('pool.discarded', { holder, pending, transaction_status: transactionStatus });
  }

  #exhausted(waiter: Waiter): KeelsonError {
    this.#counters.timeoutsTotal += 1;
    const holders = this.holders.slice(0, HOLDERS_NAMED_MAX);
    const waitedMs = Math.round(this.#clock.monotonicMs() - waiter.sinceMs);
    this.#log.warn('pool.exhausted', {
      waiter: waiter.holder,
      waited_ms: waitedMs,
      active: this.#active,
      waiting: this.#line.length,
      holders,
    });
    return new KeelsonError('POOL_EXHAUSTED', {
      message: `No database connection came free within ${this.#limits.waitMs} ms: all ${this.#active} are held.`,
      hint: holders.length === 0 ? undefined : `Held by ${holders.map((held) => `${held.holder} (${held.ageMs} ms)`).join(', ')}.`,
      data: { waiter: waiter.holder, waitedMs, holders },
    });
  }

  /** Looks after the members as long as there are any. */
  async #keep(): Promise<void> {
    this.#keeping = true;
    await keepHouse(this.#clock, this.#ending.signal, () => {
      const nowMs = this.#clock.monotonicMs();
      for (const member of this.#members.values()) this.#inspect(member, nowMs);
      return this.#members.size > 0;
    });
    this.#keeping = false;
  }

  #inspect(member: Member, nowMs: number): void {
    if (isHeldTooLong(member, this.#limits, nowMs)) {
      member.reported = true;
      const statement = shortened(member.connection.lastStatement);
      this.#log.warn('pool.held_long', { holder: member.holder, statement, held_ms: Math.round(nowMs - member.sinceMs) });
      return;
    }
    const at = this.#idle.indexOf(member);
    if (at === -1 || !(this.#outlived(member, nowMs) || isIdleTooLong(member, this.#limits, nowMs))) return;
    this.#idle.splice(at, 1);
    this.#remove(member);
  }

  #checkDrained(): void {
    const busy = this.#active + this.#connecting + this.#validating + this.#leaving.size;
    if (this.#ending.signal.aborted && busy === 0) this.#drained.resolve();
  }
}

function closedError(): KeelsonError {
  return new KeelsonError('SERVICE_UNAVAILABLE', { message: 'The database connections are being closed.' });
}

function ignore(): void {
  // The wait was ended early, which is what was wanted.
}
