/** A connection in a pool: how many there may be, how long one is kept, and whether it is still there. */
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { Connection } from './connection.ts';
import type { Watch } from './watch.ts';

/** What a pool is made of. */
export interface PoolOptions {
  readonly connect: () => Promise<Connection>;
  readonly sizeMax?: number | undefined;
  readonly overflow?: number | undefined;
  readonly waitMs?: number | undefined;
  /** An idle connection is closed after this long; 0: never. */
  readonly idleMs?: number | undefined;
  /** A connection is not handed out again after this long; 0: no limit. */
  readonly lifetimeMs?: number | undefined;
  /** After this long idle a connection is asked whether it is still there before it is handed out. */
  readonly validateAfterMs?: number | undefined;
  /** A connection held longer than this is reported once; 0: never. */
  readonly heldMsMax?: number | undefined;
  readonly log?: Log | undefined;
  readonly clock?: Clock | undefined;
  /** Who measures. */
  readonly watch?: Watch | undefined;
}

/** The limits of a pool, each with its value. */
export type PoolLimits = { readonly [K in Exclude<keyof PoolOptions, 'connect' | 'log' | 'clock' | 'watch'>]-?: number };

/** A connection of a pool. */
export interface Member {
  readonly connection: Connection;
  readonly bornMs: number;
  readonly generation: number;
  holder: string | undefined;
  /** Since when it is held, or idle. */
  sinceMs: number;
  /** Whether it was said that it is held for long. */
  reported: boolean;
}

const HOUSEKEEPING_MS = 5_000;

/** The limits that were asked for, and the usual ones. */
export function poolLimits(options: PoolOptions): PoolLimits {
  return {
    sizeMax: options.sizeMax ?? 10,
    overflow: options.overflow ?? 0,
    waitMs: options.waitMs ?? 5_000,
    idleMs: options.idleMs ?? 0,
    lifetimeMs: options.lifetimeMs ?? 0,
    validateAfterMs: options.validateAfterMs ?? 30_000,
    heldMsMax: options.heldMsMax ?? 30_000,
  };
}

/** Whether it has served its time. */
export function isTooOld(member: Member, limits: PoolLimits, nowMs: number): boolean {
  return limits.lifetimeMs > 0 && nowMs - member.bornMs > limits.lifetimeMs;
}

/** Whether it is idle for so long that it may go. */
export function isIdleTooLong(member: Member, limits: PoolLimits, nowMs: number): boolean {
  return member.holder === undefined && limits.idleMs > 0 && nowMs - member.sinceMs > limits.idleMs;
}

/** Whether its holder has it for so long that it ought to be said, once. */
export function isHeldTooLong(member: Member, limits: PoolLimits, nowMs: number): boolean {
  return member.holder !== undefined && !member.reported && limits.heldMsMax > 0 && nowMs - member.sinceMs > limits.heldMsMax;
}

/** Looks round at intervals until there is nothing left to look after, or the signal comes. */
export async function keepHouse(clock: Clock, signal: AbortSignal, lookRound: () => boolean): Promise<void> {
  try {
    do await clock.sleep(HOUSEKEEPING_MS, signal);
    while (lookRound());
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

const ANSWER_WAIT_MS = 2_000;

/** Asks a connection that has been idle for long whether it is still there; one that does not answer is ended. */
export async function answers(connection: Connection, clock: Clock): Promise<boolean> {
  const answer = connection.command('').then(
    () => connection.reusable,
    () => false,
  );
  if (!(await settledWithin(answer, ANSWER_WAIT_MS, clock))) connection.destroy();
  return answer;
}

/** Waits for a promise that never rejects, but not for ever; whether it came in time. */
export async function settledWithin(promise: Promise<unknown>, waitMs: number, clock: Clock): Promise<boolean> {
  const settled = new AbortController();
  const late = clock.sleep(waitMs, settled.signal).then(
    () => false,
    () => true,
  );
  void promise.then(() => settled.abort());
  return late;
}
