/** Two tenants through PgBouncer in transaction mode: the server's connections change hands after every transaction, the rows never. */
// FND-8, LRP-8
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sql } from '../schema/sql.ts';
import { findPooler } from '../testing/pooler.ts';
import { openTenants, papers, tenantA, tenantB } from './tenants.fixture.ts';
import { OPERATIONS_PER_ROUND, settingsLeft, workAs } from './tenants-work.fixture.ts';

const skip = findPooler() === undefined ? 'PgBouncer is not installed' : false;
const ROUNDS = 15;

test(
  '100 units at once over a pool of 8 and a pooler of 4: 10,500 operations, no foreign row, and no setting is left',
  { skip },
  async () => {
    await using trial = await openTenants();
    const { database } = await trial.logIn({ poolSize: 8, poolerSize: 4 });
    const done = await Promise.all(
      Array.from({ length: 100 }, (_, worker) => workAs(database, worker % 2 === 0 ? tenantA : tenantB, { worker, rounds: ROUNDS })),
    );
    assert.equal(
      done.reduce((total, operations) => total + operations, 0),
      100 * ROUNDS * OPERATIONS_PER_ROUND,
    );
    assert.equal(await settingsLeft(database, 4), 0);
    const counts = sql<{ tenant: string; rows: number; planted: number }>`
    select tenant_id as tenant, count(*)::int as rows, (count(*) filter (where title = 'planted'))::int as planted
    from ${papers} group by 1 order by 1`;
    assert.deepEqual(await trial.owner.read((reader) => reader.sql(counts)), [
      { tenant: tenantA, rows: 50 * ROUNDS, planted: 0 },
      { tenant: tenantB, rows: 50 * ROUNDS, planted: 0 },
    ]);
  },
);

test('a setting that does outlive its transaction is found on the connection that has it', { skip }, async () => {
  await using trial = await openTenants();
  const { database } = await trial.logIn({ poolSize: 4, poolerSize: 4 });
  const connection = await database.postgres.connect();
  await connection.command(`set app.tenant_id = '${tenantA}'`);
  assert.equal(await settingsLeft(database, 4), 1);
  await connection.close();
});
