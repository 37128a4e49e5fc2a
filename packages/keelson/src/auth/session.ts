/** Sessions: one row for each log-in, and the refresh tokens that keep it alive, each good for one use. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { type Clock, systemClock } from '../clock.ts';
import { KeelsonError } from '../errors.ts';
import { newId } from '../id.ts';
import { sql, type Sql } from '../schema/sql.ts';
import type { KeyRing, RingKey } from './key-ring.ts';
import type { SessionTable } from './session-table.ts';

/** Runs one statement in the caller's transaction: `sql` of a unit of work. */
export type RunSql = <R>(piece: Sql<R>) => Promise<readonly R[]>;

/** A session with the refresh token that keeps it alive. */
export interface LiveSession {
  readonly userId: string;
  readonly sessionId: string;
  readonly refreshToken: string;
  readonly refreshExpiresInS: number;
}

/** What came of a refresh token: the session goes on, or the error to answer with once the transaction is committed. */
export type Rotation =
  | { readonly session: LiveSession; readonly refusal?: undefined; readonly reused?: undefined }
  | {
      readonly session?: undefined;
      readonly refusal: KeelsonError;
      /** The session that a second use has ended, for the audit log. */
      readonly reused?: { readonly userId: string; readonly sessionId: string } | undefined;
    };

/** A session as its user sees it; times are RFC 3339 text. */
export interface ListedSession {
  readonly id: string;
  readonly createdAt: string;
  readonly refreshedAt: string;
  /** When it ends, unless it is refreshed before. */
  readonly expiresAt: string;
}

/** Which sessions of a user to end, and why. */
export interface Ending {
  readonly userId: string;
  /** For the table, as in `password_changed`. */
  readonly reason: string;
  /** The one session that goes on. */
  readonly except?: string | undefined;
}

/** How sessions live. */
export interface SessionOptions {
  readonly table: SessionTable;
  readonly keys: KeyRing;
  /** How long a session lives without a refresh. */
  readonly idleDays: number;
  /** How long a session lives at most. */
  readonly absoluteDays: number;
  readonly clock?: Clock | undefined;
}

interface Presented {
  readonly sessionId: string;
  readonly counter: number;
}

type Outcome = 'rotated' | 'reused' | 'ended' | 'expired';

const LIST_MAX = 100;
/** How long a session is kept after its last possible day: for who looks into what happened. */
const KEPT_DAYS = 30;
const DAY_MS = 24 * 60 * 60 * 1_000;
const REFRESH_TOKEN = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.([1-9][0-9]{0,8})\.([A-Za-z0-9_-]{43})$/u;

/**
 * Begins, rotates and ends sessions, each in one statement of the caller's transaction.
 *
 * A refresh token is `session.counter.HMAC`: nothing secret lies in the database, no token table grows, and one that this service did not write is
 * refused without asking the database.
 *
 * @see RFC 9700, section 4.14.2 (rotation and reuse)
 */
export class Sessions {
  readonly #table: SessionTable;
  readonly #keys: KeyRing;
  readonly #idleMs: number;
  readonly #absoluteMs: number;
  readonly #clock: Clock;

  constructor(options: SessionOptions) {
    this.#table = options.table;
    this.#keys = options.keys;
    this.#idleMs = options.idleDays * DAY_MS;
    this.#absoluteMs = options.absoluteDays * DAY_MS;
    this.#clock = options.clock ?? systemClock;
  }

