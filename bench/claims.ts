/** The benchmark of claims: domain rows against pgbench, jobs against graphile-worker and pg-boss, and what a backlog and a held snapshot cost. */
import { loadavg } from 'node:os';
import { join } from 'node:path';
import type { BenchmarkOptions } from './benchmark.ts';
import { Callee, parseNothing } from './calls.ts';
import { type Drained, parseDrained, parseMs, type Sample } from './claims-contender.ts';
import { runPgbench } from './claims-pgbench.ts';
import { childrenCpuMicros, serverCpuMicros } from './claims-cpu.ts';
import { BATCH, type ClaimsResult, type HeldSnapshot, type Latency, type Rates, targetsOf } from './claims-figures.ts';
import { median } from './figures.ts';
import { claimsTables, jobsWaiting, tokensWaiting } from './keelson/claims-model.ts';
import { type BenchDatabase, openDatabase } from './server.ts';

const files = { keelson: 'keelson/claims.ts', graphile: 'peers/claims/graphile.ts', boss: 'peers/claims/pg-boss.ts' } as const;

interface Size {
  readonly rounds: number;
  readonly rows: number;
  readonly backlogs: readonly [number, number];
  /** How many rows of a backlog are taken for a figure. */
  readonly backlogRows: number;
  readonly heldMs: number;
  readonly pings: number;
}

const full: Size = { rounds: 5, rows: 100_000, backlogs: [10_000, 1_000_000], backlogRows: 100_000, heldMs: 10_000, pings: 300 };
const quick: Size = { rounds: 2, rows: 40_000, backlogs: [10_000, 200_000], backlogRows: 40_000, heldMs: 5_000, pings: 100 };

interface Pair {
  readonly name: string;
  readonly callees: readonly [Callee, Callee];
}

interface Stage {
  readonly database: BenchDatabase;
  readonly size: Size;
  readonly options: BenchmarkOptions;
}

/** Runs the benchmark: two processes of each contender, one contender at a time, all on one server. */
export async function benchClaims(options: BenchmarkOptions): Promise<ClaimsResult> {
  const size = options.quick ? quick : full;
  const load = [loadavg()[0] ?? Number.NaN];
  const database = await openDatabase(options, 'claims', claimsTables);
  const stage = { database, size, options };
  try {
    const rows = options.wants('rows') ? await benchRows(stage) : [];
    const jobs = options.wants('jobs') ? await benchJobs(stage) : [];
    const latencies = options.wants('latency') ? await benchLatency(stage) : [];
    const backlogs = options.wants('backlog') ? await benchBacklogs(stage) : [];
    const snapshots = options.wants('snapshot') ? await benchSnapshots(stage) : [];
    load.push(loadavg()[0] ?? Number.NaN);
    const found = { rows, jobs, backlogs, latencies, snapshots, load };
    return { ...found, targets: targetsOf(found) };
  } finally {
    await database.close();
  }
}

async function benchRows(stage: Stage): Promise<readonly Rates[]> {
  const { database, size, options } = stage;
  const modes = {
    claim: 'Keelson: claim and move',
    held: 'Keelson: claim and move in one transaction',
    whole: 'Keelson: claim, run, finish',
  };
  const rates = new RateBook();
  const pair = await openPair(stage, 'keelson');
  try {
    for (let round = 0; round < size.rounds; round += 1) {
      options.say(`domain rows (${round + 1} of ${size.rounds}) …`);
      await prepare(database, tokensWaiting(size.rows));
      const { rate, micros } = await withCpu(database, async () => {
        const before = childrenCpuMicros();
        const perSecond = await runPgbench(database.url, { batch: BATCH, rows: size.rows });
        return { rate: perSecond, micros: childrenCpuMicros() - before };
      });
      rates.add('pgbench', rate, micros / size.rows);
      for (const [mode, name] of Object.entries(modes)) {
        await prepare(database, tokensWaiting(size.rows));
        const drained = await drainPair(stage, pair, { mode, quietMs: 1_500, forMs: 60_000 });
        expectAll(drained.parts, size.rows, name);
        rates.addDrained(name, drained);
      }
    }
  } finally {
    await closePair(pair);
  }
  return rates.all();
}

const ways = [
  { name: 'Keelson, at its best', of: 'keelson', mode: 'best' },
  { name: 'graphile-worker, at its best', of: 'graphile', mode: 'best' },
  { name: 'pg-boss, work() at its best', of: 'boss', mode: 'best' },
  { name: 'pg-boss, fetch and complete', of: 'boss', mode: 'fetch' },
  { name: 'Keelson, defaults', of: 'keelson', mode: 'defaults' },
  { name: 'graphile-worker, defaults', of: 'graphile', mode: 'defaults' },
  { name: 'pg-boss, defaults', of: 'boss', mode: 'defaults' },
] as const;

