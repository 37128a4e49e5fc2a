/** The chaos suite: worker processes over many tokens while they are killed, cut off and held up; then everything is counted. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { systemClock } from '../clock.ts';
import { silentLog } from '../log.ts';
import type { Connection } from '../postgres/connection.ts';
import { type EmbeddedServer, startEmbedded } from '../postgres/embedded.ts';
import { connectPostgres, type Postgres } from '../postgres/postgres.ts';
import { renderSchema } from '../schema/ddl.ts';
import { model } from './chaos-model.fixture.ts';

/** What goes wrong. */
export interface Plagues {
  /** A process is killed by -9, and another started in its place. */
  readonly killEachMs?: number;
  /** The backend of one connection is terminated. */
  readonly terminateEachMs?: number;
  readonly restarts?: number;
  /** How long the workers run before each; 2 s. */
  readonly restartEachMs?: number;
  /** Another session holds a snapshot all the time. */
  readonly isSnapshotHeld?: boolean;
}

/** How much of it. */
export interface ChaosSize {
  readonly processes: number;
  readonly tokens: number;
  readonly concurrency?: number;
  readonly runMs?: number;
  readonly waitMsMax?: number;
}

/** What was counted when all was over. */
export interface ChaosResult {
  readonly tokens: number;
  readonly started: number;
  readonly finished: number;
  readonly finishedTwice: number;
  /** Not finished, or failed. */
  readonly lost: number;
  /** Still leased although everybody has left. */
  readonly leased: number;
  /** Two runs of one token at the same time in processes that both lived. */
  readonly overlaps: number;
  readonly runs: number;
  readonly killed: number;
  readonly terminated: number;
  readonly restarts: number;
  /** From a kill to the next run of each token that was under way in the killed process. */
  readonly recoveryMs: readonly number[];
  /** From a kill to when no row was leased to the killed process. */
  readonly freedMs: readonly number[];
  readonly tookMs: number;
  /** How often each warning and error was logged. */
  readonly logged: Readonly<Record<string, number>>;
}

interface Member {
  readonly child: ChildProcess;
  readonly owner: number;
  readonly file: string;
  killedNs: bigint | undefined;
}

const program = path.join(import.meta.dirname, 'chaos-process.fixture.ts');
const LOOK_MS = 5;
const WAIT_MS_MAX = 600_000;

/** A server with its data in a folder of its own, which can be restarted. */
export class ChaosServer implements AsyncDisposable {
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'keelson-chaos-'));
  readonly #durable: boolean;
  #server: EmbeddedServer | undefined;

  private constructor(durable: boolean) {
    this.#durable = durable;
  }

  static async start(durable: boolean): Promise<ChaosServer> {
    const started = new ChaosServer(durable);
    await started.#start();
    return started;
  }

  get url(): string {
    return this.#server?.url ?? '';
  }

  async restart(awayMs: number): Promise<void> {
    const port = this.#server?.port;
    await this.#server?.stop();
    await systemClock.sleep(awayMs);
    await this.#start(port);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #start(port?: number): Promise<void> {
    const settings = { max_connections: '300', shared_buffers: '256MB' };
    this.#server = await startEmbedded({ dataDirectory: path.join(this.#folder, 'data'), durable: this.#durable, settings, port });
  }
}

