/** What GLISK is to meet, SC-001 to SC-007 of its seed, measured on the app as it is. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { ChaosServer, runChaos } from '../packages/keelson/src/queue/chaos.fixture.ts';
import type { BenchmarkOptions } from './benchmark.ts';
import { Callee, parseNothing } from './calls.ts';
import { parseGlisk, type GliskFigures } from './glisk-figures.ts';
import { median, renderTable, renderTargets, short, target, type Target } from './figures.ts';
import { openDatabase } from './server.ts';

const app = join(import.meta.dirname, '..', 'apps', 'glisk', 'app.ts');
const TEST_FILES = join(import.meta.dirname, '..', 'scripts', 'test.ts');
const ZONES = ['UTC', 'America/New_York', 'Asia/Kathmandu', 'Pacific/Apia', 'Europe/Berlin'];
const HEALTH_CALLS = 200;

/** What a run found. */
export interface GliskResult {
  readonly targets: readonly Target[];
  readonly notes: readonly (readonly [string, string])[];
  readonly load: number;
}

/** Measures each criterion; those that are counts say what they counted. */
export async function benchGlisk(options: BenchmarkOptions): Promise<GliskResult> {
  options.say('from nothing to ready, and /health …');
  const { readyMs, healthMs } = await benchStart(options.quick ? 1 : 3);
  options.say('migrations, moves and time zones …');
  const figures = await benchModel(options);
  options.say('16 workers at once …');
  const overlap = await benchOverlap(options);
  options.say('its tests …');
  const tests = await runTests();
  const ms = (limit: number) => ({ limit, sense: 'at most', unit: 'ms' }) as const;
  const none = { limit: 0, sense: 'at most', unit: '' } as const;
  const [utc = ''] = figures.zones;
  const sorted = healthMs.toSorted((left, right) => left - right);
  return {
    targets: [
      target('SC-001 from an empty folder to ready, its own database included', median(readyMs), ms(30_000)),
      target('SC-002 all migrations on an empty database', median(figures.upMs), ms(5_000)),
      target('SC-003 its quick tests', tests.tookMs, ms(60_000)),
      target('SC-004 GET /health, the slowest', Math.max(...healthMs), ms(100)),
      target('SC-005 tokens run by two workers at once', overlap.overlaps + overlap.runs - overlap.tokens, none),
      target('SC-006 moves that the life cycle forbids and that were let through', figures.forbidden - figures.refused, none),
      target('SC-007 time zones with another result than UTC', figures.zones.filter((zone) => zone !== utc).length, none),
    ],
    notes: [
      ['SC-003', tests.summary],
      ['SC-004', `${healthMs.length} calls, p50 ${short(sorted[sorted.length >> 1])} ms`],
      [
        'SC-005',
        `${overlap.tokens} tokens by 16 processes: ${overlap.runs} runs, ${overlap.lost} lost, ${overlap.finishedTwice} finished twice`,
      ],
      ['SC-006', `${figures.refused} forbidden moves refused, ${figures.allowed} allowed ones made`],
      ['SC-007', ZONES.join(', ')],
    ],
    load: loadavg()[0] ?? Number.NaN,
  };
}

/** The result as tables. */
export function renderGlisk({ targets, notes, load }: GliskResult): string {
  return [
    renderTargets(targets),
    renderTable(
      ['criterion', 'counted'],
      notes.map(([name, text]) => [name, text]),
    ),
    `load of the machine (1 minute): ${short(load)}`,
  ].join('\n\n');
}

/** The app as a person starts it, in a folder where nothing is yet. */
async function benchStart(rounds: number): Promise<{ readonly readyMs: readonly number[]; readonly healthMs: readonly number[] }> {
  const readyMs: number[] = [];
  const healthMs: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const folder = mkdtempSync(join(tmpdir(), 'keelson-glisk-'));
    const { PATH, HOME } = process.env;
    const startedMs = performance.now();
    const child = spawn(process.execPath, [app, 'serve'], {
      cwd: folder,
      env: { PATH, HOME, PORT: '0', LOG_LEVEL: 'warn', OPERATOR_TOKEN: 'bench-operator-token-of-32-letters' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    try {
      const origin = await originOf(child);
      readyMs.push(performance.now() - startedMs);
      for (let turn = 0; turn < HEALTH_CALLS; turn += 1) {
        const fromMs = performance.now();
        const response = await fetch(`${origin}/health`);
        await response.arrayBuffer();
        healthMs.push(performance.now() - fromMs);
        if (!response.ok) throw new Error(`/health answered ${response.status}`);
      }
    } finally {
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      await gone;
      rmSync(folder, { recursive: true, force: true });
    }
  }
  return { readyMs, healthMs };
}

function originOf(child: ReturnType<typeof spawn>): Promise<string> {
  return new Promise((resolve, reject) => {
    let printed = '';
    const read = (chunk: Buffer): void => {
      printed += chunk.toString();
      const found = /^ {2}Health +(http\S+)\/health$/mu.exec(printed)?.[1];
      if (found !== undefined) resolve(found);
    };
    child.stdout?.on('data', read);
    child.stderr?.on('data', read);
    child.once('exit', (code) => reject(new Error(`GLISK ended with ${code}:\n${printed}`)));
  });
}

/** In processes of their own, one for each time zone. */
async function benchModel(options: BenchmarkOptions): Promise<GliskFigures & { readonly zones: readonly string[] }> {
  const database = await openDatabase(options, 'glisk', []);
  const file = join(import.meta.dirname, 'keelson', 'glisk.ts');
  const first = await Callee.start('glisk', file);
  try {
    const figures = await first.call('figures', { url: database.url, rounds: options.quick ? 1 : 3 }, parseGlisk);
    const zones: string[] = [];
    for (const zone of ZONES) zones.push(await first.call('zone', { url: database.url, zone }, parseText));
    return { ...figures, zones };
  } finally {
    await first.call('close', undefined, parseNothing);
    await first.stop();
    await database.close();
  }
}

async function benchOverlap(options: BenchmarkOptions) {
  await using server = await ChaosServer.start(true);
  return await runChaos(server, {}, { processes: 16, tokens: options.quick ? 2_000 : 10_000 });
}

async function runTests(): Promise<{ readonly tookMs: number; readonly summary: string }> {
  const startedMs = performance.now();
  const child = spawn(process.execPath, [TEST_FILES, 'apps/glisk'], { stdio: ['ignore', 'pipe', 'pipe'] });
  let printed = '';
  child.stdout.on('data', (chunk) => (printed += chunk));
  child.stderr.on('data', (chunk) => (printed += chunk));
  await once(child, 'close');
  const tookMs = performance.now() - startedMs;
  const lines = printed.trim().split('\n');
  if (child.exitCode !== 0) throw new Error(`GLISK's tests fail:\n${lines.slice(-40).join('\n')}`);
  return { tookMs, summary: lines.at(-1) ?? '' };
}

function parseText(result: unknown): string {
  return result as string;
}
