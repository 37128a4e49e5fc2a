/** The sweeper: gives back the rows of processes that have died, and those whose lease ran out. */
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { Postgres } from '../postgres/postgres.ts';
import type { Sql } from '../schema/sql.ts';

/** A table whose rows are leased. */
export interface SweepTarget {
  /** The name of the table in the database. */
  readonly table: string;
  /** The column of its key; `id`. */
  readonly keyColumn?: string | undefined;
  readonly stateColumn?: string | undefined;
  /** From a working state to the one that its row goes back to. */
  readonly back?: ReadonlyMap<string, string> | undefined;
  /** From this many attempts on a freed row is set by `failSql` instead of going back; a number, or a column of the row. */
  readonly attemptsMax: number | Sql;
  /** What is set on a row that has used up its attempts, as in `failed_at = now()`; without it the row goes back, and who claims it fails it. */
  readonly failSql?: Sql | undefined;
}

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

/** Sweeps by itself from `start` to `stop`. */
export class Sweeper {
  readonly options: SweeperOptions;

  constructor(options: SweeperOptions) {
    this.options = options;
  }

  start(): void {
    // Nothing yet.
  }

  /** Ends it after the sweep that is under way. */
  stop(): Promise<void> {
    return Promise.resolve();
  }
}
