/** The connections of a process: few, bounded, and each known by who holds it. */
import { type Clock, systemClock } from '../clock.ts';
import { KeelsonError } from '../errors.ts';
import { type Log, silentLog } from '../log.ts';
import type { Connection } from './connection.ts';
import { Leaving } from './leaving.ts';
import {
  answers,
  isHeldTooLong,
  isIdleTooLong,
  isTooOld,
  keepHouse,
  type Member,
  type PoolLimits,
  poolLimits,
  settledWithin,
  type PoolOptions,
} from './pool-member.ts';
import { type Holder, type PoolStats, closedError, exhaustedError, holdersAmong, shortened, Tally } from './pool-stats.ts';
import { fromDatabase, sqlState } from './sqlstate.ts';
import { type Waiter, WaitingLine } from './waiting-line.ts';
import { Watch } from './watch.ts';

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
  readonly #tally: Tally;
  readonly #ending = new AbortController();
  readonly #leaving = new Leaving(() => this.#checkDrained());
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
    this.#tally = new Tally(options.watch ?? new Watch());
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
    return {
      size: this.#size,
      sizeMax: this.#limits.sizeMax,
      overflow: this.#limits.overflow,
      active: this.#active,
      idle: this.#idle.length,
      connecting: this.#connecting,
      waiting: this.#line.length,
      ...this.#tally.counters,
    };
  }

  /** Who holds connections now, the longest first. */
  get holders(): readonly Holder[] {
    return holdersAmong(this.#members.values(), this.#clock.monotonicMs());
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
        this.#hold(member, holder, { nowMs, waitedMs: 0 });
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
    this.#tally.released(nowMs - member.sinceMs);
    const fit = connection.reusable;
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
    this.#tally.counters.connectsTotal += 1;
    connection.onEnd = () => this.#letGo(member);
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
    await settledWithin(this.#drained.promise, deadlineMs, this.#clock);
    const held = [...this.#members.keys()];
    for (const connection of held) connection.destroy();
    await Promise.all([this.#leaving.destroy(), ...held.map((connection) => connection.ended)]);
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

  #hold(member: Member, holder: string, { nowMs, waitedMs }: { readonly nowMs: number; readonly waitedMs: number }): void {
    member.holder = holder;
    member.connection.holder = holder;
    member.sinceMs = nowMs;
    member.reported = false;
    this.#active += 1;
    this.#tally.acquired(waitedMs);
  }

  /** To whoever has waited longest, or to the idle ones. */
  #give(member: Member, nowMs: number): void {
    const waiter = this.#line.next();
    if (waiter === undefined) {
      member.sinceMs = nowMs;
      this.#idle.push(member);
      return;
    }
    this.#hold(member, waiter.holder, { nowMs, waitedMs: nowMs - waiter.sinceMs });
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
    this.#tally.counters.connectFailuresTotal += 1;
    // A server that is full has still served those who are here: one of theirs will come free.
    const full = sqlState(error) === '53300' && this.#members.size > 0;
    if (!full) {
      this.#line.next()?.reject(fromDatabase(error));
      this.#serve();
    }
    this.#checkDrained();
  }

  async #validate(member: Member): Promise<void> {
    this.#validating += 1;
    const alive = await answers(member.connection, this.#clock);
    this.#validating -= 1;
    if (alive && !this.#ending.signal.aborted) this.#give(member, this.#clock.monotonicMs());
    else {
      this.#remove(member);
      // What took this one away took those that are idle for even longer.
      for (const older of this.#idle.splice(0)) this.#remove(older);
    }
    this.#serve();
    this.#checkDrained();
  }

  #remove(member: Member): void {
    if (this.#members.delete(member.connection)) this.#leaving.show(member.connection);
  }

  /** Ends one if it is idle. */
  #letGo(member: Member): void {
    const at = this.#idle.indexOf(member);
    if (at === -1) return;
    this.#idle.splice(at, 1);
    this.#remove(member);
    this.#serve();
  }

  #discarded(connection: Connection, holder: string): void {
    this.#tally.counters.discardedTotal += 1;
    if (connection.outdated) this.renew();
    const { pending, transactionStatus } = connection;
    if (!connection.broken) this.#log.warn('pool.discarded', { holder, pending, transaction_status: transactionStatus });
  }

  #exhausted(waiter: Waiter): KeelsonError {
    this.#tally.counters.timeoutsTotal += 1;
    const holders = this.holders.slice(0, HOLDERS_NAMED_MAX);
    const waitedMs = Math.round(this.#clock.monotonicMs() - waiter.sinceMs);
    const { active, connecting, waiting } = this.stats;
    this.#log.warn('pool.exhausted', { waiter: waiter.holder, waited_ms: waitedMs, active, connecting, waiting, holders });
    return exhaustedError(this.stats, { waiter: waiter.holder, waitedMs, holders });
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
    const heldMs = Math.round(nowMs - member.sinceMs);
    if (isHeldTooLong(member, this.#limits, nowMs)) {
      member.reported = true;
      this.#log.warn('pool.held_long', { holder: member.holder, statement: shortened(member.connection.lastStatement), held_ms: heldMs });
    } else if (this.#outlived(member, nowMs) || isIdleTooLong(member, this.#limits, nowMs)) this.#letGo(member);
  }

  #checkDrained(): void {
    const busy = this.#active + this.#connecting + this.#validating + this.#leaving.size;
    if (this.#ending.signal.aborted && busy === 0) this.#drained.resolve();
  }
}