const DEFAULTS_MS = 6_000;

async function benchJobs(stage: Stage): Promise<readonly Rates[]> {
  const { size, options } = stage;
  const rates = new RateBook();
  for (let round = 0; round < size.rounds; round += 1) {
    for (const { name, of, mode } of round % 2 === 0 ? ways : ways.toReversed()) {
      options.say(`jobs: ${name} (${round + 1} of ${size.rounds}) …`);
      const pair = await openPair(stage, of);
      try {
        const isUsual = mode === 'defaults';
        await fill(stage, pair, isUsual && of !== 'keelson' ? 20_000 : size.rows);
        const drained = await drainPair(stage, pair, { mode, quietMs: isUsual ? 2_500 : 1_500, forMs: isUsual ? DEFAULTS_MS : 60_000 });
        if (!isUsual) expectAll(drained.parts, size.rows, name);
        rates.addDrained(name, drained);
      } finally {
        await closePair(pair);
      }
    }
  }
  return rates.all();
}

async function benchLatency(stage: Stage): Promise<readonly Latency[]> {
  const { size, options } = stage;
  const latencies: Latency[] = [];
  for (const [name, of] of [
    ['Keelson', 'keelson'],
    ['graphile-worker', 'graphile'],
    ['pg-boss, with LISTEN', 'boss'],
  ] as const) {
    options.say(`enqueue → begin: ${name} …`);
    const pair = await openPair(stage, of);
    const [listener, teller] = pair.callees;
    try {
      await fill(stage, pair, 0);
      await listener.call('listen', undefined, parseNothing);
      await teller.call('tell', 50, parseNothing);
      await teller.call('tell', size.pings, parseNothing);
      const heard = (await listener.call('heard', undefined, parseMs)).slice(50).toSorted((left, right) => left - right);
      const at = (share: number): number => heard[Math.floor(heard.length * share)] ?? Number.NaN;
      latencies.push({ name, p50Ms: at(0.5), p99Ms: at(0.99) });
    } finally {
      await closePair(pair);
    }
  }
  return latencies;
}

async function benchBacklogs(stage: Stage): Promise<readonly Rates[]> {
  const { database, size, options } = stage;
  const rates = new RateBook();
  const pair = await openPair(stage, 'keelson');
  try {
    for (let round = 0; round < Math.max(2, size.rounds - 3); round += 1) {
      for (const [kind, waiting, mode] of [
        ['rows', tokensWaiting, 'whole'],
        ['jobs', jobsWaiting, 'best'],
      ] as const) {
        for (const backlog of size.backlogs) {
          const name = `${kind}: ${backlog.toLocaleString('en-US')} wait`;
          options.say(`${name} (${round + 1}) …`);
          await prepare(database, waiting(backlog));
          rates.addDrained(name, await drainPair(stage, pair, { mode, quietMs: 1_500, forMs: 2_000 }));
        }
      }
    }
  } finally {
    await closePair(pair);
  }
  return rates.all();
}

async function benchSnapshots(stage: Stage): Promise<readonly HeldSnapshot[]> {
  const { database, size, options } = stage;
  const found: HeldSnapshot[] = [];
  const pair = await openPair(stage, 'keelson');
  const holder = await Callee.start('holder', join(import.meta.dirname, 'peers', 'database.ts'));
  try {
    for (const [name, waiting, mode] of [
      ['rows', tokensWaiting, 'usual'],
      ['jobs', jobsWaiting, 'best'],
    ] as const) {
      for (const isHeld of [false, true]) {
        options.say(`${name}, ${isHeld ? 'a snapshot is held' : 'no snapshot is held'} …`);
        await prepare(database, waiting(options.quick ? 200_000 : 500_000));
        if (isHeld) await holder.call('hold', database.url, parseNothing);
        const { parts } = await drainPair(stage, pair, { mode, quietMs: 1_500, forMs: size.heldMs });
        if (isHeld) await holder.call('release', undefined, parseNothing);
        found.push({ name, isHeld, ...quartersOf(parts), perSecond: rateOf(parts) });
      }
    }
  } finally {
    await holder.stop();
    await closePair(pair);
  }
  return found;
}

