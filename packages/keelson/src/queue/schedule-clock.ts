/** Makes the jobs of schedules: each process tries each slot, and the database lets one of them. */
import type { Clock } from '../clock.ts';
import { newId } from '../id.ts';
import type { Log } from '../log.ts';
import type { Postgres } from '../postgres/postgres.ts';
import { encodeJson } from '../schema/encode.ts';
import { sql, Statements } from '../schema/sql.ts';
import { parseTime } from '../schema/time.ts';
import { jobs, schedules } from './jobs.ts';
import type { Schedule } from './schedule.ts';

/** What the clock of schedules is made of. */
export interface ScheduleClockOptions {
  readonly postgres: Postgres;
  readonly namespace: string;
  readonly schedules: readonly Schedule[];
  readonly clock: Clock;
  readonly log: Log;
  /** Told when a job was made. */
  readonly onMade: () => void;
}

/** Slots are made at the latest so long after they are due. */
const TICK_MS = 1_000;
/** So many slots of one schedule are made up for at the most. */
const BACKFILL_MAX = 1_000;

/** Makes the jobs of schedules from `start` to `stop`. */
export class ScheduleClock {
  readonly #options: ScheduleClockOptions;
  readonly #statements: Statements;
  readonly #ending = new AbortController();
  readonly #known = new Set<string>();
  #ticking: Promise<void> = Promise.resolve();

  constructor(options: ScheduleClockOptions) {
    this.#options = options;
    this.#statements = new Statements(options.namespace, { named: options.postgres.namedStatements });
  }

  start(): void {
    if (this.#options.schedules.length > 0) this.#ticking = this.#tick();
  }

  async stop(): Promise<void> {
    this.#ending.abort();
    await this.#ticking;
  }

  async #tick(): Promise<void> {
    const { clock, log } = this.#options;
    // bounded by: stop
    while (!this.#ending.signal.aborted) {
      let waitMs = TICK_MS;
      try {
        waitMs = await this.makeDue();
      } catch (error) {
        log.warn('schedule.failed', { error });
      }
      await clock.sleep(Math.max(1, Math.min(TICK_MS, waitMs)), this.#ending.signal).catch(() => undefined);
    }
  }

  /** Makes the jobs of all slots that are due; gives how long it is until the next slot. */
  async makeDue(): Promise<number> {
    const { postgres, schedules: declared } = this.#options;
    await this.#enrol(declared.filter(({ name }) => !this.#known.has(name)));
    const names = declared.map(({ name }) => name);
    const { rows } = await postgres.readers.query(
      this.#statements.compile(sql`select "name", "last_slot", now() from ${schedules} where "name" = any(${names}::text[])`),
    );
    const waits = rows.map(async ([name, lastSlot, now]) => {
      const schedule = declared.find((one) => one.name === name);
      return schedule === undefined || !lastSlot || !now ? TICK_MS : this.#catchUp(schedule, parseTime(lastSlot), parseTime(now));
    });
    return Math.min(TICK_MS, ...(await Promise.all(waits)));
  }

  /** A schedule that is seen for the first time begins now. */
  async #enrol(fresh: readonly Schedule[]): Promise<void> {
    if (fresh.length === 0) return;
    const names = fresh.map(({ name }) => name);
    await this.#options.postgres.readers.query(
      this.#statements.compile(sql`
        insert into ${schedules} ("name", "last_slot")
        select name, now() from unnest(${names}::text[]) as name
        on conflict ("name") do nothing
      `),
    );
    for (const name of names) this.#known.add(name);
  }

  /** Makes what is due of one schedule, the oldest first; gives the time until its next slot. */
  async #catchUp(schedule: Schedule, lastSlot: Date, now: Date): Promise<number> {
    // Without backfill a slot is made that became due since the last look, which is never long ago while a process runs.
    const reachMs = Math.max(schedule.backfillMs, 2 * TICK_MS);
    const from = new Date(Math.max(lastSlot.getTime(), now.getTime() - reachMs - 1));
    let slot = schedule.nextAfter(from);
    for (let made = 0; slot !== undefined && slot <= now && made < BACKFILL_MAX; made += 1) {
      await this.#make(schedule, slot);
      slot = schedule.nextAfter(slot);
    }
    return slot === undefined ? TICK_MS : slot.getTime() - now.getTime();
  }

  /** One statement: who moves the schedule on to a slot makes its job, and nobody else does. */
  async #make(schedule: Schedule, slot: Date): Promise<void> {
    const { kind, queue, payload, priority, attemptsMax, uniqueKey = null } = schedule;
    const { rowCount } = await this.#options.postgres.readers.query(
      this.#statements.compile(sql`
        with due as (
          update ${schedules} set "last_slot" = ${slot}
          where "name" = ${schedule.name} and "last_slot" < ${slot} and ${slot}::timestamptz <= now()
          returning "name"
        )
        insert into ${jobs} ("id", "queue", "kind", "payload", "priority", "attempts_max", "unique_key")
        select ${newId()}::uuid, ${queue}, ${kind}, ${encodeJson(payload)}::jsonb, ${priority}::int, ${attemptsMax}::int, ${uniqueKey}
        from due
        on conflict ("kind", "unique_key") where "unique_key" is not null and "failed_at" is null do nothing
      `),
    );
    if (rowCount > 0) this.#options.onMade();
  }
}