/** Runs it on a server, and counts. */
export async function runChaos(server: ChaosServer, plagues: Plagues, size: ChaosSize): Promise<ChaosResult> {
  const folder = mkdtempSync(path.join(tmpdir(), 'keelson-chaos-notes-'));
  const postgres = await connectPostgres({
    url: server.url,
    log: silentLog,
    poolSize: 6,
    connectRetryMs: 60_000,
    statementTimeoutMs: 60_000,
  });
  const chaos = new Chaos({ server, postgres, folder, size });
  try {
    await chaos.prepare();
    return await chaos.run(plagues);
  } finally {
    await chaos.end();
    await postgres.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

interface ChaosGround {
  readonly server: ChaosServer;
  readonly postgres: Postgres;
  readonly folder: string;
  readonly size: ChaosSize;
}

class Chaos {
  readonly #ground: ChaosGround;
  readonly #members: Member[] = [];
  readonly #freeings: Promise<void>[] = [];
  readonly #adding: Promise<void>[] = [];
  readonly #freedMs: number[] = [];
  readonly #over = new AbortController();
  #killed = 0;
  #terminated = 0;
  #restarts = 0;

  constructor(ground: ChaosGround) {
    this.#ground = ground;
  }

  async prepare(): Promise<void> {
    const { size } = this.#ground;
    await this.#command(`drop schema if exists ${model.namespace} cascade`);
    await this.#command(renderSchema(model.tables, model.namespace).up.join('\n'));
    await this.#command(
      `insert into chaos.tokens (id, token_id, mint_timestamp)
       select gen_random_uuid(), n, now() - interval '1 day' + n * interval '1 ms' from generate_series(1, ${size.tokens}) as n`,
    );
    await this.#command('vacuum analyze chaos.tokens');
  }

  async run(plagues: Plagues): Promise<ChaosResult> {
    const { size } = this.#ground;
    const startedMs = systemClock.monotonicMs();
    const holder = plagues.isSnapshotHeld === true ? await this.#holdSnapshot() : undefined;
    await Promise.all(Array.from({ length: size.processes }, () => this.#add()));
    const plaguing = [this.#kill(plagues.killEachMs), this.#terminate(plagues.terminateEachMs, holder), this.#restart(plagues)];
    await this.#untilDone();
    this.#over.abort();
    await Promise.all(plaguing);
    await Promise.all([...this.#freeings, ...this.#adding]);
    const tookMs = systemClock.monotonicMs() - startedMs;
    await this.end();
    await holder?.close();
    return this.#count(tookMs);
  }

  /** Lets all leave as they are asked to. */
  async end(): Promise<void> {
    this.#over.abort();
    await Promise.allSettled(this.#adding);
    const leaving = this.#members.filter(({ child }) => child.exitCode === null && child.signalCode === null);
    await Promise.all(
      leaving.map(async ({ child }) => {
        const gone = once(child, 'exit');
        child.stdin?.end();
        await gone;
      }),
    );
  }

  async #add(): Promise<void> {
    const { server, folder, size } = this.#ground;
    const file = path.join(folder, `${this.#members.length}-${randomInt(2 ** 40)}`);
    const args = [program, server.url, file, String(size.concurrency ?? 20), String(size.runMs ?? 8)];
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const { promise: said, resolve: say } = Promise.withResolvers<string>();
    child.stdout.setEncoding('utf8').once('data', say);
    child.once('exit', () => say(''));
    const owner = await said;
    // A process whose connections were cut while it started ends, and whoever watches over it starts another.
    if (owner === '') return this.#over.signal.aborted ? undefined : this.#add();
    this.#members.push({ child, owner: Number(owner), file, killedNs: undefined });
  }

  async #kill(eachMs: number | undefined): Promise<void> {
    if (eachMs === undefined) return;
    while (await this.#pause(eachMs)) {
      const living = this.#members.filter(({ killedNs }) => killedNs === undefined);
      const victim = living[randomInt(Math.max(1, living.length))];
      // Not while many are yet to be replaced: with nobody left, nothing would be recovered.
      if (victim === undefined || living.length < this.#ground.size.processes * 0.75) continue;
      victim.killedNs = process.hrtime.bigint();
      victim.child.kill('SIGKILL');
      this.#killed += 1;
      this.#freeings.push(this.#watchFreeing(victim.owner));
      this.#adding.push(this.#add());
    }
  }

  async #watchFreeing(owner: number): Promise<void> {
    const fromMs = systemClock.monotonicMs();
    await this.#until(`select not exists (select 1 from chaos.tokens where lease_owner = ${owner})`);
    this.#freedMs.push(systemClock.monotonicMs() - fromMs);
  }

  async #terminate(eachMs: number | undefined, holder: Connection | undefined): Promise<void> {
    if (eachMs === undefined) return;
    const spared = holder?.backendId ?? 0;
    while (await this.#pause(eachMs)) {
      const rows = await this.#try(
        `select pg_terminate_backend(pid) from (
           select pid from pg_stat_activity where datname = current_database() and backend_type = 'client backend'
             and pid not in (pg_backend_pid(), ${spared}) order by random() limit 1) as one`,
      );
      this.#terminated += rows?.length ?? 0;
    }
  }

  async #restart({ restarts = 0, restartEachMs = 2_000 }: Plagues): Promise<void> {
    for (let turn = 0; turn < restarts && (await this.#pause(restartEachMs)); turn += 1) {
      await this.#ground.server.restart(turn % 2 === 0 ? 0 : 700);
      this.#restarts += 1;
    }
  }

  async #holdSnapshot(): Promise<Connection> {
    const connection = await this.#ground.postgres.connect();
    await connection.command('set transaction_timeout = 0; set idle_in_transaction_session_timeout = 0; set statement_timeout = 0');
    await connection.command('begin isolation level repeatable read');
    await connection.command('select count(*) from chaos.tokens');
    return connection;
  }

  /** Whether it goes on. */
  async #pause(durationMs: number): Promise<boolean> {
    await systemClock.sleep(durationMs, this.#over.signal).catch(() => undefined);
    return !this.#over.signal.aborted;
  }

  #untilDone(): Promise<void> {
    return this.#until("select not exists (select 1 from chaos.tokens where status in ('detected', 'generating'))", 50);
  }

  async #until(question: string, lookMs = LOOK_MS): Promise<void> {
    const late = AbortSignal.timeout(this.#ground.size.waitMsMax ?? WAIT_MS_MAX);
    while ((await this.#try(question))?.[0]?.[0] !== 't') {
      if (late.aborted) throw new Error(`It never came to this: ${question}`);
      await systemClock.sleep(lookMs);
    }
  }

  async #try(text: string): Promise<readonly (readonly (string | null)[])[] | undefined> {
    try {
      return await this.#command(text);
    } catch {
      // The database is away, or this was the backend that was terminated.
      return undefined;
    }
  }

  async #command(text: string): Promise<readonly (readonly (string | null)[])[]> {
    const { pool } = this.#ground.postgres;
    const connection = await pool.acquire('chaos');
    try {
      return (await connection.command(text)).rows;
    } finally {
      pool.release(connection);
    }
  }

  async #count(tookMs: number): Promise<ChaosResult> {
    const [counted] = await this.#command(
      `select count(*) filter (where status = 'uploading'), count(*) filter (where status <> 'uploading'),
         count(*) filter (where lease_owner is not null) from chaos.tokens`,
    );
    const [uploaded, lost, leased] = (counted ?? []).map(Number);
    const finishes = await this.#command('select token_id, epoch from chaos.finishes');
    const epochs = new Map<number, number>();
    let finishedTwice = 0;
    for (const [token, epoch] of finishes) {
      if (epochs.has(Number(token))) finishedTwice += 1;
      epochs.set(Number(token), Number(epoch));
    }
    const runs = this.#members.flatMap(readRuns);
    const byToken = Map.groupBy(runs, ({ token }) => token);
    return {
      tokens: this.#ground.size.tokens,
      started: byToken.size,
      finished: Math.min(epochs.size, uploaded ?? 0),
      finishedTwice,
      lost: lost ?? Number.NaN,
      leased: leased ?? Number.NaN,
      overlaps: [...byToken.values()].reduce((sum, ofToken) => sum + overlapsOf(ofToken), 0),
      runs: runs.length,
      killed: this.#killed,
      terminated: this.#terminated,
      restarts: this.#restarts,
      recoveryMs: recoveriesOf(this.#members, byToken, epochs),
      freedMs: this.#freedMs,
      tookMs,
      logged: readLogged(this.#ground.folder),
    };
  }
}

