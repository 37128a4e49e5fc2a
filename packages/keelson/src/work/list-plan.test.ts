/** How PostgreSQL reads lists: by an index, from where the cursor points, without reading, sorting or skipping what the page does not show. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Connection } from '../postgres/connection.ts';
import { sql } from '../schema/sql.ts';
import { boundRole } from './bound-role.ts';
import { digestOf, writeCursor } from './cursor.ts';
import { checkRequest } from './list-check.ts';
import { gameA, gameB, hidden, hiddenRules, itemRules, items, openItems } from './list-items.fixture.ts';
import type { ListFilter, ListRequest } from './list-request.ts';
import type { ListRules } from './list-rules.ts';
import { listStatements } from './list-statement.ts';

const ROWS = 3_000;
const SIZE = 20;
/** Two branches of a page, what an incremental sort looks ahead, and what a last page is found among; far from the rows of the table. */
const READ_MAX = 8 * SIZE;

const fill = sql`
  insert into ${items} (id, game_id, name, code, rank, at, price, weight, big, day, kind, is_open, tags, description, secret, created_at)
  select ('018f0000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, case when n % 3 = 0 then ${gameB} else ${gameA} end::uuid,
         'Item ' || n * 7919 % 1000, 'C' || n, case when n % 4 > 0 then n * 31 % 3000 end,
         case when n % 5 > 0 then timestamptz '2026-01-01' + n * 17 % 5000 * interval '1 minute' end,
         n % 900, n % 700, n % 800, date '2026-01-01' + n % 900, 'sword', n % 2 = 0, '{}', 'nothing', '', now()
    from generate_series(1, ${ROWS}::int) as n`;

const fillHidden = sql`
  insert into ${hidden} (id, game_id, name, slot)
  select ('018f0000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, case when n % 3 = 0 then ${gameB} else ${gameA} end::uuid,
         'Name ' || n * 7919 % 1000, n
    from generate_series(1, ${ROWS}::int) as n`;

/** How many rows the scans of a plan have read. */
function rowsRead(plan: unknown): number {
  if (Array.isArray(plan)) return plan.reduce<number>((sum, part) => sum + rowsRead(part), 0);
  if (typeof plan !== 'object' || plan === null) return 0;
  const node = new Map<string, unknown>(Object.entries(plan));
  const loops = Number(node.get('Actual Loops') ?? 0);
  const removed = Number(node.get('Rows Removed by Filter') ?? 0) + Number(node.get('Rows Removed by Index Recheck') ?? 0);
  const own = isTableRead(String(node.get('Node Type'))) ? (Number(node.get('Actual Rows')) + removed) * loops : 0;
  return own + rowsRead(node.get('Plan')) + rowsRead(node.get('Plans'));
}

function isTableRead(nodeType: string): boolean {
  return nodeType.endsWith('Scan') && nodeType !== 'Subquery Scan';
}

/** What is read for a page, and for the one that begins behind the middle of the list. */
async function readFor(
  connection: Connection,
  request: ListRequest,
  { rules, scope = {} }: { rules: ListRules; scope?: Readonly<Record<string, unknown>> },
): Promise<readonly { readonly read: number; readonly text: string; readonly plan: string }[]> {
  const target = rules === itemRules ? '"item_lists"."items"' : '"item_lists"."hidden"';
  const frame = { rules, scope };
  const first = checkRequest(request, frame);
  const { rows: all, columns } = listStatements({ ...first, size: ROWS }, frame, target);
  const { rows } = await connection.query(all);
  const places = [0.5, 0.75, 0.95].map((share) => rows[Math.floor(rows.length * share)] ?? []);
  const cursors = places.map((row) =>
    writeCursor({
      sort: first.sort,
      digest: digestOf(rules.table.name, request),
      values: first.order.map((column) => row[columns.indexOf(column)] ?? null),
    }),
  );
  const requests = [request, ...cursors.map((cursor) => ({ ...request, cursor }))];
  const measured = [];
  for (const asked of requests) {
    const { rows: page } = listStatements(checkRequest(asked, frame), frame, target);
    const explained = await connection.query({ ...page, text: `explain (analyze, timing off, format json) ${page.text}` });
    const plan = explained.rows[0]?.[0] ?? '';
    measured.push({ read: rowsRead(JSON.parse(plan)), text: page.text, plan });
  }
  return measured;
}

test('pages read no more rows than they show, wherever the cursor points, for every sort that is allowed', async () => {
  await using database = await openItems({ role: 'owner' });
  await database.work((unit) => unit.sql(fill));
  await database.work((unit) => unit.sql(sql`analyze ${items}`));
  const connection = await database.postgres.pool.acquire('plans');
  const inGame: ListFilter = { key: 'gameId', operator: 'equal', value: gameA };
  const requests = [...itemRules.sortable.keys()].flatMap((key) => [
    { filters: [], size: SIZE, sort: { key, isDescending: false } },
    { filters: [], size: SIZE, sort: { key, isDescending: true } },
  ]);
  const filtered: readonly ListRequest[] = [
    { filters: [inGame], size: SIZE, sort: { key: 'name', isDescending: false } },
    { filters: [inGame], size: SIZE, sort: { key: 'name', isDescending: true } },
    { filters: [{ key: 'rank', operator: 'gt', value: 100 }], size: SIZE },
    { filters: [{ key: 'at', operator: 'lt', value: '2026-01-02T00:00:00Z' }], size: SIZE, sort: { key: 'at', isDescending: true } },
    { filters: [{ key: 'rank', operator: 'null', value: true }], size: SIZE, sort: { key: 'rank', isDescending: false } },
  ];
  for (const request of [...requests, ...filtered]) {
    for (const { read, text, plan } of await readFor(connection, request, { rules: itemRules })) {
      assert.ok(read > 0 && read <= READ_MAX, `${JSON.stringify(request)} read ${String(read)} rows: ${text}\n${plan}`);
      assert.ok(!text.includes('offset'), 'a cursor skips nothing');
    }
  }
  database.postgres.pool.release(connection);
});

// LRP-15
test('under a policy lists read their index as well, narrowed by the scope', async () => {
  await using database = await openItems({ role: 'owner' });
  await database.work((unit) => unit.sql(fillHidden));
  await database.work((unit) => unit.sql(sql`analyze ${hidden}`));
  const connection = await database.postgres.pool.acquire('plans');
  await connection.command(`begin; set local role "${boundRole('item_lists')}"; select set_config('app.game_id', '${gameA}', true)`);
  for (const key of ['name', 'slot', 'id']) {
    for (const isDescending of [false, true]) {
      const request = { filters: [], size: SIZE, sort: { key, isDescending } };
      for (const { read, text, plan } of await readFor(connection, request, { rules: hiddenRules, scope: { gameId: [gameA] } })) {
        assert.ok(read > 0 && read <= READ_MAX, `${JSON.stringify(request)} read ${String(read)} rows: ${text}\n${plan}`);
      }
    }
  }
  await connection.command('rollback');
  database.postgres.pool.release(connection);
});
