/** The benchmark of log-ins: what sixty-four at once do to the rest of the service, and whether time tells who has an account. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BenchmarkOptions } from './benchmark.ts';
import { median, renderTable, renderTargets, short, target, type Target } from './figures.ts';
import { openDatabase } from './server.ts';

const LOGINS = 64;
const HEALTH_MS_MAX = 50;
const REFUSED_MS_MAX = 50;
/** Between these, who measures cannot tell better than by throwing a coin (n = 300). */
const AUC_MIN = 0.44;
const AUC_MAX = 0.56;
const PASSWORD = 'correct horse battery';
const KNOWN = 'ada@example.com';

interface Size {
  readonly storms: number;
  readonly pairs: number;
}

const full: Size = { storms: 5, pairs: 300 };
const quick: Size = { storms: 1, pairs: 40 };

/** What log-ins at once did. */
export interface Storm {
  readonly logins: number;
  readonly answered: number;
  readonly refused: number;
  /** From the call to the refusal, at worst and in the middle. */
  readonly refusedMs: { readonly p50: number; readonly max: number };
  readonly health: { readonly asked: number; readonly p50Ms: number; readonly p99Ms: number };
}

/** What a run found. */
export interface AuthResult {
  readonly alone: { readonly p50Ms: number; readonly p99Ms: number };
  readonly storms: readonly Storm[];
  /** Log-ins with a wrong password, each measured beside one of the other kind. */
  readonly timing: { readonly pairs: number; readonly knownMs: number; readonly unknownMs: number; readonly auc: number };
  readonly targets: readonly Target[];
}

