/** The footprint of the base application, and of a whole one: how soon they answer, how fast they say how they are, what they take of memory, beside bare Node. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Bundle, bundle } from '../scripts/build/bundle.ts';
import { readImageStart } from '../scripts/containers/image.ts';
import type { BenchmarkOptions } from './benchmark.ts';
import { median, renderTable, renderTargets, short, target, type Target } from './figures.ts';
import { type Cost, measureModules } from './footprint-modules.ts';
import { openPlace, type Place } from './footprint-place.ts';
import { askMany, askSteadily, type Memory, type Program, run, start } from './footprint-process.ts';

/** What every application has; the targets are its own. */
const BASE = { name: 'base application', entry: 'bench/keelson/base-application/app.ts' };
/** An application with all its features, held against the same targets to show what features cost. */
const WHOLE = { name: 'larp-manager', entry: 'apps/larp-manager/app.ts' };
const REQUESTS = 20_000;
const CONNECTIONS = 32;
const PROBES_PER_SECOND = 1_000;
/** What a start leaves behind is collected, or not, within this. */
const SETTLE_MS = 2_000;
const EMAIL = 'ada@example.com';
const PASSWORD = 'correct horse battery';
const MODULES_SHOWN = 12;

/** What an app is told beside what the image says: nothing is limited, since all calls come from one address. */
const settings = { LOG_LEVEL: 'info', LOG_FORMAT: 'json', RATE_LIMIT_PER_MINUTE: '10000000', HOST: '127.0.0.1', PORT: '0' };

const bareNode = `const { createServer } = require('node:http');
const server = createServer((request, response) => {
  response.setHeader('content-type', 'application/json');
  response.end('{"status":"healthy"}');
}).listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ event: 'server.listening', url: 'http://127.0.0.1:' + server.address().port }));
});`;

interface Size {
  readonly starts: number;
  readonly rounds: number;
  readonly probeSeconds: number;
}

const full: Size = { starts: 15, rounds: 3, probeSeconds: 10 };
const quick: Size = { starts: 3, rounds: 1, probeSeconds: 3 };

/** What was measured of one way to run: medians. */
export interface Footprint {
  readonly name: string;
  readonly firstAnswerMs: number;
  readonly poolMs: number | undefined;
  readonly probes: { readonly p50Ms: number; readonly p99Ms: number };
  readonly idle: Memory;
  readonly loaded: Memory;
}

/** What a run found. */
export interface FootprintResult {
  readonly bundleKb: number;
  readonly footprints: readonly Footprint[];
  readonly stepsMs: Readonly<Record<string, number>>;
  readonly modules: readonly Cost[];
  readonly targets: readonly Target[];
}

interface Contender {
  readonly program: Program;
  readonly probes: readonly string[];
  readonly path: string;
  readonly headers: (origin: string) => Promise<Readonly<Record<string, string>>>;
}

