/** The demo: mints tokens through the real webhook, lets two worker processes carry them, kills one on the way, and checks what came of it. */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { systemClock } from 'keelson/clock';
import { silentLog } from 'keelson/log';
import { connectPostgres, startEmbedded } from 'keelson/postgres';
import { sql } from 'keelson/schema';
import { type Database, openDatabase } from 'keelson/work';
import { checkEnd, type Check } from './demo-check.ts';
import { type Child, startChild } from './demo-child.ts';
import { type Look, Screen } from './demo-screen.ts';
import { delivery, mintLog, promptLog, sign, wallet } from './mints/deliveries.fixture.ts';
import { model, type Repositories } from './model.ts';

const SECRET = 'whsec_of_the_demo_0123456789abcdef';
const AUTHORS = [
  'A lighthouse on a cliff in a storm at night',
  'A quiet harbour in autumn, gold and orange',
  'Neon towers of a city in the rain, cyberpunk',
  'A forest lake at dawn, moss and mist',
];
const TOKENS_EACH = 30;
const TOKENS = AUTHORS.length * TOKENS_EACH;
const LOOK_MS = 40;
const END_MS = 120_000;
/** The second worker is killed when it has this many tokens in its hands, and this many pictures are drawn. */
const KILL = { held: 3, drawn: 24 } as const;

interface Stage {
  readonly database: Database<Repositories>;
  readonly url: string;
  readonly workers: readonly [Child, Child];
}

async function main(): Promise<boolean> {
  await using steps = new AsyncDisposableStack();
  const folder = await mkdtemp(path.join(tmpdir(), 'glisk-demo-'));
  steps.defer(() => rm(folder, { recursive: true, force: true }));
  say('Starting PostgreSQL, the server and two workers, each a process of its own …');
  const server = await startEmbedded({ dataDirectory: path.join(folder, 'data'), database: 'glisk' });
  steps.defer(() => server.stop());
  const environment = {
    APP_ENV: 'development',
    DATABASE_URL: server.url,
    STORE_DIRECTORY: path.join(folder, 'store'),
    ALCHEMY_WEBHOOK_SECRET: SECRET,
    PORT: '0',
    WORKERS_IN_SERVER: 'off',
    LOG_FORMAT: 'json',
    LOG_LEVEL: 'info',
    RATE_LIMIT: 'off',
  };
  const start = async (command: 'serve' | 'worker'): Promise<Child> => steps.use(await startChild({ command, folder, environment }));
  const serving = await start('serve');
  const workers = await Promise.all([start('worker'), start('worker')]);
  const postgres = await connectPostgres({ url: server.url, poolSize: 2, log: silentLog });
  steps.defer(() => postgres.close());
  const database = openDatabase(model, postgres, { log: silentLog });
  const stage: Stage = { database, url: serving.ready, workers };
  say(`The page is at ${stage.url}/ while this runs.\n`);
  await mint(stage.url);
  const passed = await watch(stage);
  if (process.argv.includes('--keep')) {
    say(`\nServing on ${stage.url}/ until Ctrl-C.`);
    await once(process, 'SIGINT');
  }
  return passed;
}

/** Delivers the prompts of some authors and their mints, as the provider would; gives what was answered. */
async function mint(url: string): Promise<readonly { readonly accepted: number; readonly duplicates: number }[]> {
  const answers = [];
  for (const [at, prompt] of AUTHORS.entries()) {
    const author = wallet(0xa0 + at);
    const logs = [promptLog(author, prompt), mintLog({ first: 1 + at * TOKENS_EACH, quantity: TOKENS_EACH, author })];
    const body = delivery(
      logs.map((log, index) => ({ ...log, index })),
      { number: 1_000 + at, timestamp: 1_760_000_000 + at * 12 },
    );
    const headers = { 'content-type': 'application/json', 'x-alchemy-signature': sign(body, SECRET) };
    const answer = await fetch(`${url}/webhooks/alchemy`, { method: 'POST', headers, body });
    answers.push(parseAnswer(await answer.json()));
  }
  return answers;
}

/** Watches the tokens until none is on its way, and kills the second worker while it holds some. */
async function watch({ database, url, workers }: Stage): Promise<boolean> {
  const startedMs = systemClock.monotonicMs();
  const sinceS = (): number => (systemClock.monotonicMs() - startedMs) / 1_000;
  const screen = new Screen(TOKENS);
  const [first, second] = workers;
  let killed: { readonly atS: number; readonly held: number; freedS?: number } | undefined;
  // bounded by: END_MS
  for (;;) {
    const look = await lookAt(database);
    const held = look.held.get(second.pid) ?? 0;
    if (killed === undefined && held >= KILL.held && look.drawn >= KILL.drawn) {
      second.kill();
      killed = { atS: sinceS(), held };
    } else if (killed !== undefined && killed.freedS === undefined && held === 0) killed = { ...killed, freedS: sinceS() - killed.atS };
    screen.draw({
      seconds: sinceS(),
      look,
      lines: [
        `worker 1  process ${first.pid}  holds ${look.held.get(first.pid) ?? 0}`,
        `worker 2  process ${second.pid}  ${killed === undefined ? `holds ${held}` : fateOf(killed)}`,
      ],
    });
    if (look.underWay === 0 || sinceS() * 1_000 > END_MS) break;
    await systemClock.sleep(LOOK_MS);
  }
  screen.end();
  const again = await mint(url);
  const checks: Check[] = [
    { holds: killed !== undefined, text: 'A worker was killed (-9) while it held tokens.' },
    {
      holds: again.every(({ accepted, duplicates }) => accepted === 0 && duplicates === 2),
      text: 'The same deliveries, sent again, were taken for what they are: duplicates.',
    },
    ...(await checkEnd(database, TOKENS)),
  ];
  for (const { holds, text } of checks) say(`${holds ? '✔' : '✖'} ${text}`);
  return checks.every(({ holds }) => holds);
}

function fateOf({ atS, held, freedS }: { readonly atS: number; readonly held: number; readonly freedS?: number }): string {
  const fate = `killed -9 after ${atS.toFixed(1)} s, while it held ${held}`;
  return freedS === undefined ? fate : `${fate}; they were back after ${freedS.toFixed(2)} s`;
}

async function lookAt(database: Database<Repositories>): Promise<Look> {
  const [states, leases] = await database.read(({ sql: run }) =>
    Promise.all([
      run(
        sql<{ readonly status: string; readonly tokens: string }>`select status::text, count(*) as tokens from glisk.tokens_s0 group by 1`,
      ),
      run(sql<{ readonly pid: number; readonly tokens: string }>`
        select w.pid, count(*) as tokens
        from glisk.tokens_s0 t
        join glisk.workers w on w.id = t.lease_owner
        group by 1
      `),
    ]),
  );
  const counts = new Map(states.map(({ status, tokens }) => [status, Number(tokens)]));
  const sum = (...names: string[]): number => names.reduce((total, name) => total + (counts.get(name) ?? 0), 0);
  return {
    counts,
    held: new Map(leases.map(({ pid, tokens }) => [pid, Number(tokens)])),
    drawn: sum('uploading', 'ready', 'revealed'),
    underWay: sum('detected', 'generating', 'uploading', 'ready'),
  };
}

function parseAnswer(answer: unknown): { readonly accepted: number; readonly duplicates: number } {
  return answer as { readonly accepted: number; readonly duplicates: number };
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

process.exitCode = (await main()) ? 0 : 1;
