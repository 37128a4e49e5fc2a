/** Workers: which rows are claimed, what is done with each while no connection is held, and how it ends. */
import { KeelsonError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { KeysOf, StateOf } from '../work/entity.ts';
import type { EntityOf, Model, Repositories } from '../work/model.ts';
import type { Unit } from '../work/unit.ts';
import { checkWorker, type WorkerTarget } from './worker-check.ts';
import type { RetryTimes, WorkerLimits } from './worker-limits.ts';

/** What a run is given beside its row. */
export interface WorkerCall<S> {
  /** Is aborted when the run takes too long, the lease is lost, or the process leaves; its reason is the error that says which. */
  readonly signal: AbortSignal;
  /** 1 for the first. */
  readonly attempt: number;
  readonly log: Log;
  readonly services: S;
}

/** Which rows a worker claims. */
export interface WorkerClaim<K, E> {
  /** The repository of the rows, by its name in units of work. */
  readonly from: K;
  /** The state, or the states, in which a row waits for this worker. */
  readonly in: StateOf<E> | readonly StateOf<E>[];
  /** The column that says which row is first; there must be an index over the state and then this column. */
  readonly orderBy: KeysOf<E> & string;
}

/** One run for many rows. */
export interface Gathering<E, S, T> {
  /** The run begins when so many rows are there … */
  readonly max: number;
  /** … or when the first of them has waited so long. */
  readonly waitMs: number;
  /** Its result is given to `done` of each row; when it throws, each of them has failed. */
  readonly run: (entities: readonly E[], call: WorkerCall<S>) => Promise<T>;
}

/** A worker as it is written. `run` and `gather` exclude each other. */
export interface WorkerDefinition<R extends Repositories, S, K extends keyof R, T> {
  readonly claim: WorkerClaim<K, EntityOf<R[K]>>;
  /** The state that the claim moves a row to; without it, a row keeps its state while it is worked on. */
  readonly start?: StateOf<EntityOf<R[K]>> | undefined;
  /** Where a row goes between two attempts when `start` has moved it; the life cycle's redrive of `start` when left out. */
  readonly giveBack?: StateOf<EntityOf<R[K]>> | undefined;
  /** The work on one row. It holds no connection; the entity is of no unit of work, and what is changed on it is not written. */
  readonly run?: ((entity: EntityOf<R[K]>, call: WorkerCall<S>) => Promise<T>) | undefined;
  /** The work on many rows at once, instead of `run`. */
  readonly gather?: Gathering<EntityOf<R[K]>, S, T> | undefined;
  /** Moves the row on, in a unit of work that others may share. Run again when that fails: effects outside belong into `run`. */
  readonly done: (entity: EntityOf<R[K]>, result: NoInfer<T>, unit: Unit<R>) => void | Promise<void>;
  /** Moves the row out of its state, after the last attempt or an error that will not pass. */
  readonly fail: (entity: EntityOf<R[K]>, error: Error, unit: Unit<R>) => void | Promise<void>;
  /** How many runs one process has under way at once; 10, and 1 where rows are gathered. */
  readonly concurrency?: number | undefined;
  /** How many rows one claim takes at the most; 100. */
  readonly batchMax?: number | undefined;
  /** How often a row is tried, crashes included; 5. */
  readonly attemptsMax?: number | undefined;
  /** How long a run may take; 60,000. */
  readonly timeoutMs?: number | undefined;
  /** For how long a row is held without a sign of life; 30,000. It is extended while the run goes on. */
  readonly leaseMs?: number | undefined;
  /** 1 s, doubling up to 5 minutes. */
  readonly retry?: RetryTimes | undefined;
}

/** A row while its type is unread. */
export type Row = Record<string, unknown>;

/** The calls of a worker, with its rows unread. */
export interface WorkerCalls<R extends Repositories, S> {
  readonly run: ((entity: Row, call: WorkerCall<S>) => Promise<unknown>) | undefined;
  readonly gather: Gathering<Row, S, unknown> | undefined;
  readonly done: (entity: Row, result: unknown, unit: Unit<R>) => void | Promise<void>;
  readonly fail: (entity: Row, error: Error, unit: Unit<R>) => void | Promise<void>;
}

/** A worker of an app. */
export interface Worker<R extends Repositories, S> {
  readonly name: string;
  readonly target: WorkerTarget;
  readonly limits: WorkerLimits;
  readonly calls: WorkerCalls<R, S>;
}

/** Makes the workers of an app. */
export interface WorkerFactory<R extends Repositories, S> {
  /**
   * Declares a worker.
   *
   * @throws MISUSE when the table has no lease, the life cycle forbids a move of the worker, or a limit makes no sense
   */
  readonly worker: <K extends keyof R & string, T>(name: string, definition: WorkerDefinition<R, S, K, T>) => Worker<R, S>;
}

const DEFAULTS: WorkerLimits = {
  concurrency: 10,
  batchMax: 100,
  attemptsMax: 5,
  timeoutMs: 60_000,
  leaseMs: 30_000,
  retry: { baseMs: 1_000, capMs: 300_000 },
};

/**
 * Gives the function that declares the workers of an app; the types of its repositories and services are named once.
 *
 * @example
 * import { defineWorkers, leaseColumns, leaseIndex } from 'keelson/queue';
 * import { enumType, index, lifeCycle, table, timestamptz, uuid } from 'keelson/schema';
 * import { defineModel, entity, repository } from 'keelson/work';
 * const mailState = enumType('mail_state', ['written', 'sent', 'failed']);
 * const mails = table(
 *   'mails',
 *   { id: uuid().primaryKey(), state: mailState().default('written'), writtenAt: timestamptz(), ...leaseColumns() },
 *   (t) => [index(t.state, t.writtenAt), leaseIndex(t)],
 * );
 * const mailLifeCycle = lifeCycle(mails.state, { written: ['sent', 'failed'], sent: [], failed: [] });
 * class Mail extends entity(mails, mailLifeCycle) {
 *   markSent() { this.move('sent'); }
 *   markFailed() { this.move('failed'); }
 * }
 * class MailRepository extends repository(Mail) {}
 * const model = defineModel({ name: 'post', tables: [mails], repositories: { mails: MailRepository } });
 * interface Services { readonly post: { send(id: string, signal: AbortSignal): Promise<void> } }
 * const post = defineWorkers<typeof model.repositories, Services>(model);
 * export const sending = post.worker('sending', {
 *   claim: { from: 'mails', in: 'written', orderBy: 'writtenAt' },
 *   run: (mail, { services, signal }) => services.post.send(mail.id, signal),
 *   done: (mail) => mail.markSent(),
 *   fail: (mail) => mail.markFailed(),
 * });
 */
export function defineWorkers<R extends Repositories, S>(model: Model<R>): WorkerFactory<R, S> {
  return {
    worker: (name, definition) => {
      const { claim, start, giveBack, run, gather, done, fail, ...given } = definition;
      if ((run === undefined) === (gather === undefined))
        throw new KeelsonError('MISUSE', { message: `The worker ${name} needs either run or gather.` });
      const usual = gather === undefined ? DEFAULTS : { ...DEFAULTS, concurrency: 1 };
      const limits = parseLimits({ ...usual, ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) });
      const target = checkWorker(name, { ...claim, start, giveBack, limits, gatherMax: gather?.max }, model);
      return { name, target, limits, calls: parseCalls<R, S>({ run, gather, done, fail }) };
    },
  };
}

// What is run with the rows of a table is what was declared for them.
function parseCalls<R extends Repositories, S>(calls: unknown): WorkerCalls<R, S> {
  return calls as WorkerCalls<R, S>;
}

function parseLimits(limits: unknown): WorkerLimits {
  return limits as WorkerLimits;
}