/** The mean of a claim in each tenth of a second, and the medians of these in the first and the last quarter of the time. */
function quartersOf(drained: readonly Drained[]): Pick<HeldSnapshot, 'firstMs' | 'lastMs'> {
  const quarter = (from: number, to: number): number =>
    median(
      drained.flatMap(({ samples }) => {
        const busy = samples.filter((sample, place) => sample.runs > 0 && sample.runs !== samples[place - 1]?.runs);
        const part = busy.slice(Math.floor(busy.length * from), Math.floor(busy.length * to));
        return part.flatMap((sample, place) => meanClaim(part[place - 1], sample));
      }),
    );
  return { firstMs: quarter(0, 0.25), lastMs: quarter(0.75, 1) };
}

function meanClaim(before: Sample | undefined, sample: Sample): readonly number[] {
  const claims = sample.claims - (before?.claims ?? sample.claims);
  return before === undefined || claims === 0 ? [] : [(sample.claimMsTotal - before.claimMsTotal) / claims];
}

async function prepare(database: BenchDatabase, statements: readonly string[]): Promise<void> {
  for (const statement of statements) await database.query(statement);
}

/** Jobs that wait, the same for each contender, in its own tables. */
async function fill({ database }: Stage, { name, callees }: Pair, count: number): Promise<void> {
  if (name === 'keelson') await prepare(database, jobsWaiting(count));
  else {
    const all = name === 'graphile' ? 'graphile_worker._private_jobs' : 'pgboss.job_common';
    await database.query(`truncate ${all} cascade`);
    await callees[0].call('fill', count, parseNothing);
  }
}

async function openPair({ database, options }: Stage, name: keyof typeof files): Promise<Pair> {
  const file = join(import.meta.dirname, files[name]);
  const first = await Callee.start(`${name} 1`, file, options.profileDirectory);
  // The first makes the tables of its library.
  await first.call('open', database.url, parseNothing);
  const second = await Callee.start(`${name} 2`, file, options.profileDirectory);
  await second.call('open', database.url, parseNothing);
  return { name, callees: [first, second] };
}

async function closePair({ callees }: Pair): Promise<void> {
  await Promise.all(callees.map((callee) => callee.stop()));
}

/** What two processes have done, and what it cost them and the server. */
type PairDrained = { readonly parts: readonly Drained[]; readonly micros: number };

function drainPair({ database }: Stage, { callees }: Pair, order: object): Promise<PairDrained> {
  return withCpu(database, async () => {
    const parts = await Promise.all(callees.map((callee) => callee.call('drain', order, parseDrained)));
    return { parts, micros: parts.reduce((sum, { cpuMicros }) => sum + cpuMicros, 0) };
  });
}

/** Adds what the server has taken meanwhile. */
async function withCpu<T extends { readonly micros: number }>(database: BenchDatabase, run: () => Promise<T>): Promise<T> {
  // One of the server's processes says which server it is.
  const [row] = await database.query("select pid from pg_stat_activity where backend_type = 'checkpointer'");
  const pid = Number(row?.['pid']);
  const before = serverCpuMicros(pid);
  const result = await run();
  return { ...result, micros: result.micros + serverCpuMicros(pid) - before };
}

/** Rates as they come, by name. */
class RateBook {
  readonly #rates = new Map<string, { readonly perSecond: number[]; readonly cpuMicros: number[] }>();

  add(name: string, perSecond: number, cpuMicros: number): void {
    const known = this.#rates.get(name) ?? { perSecond: [], cpuMicros: [] };
    this.#rates.set(name, known);
    known.perSecond.push(perSecond);
    known.cpuMicros.push(cpuMicros);
  }

  addDrained(name: string, { parts, micros }: PairDrained): void {
    this.add(name, rateOf(parts), micros / parts.reduce((sum, { runs }) => sum + runs, 0));
  }

  all(): readonly Rates[] {
    return [...this.#rates].map(([name, of]) => ({ name, ...of }));
  }
}

/** From the first run of the earlier to the last of the later. */
function rateOf(drained: readonly Drained[]): number {
  const busy = drained.filter(({ runs }) => runs > 0);
  const runs = busy.reduce((sum, of) => sum + of.runs, 0);
  const tookMs = Math.max(...busy.map(({ lastMs }) => lastMs)) - Math.min(...busy.map(({ firstMs }) => firstMs));
  return (runs / tookMs) * 1_000;
}

function expectAll(drained: readonly Drained[], rows: number, name: string): void {
  const runs = drained.reduce((sum, of) => sum + of.runs, 0);
  if (runs !== rows) throw new Error(`${name} ran ${runs} of ${rows}`);
}
