/** Schedules: jobs that are made again and again, once for each slot, without a leader. */
import { Cron } from 'croner';
import { KeelsonError } from '../errors.ts';
import { checkPayloads } from './enqueue.ts';
import type { ReadyKind } from './job-kind.ts';

/** When a scheduled job is made. */
export interface ScheduleOptions {
  /** Five fields (minute first) or six (second first). */
  readonly cron: string;
  /** `UTC` when not said. */
  readonly timeZone?: string | undefined;
  /** Slots that were missed while no process ran are made up for if they are younger than this; 0, none is. */
  readonly backfillMs?: number | undefined;
  /** A slot makes no job while a live one of the kind has this key. */
  readonly uniqueKey?: string | undefined;
  readonly queue?: string | undefined;
}

/** A declared schedule. */
export interface Schedule {
  readonly name: string;
  readonly kind: string;
  readonly queue: string;
  readonly payload: unknown;
  readonly attemptsMax: number;
  readonly priority: number;
  readonly uniqueKey: string | undefined;
  readonly backfillMs: number;
  /** The first slot after a moment; undefined when there is none any more. */
  readonly nextAfter: (moment: Date) => Date | undefined;
}

/** A declared schedule of one kind. */
export function scheduleOf<S>(name: string, kind: ReadyKind<S>, options: ScheduleOptions & { readonly payload: unknown }): Schedule {
  checkPayloads(kind, [options.payload]);
  const cron = readCron(name, options);
  return {
    name,
    kind: kind.name,
    queue: options.queue ?? kind.queue,
    payload: options.payload,
    attemptsMax: kind.attemptsMax,
    priority: kind.priority,
    uniqueKey: options.uniqueKey ?? kind.uniqueKey?.(options.payload),
    backfillMs: options.backfillMs ?? 0,
    nextAfter: (moment) => cron.nextRun(moment) ?? undefined,
  };
}

function readCron(name: string, { cron, timeZone = 'UTC' }: ScheduleOptions): Cron {
  try {
    const read = new Cron(cron, { timezone: timeZone, paused: true });
    read.nextRun();
    return read;
  } catch (cause) {
    throw new KeelsonError('MISUSE', { message: `The schedule ${name} cannot be read: ${cron} in ${timeZone}.`, cause });
  }
}
