/** The heartbeat of leases: extends what this process still works on, and tells which of it was lost. */
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { Postgres } from '../postgres/postgres.ts';
import { type Sql, sql, Statements } from '../schema/sql.ts';
import { freeStatements, keyOf, placeOf, type SweepTarget } from './free.ts';

/** A row that this process has leased. */
export interface HeldLease {
  /** The key of the row, as text. */
  readonly key: string;
  readonly epoch: number;
  readonly leaseMs: number;
  /** Told once when the lease is no longer ours; while the finish is under way this means nothing, since the row may be finished already. */
  readonly onLost: () => void;
}

/** What a heartbeat beats for: one table. */
export interface LeaseHeartbeatOptions {
  readonly postgres: Postgres;
  readonly namespace: string;
  readonly target: SweepTarget;
  /** The number of the process as it is now. */
  readonly owner: () => number;
  readonly clock: Clock;
  readonly log: Log;
  /** Told when rows of this process came back that it did not know of: the answer to a claim had been lost. */
  readonly onFreed?: ((table: string) => void) | undefined;
  /** How long a row has to be unknown before it is freed: no answer to a claim is on its way for longer; 1 s. */
  readonly unknownMs?: number | undefined;
}

const BEAT_MAX_MS = 10_000;
const AGAIN_MS = 250;
const UNKNOWN_MS = 1_000;

/** Extends the leases of one process in one table from `start` to `stop`. */
export class LeaseHeartbeat {
  readonly #options: LeaseHeartbeatOptions;
  readonly #statements: Statements;
  readonly #held = new Map<string, HeldLease>();
  readonly #ending = new AbortController();
  #beating: Promise<void> = Promise.resolve();
  #waiting = new AbortController();
  #nextMs = Number.POSITIVE_INFINITY;
  /** When to look for rows that this process does not know of, and which were unknown at the last look. */
  #suspicion: { readonly lookMs: number; readonly unknown: ReadonlyMap<string, string> | undefined } | undefined;

  constructor(options: LeaseHeartbeatOptions) {
    this.#options = options;
    this.#statements = new Statements(options.namespace, { named: options.postgres.namedStatements });
  }

  /** How many leases it keeps. */
  get size(): number {
    return this.#held.size;
  }

  /** Keeps a lease from now until `release`. */
  hold(lease: HeldLease): void {
    this.#held.set(lease.key, lease);
    this.#beatBy(this.#options.clock.monotonicMs() + beatMs(lease.leaseMs));
  }

