/** The benchmark over HTTP: one row by its key and one row more, by hand, by two frameworks with their ORMs, and by Keelson. */
import { join } from 'node:path';
import type { BenchmarkOptions } from './benchmark.ts';
import { Callee } from './calls.ts';
import { median, measuredTargets, renderTable, renderTargets, short, target, type Target } from './figures.ts';
import { parseUsage, USER_ROWS, userId, USERS, type Usage } from './http-contender.ts';
import { httpCases, httpData, httpRequests, tidyUp, type HttpCase } from './http-data.ts';
import { parseHttpLoaded, type HttpLoad } from './http-load.ts';
import type { Measurement } from './measure.ts';
import { cpuRatio, rateRatio, runRounds, type Series } from './rounds.ts';
import { bundle } from '../scripts/build/bundle.ts';
import { openDatabase, type BenchDatabase } from './server.ts';

const REFERENCE = 'node:http + pg (the reference)';
const KEELSON = 'Keelson';
const KEELSON_AS_WRITTEN = 'Keelson as written (.ts)';
const CONNECTIONS = 48;

const here = (...parts: readonly string[]): string => join(import.meta.dirname, ...parts);

const files: Readonly<Record<string, string>> = {
  [REFERENCE]: here('peers/http/bare.ts'),
  // Built, as production runs it: see `benchHttp`.
  [KEELSON]: here('../.keelson/bench-http/http.cjs'),
  [KEELSON_AS_WRITTEN]: here('keelson/http.ts'),
  'Fastify + Drizzle': here('peers/http/fastify-drizzle.ts'),
  'NestJS + TypeORM': here('peers/http/nest.ts'),
};

/** Shown for its start and its memory only: under load it is the same code. */
const onlyStarted = new Set([KEELSON_AS_WRITTEN]);

const caseNames: readonly HttpCase[] = ['get', 'post'];

interface Size {
  readonly rounds: number;
  readonly durationMs: number;
  readonly warmUpMs: number;
  readonly starts: number;
}

const full: Size = { rounds: 7, durationMs: 4_000, warmUpMs: 3_000, starts: 5 };
const quick: Size = { rounds: 3, durationMs: 1_500, warmUpMs: 1_500, starts: 1 };

interface Server {
  readonly name: string;
  readonly process: Callee;
  readonly origin: string;
  /** From the start of the process to the first answer. */
  readonly readyMs: number;
}

/** Start and memory of a contender. */
interface Footprint {
  readonly readyMs: number;
  readonly idleMb: number;
  /** Undefined for what was only started. */
  readonly afterMb: number | undefined;
}

/** What a run found. */
export interface HttpResult {
  readonly cases: Readonly<Record<string, readonly Series[]>>;
  readonly footprints: Readonly<Record<string, Footprint>>;
  readonly targets: readonly Target[];
}

/** Runs the benchmark. */
export async function benchHttp(options: BenchmarkOptions): Promise<HttpResult> {
  const size = options.quick ? quick : full;
  await bundle({ entry: here('keelson/http.ts'), folder: here('../.keelson/bench-http') });
  const database = await openDatabase(options, 'http', httpData);
  const load = await Callee.start('load', here('peers/http/load.ts'));
  const servers: Server[] = [];
  try {
    options.say('Starting each contender, and asking it for what it promises …');
    const footprints: Record<string, Footprint> = {};
    for (const name of Object.keys(files).filter((contender) => options.wants(contender))) {
      const server = await startServer(name, database.url, onlyStarted.has(name) ? undefined : options.profileDirectory);
      await prove(server, database);
      const idleMb = megabytes(await usage(server));
      footprints[name] = { readyMs: await readyMs(server, { databaseUrl: database.url, starts: size.starts }), idleMb, afterMb: undefined };
      if (onlyStarted.has(name)) await server.process.stop();
      else servers.push(server);
    }
    const cases: Partial<Record<HttpCase, readonly Series[]>> = {};
    for (const name of caseNames) {
      options.say(`${httpCases[name]} …`);
      cases[name] = await measureCase({ load, servers, database, size }, name);
    }
    for (const server of servers) {
      const before = footprints[server.name];
      if (before !== undefined) footprints[server.name] = { ...before, afterMb: megabytes(await usage(server)) };
    }
    return { cases, footprints, targets: targetsOf(cases) };
  } finally {
    for (const server of servers) await server.process.stop();
    await load.stop();
    await database.close();
  }
}

/** The result as tables. */
export function renderHttp(result: HttpResult): string {
  const tables = caseNames.map((name) => {
    const all = result.cases[name] ?? [];
    const rows = all.map((series) => [
      series.contender,
      short(series.operationsPerSecond),
      short(rateRatio(all, series.contender, REFERENCE)),
      short(series.cpuMicros),
      short(cpuRatio(all, series.contender, REFERENCE)),
      short(series.p50Ms),
      short(series.p99Ms),
    ]);
    return `### ${httpCases[name]}\n\n${renderTable(['', 'requests/s', '× reference', 'CPU µs', '× reference', 'p50 ms', 'p99 ms'], rows)}`;
  });
  const memory = Object.entries(result.footprints).map(([name, { readyMs: ready, idleMb, afterMb }]) => [
    name,
    short(ready),
    short(idleMb),
    short(afterMb),
  ]);
  return [...tables, renderTable(['', 'ready ms', 'resident MB idle', 'after'], memory), renderTargets(result.targets)].join('\n\n');
}

