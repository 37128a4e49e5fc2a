/** The sweeper: gives back the rows of processes that have died, and those whose lease ran out. */
import { createHash, randomInt } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { Connection } from '../postgres/connection.ts';
import type { Result } from '../postgres/exchange.ts';
import type { Postgres } from '../postgres/postgres.ts';
import { setLocal } from '../schema/set-local.ts';
import { type Sql, sql, Statements } from '../schema/sql.ts';
import { FREE_MAX, freeStatements, placeOf, type SweepTarget } from './free.ts';
import { DEAD_AFTER_MS, lockClass } from './liveness.ts';
import { workers } from './worker-table.ts';

export type { SweepTarget } from './free.ts';

/** What a sweeper works on. */
export interface SweeperOptions {
  readonly postgres: Postgres;
  readonly namespace: string;
  readonly targets: readonly SweepTarget[];
  readonly clock: Clock;
  readonly log: Log;
  /** Told of each table in which rows came back: their order values may lie before a watermark. */
  readonly onFreed?: ((table: string) => void) | undefined;
}

/** What a sweeper has done so far. */
export interface SweepStats {
  readonly deadTotal: number;
  readonly freedTotal: number;
  readonly expiredTotal: number;
}

const SWEEP_MS = 250;
const SWEEP_AGAIN_MS = 50;
/** Leases that ran out are looked for less often: the look reads every leased row. */
const EXPIRED_MS = 1_000;
/** Of one table, in one transaction. */
const BATCHES_MAX = 20;
/** A process without a lock is taken off the list when it was not heard of for so long. */
const SILENT_MS = 60_000;

/** Sweeps by itself from `start` to `stop`. */
export class Sweeper {
  readonly #options: SweeperOptions;
  readonly #statements: Statements;
  readonly #ending = new AbortController();
  readonly #stats = { deadTotal: 0, freedTotal: 0, expiredTotal: 0 };
  #sweeping: Promise<void> = Promise.resolve();
  #nextExpiredMs = 0;
  /** Since when the database has not answered. */
  #outageSinceMs: number | undefined;
  /** Until when nobody is taken for dead: all have to come back after an outage. */
  #graceUntilMs = 0;

  constructor(options: SweeperOptions) {
    this.#options = options;
    this.#statements = new Statements(options.namespace, { named: options.postgres.namedStatements });
  }

  get stats(): SweepStats {
    return this.#stats;
  }

  start(): void {
    this.#sweeping = this.#keepSweeping();
  }

  /** Ends it after the sweep that is under way. */
  async stop(): Promise<void> {
    this.#ending.abort();
    await this.#sweeping;
  }

  /**
   * Looks once, and frees what is to be freed.
   *
   * @throws DATABASE_CONNECTION_FAILED and what else a statement fails with; what was not committed is found by the next sweep
   */
  async sweep(): Promise<void> {
    const { clock, postgres } = this.#options;
    const withExpired = clock.monotonicMs() >= this.#nextExpiredMs;
    if (withExpired) this.#nextExpiredMs = clock.monotonicMs() + EXPIRED_MS / 2 + randomInt(EXPIRED_MS);
    const { rows } = await postgres.readers.query(this.#statements.compile(this.#look(withExpired)));
    this.#answered();
    const [dead, ...expired] = (rows[0] ?? []).map((value) => value === 't');
    const late = this.#options.targets.filter((_, index) => expired[index] === true);
    const isDead = dead === true && clock.monotonicMs() >= this.#graceUntilMs;
    if (isDead || late.length > 0) await this.#free(isDead, late);
  }

  async #keepSweeping(): Promise<void> {
    const { clock, log } = this.#options;
    const { signal } = this.#ending;
    let pauseMs = SWEEP_MS;
    // bounded by: stop
    while (!signal.aborted) {
      // Jitter, so that the sweepers of many processes do not look together.
      await clock.sleep(pauseMs * 0.75 + randomInt(Math.ceil(pauseMs / 2)), signal).catch(() => undefined);
      if (signal.aborted) return;
      try {
        await this.sweep();
        pauseMs = SWEEP_MS;
      } catch (error) {
        this.#outageSinceMs ??= clock.monotonicMs();
        pauseMs = SWEEP_AGAIN_MS;
        log.debug('worker.sweep_failed', { error });
      }
    }
  }

  /** After an outage every process looks dead for a moment: locks are gone, and nobody was heard of. */
  #answered(): void {
    const nowMs = this.#options.clock.monotonicMs();
    if (this.#outageSinceMs !== undefined && nowMs - this.#outageSinceMs >= SWEEP_MS) this.#graceUntilMs = nowMs + DEAD_AFTER_MS;
    this.#outageSinceMs = undefined;
  }

