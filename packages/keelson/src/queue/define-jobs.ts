/** The jobs of an app, declared once: enqueue and schedules are typed by it, and a process runs them as one of its parts. */
import type { Static, TSchema } from 'typebox';
import { KeelsonError } from '../errors.ts';
import { enqueue, type EnqueueOptions, type JobUnit } from './enqueue.ts';
import { type JobKind, type Queue, queuesOf, type ReadyKind, readyKind } from './job-kind.ts';
import { type Schedule, type ScheduleOptions, scheduleOf } from './schedule.ts';

/** What each kind carries. */
export type Payloads = Readonly<Record<string, TSchema>>;

/** What `defineJobs` takes. */
export type JobKinds<S, K extends Payloads> = { readonly [N in keyof K]: JobKind<S, K[N]> };

/** What a schedule says: when, and what is made then. */
export type ScheduleDefinition<K extends Payloads> = {
  readonly [N in keyof K & string]: ScheduleOptions & { readonly kind: N; readonly payload: Static<K[N]> };
}[keyof K & string];

/** The jobs of an app. */
export interface Jobs<S, K extends Payloads = Payloads> {
  readonly kinds: ReadonlyMap<string, ReadyKind<S>>;
  readonly queues: readonly Queue[];
  /**
   * Adds a job to a unit of work; gives its id, or undefined when a live job of the kind has the same unique key.
   *
   * @throws VALIDATION_ERROR when the payload does not fit the kind
   */
  readonly enqueue: <N extends keyof K & string>(
    unit: JobUnit,
    kind: N,
    payload: Static<K[N]>,
    options?: EnqueueOptions,
  ) => Promise<string | undefined>;
  /**
   * Adds many jobs of a kind in one statement; gives the id of each, undefined where a live job has its unique key.
   *
   * @throws VALIDATION_ERROR when a payload does not fit the kind
   */
  readonly enqueueMany: <N extends keyof K & string>(
    unit: JobUnit,
    kind: N,
    payloads: readonly Static<K[N]>[],
    options?: EnqueueOptions,
  ) => Promise<readonly (string | undefined)[]>;
  /**
   * Declares a job that is made again and again, once for each slot however many processes there are.
   *
   * @throws MISUSE for a pattern or a time zone that is none
   * @throws VALIDATION_ERROR when the payload does not fit the kind
   */
  readonly schedule: (name: string, definition: ScheduleDefinition<K>) => Schedule;
}

/**
 * Declares the jobs of an app.
 *
 * @throws MISUSE when kinds of one queue say different limits
 * @example
 * import { defineJobs } from 'keelson/queue';
 * import * as Type from 'typebox';
 * interface Services { readonly send: (to: string) => Promise<void> }
 * export const jobs = defineJobs<Services>()({
 *   welcome: { payload: Type.Object({ to: Type.String() }), run: ({ to }, { services }) => services.send(to) },
 * });
 * export const nightly = jobs.schedule('nightly', { cron: '0 3 * * *', kind: 'welcome', payload: { to: 'us' } });
 */
export function defineJobs<S>(): <K extends Payloads>(kinds: JobKinds<S, K>) => Jobs<S, K> {
  return (definitions) => {
    const ready = Object.entries<JobKind<S, TSchema>>(definitions).map(([name, kind]) => [kind, readyKind(name, kind)] as const);
    const kinds = new Map(ready.map(([, kind]) => [kind.name, kind]));
    const kindOf = (name: string): ReadyKind<S> => {
      const kind = kinds.get(name);
      if (kind !== undefined) return kind;
      throw new KeelsonError('MISUSE', { message: `There is no kind of jobs named ${name}; there are ${[...kinds.keys()].join(', ')}.` });
    };
    const queues = queuesOf(ready);
    const checked = (options: EnqueueOptions): EnqueueOptions => {
      if (options.queue !== undefined && !queues.some(({ name }) => name === options.queue))
        throw new KeelsonError('MISUSE', {
          message: `There is no queue named ${options.queue}; there are ${queues.map(({ name }) => name).join(', ')}.`,
          hint: 'Nobody would take the job: let a kind name the queue.',
        });
      return options;
    };
    return {
      kinds,
      queues,
      enqueue: async (unit, kind, payload, options = {}) => (await enqueue(unit, kindOf(kind), [payload], checked(options)))[0],
      enqueueMany: async (unit, kind, payloads, options = {}) => enqueue(unit, kindOf(kind), payloads, checked(options)),
      schedule: (name, definition) => scheduleOf(name, kindOf(definition.kind), definition),
    };
  };
}
