/** The benchmark of the unit of work: the same five blocks, by hand, by three libraries, and by Keelson. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchmarkOptions } from './benchmark.ts';
import { Callee, parseNothing } from './calls.ts';
import { measuredTargets, renderTable, renderTargets, short, target, type Target } from './figures.ts';
import { parseMeasurement, type Measurement } from './measure.ts';
import { startRelay, type Counted } from './relay.ts';
import { cpuRatio, runRounds, type Series } from './rounds.ts';
import { openDatabase, type BenchDatabase } from './server.ts';
import { CALLERS_MAX, cases, type CaseLoad, type CaseName } from './unit-of-work-contender.ts';
import { tally, tidyUp, unitOfWorkData } from './unit-of-work-data.ts';

const LIMIT = 'pg by hand, pipelined (the limit)';
const KEELSON = 'Keelson';

const files: Readonly<Record<string, string>> = {
  [LIMIT]: 'peers/unit-of-work/pg-pipelined.ts',
  'pg by hand, sequential': 'peers/unit-of-work/pg-sequential.ts',
  [KEELSON]: 'keelson/unit-of-work.ts',
  Kysely: 'peers/unit-of-work/kysely.ts',
  Drizzle: 'peers/unit-of-work/drizzle.ts',
  MikroORM: 'peers/unit-of-work/mikro-orm.ts',
};

const caseNames = parseCaseNames(Object.keys(cases));

/** How a run is sized. */
interface Size {
  readonly rounds: number;
  readonly durationMs: number;
  readonly warmUpMs: number;
  readonly callers: readonly number[];
}

const full: Size = { rounds: 7, durationMs: 1_000, warmUpMs: 1_500, callers: [CALLERS_MAX, 1] };
const quick: Size = { rounds: 3, durationMs: 300, warmUpMs: 500, callers: [CALLERS_MAX] };
/** Blocks through the relay: first to prepare the statements, then to count. */
const RELAYED = { warmUp: 30, counted: 50, delayed: 20 };
const NETWORK_MS = 1;

interface Wire extends Counted {
  /** The median latency with `NETWORK_MS` more on each packet of the client. */
  readonly distantMs: number;
}

interface CaseResult {
  readonly case: CaseName;
  readonly byCallers: Readonly<Record<number, readonly Series[]>>;
  readonly wire: Readonly<Record<string, Wire>>;
}

/** What a run found. */
export interface UnitOfWorkResult {
  readonly cases: readonly CaseResult[];
  readonly residentMb: Readonly<Record<string, number>>;
  readonly targets: readonly Target[];
}

/** Runs the benchmark. */
export async function benchUnitOfWork(options: BenchmarkOptions): Promise<UnitOfWorkResult> {
  const size = options.quick ? quick : full;
  const database = await openDatabase(options, 'unit_of_work', unitOfWorkData);
  const contenders = new Map<string, Callee>();
  try {
    for (const [name, file] of Object.entries(files)) {
      if (!options.wants(name) || !existsSync(join(import.meta.dirname, file))) continue;
      contenders.set(name, await startContender(name, database.url, options.profileDirectory));
    }
    options.say('Each contender does what it says: the table is looked at after each case …');
    for (const contender of contenders.values()) await prove(contender, database);
    const residentMb = Object.fromEntries(
      await Promise.all([...contenders].map(async ([name, contender]) => [name, await resident(contender)] as const)),
    );
    const results: CaseResult[] = [];
    for (const name of caseNames) {
      options.say(`${cases[name]} …`);
      const byCallers: Record<number, readonly Series[]> = {};
      for (const callers of size.callers) byCallers[callers] = await measureCase({ contenders, database, size }, { name, callers });
      results.push({ case: name, byCallers, wire: {} });
    }
    for (const contender of contenders.values()) await contender.stop();
    options.say('Counting packets and round trips through a relay …');
    const wires = new Map(await inTurn([...contenders.keys()], async (name) => [name, await countWire(name, database.url)] as const));
    const complete = results.map((result) => ({
      ...result,
      wire: Object.fromEntries([...wires].map(([name, wire]) => [name, wire[result.case]])),
    }));
    return { cases: complete, residentMb, targets: targetsOf(complete) };
  } finally {
    for (const contender of contenders.values()) await contender.stop();
    await database.close();
  }
}

/** The result as tables. */
export function renderUnitOfWork(result: UnitOfWorkResult): string {
  const tables = result.cases.map(({ case: name, byCallers, wire }) => {
    const most = byCallers[CALLERS_MAX] ?? [];
    const rows = most.map((series) => {
      const alone = byCallers[1]?.find(({ contender }) => contender === series.contender);
      const sent = wire[series.contender];
      return [
        series.contender,
        short(series.cpuMicros),
        short(cpuRatio(most, series.contender, LIMIT)),
        short(series.operationsPerSecond),
        short(series.p50Ms),
        short(series.p99Ms),
        short(alone?.operationsPerSecond),
        short(alone?.p50Ms),
        short(sent?.roundTrips),
        short(sent?.packets),
        short(sent?.distantMs),
      ];
    });
    const head = [
      '',
      'CPU µs',
      '× limit',
      'ops/s',
      'p50 ms',
      'p99 ms',
      '1 caller: ops/s',
      'p50 ms',
      'round trips',
      'packets',
      `p50 ms at +${NETWORK_MS} ms`,
    ];
    return `### ${cases[name]}\n\n${renderTable(head, rows)}`;
  });
  const memory = renderTable(
    ['', 'resident MB after the first calls'],
    Object.entries(result.residentMb).map(([name, mb]) => [name, short(mb)]),
  );
  return [...tables, memory, renderTargets(result.targets)].join('\n\n');
}

