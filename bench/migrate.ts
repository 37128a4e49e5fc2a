/** The benchmark of migrations: planning one changed column in apps of 40 and of 300 tables, and running revisions. */
import { Migrator, parseRevision, type Revision } from 'keelson/migrate';
import { Connection } from 'keelson/postgres';
import type { BenchmarkOptions } from './benchmark.ts';
import { measuredTargets, median, renderTable, renderTargets, short, target, type Target } from './figures.ts';
import { makeMigrateApp, type MigrateApp, type Run } from './migrate-app.ts';
import { type BenchDatabase, openDatabase } from './server.ts';

/** What is planned, where it is tried, and how long a column may take: on the server of `DATABASE_URL`, or, without one, as most develop, on an embedded one. */
const PLANS = [
  { name: '40 tables', tables: 40, isEmbedded: false, columnMsMax: 3_000 },
  { name: '40 tables, embedded', tables: 40, isEmbedded: true, columnMsMax: 3_000 },
  { name: '300 tables', tables: 300, isEmbedded: false, columnMsMax: 20_000 },
] as const;
const NOTHING_MS_MAX = 100;
const HUNDRED_MS_MAX = 5_000;
const REVISIONS = 100;

interface Size {
  readonly plans: number;
  readonly ups: number;
  readonly nothings: number;
}

const full: Size = { plans: 5, ups: 5, nothings: 50 };
const quick: Size = { plans: 1, ups: 1, nothings: 5 };

/** What planning in an app of this size took, round by round. */
export interface Planning {
  readonly name: string;
  /** The first revision, all tables from nothing, proved as every other. */
  readonly first: Run;
  readonly column: readonly Run[];
}

/** What running took, round by round. */
export interface Running {
  /** Opening the connection. */
  readonly connectMs: readonly number[];
  /** `up` on it, with a hundred revisions applied and none pending. */
  readonly nothingMs: readonly number[];
  /** `up` of a hundred revisions on an empty database. */
  readonly hundredMs: readonly number[];
}

const nothingRun: Running = { connectMs: [], nothingMs: [], hundredMs: [] };

/** What a run found. */
export interface MigrateResult {
  readonly plannings: readonly Planning[];
  readonly running: Running;
  readonly targets: readonly Target[];
}

/** Runs the benchmark: the commands as a person runs them, start of the program included, and the migrator by itself. */
export async function benchMigrate(options: BenchmarkOptions): Promise<MigrateResult> {
  const size = options.quick ? quick : full;
  const database = await openDatabase(options, 'migrate', []);
  try {
    const running = options.wants('running') ? await benchRunning(database, size, options) : nothingRun;
    const plannings: Planning[] = [];
    for (const { name, tables, isEmbedded } of PLANS) {
      if (!options.wants(`planning ${name}`)) continue;
      const app = makeMigrateApp(tables, isEmbedded ? undefined : database.url);
      try {
        plannings.push(await benchPlanning(app, name, { size, options }));
      } finally {
        app.remove();
      }
    }
    return { plannings, running, targets: targetsOf(plannings, running) };
  } finally {
    await database.close();
  }
}

/** The result as tables. */
export function renderMigrate({ plannings, running, targets }: MigrateResult): string {
  const rows = plannings.flatMap(({ name, first, column }) => [
    [`${name}: the first revision`, short(first.tookMs), '–', short(first.peakMb)],
    [
      `${name}: one column more`,
      short(median(column.map(({ tookMs }) => tookMs))),
      short(Math.max(...column.map(({ tookMs }) => tookMs))),
      short(Math.max(...column.map(({ peakMb }) => peakMb))),
    ],
  ]);
  const runs = [
    ['opening the connection', short(median(running.connectMs)), short(Math.max(...running.connectMs))],
    ['up of nothing, after it', short(median(running.nothingMs)), short(Math.max(...running.nothingMs))],
    [`up of ${REVISIONS} revisions`, short(median(running.hundredMs)), short(Math.max(...running.hundredMs))],
  ];
  return [
    renderTable(['migrate new', 'p50 ms', 'max ms', 'peak MB'], rows),
    renderTable(['the migrator', 'p50 ms', 'max ms'], runs),
    renderTargets(measuredTargets(targets)),
  ].join('\n\n');
}

