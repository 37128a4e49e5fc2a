/** The processes of the footprint benchmark: started as the image starts them, asked, and weighed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

/** What is started. */
export interface Program {
  readonly name: string;
  readonly flags: readonly string[];
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly folder: string;
}

/** What a process has, in MB: in memory, its share of it, and what it alone has written. */
export interface Memory {
  readonly residentMb: number;
  readonly proportionalMb: number;
  readonly privateMb: number;
}

/** A process that has answered once. */
export interface Started {
  readonly origin: string;
  readonly firstAnswerMs: number;
  /** What each step of the start took, as the log tells it; empty for bare Node. */
  readonly stepsMs: Readonly<Record<string, number>>;
  memory(): Memory;
  stop(): Promise<void>;
}

/** Starts a program and asks it until its first 200. */
export async function start(program: Program): Promise<Started> {
  const startedMs = performance.now();
  const child = spawn(process.execPath, [...program.flags, ...program.args], {
    cwd: program.folder,
    env: { PATH: process.env['PATH'], ...program.environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const { origin, stepsMs } = await listening(child, program.name);
  const agent = new Agent({ keepAlive: false });
  await ask(agent, `${origin}/health`);
  const firstAnswerMs = performance.now() - startedMs;
  return {
    origin,
    firstAnswerMs,
    stepsMs,
    memory: () => readMemory(child.pid ?? 0),
    stop: async () => {
      const ended = once(child, 'close');
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** Runs a program to its end, with something to read. */
export async function run(program: Program, input = ''): Promise<void> {
  const child = spawn(process.execPath, [...program.flags, ...program.args], {
    cwd: program.folder,
    env: { PATH: process.env['PATH'], ...program.environment },
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  child.stdin.end(input);
  await once(child, 'close');
  const code = child.exitCode;
  if (code !== 0) throw new Error(`${program.name} ${program.args.slice(1).join(' ')} ended with ${String(code)}.`);
}

interface Line {
  readonly event?: string;
  readonly step?: string;
  readonly duration_ms?: number;
  readonly url?: string;
}

/** Waits for the line that says where the process listens. */
async function listening(child: ChildProcess, name: string): Promise<{ origin: string; stepsMs: Record<string, number> }> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const stepsMs: Record<string, number> = {};
  child.once('exit', (code) => reject(new Error(`${name} ended with ${String(code)} before it listened.`)));
  if (child.stdout === null) throw new Error(`${name} has no output.`);
  createInterface(child.stdout).on('line', (text) => {
    const line = parseLine(text);
    if (line.event === 'server.starting' && line.step !== undefined) stepsMs[line.step] = line.duration_ms ?? 0;
    if (line.event === 'server.listening' && line.url !== undefined) resolve(line.url);
  });
  return { origin: await promise, stepsMs };
}

function parseLine(text: string): Line {
  return text.startsWith('{') ? (JSON.parse(text) as Line) : {};
}

const KB_IN_MB = 1_024;

/** Linux alone says how much of what a process shares is its own. */
function readMemory(pid: number): Memory {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const of = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'mu').exec(text)?.[1]) / KB_IN_MB;
  return { residentMb: of('Rss'), proportionalMb: of('Pss'), privateMb: of('Private_Dirty') };
}

/** Asks once, and refuses any other answer than 200. */
export async function ask(agent: Agent, url: string, headers: Readonly<Record<string, string>> = {}): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  const call = get(url, { agent, headers }, (response) => {
    response.resume();
    response.once('error', reject);
    response.once('end', () => {
      if (response.statusCode === 200) resolve(undefined);
      else reject(new Error(`${url} answers ${String(response.statusCode)}.`));
    });
  });
  call.once('error', reject);
  await promise;
}

/** Asks so many times, over so many connections, each of them one after another. */
export async function askMany(
  url: string,
  headers: Readonly<Record<string, string>>,
  { times, connections }: { times: number; connections: number },
): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  let asked = 0;
  const caller = async (): Promise<void> => {
    while (asked < times) {
      asked += 1;
      await ask(agent, url, headers);
    }
  };
  await Promise.all(Array.from({ length: connections }, caller));
  agent.destroy();
}

/** Asks at a steady rate, whether answers come or not; a latency counts from when the call was due. */
export async function askSteadily(
  urls: readonly string[],
  { perSecond, seconds }: { perSecond: number; seconds: number },
): Promise<readonly number[]> {
  const agent = new Agent({ keepAlive: true });
  const latencies: number[] = [];
  const calls: Promise<void>[] = [];
  const beginMs = performance.now();
  for (let sent = 0; sent < perSecond * seconds;) {
    const dueMs = beginMs + (sent * 1_000) / perSecond;
    if (dueMs > performance.now()) {
      await sleep(1);
      continue;
    }
    calls.push(ask(agent, urls[sent % urls.length] ?? '').then(() => void latencies.push(performance.now() - dueMs)));
    sent += 1;
  }
  await Promise.all(calls);
  agent.destroy();
  return latencies;
}
