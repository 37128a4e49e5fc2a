/** The chaos suite: workers over many tokens while processes are killed, backends terminated, the database restarted and a snapshot held. */
import { loadavg } from 'node:os';
import { type ChaosResult, ChaosServer, type ChaosSize, type Plagues, runChaos } from '../packages/keelson/src/queue/chaos.fixture.ts';
import type { BenchmarkOptions } from './benchmark.ts';
import { measuredTargets, renderTable, renderTargets, short, target, type Target } from './figures.ts';

const full: ChaosSize = { processes: 16, tokens: 100_000 };
const quick: ChaosSize = { processes: 6, tokens: 10_000 };

/** What goes wrong in each case. */
const cases: Readonly<Record<string, Plagues>> = {
  'nothing goes wrong': {},
  'processes killed by -9': { killEachMs: 600 },
  'a backend terminated each 100 ms': { terminateEachMs: 100 },
  'the database restarted': { restarts: 5 },
  'a snapshot held': { isSnapshotHeld: true },
  'all of it at once': { killEachMs: 1_000, terminateEachMs: 100, restarts: 2 },
};

/** What was counted in each case. */
export interface ChaosCases {
  readonly cases: Readonly<Record<string, ChaosResult>>;
  readonly load: readonly number[];
  readonly targets: readonly Target[];
}

/** Runs each case on a server of its own, with its files safe on the disk as in production. */
export async function benchChaos(options: BenchmarkOptions): Promise<ChaosCases> {
  const load = [loadavg()[0] ?? Number.NaN];
  const results: Record<string, ChaosResult> = {};
  for (const [name, plagues] of Object.entries(cases)) {
    if (!options.wants(name)) continue;
    options.say(`${name} …`);
    await using server = await ChaosServer.start(true);
    // Kills take a while each, and what they leave behind is to be seen often: longer runs, so that all takes longer.
    const slower = plagues.killEachMs === undefined ? {} : { concurrency: 10, runMs: 100 };
    results[name] = await runChaos(server, plagues, { ...(options.quick ? quick : full), ...slower });
  }
  load.push(loadavg()[0] ?? Number.NaN);
  return { cases: results, load, targets: Object.entries(results).flatMap(([name, result]) => targetsOf(name, result)) };
}

/** The result as tables. */
export function renderChaos({ cases: results, load, targets }: ChaosCases): string {
  const rows = Object.entries(results).map(([name, result]) => [
    name,
    ...[result.tokens, result.runs, result.finished, result.finishedTwice, result.lost, result.overlaps].map(String),
    `${result.killed} / ${result.terminated} / ${result.restarts}`,
    short(result.tookMs / 1_000),
  ]);
  const recoveries = Object.entries(results)
    .filter(([, { recoveryMs }]) => recoveryMs.length > 0)
    .map(([name, { recoveryMs, freedMs }]) => [
      name,
      String(recoveryMs.length),
      ...[recoveryMs, freedMs].flatMap((of) => [quantile(of, 0.5), quantile(of, 0.99), quantile(of, 1)].map(short)),
    ]);
  const logged = Object.entries(results).map(([name, result]) => `${name}: ${JSON.stringify(result.logged)}`);
  return [
    renderTable(
      ['16 workers', 'tokens', 'runs', 'finished', 'twice', 'lost', 'overlaps', 'killed / terminated / restarts', 'seconds'],
      rows,
    ),
    renderTable(['after a kill', 'tokens', 'run again p50 ms', 'p99 ms', 'max ms', 'freed p50 ms', 'p99 ms', 'max ms'], recoveries),
    logged.join('\n'),
    `load of the machine (1 minute) before and after: ${load.map(short).join(', ')}`,
    renderTargets(measuredTargets(targets)),
  ].join('\n\n');
}

function targetsOf(name: string, result: ChaosResult): readonly Target[] {
  const none = { limit: 0, sense: 'at most', unit: 'tokens' } as const;
  return [
    target(`${name}: lost`, result.lost + result.tokens - Math.min(result.started, result.finished), none),
    target(`${name}: finished twice`, result.finishedTwice, none),
    ...(name === 'nothing goes wrong' ? [target(`${name}: run by two at once`, result.overlaps, none)] : []),
    ...(name === 'processes killed by -9'
      ? [target(`${name}: run again, p99`, quantile(result.recoveryMs, 0.99), { limit: 1_000, sense: 'at most', unit: 'ms' })]
      : []),
  ];
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
