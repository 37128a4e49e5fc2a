/** Two tenants over one pool: nobody sees or writes what is the other's, whatever a query forgets, and nothing stays on a connection. */
// FND-8, LRP-8
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isKeelsonError } from '../errors.ts';
import { newId } from '../id.ts';
import { silentLog } from '../log.ts';
import { connectPostgres } from '../postgres/postgres.ts';
import { sql } from '../schema/sql.ts';
import { testDatabase } from '../testing/database.ts';
import { openDatabase } from './database.ts';
import { openTenants, Paper, papers, tenantA, tenantB, tenantModel } from './tenants.fixture.ts';
import { asTenant, OPERATIONS_PER_ROUND, settingsLeft, workAs } from './tenants-work.fixture.ts';
import { startWire } from './wire.fixture.ts';

const forbidden = (error: unknown): boolean => isKeelsonError(error, 'FORBIDDEN');
const misuse = (error: unknown): boolean => isKeelsonError(error, 'MISUSE');

const leftOver = sql<{ tenant: string | null; user: string | null }>`
  select current_setting('app.tenant_id', true) as tenant, current_setting('app.user_id', true) as "user"`;

const ROUNDS = 2;

test('100 units at once over a pool of 4: a forgotten filter shows no foreign row, and no setting is left on any connection', async () => {
  await using trial = await openTenants();
  const { database } = await trial.logIn({ poolSize: 4 });
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
});

test('the same work finds the foreign row where policies do not bind: as the owner', async () => {
  await using trial = await openTenants();
  await trial.owner.work(({ papers: repository }) => void repository.add(new Paper({ tenantId: tenantB, title: 'foreign' })));
  await assert.rejects(workAs(trial.owner, tenantA, { worker: 0, rounds: 1 }), assert.AssertionError);
});

test('without a tenant there is nothing to see, to change or to add, in a unit of work and outside', async () => {
  await using trial = await openTenants();
  const { database } = await trial.logIn();
  await asTenant(database, tenantA).work(({ papers: repository }) => void repository.add(new Paper({ tenantId: tenantA, title: 'one' })));
  assert.equal(await database.read((reader) => reader.papers.count()), 0);
  await database.work(async ({ papers: repository, sql: run }) => {
    assert.equal(await repository.count(), 0);
    assert.deepEqual(await run(sql`delete from ${papers} returning id`), []);
  });
  await assert.rejects(
    database.work(({ papers: repository }) => void repository.add(new Paper({ tenantId: tenantA, title: 'two' }))),
    forbidden,
  );
  assert.equal(await trial.owner.read((reader) => reader.papers.count()), 1);
});

test('what is another tenant’s cannot be got, updated, handed over or removed', async () => {
  await using trial = await openTenants();
  const { database } = await trial.logIn();
  const [a, b] = [asTenant(database, tenantA), asTenant(database, tenantB)];
  const paper = await a.work(({ papers: repository }) => repository.add(new Paper({ tenantId: tenantA, title: 'mine' })));
  const missing = (error: unknown): boolean => isKeelsonError(error, 'NOT_FOUND');
  await assert.rejects(
    b.read((reader) => reader.papers.get(paper.id)),
    missing,
  );
  await assert.rejects(
    b.work(({ papers: repository }) => repository.get(paper.id)),
    missing,
  );
  await assert.rejects(
    b.work(({ papers: repository }) => repository.update(paper.id, { title: 'theirs' })),
    missing,
  );
  await assert.rejects(
    a.work(async ({ papers: repository }) => {
      const own = await repository.get(paper.id);
      own.tenantId = tenantB;
    }),
    forbidden,
  );
  const [row] = await trial.owner.read((reader) => reader.papers.list());
  assert.deepEqual([row?.tenantId, row?.title], [tenantA, 'mine']);
});

test('a column whose default is the setting gets the tenant of the unit', async () => {
  await using trial = await openTenants();
  const { database } = await trial.logIn();
  await asTenant(database, tenantB).work(async ({ papers: repository, flush }) => {
    const paper = repository.add(new Paper({ title: 'whose?' }));
    await flush();
    assert.equal(paper.tenantId, tenantB);
  });
});