interface Server {
  readonly origin: string;
  stop(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly tookMs: number;
}

/** Runs the benchmark: the accounts application as it is, with the hashes of production. */
export async function benchAuth(options: BenchmarkOptions): Promise<AuthResult> {
  const size = options.quick ? quick : full;
  const database = await openDatabase(options, 'auth', []);
  const server = await startAccounts(database.url);
  const agent = new Agent({ keepAlive: true });
  try {
    const post = (path: string, body: object): Promise<Answer> => ask(agent, server.origin + path, body);
    const registered = await post('/api/v1/auth/register', { email: KNOWN, password: PASSWORD });
    if (registered.status !== 201) throw new Error(`register answers ${registered.status}`);
    const healthUrl = `${server.origin}/health`;
    const alone = await healthWhile(agent, healthUrl, () => post('/api/v1/auth/login', { email: KNOWN, password: PASSWORD }));
    const storms: Storm[] = [];
    for (const logins of [LOGINS, 4 * LOGINS]) {
      for (let round = 0; round < size.storms; round += 1) {
        options.say(`${logins} log-ins at once …`);
        storms.push(
          await storm(logins, { agent, healthUrl, login: () => post('/api/v1/auth/login', { email: KNOWN, password: PASSWORD }) }),
        );
      }
    }
    options.say(`${size.pairs} pairs of log-ins, of a known and of an unknown e-mail …`);
    const timing = await compareTimes(size.pairs, (email) => post('/api/v1/auth/login', { email, password: 'not the password' }));
    return { alone: spread(alone.health), storms, timing, targets: targetsOf(storms, timing) };
  } finally {
    agent.destroy();
    await server.stop();
    await database.close();
  }
}

/** The result as tables. */
export function renderAuth({ alone, storms, timing, targets }: AuthResult): string {
  const rows = storms.map(({ logins, answered, refused, refusedMs, health }) => [
    `${logins} at once`,
    String(answered),
    String(refused),
    short(refusedMs.p50),
    short(refusedMs.max),
    short(health.p50Ms),
    short(health.p99Ms),
  ]);
  rows.unshift(['one', '1', '0', '–', '–', short(alone.p50Ms), short(alone.p99Ms)]);
  const head = ['log-ins', 'answered', 'refused', 'refused p50 ms', 'refused max ms', '/health p50 ms', '/health p99 ms'];
  const seen = `Wrong passwords, ${timing.pairs} pairs: known e-mail ${short(timing.knownMs)} ms, unknown ${short(timing.unknownMs)} ms (medians), AUC ${timing.auc.toFixed(3)}.`;
  return `${renderTable(head, rows)}\n\n${seen}\n\n${renderTargets(targets)}`;
}

interface Calls {
  readonly agent: Agent;
  readonly healthUrl: string;
  readonly login: () => Promise<Answer>;
}

async function storm(logins: number, { agent, healthUrl, login }: Calls): Promise<Storm> {
  const { health, result } = await healthWhile(agent, healthUrl, () => Promise.all(Array.from({ length: logins }, login)));
  const refused = result.filter(({ status }) => status === 503).map(({ tookMs }) => tookMs);
  const answered = result.filter(({ status }) => status === 200).length;
  if (answered + refused.length !== logins)
    throw new Error(`log-ins answered ${[...new Set(result.map(({ status }) => status))].join(', ')}`);
  return {
    logins,
    answered,
    refused: refused.length,
    refusedMs: { p50: median(refused), max: Math.max(...refused) },
    health: { asked: health.length, ...spread(health) },
  };
}

/** Asks for the health, over and over, while something goes on. */
async function healthWhile<T>(
  agent: Agent,
  url: string,
  work: () => Promise<T>,
): Promise<{ readonly health: readonly number[]; readonly result: T }> {
  const health: number[] = [];
  const over = new AbortController();
  const watching = (async (): Promise<void> => {
    while (!over.signal.aborted) {
      const { status, tookMs } = await ask(agent, url);
      if (status !== 200) throw new Error(`/health answers ${status}`);
      health.push(tookMs);
    }
  })();
  const result = await work();
  over.abort();
  await watching;
  return { health, result };
}

/** Takes turns in which comes first, so that what drifts falls on both. */
async function compareTimes(pairs: number, login: (email: string) => Promise<Answer>): Promise<AuthResult['timing']> {
  const known: number[] = [];
  const unknown: number[] = [];
  const measure = async (into: number[], email: string): Promise<void> => {
    const { status, tookMs } = await login(email);
    if (status !== 401) throw new Error(`a wrong password answers ${status}`);
    into.push(tookMs);
  };
  for (let pair = 0; pair < pairs; pair += 1) {
    const turns = [() => measure(known, KNOWN), () => measure(unknown, `nobody-${pair}@example.com`)];
    for (const turn of pair % 2 === 0 ? turns : turns.toReversed()) await turn();
  }
  return { pairs, knownMs: median(known), unknownMs: median(unknown), auc: areaUnderCurve(known, unknown) };
}

/** How likely a value of the first is above one of the second; one half says that nothing tells them apart. */
function areaUnderCurve(first: readonly number[], second: readonly number[]): number {
  let above = 0;
  for (const one of first) for (const other of second) above += one > other ? 1 : one === other ? 0.5 : 0;
  return above / (first.length * second.length);
}

function targetsOf(storms: readonly Storm[], { auc }: AuthResult['timing']): readonly Target[] {
  // Held against what was asked for; four times as many are shown, and not judged.
  const asked = storms.filter(({ logins }) => logins === LOGINS);
  const health = median(asked.map(({ health: { p99Ms } }) => p99Ms));
  const refused = median(asked.filter((each) => each.refused > 0).map(({ refusedMs: { p50 } }) => p50));
  return [
    target(`/health p99 while ${LOGINS} log in`, health, { limit: HEALTH_MS_MAX, sense: 'at most', unit: 'ms' }),
    target('a log-in too many is refused, p50', refused, { limit: REFUSED_MS_MAX, sense: 'at most', unit: 'ms' }),
    target('known and unknown e-mail, AUC', auc, { limit: AUC_MIN, sense: 'at least', unit: '' }),
    target('known and unknown e-mail, AUC', auc, { limit: AUC_MAX, sense: 'at most', unit: '' }),
  ];
}

function spread(values: readonly number[]): { readonly p50Ms: number; readonly p99Ms: number } {
  const sorted = values.toSorted((a, b) => a - b);
  return { p50Ms: median(sorted), p99Ms: sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN };
}

async function ask(agent: Agent, url: string, body?: object): Promise<Answer> {
  const payload = body === undefined ? undefined : JSON.stringify(body);
  const headers = payload === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) };
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const startedMs = performance.now();
  const call = request(url, { method: payload === undefined ? 'GET' : 'POST', agent, headers }, (response) => {
    response.resume();
    response.on('end', () => resolve({ status: response.statusCode ?? 0, tookMs: performance.now() - startedMs }));
    response.on('error', reject);
  });
  call.on('error', reject);
  call.end(payload);
  return promise;
}

async function startAccounts(databaseUrl: string): Promise<Server> {
  const folder = mkdtempSync(join(tmpdir(), 'keelson-bench-auth-'));
  const { PATH, HOME } = process.env;
  // Limits are off: they would answer 429 long before there is anything to measure.
  const env = {
    PATH,
    HOME,
    DATABASE_URL: databaseUrl,
    PORT: '0',
    LOG_LEVEL: 'error',
    LOG_FORMAT: 'json',
    RATE_LIMIT: 'off',
    MIGRATE_ON_START: 'apply',
  };
  const program = join(import.meta.dirname, '..', 'apps', 'accounts', 'app.ts');
  const child = spawn(process.execPath, [program, 'serve'], { cwd: folder, env, stdio: ['ignore', 'pipe', 'inherit'] });
  const origin = await originOf(child);
  return {
    origin,
    stop: async () => {
      const ended = once(child, 'close');
      child.kill('SIGTERM');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function originOf(child: ChildProcess): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let printed = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    printed += chunk.toString();
    const found = /^ {2}Health +(http\S+)\/health$/mu.exec(printed)?.[1];
    if (found !== undefined) resolve(found);
  });
  child.once('exit', (code) => reject(new Error(`accounts ended with ${code}: ${printed}`)));
  return promise;
}
