/** The benchmark of lists: pages by cursor over a million rows, the first of them against the last. */
import { performance } from 'node:perf_hooks';
import { silentLog } from 'keelson/log';
import { connectPostgres } from 'keelson/postgres';
import { sql } from 'keelson/schema';
import { type ListPage, type ListRequest, openDatabase as openModel } from 'keelson/work';
import type { BenchmarkOptions } from './benchmark.ts';
import { median, renderTable, renderTargets, short, target, type Target } from './figures.ts';
import { entryRules, largeGame, listsData, listsModel } from './keelson/lists-model.ts';
import { openDatabase } from './server.ts';

/** How a run is sized. */
interface Size {
  readonly rows: number;
  /** How often each page is read. */
  readonly rounds: number;
}

const full: Size = { rows: 1_000_000, rounds: 600 };
const quick: Size = { rows: 100_000, rounds: 100 };

const PAGE_SIZE = 100;
const WARM_UP_ROUNDS = 200;
const OFFSET_ROUNDS = 5;
/** How far the ten-thousandth page may be from the first. */
const RATIO_MAX = 1.2;

const inGame = { key: 'gameId', operator: 'equal', value: largeGame } as const;

/** The lists that are measured. */
const cases: Readonly<Record<string, Pick<ListRequest, 'filters' | 'sort'>>> = {
  'by key': { filters: [] },
  'by key, descending': { filters: [], sort: { key: 'id', isDescending: true } },
  'by score, a thousand rows alike': { filters: [], sort: { key: 'score', isDescending: false } },
  'by time, descending': { filters: [], sort: { key: 'at', isDescending: true } },
  'by rank, a tenth without one': { filters: [], sort: { key: 'rank', isDescending: false } },
  'of one game, by name': { filters: [inGame], sort: { key: 'name', isDescending: false } },
};

/** One list, measured. */
interface ListFigures {
  readonly name: string;
  readonly pages: number;
  readonly firstMs: number;
  readonly middleMs: number;
  readonly lastMs: number;
  /** The median of the last page over that of the first, and that of the middle one. */
  readonly lastRatio: number;
  readonly middleRatio: number;
}

/** What a run found. */
export interface ListsResult {
  readonly rows: number;
  readonly lists: readonly ListFigures[];
  /** One page of plain SQL, `offset` to where the last page begins. */
  readonly offsetMs: number;
  readonly targets: readonly Target[];
}

type Model = typeof listsModel.repositories;
type Lists = ReturnType<typeof openModel<Model>>;

/** Runs the benchmark. */
export async function benchLists(options: BenchmarkOptions): Promise<ListsResult> {
  const size = options.quick ? quick : full;
  options.say(`Making ${size.rows.toLocaleString('en-US')} rows …`);
  const server = await openDatabase(options, 'lists', listsData(size.rows));
  const postgres = await connectPostgres({ url: server.url, poolSize: 1, readers: 1, log: silentLog });
  try {
    const database = openModel(listsModel, postgres, { log: silentLog });
    const lists: ListFigures[] = [];
    for (const [name, request] of Object.entries(cases)) {
      if (!options.wants(name)) continue;
      options.say(`${name}: every page once, then the first against the last …`);
      lists.push(await measureList(database, { ...request, size: PAGE_SIZE }, { name, size }));
    }
    const offsetMs = await measureOffset(database, size.rows - PAGE_SIZE);
    const targets = lists.flatMap(({ name, pages, lastRatio }) => [
      target(`${name}: page ${pages.toLocaleString('en-US')} over the first`, lastRatio, { limit: RATIO_MAX, sense: 'at most', unit: '×' }),
    ]);
    return { rows: size.rows, lists, offsetMs, targets };
  } finally {
    await postgres.close();
    await server.close();
  }
}

/** The result as text. */
export function renderLists({ rows, lists, offsetMs, targets }: ListsResult): string {
  const body = lists.map(({ name, pages, firstMs, middleMs, lastMs, lastRatio, middleRatio }) => [
    name,
    pages.toLocaleString('en-US'),
    short(firstMs),
    short(middleMs),
    short(lastMs),
    short(middleRatio),
    short(lastRatio),
  ]);
  return [
    `Pages of ${PAGE_SIZE} by cursor over ${rows.toLocaleString('en-US')} rows, milliseconds of the client (median):`,
    '',
    renderTable(['list', 'pages', 'first', 'middle', 'last', 'middle / first', 'last / first'], body),
    '',
    `Plain SQL with \`offset\` to where the last page by key begins: ${short(offsetMs)} ms.`,
    '',
    renderTargets(targets),
  ].join('\n');
}

async function measureList(database: Lists, request: ListRequest, { name, size }: { name: string; size: Size }): Promise<ListFigures> {
  const cursors = await walk(database, request, size.rows);
  const places = [undefined, cursors[Math.floor(cursors.length / 2)], cursors.at(-1)] as const;
  const times: readonly number[][] = [[], [], []];
  for (let round = 0; round < WARM_UP_ROUNDS + size.rounds; round += 1) {
    // Request by request, forth and back, so that whatever else the machine does meets all pages alike.
    for (const place of round % 2 === 0 ? [0, 1, 2] : [2, 1, 0]) {
      const ms = await timeOf(() => pageOf(database, request, places[place]));
      if (round >= WARM_UP_ROUNDS) times[place]?.push(ms);
    }
  }
  const [firstMs = Number.NaN, middleMs = Number.NaN, lastMs = Number.NaN] = times.map(median);
  return { name, pages: cursors.length + 1, firstMs, middleMs, lastMs, lastRatio: lastMs / firstMs, middleRatio: middleMs / firstMs };
}

/** Follows the cursors to the end; every row must come once, as the count says. */
async function walk(database: Lists, request: ListRequest, rows: number): Promise<string[]> {
  const cursors: string[] = [];
  const seen = new Set<string>();
  let page = await pageOf(database, request, undefined);
  // bounded by: the rows, since each page must bring new ones
  for (;;) {
    for (const { id } of page.items) seen.add(id);
    if (page.nextCursor === undefined) break;
    if (seen.size !== (cursors.length + 1) * PAGE_SIZE) throw new Error(`Page ${cursors.length + 1} has a row that was there before.`);
    cursors.push(page.nextCursor);
    page = await pageOf(database, request, page.nextCursor);
  }
  if (seen.size !== rows) throw new Error(`The pages have ${seen.size} rows of ${rows}.`);
  return cursors;
}

function pageOf(database: Lists, request: ListRequest, cursor: string | undefined): Promise<ListPage<{ readonly id: string }>> {
  return database.read((reader) => reader.entries.page(cursor === undefined ? request : { ...request, cursor }, { rules: entryRules }));
}

async function timeOf(call: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await call();
  return performance.now() - start;
}

async function measureOffset(database: Lists, offset: number): Promise<number> {
  const read = (): Promise<unknown> =>
    database.read((reader) => reader.sql(sql`select * from bench_lists.entries order by id limit ${PAGE_SIZE}::int offset ${offset}::int`));
  const times: number[] = [];
  for (let round = 0; round < OFFSET_ROUNDS; round += 1) times.push(await timeOf(read));
  return median(times);
}