async function benchPlanning(
  app: MigrateApp,
  name: string,
  { size, options }: { readonly size: Size; readonly options: BenchmarkOptions },
): Promise<Planning> {
  options.say(`${name}: the first revision …`);
  const first = await app.run(['migrate', 'new', 'initial']);
  app.keep();
  app.change();
  const column: Run[] = [];
  for (let round = 0; round < size.plans; round += 1) {
    options.say(`${name}: one column more (${round + 1} of ${size.plans}) …`);
    const run = await app.run(['migrate', 'new', 'add nickname']);
    if (!run.out.includes('nickname')) throw new Error(`the plan says nothing of the column:\n${run.out}`);
    column.push(run);
    app.restore();
  }
  return { name, first, column };
}

async function benchRunning(database: BenchDatabase, size: Size, options: BenchmarkOptions): Promise<Running> {
  const revisions = hundredRevisions();
  const connectMs: number[] = [];
  const nothingMs: number[] = [];
  const hundredMs: number[] = [];
  for (let round = 0; round < size.ups; round += 1) {
    options.say(`${REVISIONS} revisions (${round + 1} of ${size.ups}) …`);
    const namespace = `hundred_${round}`;
    const up = async (into: number[], runs: number): Promise<void> => {
      const startedMs = performance.now();
      const connection = await Connection.open({ connectionString: database.url });
      const openMs = performance.now();
      const run = await new Migrator({ connection, revisions, namespace }).up();
      into.push(performance.now() - openMs);
      connectMs.push(openMs - startedMs);
      await connection.close();
      if (run.length !== runs) throw new Error(`${run.length} revisions were run instead of ${runs}`);
    };
    await up(hundredMs, REVISIONS);
    for (let turn = 0; turn < size.nothings / size.ups; turn += 1) await up(nothingMs, 0);
  }
  return { connectMs, nothingMs, hundredMs };
}

/** Every fifth makes a table, and the others change it. */
function hundredRevisions(): readonly Revision[] {
  return Array.from({ length: REVISIONS }, (_, at) => {
    const id = `2026${String(1 + Math.floor(at / 28)).padStart(2, '0')}${String(1 + (at % 28)).padStart(2, '0')}T0000`;
    const name = `things_${Math.floor(at / 5)}`;
    const [up, down] =
      at % 5 === 0
        ? [`create table ${name} (id uuid primary key, name text not null);`, `drop table ${name};`]
        : [
            `alter table ${name} add column more_${at} integer not null default 0;\ncreate index ${name}_${at}_idx on ${name} (more_${at});`,
            `alter table ${name} drop column more_${at};`,
          ];
    return parseRevision(`${id}_revision_${at}.sql`, `-- up\n${up}\n\n-- down\n${down}\n`);
  });
}

function targetsOf(plannings: readonly Planning[], running: Running): readonly Target[] {
  const plans = PLANS.map(({ name, columnMsMax }) => {
    const found = plannings.find((planning) => planning.name === name);
    const measured = found === undefined ? Number.NaN : median(found.column.map(({ tookMs }) => tookMs));
    return target(`migrate new, one column of ${name}`, measured, { limit: columnMsMax, sense: 'at most', unit: 'ms' });
  });
  return [
    ...plans,
    target('up of nothing beyond the connection', median(running.nothingMs), { limit: NOTHING_MS_MAX, sense: 'at most', unit: 'ms' }),
    target(`up of ${REVISIONS} revisions`, median(running.hundredMs), { limit: HUNDRED_MS_MAX, sense: 'at most', unit: 'ms' }),
  ];
}