  /** Begins a session of a user, and forgets those of the same user that ended for good so long ago that nobody asks for them. */
  async begin(run: RunSql, userId: string): Promise<LiveSession> {
    const now = this.#clock.now();
    const absolute = new Date(now.getTime() + this.#absoluteMs);
    const idle = new Date(now.getTime() + Math.min(this.#idleMs, this.#absoluteMs));
    const sessionId = newId();
    const t = this.#table;
    const forgotten = new Date(now.getTime() - KEPT_DAYS * DAY_MS);
    await run(sql`
      with forgotten as (
        delete from ${t}
        where user_id = ${userId} and absolute_expires_at < ${forgotten}
      )
      insert into ${t} (${t.id}, ${t.userId}, ${t.counter}, ${t.createdAt}, ${t.refreshedAt}, ${t.idleExpiresAt}, ${t.absoluteExpiresAt})
      values (${sessionId}, ${userId}, 1, ${now}, ${now}, ${idle}, ${absolute})
    `);
    const refreshExpiresInS = (idle.getTime() - now.getTime()) / 1_000;
    return { userId, sessionId, refreshToken: this.#write({ sessionId, counter: 1 }), refreshExpiresInS };
  }

  /**
   * Takes a refresh token and gives the next one. A token that was used before ends its whole session, in the same transaction.
   *
   * Danger: the refusal is given back and not thrown, because a throw would roll the end of the session back. Commit first, then throw it.
   */
  async rotate(run: RunSql, refreshToken: string): Promise<Rotation> {
    const presented = this.#read(refreshToken);
    if (presented === null) return { refusal: new KeelsonError('TOKEN_INVALID') };
    const now = this.#clock.now();
    const [row] = await run(this.#rotation(presented, now));
    if (row === undefined) return { refusal: new KeelsonError('TOKEN_INVALID') };
    const { user_id: userId, outcome, expires_in_s: refreshExpiresInS } = row;
    const { sessionId, counter } = presented;
    if (outcome !== 'rotated') {
      const whose = { userId, sessionId };
      return { refusal: refusalFor(outcome, whose), reused: outcome === 'reused' ? whose : undefined };
    }
    return { session: { userId, sessionId, refreshToken: this.#write({ sessionId, counter: counter + 1 }), refreshExpiresInS } };
  }

  /** Ends the session of a refresh token; one that is dead, unknown or no token at all has nothing to end. */
  async end(run: RunSql, refreshToken: string): Promise<void> {
    const presented = this.#read(refreshToken);
    if (presented === null) return;
    const t = this.#table;
    await run(sql`
      update ${t}
      set ended_at = ${this.#clock.now()}, end_reason = 'logout'
      where id = ${presented.sessionId} and ended_at is null
    `);
  }

  /** The sessions of a user that live, the newest first, 100 at most. */
  async list(run: RunSql, userId: string): Promise<readonly ListedSession[]> {
    const t = this.#table;
    return run(sql<ListedSession>`
      select id, created_at as "createdAt", refreshed_at as "refreshedAt", least(idle_expires_at, absolute_expires_at) as "expiresAt"
      from ${t}
      where user_id = ${userId} and ended_at is null and least(idle_expires_at, absolute_expires_at) > ${this.#clock.now()}
      order by id desc
      limit ${LIST_MAX}
    `);
  }

  /** Ends one session of a user; whether there was one that lived. */
  async endOne(run: RunSql, { userId, sessionId }: { readonly userId: string; readonly sessionId: string }): Promise<boolean> {
    const now = this.#clock.now();
    const ended = await run(sql`
      update ${this.#table}
      set ended_at = ${now}, end_reason = 'ended_by_user'
      where id = ${sessionId} and user_id = ${userId} and ended_at is null and least(idle_expires_at, absolute_expires_at) > ${now}
      returning id
    `);
    return ended.length > 0;
  }

  /** Ends every session of a user, or all but one; they are dead on the next call. */
  async endAll(run: RunSql, { userId, reason, except }: Ending): Promise<void> {
    await run(sql`
      update ${this.#table}
      set ended_at = ${this.#clock.now()}, end_reason = ${reason}
      where user_id = ${userId} and ended_at is null and id is distinct from ${except ?? null}::uuid
    `);
  }

  #rotation({ sessionId, counter }: Presented, now: Date): Sql<{ user_id: string; outcome: Outcome; expires_in_s: number }> {
    const idle = new Date(now.getTime() + this.#idleMs);
    const t = this.#table;
    return sql`
      with held as (
        select id, user_id, counter, idle_expires_at, absolute_expires_at, ended_at, end_reason
        from ${t}
        where id = ${sessionId}
        -- Of two refreshes with one token the second waits here, and then sees what the first one did.
        for update
      ), verdict as (
        select id, user_id, absolute_expires_at, ended_at,
          case
            when counter <> ${counter} or end_reason = 'reused' then 'reused'
            when ended_at is not null then 'ended'
            when least(idle_expires_at, absolute_expires_at) <= ${now} then 'expired'
            else 'rotated'
          end as outcome
        from held
      ), rotated as (
        update ${t} as s
        set counter = s.counter + 1, refreshed_at = ${now}, idle_expires_at = least(${idle}, s.absolute_expires_at)
        from verdict as v
        where s.id = v.id and v.outcome = 'rotated'
      ), ended as (
        update ${t} as s
        set ended_at = ${now}, end_reason = 'reused'
        from verdict as v
        where s.id = v.id and v.outcome = 'reused' and v.ended_at is null
      )
      select user_id, outcome,
        floor(extract(epoch from least(${idle}::timestamptz, absolute_expires_at) - ${now}::timestamptz))::int as expires_in_s
      from verdict
    `;
  }

  #write(presented: Presented): string {
    return `${presented.sessionId}.${presented.counter}.${mac(this.#keys.current, presented).toString('base64url')}`;
  }

  /** What a refresh token says, when one of our keys wrote it. */
  #read(refreshToken: string): Presented | null {
    const [, sessionId, digits, signature] = REFRESH_TOKEN.exec(refreshToken) ?? [];
    if (sessionId === undefined || signature === undefined) return null;
    const presented = { sessionId, counter: Number(digits) };
    const given = Buffer.from(signature, 'base64url');
    // 43 letters hold 258 bits: two of them are left over, and must not make a second spelling.
    if (given.toString('base64url') !== signature) return null;
    return this.#keys.all.some((key) => timingSafeEqual(given, mac(key, presented))) ? presented : null;
  }
}

function mac(key: RingKey, { sessionId, counter }: Presented): Buffer {
  return createHmac('sha256', key.key).update(`${sessionId}.${counter}`).digest();
}

function refusalFor(outcome: Exclude<Outcome, 'rotated'>, data: Readonly<Record<string, unknown>>): KeelsonError {
  switch (outcome) {
    case 'reused':
      return new KeelsonError('TOKEN_REUSED', { data });
    case 'expired':
      return new KeelsonError('TOKEN_EXPIRED', { message: 'The session has expired.', hint: 'Log in again.', data });
    case 'ended':
      return new KeelsonError('TOKEN_INVALID', { message: 'The session has ended.', data });
  }
}