async function startServer(name: string, databaseUrl: string, profileDirectory?: string): Promise<Server> {
  const startedMs = performance.now();
  const process = await Callee.start(name, files[name] ?? '', profileDirectory);
  const port = await process.call('start', databaseUrl, Number);
  const origin = `http://127.0.0.1:${port}`;
  const health = await fetch(`${origin}/health`);
  await health.text();
  if (health.status !== 200) throw new Error(`${name}: /health answers ${health.status}`);
  return { name, process, origin, readyMs: performance.now() - startedMs };
}

/** The median over several starts; the one that stays is among them. */
async function readyMs(first: Server, { databaseUrl, starts }: { databaseUrl: string; starts: number }): Promise<number> {
  const all = [first.readyMs];
  while (all.length < starts) {
    const again = await startServer(first.name, databaseUrl);
    await again.process.stop();
    all.push(again.readyMs);
  }
  return median(all);
}

/** Asks for what a contender promises: a row by its key, 404 for none, a row more, and a refusal of a body that does not fit. */
async function prove({ name, origin }: Server, database: BenchDatabase): Promise<void> {
  const ask = async (path: string, body?: object): Promise<{ status: number; answer: Readonly<Record<string, unknown>> }> => {
    const init = body === undefined ? {} : { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
    const response = await fetch(origin + path, init);
    return { status: response.status, answer: parseAnswer(await response.json()) };
  };
  const expect = (right: boolean, what: string): void => {
    if (!right) throw new Error(`${name}: ${what}`);
  };
  const seen = await ask(`${USERS}/${userId(7)}`);
  expect(
    seen.status === 200 && seen.answer['email'] === 'person-7@example.org',
    `GET answers ${seen.status} ${JSON.stringify(seen.answer)}`,
  );
  expect(
    Object.keys(seen.answer).toSorted().join(' ') === 'created_at email full_name id is_active updated_at',
    `GET answers ${JSON.stringify(seen.answer)}`,
  );
  const missing = await ask(`${USERS}/${userId(USER_ROWS + 7)}`);
  expect(missing.status === 404, `an unknown id answers ${missing.status}`);
  const refused = await ask(USERS, { email: 'new-proof@example.org' });
  expect([400, 422].includes(refused.status), `half a body answers ${refused.status}`);
  const made = await ask(USERS, { email: 'new-proof@example.org', full_name: 'New Proof' });
  expect(made.status === 201, `POST answers ${made.status} ${JSON.stringify(made.answer)}`);
  const [row] = await database.query(`select count(*)::int as count from bench.users where email = 'new-proof@example.org'`);
  expect(row?.['count'] === 1, `POST left ${String(row?.['count'])} rows`);
  await database.query(tidyUp[0]);
}

interface Running {
  readonly load: Callee;
  readonly servers: readonly Server[];
  readonly database: BenchDatabase;
  readonly size: Size;
}

async function measureCase({ load, servers, database, size }: Running, name: HttpCase): Promise<readonly Series[]> {
  const fire = async (server: Server, durationMs: number): Promise<Measurement> => {
    const request: HttpLoad = { origin: server.origin, connections: CONNECTIONS, durationMs, requests: httpRequests[name] };
    const before = await usage(server);
    const loaded = await load.call('fire', request, parseHttpLoaded);
    const after = await usage(server);
    if (loaded.wrong > 0 || loaded.answers === 0)
      throw new Error(`${server.name}: ${loaded.wrong} of ${loaded.answers} answers were wrong`);
    if (name === 'post') for (const statement of tidyUp) await database.query(statement);
    return {
      operations: loaded.answers,
      cpuMicros: (after.cpuMicros - before.cpuMicros) / loaded.answers,
      operationsPerSecond: loaded.perSecond,
      p50Ms: loaded.p50Ms,
      p99Ms: loaded.p99Ms,
    };
  };
  const byName = new Map(servers.map((server) => [server.name, server]));
  for (const server of servers) await fire(server, size.warmUpMs);
  return runRounds([...byName.keys()], size.rounds, (contender) => {
    const server = byName.get(contender);
    if (server === undefined) throw new Error(`${contender} does not run`);
    return fire(server, size.durationMs);
  });
}

function targetsOf(cases: Partial<Record<HttpCase, readonly Series[]>>): readonly Target[] {
  const against = (name: HttpCase): Target =>
    target(`${httpCases[name]}: requests/s against ${REFERENCE}`, rateRatio(cases[name] ?? [], KEELSON, REFERENCE), {
      limit: 1,
      sense: 'at least',
      unit: '×',
    });
  return measuredTargets([against('get'), against('post')]);
}

function usage(server: Server): Promise<Usage> {
  return server.process.call('usage', undefined, parseUsage);
}

function megabytes({ residentBytes }: Usage): number {
  return residentBytes / 1_048_576;
}

function parseAnswer(answer: unknown): Readonly<Record<string, unknown>> {
  return answer as Readonly<Record<string, unknown>>;
}