  /** Forgets a lease, after the finish was answered or the row was given back; not before, lest the row be taken for one unknown. */
  release(key: string, epoch: number): void {
    if (this.#held.get(key)?.epoch === epoch) this.#held.delete(key);
  }

  /** Says that the answer to a claim was lost: rows may be leased to this process that it does not know of. They are looked for and freed. */
  suspect(): void {
    const lookMs = this.#lookMs;
    this.#suspicion ??= { lookMs, unknown: undefined };
    this.#beatBy(lookMs);
  }

  /** Asks at once which leases are still held. */
  hurry(): void {
    this.#beatBy(this.#options.clock.monotonicMs());
  }

  start(): void {
    this.#beating = this.#keepBeating();
  }

  /** Ends it after the beat that is under way; what is still held runs out. */
  async stop(): Promise<void> {
    this.#ending.abort();
    this.#waiting.abort();
    await this.#beating;
  }

  /**
   * Beats once.
   *
   * @throws DATABASE_CONNECTION_FAILED and what else a statement fails with
   */
  async beat(): Promise<void> {
    const asked = [...this.#held.values()];
    if (asked.length === 0) return;
    const { rows } = await this.#query(this.#extend(asked));
    const alive = new Set(rows.map(([key]) => key));
    for (const lease of asked) {
      if (alive.has(lease.key) || this.#held.get(lease.key) !== lease) continue;
      this.#held.delete(lease.key);
      lease.onLost();
    }
  }

  #beatBy(atMs: number): void {
    if (atMs >= this.#nextMs) return;
    this.#nextMs = atMs;
    this.#waiting.abort();
  }

  async #keepBeating(): Promise<void> {
    const { clock, log, target } = this.#options;
    // bounded by: stop
    while (!this.#ending.signal.aborted) {
      const waitMs = Math.min(this.#nextMs - clock.monotonicMs(), BEAT_MAX_MS);
      if (waitMs > 0) {
        this.#waiting = new AbortController();
        await clock.sleep(waitMs, this.#waiting.signal).catch(() => undefined);
        continue;
      }
      this.#nextMs = Number.POSITIVE_INFINITY;
      try {
        await this.beat();
        await this.#lookForUnknown();
        for (const { leaseMs } of this.#held.values()) this.#beatBy(clock.monotonicMs() + beatMs(leaseMs));
      } catch (error) {
        log.debug('worker.heartbeat_failed', { table: target.table, error });
        this.#beatBy(clock.monotonicMs() + AGAIN_MS);
      }
    }
  }

  async #lookForUnknown(): Promise<void> {
    const { clock, target } = this.#options;
    const suspicion = this.#suspicion;
    if (suspicion === undefined) return;
    if (clock.monotonicMs() < suspicion.lookMs) {
      this.#beatBy(suspicion.lookMs);
      return;
    }
    const key = keyOf(target);
    const { rows } = await this.#query(
      sql`select ${key}::text, lease_epoch from ${this.#place} where lease_owner = ${this.#options.owner()} limit 10000`,
    );
    const unknown = new Map(rows.flatMap(([id, epoch]) => (this.#held.has(id ?? '') ? [] : [[id ?? '', epoch ?? ''] as const])));
    // Twice unknown, under the same epoch: no answer can still be on its way.
    const lost = [...unknown].filter(([id, epoch]) => suspicion.unknown?.get(id) === epoch);
    if (lost.length > 0) await this.#free(lost);
    const lookMs = this.#lookMs;
    this.#suspicion = unknown.size > lost.length ? { lookMs, unknown } : undefined;
    if (this.#suspicion !== undefined) this.#beatBy(lookMs);
  }

  async #free(lost: readonly (readonly [id: string, epoch: string])[]): Promise<void> {
    const { namespace, target, log, onFreed } = this.#options;
    const condition = sql`lease_owner = ${this.#options.owner()} and (${keyOf(target)}, lease_epoch) in (
      select lost.id, lost.epoch from ${this.#given(lost)} as lost (id, epoch))`;
    for (const statement of freeStatements(namespace, target, condition)) await this.#query(statement);
    log.info('worker.recovered', { table: target.table, rows: lost.length, unknown: true });
    onFreed?.(target.table);
  }

  /** One statement for all: extends what is still ours, tells which that is, and waits for nobody who is finishing a row. */
  #extend(asked: readonly HeldLease[]): Sql {
    const key = keyOf(this.#options.target);
    const owner = this.#options.owner();
    const isOurs = sql`t.${key} = asked.id and t.lease_owner = ${owner}::int and t.lease_epoch = asked.epoch`;
    return sql`
      with asked as (
        select given.id, given.epoch, held.lease_ms
        from ${this.#given(asked.map((lease) => [lease.key, String(lease.epoch)]))} with ordinality as given (id, epoch, place)
        join unnest(${asked.map((lease) => lease.leaseMs)}::int[]) with ordinality as held (lease_ms, place) using (place)),
      extended as (
        update ${this.#place} as t set lease_until = now() + asked.lease_ms * interval '1 millisecond'
        from asked
        where ${isOurs} and t.${key} = any(array(
          select t.${key} from ${this.#place} as t join asked on ${isOurs} order by t.${key} for update of t skip locked)))
      select t.${key}::text from ${this.#place} as t join asked on ${isOurs}`;
  }

  /** Keys and epochs as rows. */
  #given(pairs: readonly (readonly [id: string, epoch: string])[]): Sql {
    const type = sql.raw(this.#options.target.keyType ?? 'uuid');
    return sql`unnest(${pairs.map(([id]) => id)}::text[]::${type}[], ${pairs.map(([, epoch]) => epoch)}::int[])`;
  }

  get #lookMs(): number {
    return this.#options.clock.monotonicMs() + (this.#options.unknownMs ?? UNKNOWN_MS);
  }

  get #place(): Sql {
    return placeOf(this.#options.namespace, this.#options.target);
  }

  #query(piece: Sql): Promise<{ readonly rows: readonly (readonly (string | null)[])[] }> {
    return this.#options.postgres.lone.run(this.#statements.compile(piece), 'heartbeat');
  }
}

function beatMs(leaseMs: number): number {
  return leaseMs / 3;
}