async function startContender(name: string, databaseUrl: string, profileDirectory?: string): Promise<Callee> {
  const contender = await Callee.start(name, join(import.meta.dirname, files[name] ?? ''), profileDirectory);
  await contender.call('open', databaseUrl, parseNothing);
  return contender;
}

interface Running {
  readonly contenders: ReadonlyMap<string, Callee>;
  readonly database: BenchDatabase;
  readonly size: Size;
}

async function measureCase(
  { contenders, database, size }: Running,
  { name, callers }: { name: CaseName; callers: number },
): Promise<readonly Series[]> {
  const ask = (contender: string, durationMs: number): Promise<Measurement> => {
    const callee = contenders.get(contender);
    if (callee === undefined) throw new Error(`${contender} does not run`);
    return callee.call('measure', { case: name, callers, durationMs } satisfies CaseLoad, parseMeasurement);
  };
  for (const contender of contenders.keys()) await ask(contender, size.warmUpMs);
  await database.query(tidyUp);
  return runRounds([...contenders.keys()], size.rounds, async (contender) => {
    const measurement = await ask(contender, size.durationMs);
    if (name !== 'read' && name !== 'empty') await database.query(tidyUp);
    return measurement;
  });
}

/** Holds what a contender wrote against what it was asked to. */
async function prove(contender: Callee, database: BenchDatabase): Promise<void> {
  const versionsOf: Readonly<Record<CaseName, number>> = { loadOne: 1, loadHundred: 100, read: 0, empty: 0, attach: 0 };
  for (const name of caseNames) {
    const [before] = await database.query(tally);
    await contender.call('measure', { case: name, callers: 1, operationsMax: 1 } satisfies CaseLoad, parseMeasurement);
    const [after] = await database.query(tally);
    const versions = Number(after?.['versions']) - Number(before?.['versions']);
    const pictured = before?.['pictures'] !== after?.['pictures'];
    // Whether a change by id counts as a version is each library's own affair.
    const right = name === 'attach' ? pictured : !pictured && versions === versionsOf[name];
    if (!right)
      throw new Error(`${contender.label}, ${cases[name]}: ${versions} versions more, picture ${pictured ? 'changed' : 'unchanged'}`);
  }
}

async function countWire(name: string, databaseUrl: string): Promise<Readonly<Record<CaseName, Wire>>> {
  const relay = await startRelay(databaseUrl);
  const contender = await startContender(name, relay.url);
  const wires = await inTurn(caseNames, async (caseName) => {
    const run = (operationsMax: number): Promise<Measurement> =>
      contender.call('measure', { case: caseName, callers: 1, operationsMax } satisfies CaseLoad, parseMeasurement);
    relay.delay(0);
    await run(RELAYED.warmUp);
    relay.reset();
    await run(RELAYED.counted);
    const { packets, roundTrips } = relay.counted();
    relay.delay(NETWORK_MS);
    const { p50Ms } = await run(RELAYED.delayed);
    return [caseName, { packets: packets / RELAYED.counted, roundTrips: roundTrips / RELAYED.counted, distantMs: p50Ms }] as const;
  });
  await contender.stop();
  await relay.close();
  return parseWires(Object.fromEntries(wires));
}

function targetsOf(results: readonly CaseResult[]): readonly Target[] {
  const of = (name: CaseName): readonly Series[] => results.find((result) => result.case === name)?.byCallers[CALLERS_MAX] ?? [];
  const against = (reference: string, limit: number): Target =>
    target(`load 1, change, commit: CPU against ${reference}`, cpuRatio(of('loadOne'), KEELSON, reference), {
      limit,
      sense: 'at most',
      unit: '×',
    });
  const empty = of('empty').find(({ contender }) => contender === KEELSON)?.cpuMicros ?? Number.NaN;
  const trips = results.find((result) => result.case === 'loadOne')?.wire[KEELSON]?.roundTrips ?? Number.NaN;
  return measuredTargets([
    against(LIMIT, 1.25),
    against('Kysely', 0.7),
    against('MikroORM', 0.15),
    target('empty block: CPU', empty, { limit: 2, sense: 'at most', unit: 'µs' }),
    target('load 1, change, commit: round trips', trips, { limit: 2, sense: 'at most', unit: 'round trips' }),
  ]);
}

async function resident(contender: Callee): Promise<number> {
  return (await contender.call('residentBytes', undefined, Number)) / 1_048_576;
}

async function inTurn<T, R>(items: readonly T[], one: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const item of items) results.push(await one(item));
  return results;
}

function parseCaseNames(names: readonly string[]): readonly CaseName[] {
  return names as readonly CaseName[];
}

function parseWires(wires: unknown): Readonly<Record<CaseName, Wire>> {
  return wires as Readonly<Record<CaseName, Wire>>;
}