test('a read under a tenant is one packet of its own transaction, and leaves the shared connections alone', async () => {
  await using trial = await openTenants();
  const { database: direct } = await trial.logIn();
  await using wire = await startWire(direct.postgres.url);
  const postgres = await connectPostgres({ url: wire.url, poolSize: 1, log: silentLog, connectRetryMs: 0 });
  const view = asTenant(openDatabase(tenantModel, postgres, { log: silentLog }), tenantA);
  await view.read((reader) => reader.papers.list());
  wire.packets.length = 0;
  await view.read((reader) => reader.papers.list());
  assert.deepEqual(wire.packets, ['QBESQ'], 'BEGIN with the settings, the statement, COMMIT');
  assert.equal(postgres.readers.size, 0);
  await assert.rejects(
    view.read((reader) => reader.sql(sql`insert into ${papers} (title) values ('x')`)),
    isKeelsonError,
  );
  await assert.rejects(
    view.read((reader) => reader.sql(sql`select 1 / 0`)),
    (error) => isKeelsonError(error, 'DATABASE_ERROR'),
  );
  assert.equal(postgres.pool.stats.active, 0);
  assert.equal(await settingsLeft(view, 1), 0);
  await postgres.close();
  assert.equal(await trial.owner.read((reader) => reader.papers.count()), 0);
});

test('a read under a tenant whose plan a migration has outdated, or whose connection was lost, is told or done again', async () => {
  await using trial = await openTenants();
  const { database } = await trial.logIn({ poolSize: 1 });
  const view = asTenant(database, tenantA);
  const star = sql<{ title: string }>`select * from ${papers}`;
  assert.deepEqual(await view.read((reader) => reader.sql(star)), []);
  await trial.owner.work(({ sql: run }) => run(sql`alter table ${papers} add column extra text`));
  assert.deepEqual(await view.read((reader) => reader.sql(star)), []);
  const dying = view.read((reader) => reader.sql(sql`select pg_terminate_backend(pg_backend_pid())`));
  await assert.rejects(dying, (error) => isKeelsonError(error, 'DATABASE_CONNECTION_FAILED'));
  assert.deepEqual(await view.read((reader) => reader.sql(star)), []);
});

test('a read under a tenant inside a unit of that tenant is a statement of the unit, and one of another tenant is refused', async () => {
  await using trial = await openTenants();
  const { database } = await trial.logIn({ poolSize: 1 });
  const user = newId();
  await asTenant(database, tenantA, user).work(async ({ papers: repository, flush }) => {
    repository.add(new Paper({ tenantId: tenantA, title: 'not committed' }));
    await flush();
    // With a second connection this would wait for ever: the pool has one.
    assert.equal(await asTenant(database, tenantA, user).read((reader) => reader.papers.count()), 1);
    await assert.rejects(
      asTenant(database, tenantB, user).read((reader) => reader.papers.count()),
      misuse,
    );
  });
});

test('the order in which settings are named does not make another tenant of the same', async () => {
  await using database = await testDatabase({ model: tenantModel }, { poolSize: 1 });
  const one = database.for({ settings: { 'app.a': '1', 'app.b': '2' } });
  const same = database.for({ settings: { 'app.b': '2', 'app.a': '1' } });
  assert.equal(await one.work(() => same.work(() => 'nested')), 'nested');
  assert.throws(
    () => database.for({ settings: { 'app.a': 'half \ud800' } }),
    (error) => isKeelsonError(error, 'VALIDATION_ERROR'),
  );
});

test('in a test that is rolled back tenants are kept apart as well, and settings end with their unit', async () => {
  await using database = await testDatabase({ model: tenantModel }, { isolation: 'rollback' });
  const [a, b] = [asTenant(database, tenantA), asTenant(database, tenantB)];
  await a.work(({ papers: repository }) => void repository.add(new Paper({ title: 'a' })));
  assert.equal(await a.read((reader) => reader.papers.count()), 1);
  assert.equal(await b.read((reader) => reader.papers.count()), 0);
  const [left] = await database.work(({ sql: run }) => run(leftOver));
  assert.deepEqual([left?.tenant, left?.user], ['', '']);
  assert.equal(await database.read((reader) => reader.papers.count()), 0);
});