/** Runs the benchmark: the applications as their image starts them, their database running and their migrations applied. */
export async function benchFootprint(options: BenchmarkOptions): Promise<FootprintResult> {
  const size = options.quick ? quick : full;
  const folder = mkdtempSync(path.join(tmpdir(), 'keelson-bench-footprint-'));
  const place = await openPlace(options);
  try {
    writeFileSync(path.join(folder, 'bare.cjs'), bareNode);
    const base = await build(BASE, place, folder);
    const whole = await build(WHOLE, place, folder);
    await addCaller(whole, place.ownerUrl);
    const asItIs = { ...base.program, name: `${BASE.name}, Node as it is`, flags: [] };
    const contenders = [
      bareOf(path.join(folder, 'bare.cjs'), folder),
      { ...asked, program: base.program, path: '/api/v1/now' },
      {
        ...asked,
        program: { ...asItIs, environment: { ...asItIs.environment, MALLOC_ARENA_MAX: '', NODE_COMPILE_CACHE: '' } },
        path: '/api/v1/now',
      },
      { ...asked, program: whole.program, path: '/api/v1/users/me', headers: callerOf },
    ];
    const { footprints, stepsMs } = await measureAll(contenders, size, options);
    options.say('what a start loads …');
    const modules = await measureModules(base.program, base.file);
    const [bare, ofBase, , ofWhole] = footprints;
    const targets = [...targetsOf(BASE.name, bare, ofBase), ...targetsOf(WHOLE.name, bare, ofWhole)];
    return { bundleKb: base.sizeBytes / 1_024, footprints, stepsMs, modules, targets };
  } finally {
    await place.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The result as tables. */
export function renderFootprint({ bundleKb, footprints, stepsMs, modules, targets }: FootprintResult): string {
  const rows = footprints.map(({ name, firstAnswerMs, poolMs, probes, idle, loaded }) => [
    name,
    ...[firstAnswerMs, poolMs, probes.p50Ms, probes.p99Ms].map(short),
    ...[idle, loaded].flatMap(({ residentMb, proportionalMb, privateMb }) => [residentMb, proportionalMb, privateMb].map(short)),
  ]);
  const head = ['', 'first 200 ms', 'pool ms', 'probes p50 ms', 'p99 ms', 'idle: RSS MB', 'PSS', 'private'];
  const steps = Object.entries(stepsMs).map(([step, ms]) => `${step} ${short(ms)}`);
  const costs = modules
    .slice(0, MODULES_SHOWN)
    .map(({ name, modules: count, heapKb, loadMs }) => [name, String(count), short(heapKb), short(loadMs)]);
  return [
    renderTable([...head, `after ${REQUESTS.toLocaleString('en-US')}: RSS MB`, 'PSS', 'private'], rows),
    `Steps of a start of the ${BASE.name}, ms: ${steps.join(', ')}. Its bundle is ${short(bundleKb)} kB, which stay in memory as they are.`,
    renderTable([`what a start of the ${BASE.name} loads`, 'modules', 'heap kB', 'ms'], costs),
    renderTargets(targets),
  ].join('\n\n');
}

interface Built extends Bundle {
  readonly program: Program;
}

/** Bundles an application, and applies its migrations as the owner. */
async function build({ name, entry }: typeof BASE, place: Place, folder: string): Promise<Built> {
  const root = path.resolve(import.meta.dirname, '..');
  const bundled = await bundle({ entry: path.join(root, entry), folder: path.join(folder, name.replace(' ', '-')) });
  const image = readImageStart(root);
  const environment = {
    ...image.environment,
    NODE_COMPILE_CACHE: path.join(folder, 'compile-cache'),
    ...settings,
    SECRET_KEY: randomBytes(48).toString('base64url'),
    DATABASE_URL: place.userUrl,
  };
  const program = { name: `${name}, as in the image`, flags: image.flags, args: [bundled.file, 'serve'], environment, folder };
  // As the image is built: what is compiled now is read at each start.
  await run({ ...program, args: [bundled.file, '--help'] });
  await run(asOwner(program, place.ownerUrl, [bundled.file, 'migrate', 'up']));
  return { ...bundled, program };
}

function asOwner(program: Program, ownerUrl: string, args: readonly string[]): Program {
  return { ...program, args, environment: { ...program.environment, DIRECT_DATABASE_URL: ownerUrl } };
}

/** Adds somebody who may call. */
async function addCaller({ program, file }: Built, ownerUrl: string): Promise<void> {
  await run(asOwner(program, ownerUrl, [file, 'user', 'create-superuser', EMAIL, '--password-stdin']), PASSWORD);
}

function bareOf(file: string, folder: string): Contender {
  const program = { name: 'bare Node', flags: [], args: [file], environment: {}, folder };
  return { program, probes: ['/'], path: '/', headers: async () => ({}) };
}

const asked = { probes: ['/health/live', '/health/ready', '/health', '/health/db'], headers: async () => ({}) };

async function callerOf(origin: string): Promise<Readonly<Record<string, string>>> {
  return { authorization: `Bearer ${await logIn(origin)}` };
}

async function logIn(origin: string): Promise<string> {
  const answer = await fetch(`${origin}/api/v1/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email: EMAIL, password: PASSWORD }),
  });
  if (answer.status !== 200) throw new Error(`a log-in answers ${answer.status}`);
  return parseToken(await answer.json());
}

function parseToken(answer: unknown): string {
  return (answer as { readonly access_token: string }).access_token;
}

interface Measured {
  readonly firstAnswerMs: number[];
  readonly stepsMs: Record<string, number>[];
  readonly latencies: number[];
  readonly idle: Memory[];
  readonly loaded: Memory[];
}

function nothingMeasured(): Measured {
  return { firstAnswerMs: [], stepsMs: [], latencies: [], idle: [], loaded: [] };
}

/** All take turns, so that a drift of the machine meets each of them. */
async function measureAll(
  contenders: readonly Contender[],
  size: Size,
  options: BenchmarkOptions,
): Promise<Pick<FootprintResult, 'footprints' | 'stepsMs'>> {
  const results = contenders.map((contender) => ({
    contender,
    measured: nothingMeasured(),
  }));
  options.say(`${size.starts} starts of each …`);
  for (let round = 0; round < size.starts; round += 1) {
    for (const { contender, measured } of results) await measureStart(contender, measured);
  }
  for (let round = 0; round < size.rounds; round += 1) {
    for (const { contender, measured } of results) {
      options.say(`${contender.program.name}: probes, and ${REQUESTS} requests (${round + 1} of ${size.rounds}) …`);
      await measureLife(contender, measured, size.probeSeconds);
    }
  }
  const app = results[1]?.measured.stepsMs ?? [];
  const steps = Object.keys(app[0] ?? {}).map((step) => [step, median(app.map((each) => each[step] ?? Number.NaN))] as const);
  return {
    footprints: results.map(({ contender, measured }) => summarise(contender.program.name, measured)),
    stepsMs: Object.fromEntries(steps),
  };
}

async function measureStart({ program }: Contender, { firstAnswerMs, stepsMs }: Measured): Promise<void> {
  const started = await start(program);
  firstAnswerMs.push(started.firstAnswerMs);
  stepsMs.push(started.stepsMs);
  await started.stop();
}

async function measureLife(contender: Contender, measured: Measured, seconds: number): Promise<void> {
  const { program, probes, path: where } = contender;
  const started = await start(program);
  try {
    await sleep(SETTLE_MS);
    measured.idle.push(started.memory());
    const urls = probes.map((probe) => started.origin + probe);
    measured.latencies.push(...(await askSteadily(urls, { perSecond: PROBES_PER_SECOND, seconds })));
  } finally {
    await started.stop();
  }
  const worked = await start(program);
  try {
    await askMany(worked.origin + where, await contender.headers(worked.origin), { times: REQUESTS, connections: CONNECTIONS });
    measured.loaded.push(worked.memory());
  } finally {
    await worked.stop();
  }
}

function summarise(name: string, { firstAnswerMs, stepsMs, latencies, idle, loaded }: Measured): Footprint {
  const sorted = latencies.toSorted((a, b) => a - b);
  const pools = stepsMs.flatMap(({ database }) => (database === undefined ? [] : [database]));
  return {
    name,
    firstAnswerMs: median(firstAnswerMs),
    poolMs: pools.length === 0 ? undefined : median(pools),
    probes: { p50Ms: median(sorted), p99Ms: sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN },
    idle: middle(idle),
    loaded: middle(loaded),
  };
}

function middle(memories: readonly Memory[]): Memory {
  return {
    residentMb: median(memories.map(({ residentMb }) => residentMb)),
    proportionalMb: median(memories.map(({ proportionalMb }) => proportionalMb)),
    privateMb: median(memories.map(({ privateMb }) => privateMb)),
  };
}

function targetsOf(of: string, bare: Footprint | undefined, app: Footprint | undefined): readonly Target[] {
  if (bare === undefined || app === undefined) return [];
  const most = (name: string, measured: number, limit: number, unit: string): Target =>
    target(`${of}: ${name}`, measured, { limit, sense: 'at most', unit });
  return [
    most('start to the first 200', app.firstAnswerMs, 250, 'ms'),
    most('pool ready', app.poolMs ?? Number.NaN, 200, 'ms'),
    most(`probes p99 at ${PROBES_PER_SECOND.toLocaleString('en-US')} requests/s`, app.probes.p99Ms, 20, 'ms'),
    most('private memory, idle', app.idle.privateMb, 30, 'MB'),
    most('resident memory, idle', app.idle.residentMb / bare.idle.residentMb, 1.7, "× bare Node's"),
    most(`private memory after ${REQUESTS.toLocaleString('en-US')} requests`, app.loaded.privateMb, 60, 'MB'),
  ];
}
