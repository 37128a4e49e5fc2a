/** The throttle: who guesses passwords waits longer and longer, counted in PostgreSQL, so that every process sees the same. */
import { createHmac } from 'node:crypto';
import { isIPv6 } from 'node:net';
import { type Clock, systemClock } from '../clock.ts';
import { KeelsonError } from '../errors.ts';
import { type Column, integer, type KeyColumn, text, timestamptz, uuid } from '../schema/column.ts';
import { newId } from '../id.ts';
import { sql } from '../schema/sql.ts';
import { index, type Table, table } from '../schema/table.ts';
import type { KeyRing } from './key-ring.ts';
import type { RunSql } from './session.ts';

/** The columns of the throttle. */
export type ThrottleColumns = {
  /** Says nothing of the account or the address: a keyed hash of them. */
  readonly key: KeyColumn<string, 'required'>;
  readonly failures: Column<number>;
  readonly blockedUntil: Column<Date>;
  /** When the failures are forgotten. */
  readonly expiresAt: Column<Date>;
  /** The try that was counted last: by it a try knows whether it was counted itself. */
  readonly countedId: Column<string, 'required', true>;
};

/** Who tries: the account as it is typed and normalised, and the address of the client. */
export interface Attempt {
  readonly account: string;
  readonly address: string;
}

/** How the throttle counts. */
export interface ThrottleOptions {
  readonly table: Table<ThrottleColumns>;
  readonly keys: KeyRing;
  /** Off lets everybody try as often as they like. */
  readonly isOn?: boolean | undefined;
  readonly clock?: Clock | undefined;
}

interface Budget {
  /** How many failures cost nothing. */
  readonly freeMax: number;
  /** How long failures are remembered after the last one. */
  readonly memoryS: number;
}

/** One account from one address. */
const PAIR: Budget = { freeMax: 5, memoryS: 24 * 60 * 60 };
/** One address with whatever accounts: an office shares one, so it has more, and forgets sooner. */
const ADDRESS: Budget = { freeMax: 30, memoryS: 60 * 60 };
const DELAY_MAX_S = 15 * 60;
/** 2^20 s is far above the longest delay, and far below what a number holds. */
const DOUBLINGS_MAX = 20;
/** How many expired rows one failure takes away: more than the two that it may add. */
const SWEEP_MAX = 10;
/** An IPv6 client has a whole network of this many groups to choose addresses from. */
const IPV6_NETWORK_GROUPS = 4;

/**
 * Declares the table of the throttle; its rows expire, and failures of others take them away.
 *
 * @example
 * import { throttleTable } from 'keelson/auth';
 * const throttle = throttleTable();
 */
export function throttleTable(): Table<ThrottleColumns> {
  return table(
    'auth_throttle',
    { key: text().primaryKey(), failures: integer(), blockedUntil: timestamptz(), expiresAt: timestamptz(), countedId: uuid() },
    (t) => [index(t.expiresAt)],
  );
}

/**
 * Counts failures per account and address, and per address. Five are free; from then on each makes the next try wait twice as long, from a second
 * to a quarter of an hour, and never for good. Whoever comes from another address is not held up.
 *
 * Ask `admit` before the password is checked, and tell `fail` or `succeed` after it: a verdict that comes when others have used the budget up in
 * the meantime is not told either, so that guesses made at once gain nothing.
 *
 * @see NIST SP 800-63B-4, 3.2.2
 */
export class Throttle {
  readonly #table: Table<ThrottleColumns>;
  readonly #key: KeyRing['current'];
  readonly #isOn: boolean;
  readonly #clock: Clock;

  constructor(options: ThrottleOptions) {
    this.#table = options.table;
    this.#key = options.keys.current;
    this.#isOn = options.isOn ?? true;
    this.#clock = options.clock ?? systemClock;
  }

