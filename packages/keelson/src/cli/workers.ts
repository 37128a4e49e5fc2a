/** The command `workers`: which processes run workers, what they hold, and what waits for whom. */
import { KeelsonError } from '../errors.ts';
import type { Connection } from '../postgres/connection.ts';
import { toObjects } from '../postgres/values.ts';
import { type Backlog, COUNT_MAX, countBacklog } from '../queue/backlog.ts';
import { DEAD_AFTER_MS, lockClass } from '../queue/liveness.ts';
import { workers as workerTable } from '../queue/worker-table.ts';
import { type Sql, sql, Statements } from '../schema/sql.ts';
import { tableInfo } from '../schema/table.ts';
import type { Context } from './context.ts';
import { withConnection } from './database.ts';
import { plainText, renderJson, renderTable } from './output.ts';

/** A process on the list. */
interface ProcessFacts {
  readonly id: number;
  readonly name: string;
  readonly serves: readonly string[];
  /** `alive`, `silent` (not heard of, but its lock is held), `lost` (its rows are on their way back). */
  readonly state: 'alive' | 'silent' | 'lost';
  readonly held: number;
  readonly startedAt: string;
  readonly heardS: number;
}

interface WorkFacts extends Backlog {
  /** How many living processes serve it. */
  readonly processes: number;
}

/**
 * Prints the processes and what waits.
 *
 * @throws USAGE when the app has no table for processes, and what a connection throws
 */
export async function printWorkers(context: Context, options: { readonly json?: true | undefined }): Promise<void> {
  const { output } = context;
  const { processes, work } = await withConnection(context, (connection) => readWork(context, connection));
  if (options.json) {
    output.data(renderJson({ processes, work }));
    return;
  }
  if (processes.length === 0) output.talk('No process runs workers. To start one: keelson worker');
  else output.data(renderTable([['ID', 'PROCESS', 'STATE', 'HELD', 'SINCE', 'HEARD', 'SERVES'], ...processes.map(processRow)]));
  if (work.length === 0) return;
  if (processes.length > 0) output.data('');
  output.data(renderTable([['WORKER', 'WAITING', 'LATER', 'HELD', 'PROCESSES'], ...work.map(workRow)]));
  const unserved = work.filter(({ processes: serving, waiting }) => serving === 0 && waiting > 0).map(({ name }) => name);
  if (unserved.length > 0 && processes.length > 0) output.talk(`Rows wait for ${unserved.join(', ')}, which no living process serves.`);
}

async function readWork(
  { app }: Context,
  connection: Connection,
): Promise<{ readonly processes: readonly ProcessFacts[]; readonly work: readonly WorkFacts[] }> {
  const { namespace } = app;
  const tables = app.tables.map(tableInfo);
  if (!tables.some(({ name }) => name === tableInfo(workerTable).name))
    throw new KeelsonError('USAGE', {
      message: `${app.name} has no workers.`,
      hint: 'An app that has lists `workers` of keelson/queue among its tables, and names its workers in defineApp.',
    });
  const leased = tables.filter(({ byKey }) => byKey.has('leaseOwner')).map(({ name }) => name);
  const statement = new Statements(namespace, { named: false }).compile(processesSql(namespace, leased));
  const processes = toObjects(await connection.query(statement)).map(parseProcess);
  const request = { query: connection.query.bind(connection), namespace, workers: app.workers, queues: app.queues };
  const work = (await countBacklog(request)).map((facts) => ({
    ...facts,
    processes: processes.filter(({ serves, state }) => state !== 'lost' && serves.includes(facts.name)).length,
  }));
  return { processes, work };
}

function processesSql(namespace: string, leased: readonly string[]): Sql {
  const held = leased.map(
    (table) => sql`select lease_owner from ${sql.identifier(namespace)}.${sql.identifier(table)} where lease_owner is not null`,
  );
  const holding = held.length === 0 ? sql`select null::int as lease_owner where false` : sql.join(held, ' union all ');
  return sql`
    with held as (select lease_owner, count(*)::int as rows from (${holding}) as leased group by lease_owner)
    select w.id, w.name, w.queues as serves, coalesce(held.rows, 0) as held, w.started_at as "startedAt",
      greatest(0, floor(extract(epoch from clock_timestamp() - w.heartbeat_at)))::int as "heardS",
      case
        when w.lost_at is not null then 'lost'
        when w.heartbeat_at > clock_timestamp() - ${DEAD_AFTER_MS} * interval '1 ms' then 'alive'
        when not w.is_locked or exists (
          select 1 from pg_catalog.pg_locks as l
          where l.locktype = 'advisory' and l.objsubid = 2 and l.granted
            and l.database = (select d.oid from pg_catalog.pg_database as d where d.datname = current_database())
            and l.classid = ${lockClass(namespace) >>> 0}::text::oid and l.objid = w.id::oid) then 'silent'
        else 'lost'
      end as state
    from ${workerTable} as w left join held on held.lease_owner = w.id
    order by w.id limit 1000`;
}

function parseProcess(row: unknown): ProcessFacts {
  return row as ProcessFacts;
}

function processRow({ id, name, state, held, startedAt, heardS, serves }: ProcessFacts): string[] {
  return [String(id), plainText(name), state, String(held), startedAt, `${heardS} s ago`, plainText(serves.join(', '))];
}

function workRow({ name, waiting, later, held, processes }: WorkFacts): string[] {
  return [name, ...[waiting, later, held].map((count) => (count >= COUNT_MAX ? `${COUNT_MAX}+` : String(count))), String(processes)];
}
