/** What every contender of the benchmark of claims does, and how its process answers the benchmark. */
import { setTimeout as sleep } from 'node:timers/promises';
import { answerCalls, type Answers } from './calls.ts';

/** What a drain is asked for. */
export interface DrainOrder {
  /** How it is set: `best`, `defaults`, and what else the contender knows. */
  readonly mode: string;
  /** It is over when nothing was begun for so long … */
  readonly quietMs: number;
  /** … or after this time, of which the first run is the beginning. */
  readonly forMs: number;
}

/** What a process has counted up to a moment. */
export interface Sample {
  readonly atMs: number;
  readonly runs: number;
  readonly claims: number;
  readonly claimMsTotal: number;
}

/** What a drain has done in one process. */
export interface Drained {
  readonly runs: number;
  /** On the clock that all processes of a machine share. */
  readonly firstMs: number;
  readonly lastMs: number;
  /** The CPU time of this process, up to where it found nothing more. */
  readonly cpuMicros: number;
  readonly samples: readonly Sample[];
}

/** Something that takes what waits. */
export interface Running {
  readonly claims?: { readonly claims: number; readonly claimMsTotal: number } | undefined;
  stop(): Promise<void>;
}

/** The same work, as each library does it. */
export interface ClaimsContender {
  open(databaseUrl: string): Promise<void>;
  /** Makes jobs that wait, `from` the first number. */
  fill(count: number): Promise<void>;
  /** Takes what waits; `ran` is called by the handler of each. */
  start(mode: string, ran: (sentMs: number | undefined) => void): Promise<Running>;
  /** Makes one job as an app does it. */
  enqueue(sentMs: number): Promise<unknown>;
}

/** Milliseconds of a clock that all processes of a machine share. */
export function sharedMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

const SAMPLE_MS = 100;

/** In a contender's own process: answers the benchmark. */
export function serveClaims(contender: ClaimsContender, more: Answers = {}): void {
  let heard: number[] = [];
  let listening: Running | undefined;
  answerCalls({
    open: (url) => contender.open(parseText(url)),
    fill: (count) => contender.fill(parseNumber(count)),
    drain: (order) => drain(contender, parseOrder(order)),
    listen: async () => {
      heard = [];
      listening = await contender.start('latency', (sentMs) => {
        if (sentMs !== undefined) heard.push(sharedMs() - sentMs);
      });
    },
    heard: async () => {
      await listening?.stop();
      return heard;
    },
    tell: async (count) => {
      for (let turn = 0; turn < parseNumber(count); turn += 1) {
        await contender.enqueue(sharedMs());
        // Never in step with anything that polls.
        await sleep(15 + (turn % 17));
      }
    },
    ...more,
  });
}

async function drain(contender: ClaimsContender, { mode, quietMs, forMs }: DrainOrder): Promise<Drained> {
  const beganMs = sharedMs();
  let runs = 0;
  let firstMs = 0;
  let lastMs = 0;
  const running = await contender.start(mode, () => {
    runs += 1;
    lastMs = sharedMs();
    if (runs === 1) firstMs = lastMs;
  });
  const before = process.cpuUsage();
  const samples: Sample[] = [];
  // bounded by: quietMs and forMs
  for (;;) {
    await sleep(SAMPLE_MS);
    const atMs = sharedMs();
    const { claims = 0, claimMsTotal = 0 } = running.claims ?? {};
    samples.push({ atMs, runs, claims, claimMsTotal });
    const sinceMs = runs === 0 ? beganMs : firstMs;
    if (atMs - Math.max(lastMs, beganMs) > quietMs || atMs - sinceMs > forMs) break;
  }
  const cpu = process.cpuUsage(before);
  const counted = { runs, firstMs, lastMs, cpuMicros: cpu.user + cpu.system, samples };
  await running.stop();
  return counted;
}

/** Reads what `drain` has answered. */
export function parseDrained(result: unknown): Drained {
  return result as Drained;
}

/** Reads a list of milliseconds. */
export function parseMs(result: unknown): readonly number[] {
  return result as readonly number[];
}

function parseOrder(order: unknown): DrainOrder {
  return order as DrainOrder;
}

function parseText(argument: unknown): string {
  return argument as string;
}

function parseNumber(argument: unknown): number {
  return argument as number;
}