interface NotedRun {
  readonly token: number;
  readonly epoch: number;
  readonly fromNs: bigint;
  /** Undefined when nobody noted the end: the process was killed, or the run was given up. */
  readonly toNs: bigint | undefined;
  readonly file: string;
}

function readRuns({ file, killedNs }: Member): readonly NotedRun[] {
  const open = new Map<string, bigint>();
  const runs: NotedRun[] = [];
  const add = (key: string, fromNs: bigint, toNs: bigint | undefined): void => {
    const [token, epoch] = key.split(' ').map(Number);
    runs.push({ token: token ?? 0, epoch: epoch ?? 0, fromNs, toNs, file });
  };
  for (const line of readNotes(file).split('\n')) {
    const [what, token, epoch, ns] = line.split(' ');
    if (what === undefined || ns === undefined) continue;
    const key = `${token} ${epoch}`;
    const fromNs = open.get(key);
    if (what === 's') open.set(key, BigInt(ns));
    else if (fromNs !== undefined) {
      open.delete(key);
      add(key, fromNs, BigInt(ns));
    }
  }
  for (const [key, fromNs] of open) add(key, fromNs, killedNs);
  return runs;
}

/** One that was killed before it opened its notes has none. */
function readNotes(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

function overlapsOf(runs: readonly NotedRun[]): number {
  const sorted = runs.toSorted((left, right) => (left.fromNs < right.fromNs ? -1 : 1));
  return sorted.filter((run, place) => {
    const before = sorted[place - 1];
    return before?.toNs !== undefined && before.toNs > run.fromNs;
  }).length;
}

/** For each run that a kill has ended: when the next run of its token began. */
function recoveriesOf(
  members: readonly Member[],
  byToken: ReadonlyMap<number, readonly NotedRun[]>,
  finishedBy: ReadonlyMap<number, number>,
): readonly number[] {
  const killed = new Map(members.map(({ file, killedNs }) => [file, killedNs]));
  return [...byToken.values()].flatMap((runs) =>
    runs.flatMap((run) => {
      const killedNs = killed.get(run.file);
      if (killedNs === undefined || finishedBy.get(run.token) === run.epoch) return [];
      const next = runs.filter(({ epoch }) => epoch > run.epoch).toSorted((left, right) => left.epoch - right.epoch)[0];
      return next === undefined || next.fromNs < killedNs ? [] : [Number(next.fromNs - killedNs) / 1e6];
    }),
  );
}

function readLogged(folder: string): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.log'))) {
    for (const line of readFileSync(path.join(folder, name), 'utf8').split('\n')) {
      const event = /"event":"([^"]+)"/u.exec(line)?.[1] ?? /"msg":"([^"]+)"/u.exec(line)?.[1];
      if (event !== undefined) counts[event] = (counts[event] ?? 0) + 1;
    }
  }
  return counts;
}
