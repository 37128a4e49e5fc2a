/** What a worker claims from, checked against its table and its life cycle before anything runs. */
import { KeelsonError } from '../errors.ts';
import type { AnyLifeCycle } from '../schema/life-cycle.ts';
import type { ColumnInfo, TableInfo } from '../schema/table.ts';
import { type EntityMeta, metaOf } from '../work/entity.ts';
import type { Model } from '../work/model.ts';
import { type EntityClassLike, entityOf } from '../work/repository.ts';
import type { WorkerLimits } from './worker-limits.ts';

/** The columns of a lease. */
const LEASE_KEYS = ['attempts', 'availableAt', 'leaseOwner', 'leaseEpoch', 'leaseUntil'] as const;

/** Where a worker claims, read from its table. */
export interface WorkerTarget {
  /** The name of the repository. */
  readonly from: string;
  readonly entityClass: EntityClassLike;
  readonly meta: EntityMeta;
  readonly table: TableInfo;
  readonly key: ColumnInfo;
  readonly state: ColumnInfo;
  readonly order: ColumnInfo;
  /** In these a row waits. */
  readonly waiting: readonly string[];
  /** In these a row is while it is worked on. */
  readonly working: readonly string[];
  /** The claim moves a row to it. */
  readonly start: string | undefined;
  /** A row goes back to it between two attempts; undefined where it has never left. */
  readonly giveBack: string | undefined;
}

/** What is checked. */
export interface WorkerClaimFacts {
  readonly from: string;
  readonly in: string | readonly string[];
  readonly orderBy: string;
  readonly start: string | undefined;
  readonly giveBack: string | undefined;
  readonly limits: WorkerLimits;
  readonly gatherMax: number | undefined;
}

/**
 * Checks a worker.
 *
 * @throws MISUSE saying what does not hold
 */
export function checkWorker(name: string, facts: WorkerClaimFacts, model: Pick<Model, 'repositories'>): WorkerTarget {
  const refuse = (message: string, hint?: string): KeelsonError =>
    new KeelsonError('MISUSE', { message: `The worker ${name} ${message}`, hint });
  const repository = model.repositories[facts.from];
  if (repository === undefined) throw refuse(`claims from ${facts.from}, which is no repository of the model.`);
  const entityClass = repository[entityOf];
  const meta = metaOf(entityClass);
  const { table, cycle, stateColumn } = meta;
  const missing = LEASE_KEYS.filter((key) => !table.byKey.has(key));
  if (missing.length > 0)
    throw refuse(`claims from ${table.name}, which has no lease.`, 'Spread ...leaseColumns() into its columns, and migrate.');
  if (cycle === undefined || stateColumn === undefined) throw refuse(`claims from ${table.name}, whose entity has no life cycle.`);
  const [key, ...more] = table.primaryKey;
  if (key === undefined || more.length > 0) throw refuse(`claims from ${table.name}, whose key is not one column.`);
  const order = table.byKey.get(facts.orderBy);
  if (order === undefined) throw refuse(`orders by ${facts.orderBy}, which is no column of ${table.name}.`);
  refuseLimits(facts, refuse);
  const waiting = typeof facts.in === 'string' ? [facts.in] : [...facts.in];
  const moves = checkMoves({ ...facts, waiting }, cycle, refuse);
  return { from: facts.from, entityClass, meta, table, key, state: stateColumn, order, waiting, ...moves };
}

type Refuse = (message: string, hint?: string) => KeelsonError;

function checkMoves(
  {
    waiting,
    start,
    giveBack,
  }: { readonly waiting: readonly string[]; readonly start: string | undefined; readonly giveBack: string | undefined },
  cycle: AnyLifeCycle,
  refuse: Refuse,
): Pick<WorkerTarget, 'start' | 'giveBack' | 'working'> {
  const unknown = [...waiting, start, giveBack].find((state) => state !== undefined && !Object.hasOwn(cycle.edges, state));
  if (unknown !== undefined) throw refuse(`names the state ${unknown}, which its life cycle does not know.`);
  if (waiting.length === 0) throw refuse('claims in no state.');
  if (start === undefined) {
    if (giveBack !== undefined) throw refuse('gives back rows that it does not move: giveBack needs start.');
    return { start, giveBack, working: waiting };
  }
  const stuck = waiting.find((state) => cycle.edges[state]?.includes(start) !== true);
  if (stuck !== undefined) throw refuse(`starts ${start}, to which no row moves from ${stuck}.`);
  const back = giveBack ?? cycle.redrive[start]?.find((state) => waiting.includes(state));
  if (back === undefined || cycle.redrive[start]?.includes(back) !== true || !waiting.includes(back)) {
    throw refuse(
      `has no way back from ${start} to where it claims.`,
      `Declare it in the life cycle: lifeCycle(column, edges, { redrive: { ${start}: ['${back ?? waiting[0] ?? ''}'] } }).`,
    );
  }
  return { start, giveBack: back, working: [start] };
}

function refuseLimits({ limits, gatherMax = 1 }: WorkerClaimFacts, refuse: Refuse): void {
  const { concurrency, batchMax, attemptsMax, timeoutMs, leaseMs, retry } = limits;
  for (const [what, value] of Object.entries({
    concurrency,
    batchMax,
    attemptsMax,
    timeoutMs,
    leaseMs,
    'retry.baseMs': retry.baseMs,
    'gather.max': gatherMax,
  })) {
    if (!Number.isSafeInteger(value) || value < 1) throw refuse(`has a ${what} of ${value}; it takes a whole number from 1 on.`);
  }
  if (batchMax > 1_000) throw refuse(`has a batchMax of ${batchMax}; one statement takes at most 1000 rows.`);
  if (retry.capMs < retry.baseMs) throw refuse('has a retry.capMs below its retry.baseMs.');
}
