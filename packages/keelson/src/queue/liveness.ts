/** That a process with workers lives: its row, its advisory lock on a connection of its own, and its heartbeat. */
import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import type { Clock } from '../clock.ts';
import { KeelsonError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Connection } from '../postgres/connection.ts';
import { settledWithin } from '../postgres/pool-member.ts';
import type { Postgres } from '../postgres/postgres.ts';
import { type Sql, sql, Statements } from '../schema/sql.ts';
import { directWay, KeptConnection } from './kept-connection.ts';
import { workers } from './worker-table.ts';

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
  readonly onReplaced?: ((replaced: Replaced) => void) | undefined;
}

/** A process that was taken for dead although it lives. */
export interface Replaced {
  readonly owner: number;
  readonly newOwner: number;
}

/** A process says so often that it lives. */
const BEAT_MS = 150;
/** Without its lock, and not heard of for so long, a process is dead. */
export const DEAD_AFTER_MS = 500;

const BEAT_AGAIN_MS = 10;
const BEAT_AGAIN_MAX_MS = 100;
const BEAT_WAIT_MS = 300;
const LOOK_MS = 10_000;
const LOCK_AGAIN_MS = 250;

/** The first half of the number of each lock of a namespace's processes; the second is the number of the process. */
export function lockClass(namespace: string): number {
  return createHash('sha256').update(`keelson.workers:${namespace}`).digest().readInt32BE();
}

/** A process among those that run workers. */
export class Registration {
  readonly #options: RegistrationOptions;
  readonly #statements: Statements;
  readonly #lock: KeptConnection | undefined;
  readonly #ending = new AbortController();
  #owner = 0;
  #beating: Promise<void> = Promise.resolve();

  private constructor(options: RegistrationOptions) {
    this.#options = options;
    this.#statements = new Statements(options.namespace, { named: options.postgres.namedStatements });
    const open = directWay(options.postgres, options.direct);
    this.#lock = open === undefined ? undefined : this.#createLock(open);
  }

  /**
   * Puts this process on the list, with its lock and its heartbeat.
   *
   * @throws DATABASE_CONNECTION_FAILED
   */
  static async open(options: RegistrationOptions): Promise<Registration> {
    const registration = new Registration(options);
    await registration.#register();
    await registration.#lock?.open();
    registration.#beating = registration.#beat();
    return registration;
  }

  /** What `lease_owner` is to say; it changes when the process was taken for dead. */
  get owner(): number {
    return this.#owner;
  }

  /** Takes the process off the list; of one that still holds rows it is said that it is lost, and others give them back. */
  async close({ isHolding = false }: { readonly isHolding?: boolean } = {}): Promise<void> {
    if (this.#ending.signal.aborted) return;
    this.#ending.abort();
    await this.#beating;
    try {
      await this.#query(
        isHolding
          ? sql`update ${workers} set lost_at = clock_timestamp() where id = ${this.#owner}`
          : sql`delete from ${workers} where id = ${this.#owner}`,
      );
    } catch (error) {
      // Whoever sweeps finds it dead.
      this.#options.log.debug('worker.not_signed_off', { worker_id: this.#owner, error });
    }
    await this.#lock?.close();
  }

  #query(piece: Sql): Promise<{ readonly rows: readonly (readonly (string | null)[])[] }> {
    return this.#options.postgres.readers.query(this.#statements.compile(piece));
  }

  async #register(): Promise<void> {
    const { name = `${hostname()}:${process.pid}`, queues } = this.#options;
    const { rows } = await this.#query(sql`
      insert into ${workers} (name, host, pid, queues, is_locked)
      values (${name}, ${hostname()}, ${process.pid}, ${queues}, ${this.#lock !== undefined})
      returning id`);
    this.#owner = Number(rows[0]?.[0]);
  }

  #createLock(open: () => Promise<Connection>): KeptConnection {
    const { clock, log, namespace } = this.#options;
    let locked = 0;
    const take = async (connection: Connection): Promise<void> => {
      const owner = this.#owner;
      // Never waited for: a backend that is not yet known to be gone may still have it, and has it in our name.
      const { rows } = await connection.query(
        this.#statements.compile(sql`select pg_try_advisory_lock(${lockClass(namespace)}::int4, ${owner}::int4)::text`),
      );
      if (rows[0]?.[0] === 'true') locked = owner;
    };
    return new KeptConnection({
      purpose: 'lock',
      open,
      prepare: async (connection) => {
        locked = 0;
        await take(connection);
      },
      check: async (connection) => {
        if (locked === this.#owner) await connection.command('');
        else await take(connection);
        return locked === this.#owner ? LOOK_MS : LOCK_AGAIN_MS;
      },
      clock,
      log,
    });
  }

  async #beat(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#ending;
    let pauseMs = BEAT_MS;
    let againMs = BEAT_AGAIN_MS;
    // bounded by: close
    while (!signal.aborted) {
      await clock.sleep(pauseMs, signal).catch(() => undefined);
      if (signal.aborted) return;
      const beat = this.#beatOnce();
      // One that hangs on a connection that is only half there does not hold up the next, which takes another.
      const inTime = await settledWithin(beat, BEAT_WAIT_MS, clock);
      againMs = inTime && (await beat) ? BEAT_AGAIN_MS : Math.min(againMs * 2, BEAT_AGAIN_MAX_MS);
      pauseMs = againMs === BEAT_AGAIN_MS ? BEAT_MS : againMs;
    }
  }

  /** Whether the beat was heard. */
  async #beatOnce(): Promise<boolean> {
    const owner = this.#owner;
    try {
      const { rows } = await this.#query(sql`
        update ${workers} set heartbeat_at = clock_timestamp()
        where id = ${owner} and lost_at is null returning id`);
      if (rows.length === 0 && owner === this.#owner && !this.#ending.signal.aborted) await this.#replace(owner);
      return true;
    } catch (error) {
      this.#options.log.debug('worker.heartbeat_failed', { worker_id: owner, error });
      return false;
    }
  }

  /** Others have taken this process for dead and given its rows away. */
  async #replace(owner: number): Promise<void> {
    const { log, onReplaced } = this.#options;
    await this.#register();
    this.#lock?.renew();
    log.warn('worker.lease_lost', {
      worker_id: owner,
      new_worker_id: this.#owner,
      error: new KeelsonError('SERVICE_UNAVAILABLE', {
        message: `The process was not heard of for more than ${DEAD_AFTER_MS} ms, so others have taken its rows.`,
      }),
    });
    onReplaced?.({ owner, newOwner: this.#owner });
  }
}