  /** One row: whether a process may be dead, then for each table whether leases have run out. Cheap, since all do it all the time. */
  #look(withExpired: boolean): Sql {
    const { namespace, targets } = this.#options;
    const late = withExpired
      ? targets.map((target) => sql`exists (select 1 from ${placeOf(namespace, target)} where ${sql.raw(EXPIRED)})`)
      : [];
    const dead = sql`exists (select 1 from ${workers} where lost_at is not null or heartbeat_at < ${before(sql.raw(DEAD_AFTER))})`;
    return sql`select ${sql.join([dead, ...late])}`;
  }

  async #free(isDead: boolean, late: readonly SweepTarget[]): Promise<void> {
    const { postgres, onFreed } = this.#options;
    const connection = await postgres.pool.acquire('sweeper');
    const found = { dead: new Map<string, LostProcess>(), freed: new Map<string, number>() };
    try {
      await connection.command(`begin${setLocal(Object.entries(postgres.transactionSettings))}`);
      const isAlone = await this.#query(connection, sql`select pg_try_advisory_xact_lock(${sweepLock(this.#options.namespace)}::bigint)`);
      if (isAlone.rows[0]?.[0] === 't') {
        if (isDead) await this.#bury(connection, found);
        for (const target of late) this.#stats.expiredTotal += await this.#freeIn(connection, target, sql.raw(EXPIRED), found);
      }
      await connection.command('commit');
    } finally {
      if (connection.transactionStatus !== 'I' && !connection.broken) await connection.command('rollback').catch(() => undefined);
      postgres.pool.release(connection);
    }
    this.#report(found);
    for (const table of found.freed.keys()) onFreed?.(table);
  }

  /** Says who is lost, frees what they held, and forgets those who hold nothing any more. */
  async #bury(connection: Connection, found: Found): Promise<void> {
    const { namespace, targets } = this.#options;
    // The row is written before anything is freed: whoever was taken for dead and lives learns of it by the next heartbeat.
    const marked = await this.#query(
      connection,
      sql`
        update ${workers} as w set lost_at = clock_timestamp()
        where w.lost_at is null and w.is_locked and w.heartbeat_at < ${before(sql.raw(DEAD_AFTER))}
          and not exists (
            select 1 from pg_catalog.pg_locks as l
            where l.locktype = 'advisory' and l.objsubid = 2 and l.granted
              and l.database = (select d.oid from pg_catalog.pg_database as d where d.datname = current_database())
              and l.classid = ${sql.raw(String(lockClass(namespace) >>> 0))}::oid and l.objid = w.id::oid)
        returning w.id, w.name, w.host, w.pid`,
    );
    for (const [id, name, host, pid] of marked.rows) found.dead.set(id ?? '', { id, name, host, pid });
    const lost = await this.#query(connection, sql`select id from ${workers} where lost_at is not null order by id limit 1000`);
    const ids = sql`${lost.rows.map(([id]) => id)}::int[]`;
    if (lost.rows.length > 0) {
      for (const target of targets) await this.#freeIn(connection, target, sql`lease_owner = any(${ids})`, found);
    }
    const holdsNothing = targets.map((target) => sql`not exists (select 1 from ${placeOf(namespace, target)} where lease_owner = w.id)`);
    const isOver = sql`w.id = any(${ids}) or (not w.is_locked and w.heartbeat_at < ${before(sql.raw(`${SILENT_MS} milliseconds`))})`;
    await this.#query(
      connection,
      sql`delete from ${workers} as w where (${isOver}) and ${sql.join([sql`true`, ...holdsNothing], ' and ')}`,
    );
  }

  async #freeIn(connection: Connection, target: SweepTarget, condition: Sql, found: Found): Promise<number> {
    let total = 0;
    for (const statement of freeStatements(this.#options.namespace, target, condition)) {
      for (let batch = 0; batch < BATCHES_MAX; batch += 1) {
        const { rowCount } = await this.#query(connection, statement);
        total += rowCount;
        if (rowCount < FREE_MAX) break;
      }
    }
    if (total > 0) found.freed.set(target.table, (found.freed.get(target.table) ?? 0) + total);
    return total;
  }

  #query(connection: Connection, piece: Sql): Promise<Result> {
    return connection.query(this.#statements.compile(piece));
  }

  #report({ dead, freed }: Found): void {
    const { log } = this.#options;
    this.#stats.deadTotal += dead.size;
    for (const { id, name, host, pid } of dead.values())
      log.warn('worker.lost', { worker_id: Number(id), name, host, pid: Number(pid), unheard_ms: DEAD_AFTER_MS });
    for (const [table, rows] of freed) {
      this.#stats.freedTotal += rows;
      log.info('worker.recovered', { table, rows });
    }
  }
}

interface LostProcess {
  readonly id: string | null | undefined;
  readonly name: string | null | undefined;
  readonly host: string | null | undefined;
  readonly pid: string | null | undefined;
}

interface Found {
  readonly dead: Map<string, LostProcess>;
  readonly freed: Map<string, number>;
}

const EXPIRED = 'lease_owner is not null and lease_until < now()';
const DEAD_AFTER = `${DEAD_AFTER_MS} milliseconds`;

function before(interval: Sql): Sql {
  return sql`clock_timestamp() - interval '${interval}'`;
}

function sweepLock(namespace: string): bigint {
  return createHash('sha256').update(`keelson.sweep:${namespace}`).digest().readBigInt64BE();
}
