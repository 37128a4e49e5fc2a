/** Kinds of jobs: what each carries, what it does and within which limits. */
import type { Static, TSchema } from 'typebox';
import { Compile } from 'typebox/schema';
import { type FieldProblem, KeelsonError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { RetryTimes } from './worker-limits.ts';

/** What a job is given beside its payload. */
export interface JobCall<S> {
  readonly id: string;
  readonly kind: string;
  readonly queue: string;
  /** 1 for the first time. */
  readonly attempt: number;
  /** Aborted when the job has run for too long, its lease was lost, or the process must end. */
  readonly signal: AbortSignal;
  readonly log: Log;
  readonly services: S;
}

/** One kind of jobs. */
export interface JobKind<S, P extends TSchema> {
  readonly payload: P;
  /** Runs at least once for each job, holding no connection; what it throws is a failed attempt. */
  readonly run: (payload: Static<P>, call: JobCall<S>) => Promise<void> | void;
  /** Jobs of one queue share its limits and can be paused together; `default`, or the kind's own where it has a limit. */
  readonly queue?: string | undefined;
  /** How often a job is tried; 10. */
  readonly attemptsMax?: number | undefined;
  /** How long one try may take; a minute. */
  readonly timeoutMs?: number | undefined;
  /** 1 s, doubling up to an hour. */
  readonly retry?: Partial<RetryTimes> | undefined;
  /** The smaller, the sooner; 0. */
  readonly priority?: number | undefined;
  /** Of two jobs of the kind that live and have the same key, the second is not made. */
  readonly uniqueKey?: ((payload: Static<P>) => string) | undefined;
  /** How many jobs of the queue one process runs at once; 20. */
  readonly concurrency?: number | undefined;
  /** How many jobs of the queue all processes run at once; no limit. */
  readonly concurrencyGlobal?: number | undefined;
}

/** A kind as the machinery sees it, everything decided. */
export interface ReadyKind<S> {
  readonly name: string;
  readonly queue: string;
  readonly attemptsMax: number;
  readonly timeoutMs: number;
  readonly retry: RetryTimes;
  readonly priority: number;
  readonly uniqueKey: ((payload: unknown) => string) | undefined;
  readonly run: (payload: unknown, call: JobCall<S>) => Promise<void> | void;
  /** What is wrong with a payload; nothing for a good one. */
  readonly problemsOf: (payload: unknown) => readonly FieldProblem[];
}

/** A queue: kinds that share a limit. */
export interface Queue {
  readonly name: string;
  readonly kinds: readonly string[];
  readonly concurrency: number;
  readonly concurrencyGlobal: number | undefined;
}

const CONCURRENCY = 20;
const ATTEMPTS_MAX = 10;
const TIMEOUT_MS = 60_000;
const RETRY_BASE_MS = 1_000;
const RETRY_CAP_MS = 3_600_000;

/** A kind with everything decided.
 *
 * @throws MISUSE for limits that are none
 */
export function readyKind<S>(name: string, kind: JobKind<S, TSchema>): ReadyKind<S> {
  const check = Compile(kind.payload);
  const isLimited = kind.concurrency !== undefined || kind.concurrencyGlobal !== undefined;
  const { uniqueKey, run } = kind;
  return {
    name,
    queue: kind.queue ?? (isLimited ? name : 'default'),
    attemptsMax: positive(name, 'attemptsMax', kind.attemptsMax ?? ATTEMPTS_MAX),
    timeoutMs: positive(name, 'timeoutMs', kind.timeoutMs ?? TIMEOUT_MS),
    retry: { baseMs: kind.retry?.baseMs ?? RETRY_BASE_MS, capMs: kind.retry?.capMs ?? RETRY_CAP_MS },
    priority: kind.priority ?? 0,
    uniqueKey: uniqueKey && ((payload) => uniqueKey(parsePayload(payload))),
    run: (payload, call) => run(parsePayload(payload), call),
    problemsOf: (payload) => {
      if (check.Check(payload)) return [];
      const [, errors] = check.Errors(payload);
      return errors.map(({ instancePath, message }) => ({ field: `payload${instancePath.replaceAll('/', '.')}`, message }));
    },
  };
}

/** The queues of the kinds.
 *
 * @throws MISUSE when kinds of one queue say different limits
 */
export function queuesOf<S>(kinds: readonly (readonly [JobKind<S, TSchema>, ReadyKind<S>])[]): readonly Queue[] {
  const byQueue = Map.groupBy(kinds, ([, { queue }]) => queue);
  return [...byQueue].map(([name, members]) => {
    const limit = (key: 'concurrency' | 'concurrencyGlobal'): number | undefined => {
      const said = new Set(members.flatMap(([kind]) => kind[key] ?? []));
      if (said.size > 1)
        throw new KeelsonError('MISUSE', {
          message: `The kinds of the queue ${name} say different limits for ${key}: ${[...said].join(', ')}.`,
        });
      return said
        .values()
        .map((value) => positive(name, key, value))
        .next().value;
    };
    return {
      name,
      kinds: members.map(([, kind]) => kind.name),
      concurrency: limit('concurrency') ?? CONCURRENCY,
      concurrencyGlobal: limit('concurrencyGlobal'),
    };
  });
}

function positive(name: string, key: string, value: number): number {
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new KeelsonError('MISUSE', { message: `${key} of ${name} must be a whole number above 0; it is ${value}.` });
}

// The schema has checked it before it comes here.
function parsePayload<T>(payload: unknown): T {
  return payload as T;
}
