/** That a process with workers lives: its row, its advisory lock on a connection of its own, and its heartbeat. */
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { Connection } from '../postgres/connection.ts';
import type { Postgres } from '../postgres/postgres.ts';

/** How a process is registered. */
export interface RegistrationOptions {
  readonly postgres: Postgres;
  /** Opens a connection past a pooler; one of `postgres` when left out, and none behind a transaction pooler. */
  readonly direct?: (() => Promise<Connection>) | undefined;
  readonly namespace: string;
  /** What people know the process by; host and process id when left out. */
  readonly name?: string | undefined;
  /** The workers and queues that it serves. */
  readonly queues: readonly string[];
  readonly clock: Clock;
  readonly log: Log;
  /** Told when the process was taken for dead although it lives: its leases are lost, and it has a new number. */
  readonly onReplaced?: ((replaced: { readonly owner: number; readonly newOwner: number }) => void) | undefined;
}

/** A process among those that run workers. */
export class Registration {
  #owner = 0;

  static open(options: RegistrationOptions): Promise<Registration> {
    void options;
    return Promise.resolve(new Registration());
  }

  /** What `lease_owner` is to say; it changes when the process was taken for dead. */
  get owner(): number {
    return this.#owner;
  }

  /** Takes the process off the list; one that still holds rows says so, and they are freed by the others. */
  close(options: { readonly isHolding?: boolean } = {}): Promise<void> {
    this.#owner = options.isHolding === true ? this.#owner : 0;
    return Promise.resolve();
  }
}
