/** Work of two tenants side by side without a filter anywhere, and a look at what is left on the connections. */
import assert from 'node:assert/strict';
import { isKeelsonError, KeelsonError } from '../errors.ts';
import { newId } from '../id.ts';
import type { Connection } from '../postgres/connection.ts';
import type { Row } from '../postgres/exchange.ts';
import { sql } from '../schema/sql.ts';
import type { Database } from './database.ts';
import { Paper, papers, tenantA, tenantB, type tenantModel } from './tenants.fixture.ts';

type Tenants = typeof tenantModel.repositories;

const forbidden = (error: unknown): boolean => isKeelsonError(error, 'FORBIDDEN');

/** The database as a user of a tenant has it. */
export const asTenant = (database: Database<Tenants>, tenantId: string, userId = newId()): Database<Tenants> =>
  database.for({ name: 'tenant', settings: { 'app.tenant_id': tenantId, 'app.user_id': userId } });

/** What connections of the pool still have set, each on a server connection of its own: a transaction keeps it, also behind a pooler. */
export async function settingsLeft(database: Database<Tenants>, poolSize: number): Promise<number> {
  const { pool } = database.postgres;
  const connections = await Promise.all(Array.from({ length: poolSize }, () => pool.acquire('look')));
  const results = await Promise.all(connections.map(lookAround));
  await Promise.all(connections.map((connection) => connection.command('commit')));
  for (const connection of connections) pool.release(connection);
  assert.equal(new Set(results.map(([, backend]) => backend)).size, poolSize);
  return results.filter(([settings]) => settings !== '').length;
}

async function lookAround(connection: Connection): Promise<Row> {
  const text = `
    select coalesce(current_setting('app.tenant_id', true), '') || coalesce(current_setting('app.user_id', true), ''),
      pg_backend_pid()::text`;
  await connection.command('begin');
  const { rows } = await connection.query({ text, name: undefined, values: [] });
  return rows[0] ?? [];
}

/** How many operations one round is. */
export const OPERATIONS_PER_ROUND = 7;

/** One of many that work side by side for a tenant, each without a filter anywhere; gives how many operations it did. */
export async function workAs(
  database: Database<Tenants>,
  tenantId: string,
  { worker, rounds }: { readonly worker: number; readonly rounds: number },
): Promise<number> {
  const others = tenantId === tenantA ? tenantB : tenantA;
  const view = asTenant(database, tenantId);
  let operations = 0;
  const own = (rows: readonly { readonly tenantId: string }[]): void => {
    operations += 1;
    for (const row of rows) assert.equal(row.tenantId, tenantId);
  };
  for (let round = 0; round < rounds; round += 1) {
    const paper = await view.work(async ({ papers: repository, sql: run }) => {
      const added = repository.add(new Paper({ tenantId, title: `${worker} ${round}` }));
      own(await repository.list({}, { limit: 5, orderBy: '-id' }));
      own(await run(sql<{ tenantId: string }>`select distinct tenant_id as "tenantId" from ${papers}`));
      own(
        await run(
          sql<{
            tenantId: string;
          }>`update ${papers} set stars = stars + 1 where title like ${`${worker} %`} returning tenant_id as "tenantId"`,
        ),
      );
      return added;
    });
    const [stored, listed] = await Promise.all([
      view.read((reader) => reader.papers.get(paper.id)),
      view.read((reader) => reader.papers.list({}, { limit: 5 })),
    ]);
    own([stored]);
    own(listed);
    const refused = new KeelsonError('CONFLICT');
    // A unit that fails, and one that the server refuses, go back to the pool as clean as the others.
    await assert.rejects(
      view.work(async ({ papers: repository }) => {
        own(await repository.list({}, { limit: 1 }));
        throw refused;
      }),
      (error) => error === refused,
    );
    await assert.rejects(
      view.work(({ papers: repository }) => void repository.add(new Paper({ tenantId: others, title: 'planted' }))),
      forbidden,
    );
    operations += 1;
  }
  return operations;
}
