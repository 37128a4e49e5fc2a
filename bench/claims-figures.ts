/** What the benchmark of claims finds, held against its targets and printed. */
import { measuredTargets, median, medianRatio, renderTable, renderTargets, short, target, type Target } from './figures.ts';

/** How many rows one claim takes. */
export const BATCH = 1_000;

/** Rates of one way, round by round. */
export interface Rates {
  readonly name: string;
  readonly perSecond: readonly number[];
  /** CPU time per row, of the clients and of the server together. */
  readonly cpuMicros: readonly number[];
}

/** Milliseconds from enqueue to the begin of the handler. */
export interface Latency {
  readonly name: string;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** What a claim took at the begin and at the end, while a snapshot was held or not. */
export interface HeldSnapshot {
  readonly name: string;
  readonly isHeld: boolean;
  readonly firstMs: number;
  readonly lastMs: number;
  readonly perSecond: number;
}

/** What a run found. */
export interface ClaimsResult {
  readonly rows: readonly Rates[];
  readonly jobs: readonly Rates[];
  readonly backlogs: readonly Rates[];
  readonly latencies: readonly Latency[];
  readonly snapshots: readonly HeldSnapshot[];
  /** What else ran on the machine, before and after. */
  readonly load: readonly number[];
  readonly targets: readonly Target[];
}

/** The result as tables. */
export function renderClaims({ rows, jobs, backlogs, latencies, snapshots, load, targets }: ClaimsResult): string {
  const rates = (title: string, all: readonly Rates[]): string =>
    renderTable(
      [title, 'rows/s, median', 'least', 'most', 'CPU µs per row'],
      all.map(({ name, perSecond, cpuMicros }) => [
        name,
        ...[median(perSecond), Math.min(...perSecond), Math.max(...perSecond), median(cpuMicros)].map(short),
      ]),
    );
  return [
    rates(`domain rows, ${BATCH} at once`, rows),
    rates('jobs', jobs),
    rates('what waits', backlogs),
    renderTable(
      ['enqueue → begin', 'p50 ms', 'p99 ms'],
      latencies.map(({ name, p50Ms, p99Ms }) => [name, short(p50Ms), short(p99Ms)]),
    ),
    renderTable(
      ['claims of 10 s', 'first quarter, ms', 'last quarter, ms', 'rows/s'],
      snapshots.map(({ name, isHeld, firstMs, lastMs, perSecond }) => [
        `${name}${isHeld ? ', a snapshot is held' : ''}`,
        short(firstMs),
        short(lastMs),
        short(perSecond),
      ]),
    ),
    `load of the machine (1 minute) before and after: ${load.map(short).join(', ')}`,
    renderTargets(measuredTargets(targets)),
  ].join('\n\n');
}

/** The targets of the issue. */
export function targetsOf({ rows, jobs, backlogs, latencies, snapshots }: Omit<ClaimsResult, 'targets' | 'load'>): readonly Target[] {
  const of = (all: readonly Rates[], name: string): readonly number[] => all.find((rates) => rates.name === name)?.perSecond ?? [];
  const times = { sense: 'at least', unit: '×' } as const;
  const bound = (limit: number) => ({ ...times, limit });
  const against = (ours: string, theirs: string, limit: number): Target =>
    target(`jobs: ${ours} over ${theirs}`, medianRatio(of(jobs, ours), of(jobs, theirs)), bound(limit));
  const p50 = (name: string): number => latencies.find((latency) => latency.name === name)?.p50Ms ?? Number.NaN;
  const flat = ['rows', 'jobs'].map((kind) => {
    const [few = [], many = []] = backlogs.filter(({ name }) => name.startsWith(kind)).map(({ perSecond }) => perSecond);
    return target(`${kind}: the long backlog over the short one`, median(many) / median(few), bound(0.8));
  });
  const flatCpu = ['rows', 'jobs'].map((kind) => {
    const [few = [], many = []] = backlogs.filter(({ name }) => name.startsWith(kind)).map(({ cpuMicros }) => cpuMicros);
    const limit = { limit: 1.2, sense: 'at most', unit: '×' } as const;
    return target(`${kind}: CPU per row of the long backlog over the short one`, median(many) / median(few), limit);
  });
  return [
    target('rows: claim and move over pgbench', medianRatio(of(rows, 'Keelson: claim and move'), of(rows, 'pgbench')), bound(0.6)),
    ...['graphile-worker, at its best', 'pg-boss, work() at its best', 'pg-boss, fetch and complete'].map((peer) =>
      against('Keelson, at its best', peer, 1.3),
    ),
    ...['graphile-worker, defaults', 'pg-boss, defaults'].map((peer) => against('Keelson, defaults', peer, 5)),
    ...['graphile-worker', 'pg-boss, with LISTEN'].map((peer) =>
      target(`enqueue → begin, p50 over that of ${peer}`, p50('Keelson') / p50(peer), { limit: 1, sense: 'at most', unit: '×' }),
    ),
    ...flat,
    ...flatCpu,
    ...snapshots
      .filter(({ isHeld }) => isHeld)
      .map(({ name, firstMs, lastMs }) =>
        target(`${name}: growth of a claim under a held snapshot`, lastMs / firstMs, { limit: 1.5, sense: 'at most', unit: '×' }),
      ),
  ];
}