  /**
   * Lets a try through, or not.
   *
   * @throws RATE_LIMITED with the seconds that are left
   */
  async admit(run: RunSql, attempt: Attempt): Promise<void> {
    if (!this.#isOn) return;
    const { pair, address } = this.#keysOf(attempt);
    const now = this.#clock.now();
    refuse(
      await run(sql<Block>`
        select extract(epoch from blocked_until - ${now})::float8 as wait_s
        from ${this.#table}
        where key in (${pair}, ${address}) and blocked_until > ${now}
      `),
    );
  }

  /**
   * Counts a failure, for the account at this address and for the address. What comes while they are held up is not counted, and its verdict may
   * not be told: the error is given back instead, to be thrown once the count is committed.
   */
  async fail(run: RunSql, attempt: Attempt): Promise<KeelsonError | null> {
    if (!this.#isOn) return null;
    const { pair, address } = this.#keysOf(attempt);
    // In one order, always: two failures that share both rows would otherwise wait for each other.
    const counts = [await this.#count(run, pair, PAIR), await this.#count(run, address, ADDRESS)];
    await this.#sweep(run);
    return refusalFor(counts.filter(({ is_counted: isCounted }) => !isCounted));
  }

  /**
   * Forgets the failures of the account at this address; those of the address stay, or an account of one's own would wash them away.
   *
   * @throws RATE_LIMITED when the account is held up in the meantime: also a right password is not told of then
   */
  async succeed(run: RunSql, attempt: Attempt): Promise<void> {
    if (!this.#isOn) return;
    const { pair, address } = this.#keysOf(attempt);
    const now = this.#clock.now();
    const t = this.#table;
    refuse(
      await run(sql<Block>`
        with mine as (
          select key, blocked_until
          from ${t}
          where key = ${pair}
          -- A failure that is being counted comes before this success.
          for update
        ), held as (
          select blocked_until from mine where blocked_until > ${now}
          union all
          select blocked_until from ${t} where key = ${address} and blocked_until > ${now}
        ), forgotten as (
          delete from ${t}
          where key in (select key from mine) and not exists (select 1 from held)
        )
        select extract(epoch from blocked_until - ${now})::float8 as wait_s from held
      `),
    );
  }

  async #count(run: RunSql, key: string, { freeMax, memoryS }: Budget): Promise<Count> {
    const t = this.#table;
    const now = this.#clock.now();
    const id = newId();
    const isHeld = sql`held.blocked_until > ${now}`;
    const failures = sql`case when held.expires_at <= ${now} then 1 else held.failures + 1 end`;
    const [count] = await run(sql<Count>`
      insert into ${t} as held (key, failures, blocked_until, expires_at, counted_id)
      values (${key}, 1, ${now}, ${now}::timestamptz + make_interval(secs => ${memoryS}), ${id})
      on conflict (key) do update set
        failures = case when ${isHeld} then held.failures else ${failures} end,
        blocked_until = case
          when ${isHeld} then held.blocked_until
          when ${failures} <= ${freeMax} then excluded.blocked_until
          else excluded.blocked_until
            + make_interval(secs => least(power(2, least(${failures} - ${freeMax} - 1, ${DOUBLINGS_MAX})), ${DELAY_MAX_S}))
        end,
        expires_at = case when ${isHeld} then held.expires_at else excluded.expires_at end,
        counted_id = case when ${isHeld} then held.counted_id else excluded.counted_id end
      returning counted_id = ${id} as is_counted, extract(epoch from blocked_until - ${now})::float8 as wait_s
    `);
    return count ?? { is_counted: true, wait_s: 0 };
  }

  /** Takes a few expired rows away. */
  async #sweep(run: RunSql): Promise<void> {
    const t = this.#table;
    await run(sql`
      delete from ${t}
      where key in (
        select key
        from ${t}
        where expires_at <= ${this.#clock.now()}
        order by expires_at
        limit ${SWEEP_MAX}
        -- What somebody else sweeps or counts is left to them.
        for update skip locked
      )
    `);
  }

  #keysOf({ account, address }: Attempt): { readonly pair: string; readonly address: string } {
    const place = networkOf(address);
    return { pair: this.#hash(`account ${place} ${account}`), address: this.#hash(`address ${place}`) };
  }

  #hash(subject: string): string {
    return createHmac('sha256', this.#key.key).update(subject).digest('base64url');
  }
}

interface Block {
  readonly wait_s: number;
}

interface Count extends Block {
  readonly is_counted: boolean;
}

/** An IPv4 address as it is, however it is written; of an IPv6 address the network, since its owner has all addresses in it. */
export function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/iu.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const [plain = ''] = address.split('%', 1);
  if (!isIPv6(plain)) return address;
  const [head = '', tail] = plain.toLowerCase().split('::', 2);
  const groups = head === '' ? [] : head.split(':');
  const rest = tail === undefined || tail === '' ? [] : tail.split(':');
  const missing = tail === undefined ? 0 : 8 - groups.length - rest.length;
  const all = [...groups, ...Array.from({ length: Math.max(0, missing) }, () => '0'), ...rest];
  return all
    .slice(0, IPV6_NETWORK_GROUPS)
    .map((group) => group.replace(/^0+(?=.)/u, ''))
    .join(':');
}

function refuse(blocks: readonly Block[]): void {
  const refusal = refusalFor(blocks);
  if (refusal !== null) throw refusal;
}

function refusalFor(blocks: readonly Block[]): KeelsonError | null {
  if (blocks.length === 0) return null;
  const longestS = Math.max(...blocks.map(({ wait_s: waitS }) => waitS));
  return new KeelsonError('RATE_LIMITED', {
    message: 'There were too many failed tries.',
    retryAfterS: Math.min(DELAY_MAX_S, Math.max(1, Math.ceil(longestS))),
  });
}
