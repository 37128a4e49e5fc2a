/** Claiming: one statement per claim, with a watermark that skips what was claimed before. */
import type { Clock } from '../clock.ts';
import type { Postgres } from '../postgres/postgres.ts';
import type { ColumnInfo } from '../schema/table.ts';
import { parseTime } from '../schema/time.ts';
import { mapperOf } from '../work/entity.ts';
import type { Mapper } from '../work/mapper.ts';
import type { ClaimSql } from './claim-sql.ts';
import type { Counts } from './counts.ts';
import { walkIndex } from './index-walk.ts';
import type { ClaimedRow } from './run.ts';
import type { Worker } from './worker.ts';

/** What claims are made with. */
export interface ClaimGround {
  readonly worker: Pick<Worker<never, never>, 'name' | 'target' | 'limits'>;
  readonly postgres: Postgres;
  readonly sql: ClaimSql;
  readonly clock: Clock;
  readonly owner: () => number;
  readonly counts: Counts;
}

/** How long a watermark holds: a row that came late waits at most so long. */
const WATERMARK_MS = 1_000;

interface Source {
  readonly state: string;
  /** The order value of the last row that was claimed, as the database wrote it. */
  watermark: string | undefined;
  sinceMs: number;
}

/** Claims the rows of one worker. */
export class Claimer {
  /** How many claims have failed one after another. */
  troubles = 0;
  readonly #ground: ClaimGround;
  readonly #mapper: Mapper;
  readonly #sources: readonly Source[];
  readonly #at: { readonly key: number; readonly epoch: number; readonly attempts: number; readonly order: number };

  constructor(ground: ClaimGround) {
    const { target } = ground.worker;
    this.#ground = ground;
    this.#mapper = mapperOf(target.entityClass);
    this.#sources = target.waiting.map((state) => ({ state, watermark: undefined, sinceMs: 0 }));
    const at = (key: string): number => target.table.columns.findIndex((column) => column.key === key);
    this.#at = { key: at(target.key.key), epoch: at('leaseEpoch'), attempts: at('attempts'), order: at(target.order.key) };
  }

  /** The next claims begin at the beginning: rows have come back. */
  rewind(): void {
    for (const source of this.#sources) source.watermark = undefined;
  }

  /**
   * Claims rows, at most so many; fewer when no more wait.
   *
   * @throws DATABASE_CONNECTION_FAILED and what else a statement fails with: rows may be leased then that nobody knows of
   */
  async claim(max: number): Promise<readonly ClaimedRow[]> {
    const claimed: ClaimedRow[] = [];
    for (const source of this.#sources) {
      while (claimed.length < max) {
        const from = this.#watermarkOf(source);
        const wanted = Math.min(max - claimed.length, this.#ground.worker.limits.batchMax);
        const rows = await this.#claimFrom(source, { max: wanted, from });
        claimed.push(...rows);
        // What lies before the watermark may have come back: the end is reached only when it is looked for from the beginning.
        if (rows.length < wanted) source.watermark = undefined;
        if (rows.length === wanted || from === undefined) break;
      }
    }
    return claimed;
  }

  #watermarkOf(source: Source): string | undefined {
    const nowMs = this.#ground.clock.monotonicMs();
    if (nowMs - source.sinceMs > WATERMARK_MS) {
      source.sinceMs = nowMs;
      source.watermark = undefined;
    }
    return source.watermark;
  }

  async #claimFrom(source: Source, { max, from }: { readonly max: number; readonly from: string | undefined }): Promise<ClaimedRow[]> {
    const { worker, postgres, sql, clock, counts } = this.#ground;
    const owner = this.#ground.owner();
    const startedMs = clock.monotonicMs();
    const statement = sql.claim({ owner, state: source.state, max, leaseMs: worker.limits.leaseMs, watermark: from });
    const { rows } = await walkIndex(postgres, statement, `worker ${worker.name}`);
    const claimedMs = clock.monotonicMs();
    counts.claims += 1;
    counts.claimed += rows.length;
    counts.claimMsTotal += claimedMs - startedMs;
    const { order } = worker.target;
    for (const row of rows) {
      const value = row[this.#at.order] ?? undefined;
      if (value !== undefined && (source.watermark === undefined || isAfter(order, value, source.watermark))) source.watermark = value;
    }
    return rows.map((row) => ({
      entity: this.#mapper.hydrate(row),
      key: row[this.#at.key] ?? '',
      owner,
      epoch: Number(row[this.#at.epoch]),
      attempt: Number(row[this.#at.attempts]),
      claimedMs,
      isLost: false,
      isFinishing: false,
    }));
  }
}

/** Where the database orders otherwise, the watermark is a little early, and no row is passed over: it is the value of a claimed row. */
function isAfter(column: ColumnInfo, left: string, right: string): boolean {
  if (column.kind === 'time') return parseTime(left).getTime() > parseTime(right).getTime();
  return column.kind === 'text' ? left > right : Number(left) > Number(right);
}
