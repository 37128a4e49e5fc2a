/** The heartbeat of leases: extends what this process still works on, and tells which of it was lost. */
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { Postgres } from '../postgres/postgres.ts';
import type { SweepTarget } from './sweep.ts';

/** A row that this process has leased. */
export interface HeldLease {
  /** The key of the row, as text. */
  readonly key: string;
  readonly epoch: number;
  readonly leaseMs: number;
  /** Told once when the lease is no longer ours. */
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
}

/** Extends the leases of one process in one table from `start` to `stop`. */
export class LeaseHeartbeat {
  readonly options: LeaseHeartbeatOptions;
  readonly #held = new Map<string, HeldLease>();

  constructor(options: LeaseHeartbeatOptions) {
    this.options = options;
  }

  hold(lease: HeldLease): void {
    this.#held.set(lease.key, lease);
  }

  /** Forgets a lease: the row is finished or was given back. */
  release(key: string, epoch: number): void {
    if (this.#held.get(key)?.epoch === epoch) this.#held.delete(key);
  }

  /** Says that the answer to a claim was lost: rows may be leased to this process that it does not know of. */
  suspect(): void {
    // Nothing yet.
  }

  start(): void {
    // Nothing yet.
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }
}
