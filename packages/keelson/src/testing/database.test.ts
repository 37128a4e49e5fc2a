/** The kit that every test here stands on: clean databases, kept apart, from a template that is made once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isKeelsonError } from '../errors.ts';
import { integer, references, text, uuid } from '../schema/column.ts';
import { policy, setting } from '../schema/policy.ts';
import { sql } from '../schema/sql.ts';
import { type AnyTable, table } from '../schema/table.ts';
import { entity } from '../work/entity.ts';
import { defineModel } from '../work/model.ts';
import { repository } from '../work/repository.ts';
import { testDatabase } from './database.ts';
import { testServer } from './server.ts';

const things = table('things', { id: uuid().primaryKey(), name: text() });
class Thing extends entity(things) {}
class ThingRepository extends repository(Thing) {}
const model = defineModel({ name: 'kit', tables: [things], repositories: { things: ThingRepository } });

// Of this process only: others make and drop theirs at the same moment.
const clones = sql<{
  name: string;
}>`select datname as name from pg_database where datname like ${`keelson\\_test\\_${process.pid}\\_%`} order by 1`;
const templates = sql<{
  name: string;
}>`select datname as name from pg_database where datname like 'keelson\\_template\\_%' and datname not like '%draft'`;

// INF-8 GLK-7
test('a test finds nothing of the one before, whether that committed, failed or was left half-way', async () => {
  for (let round = 0; round < 2; round += 1) {
    await using database = await testDatabase({ model });
    assert.equal(await database.read((reader) => reader.things.count()), 0);
    await database.work((unit) => unit.things.add(new Thing({ name: 'committed' })));
    await assert.rejects(
      database.work(async (unit) => {
        unit.things.add(new Thing({ name: 'lost' }));
        await unit.sql(sql`select 1 / 0`);
      }),
    );
    assert.equal(await database.read((reader) => reader.things.count()), 1);
  }
  await using rolledBack = await testDatabase({ model }, { isolation: 'rollback' });
  assert.equal(await rolledBack.read((reader) => reader.things.count()), 0);
});

test('the shared database of a process has one user at a time, and says how to have more', async () => {
  await using first = await testDatabase({ model });
  await assert.rejects(testDatabase({ model }), (error) => isKeelsonError(error, 'MISUSE') && error.hint.includes("isolation: 'database'"));
  await using second = await testDatabase({ model }, { isolation: 'database' });
  await first.work((unit) => unit.things.add(new Thing({ name: 'mine' })));
  assert.equal(await second.read((reader) => reader.things.count()), 0);
});

test('a clone of one test is gone when its test is over, and the template stays for the next', async () => {
  await using outside = await testDatabase({ model });
  const [clonesBefore, templatesBefore] = await outside.read((reader) => Promise.all([reader.sql(clones), reader.sql(templates)]));
  {
    await using inside = await testDatabase({ model }, { isolation: 'database' });
    await inside.work((unit) => unit.sql(sql`alter table ${things} add column extra integer`));
    assert.equal((await outside.read((reader) => reader.sql(clones))).length, clonesBefore.length + 1);
  }
  const [clonesAfter, templatesAfter] = await outside.read((reader) => Promise.all([reader.sql(clones), reader.sql(templates)]));
  assert.deepEqual(clonesAfter, clonesBefore);
  for (const { name } of templatesBefore)
    assert.ok(
      templatesAfter.some((template) => template.name === name),
      name,
    );
  await using again = await testDatabase({ model }, { isolation: 'database' });
  const columns = await again.read((reader) => reader.sql(sql`select * from ${things} limit 0`));
  assert.deepEqual(columns, []);
});

test('tables that refer to each other in a circle are emptied all the same', async () => {
  const hens: AnyTable = table('hens', { id: uuid().primaryKey(), eggId: references(() => eggs).nullable() });
  const eggs: AnyTable = table('eggs', { id: uuid().primaryKey(), henId: references(() => hens).nullable(), weight: integer() });
  const circle = defineModel({ name: 'circle_kit', tables: [hens, eggs], repositories: {} });
  for (let round = 0; round < 2; round += 1) {
    await using database = await testDatabase({ model: circle });
    const [count] = await database.read((reader) => reader.sql(sql<{ n: number }>`select count(*)::int as n from ${hens}`));
    assert.equal(count?.n, 0);
    await database.work(async ({ sql: run }) => {
      const [hen] = await run(sql<{ id: string }>`insert into ${hens} default values returning id`);
      const [egg] = await run(sql<{ id: string }>`insert into ${eggs} (hen_id, weight) values (${hen?.id}, 60) returning id`);
      await run(sql`update ${hens} set egg_id = ${egg?.id}`);
    });
  }
});

test('the session is in UTC, and so is the process', async () => {
  await using database = await testDatabase({ model });
  const [row] = await database.work((unit) => unit.sql(sql<{ zone: string }>`select current_setting('TimeZone') as zone`));
  assert.equal(row?.zone, 'UTC');
  assert.equal(new Date(2020, 0, 1).toISOString(), '2020-01-01T00:00:00.000Z');
});

test('a folder of migrations without a revision is refused', async () => {
  await assert.rejects(testDatabase({ model, migrationsDirectory: import.meta.dirname }, { isolation: 'database' }), (error) =>
    isKeelsonError(error),
  );
  assert.ok((await testServer()).url.startsWith('postgres'));
});

// FND-8
test('where a model has policies the app has a role that they bind, and the next test finds nothing all the same', async () => {
  const secrets = table('secrets', { id: uuid().primaryKey(), owner: text() }, (t) => [
    policy('own', { using: sql`${t.owner} = ${setting('app.user_id', 'text')}` }),
  ]);
  class Secret extends entity(secrets) {}
  class SecretRepository extends repository(Secret) {}
  const secret = defineModel({ name: 'secret_kit', tables: [secrets], repositories: { secrets: SecretRepository } });
  for (let round = 0; round < 2; round += 1) {
    await using database = await testDatabase({ model: secret });
    const ada = database.for({ settings: { 'app.user_id': 'ada' } });
    assert.equal(await ada.read((reader) => reader.secrets.count()), 0);
    await ada.work(({ secrets: rows }) => void rows.add(new Secret({ owner: 'ada' })));
    assert.equal(await ada.read((reader) => reader.secrets.count()), 1);
    assert.equal(await database.read((reader) => reader.secrets.count()), 0);
  }
  await using database = await testDatabase({ model: secret }, { role: 'owner' });
  assert.equal(await database.read((reader) => reader.secrets.count()), 0);
  await database.work(({ secrets: rows }) => void rows.add(new Secret({ owner: 'bob' })));
  assert.equal(await database.read((reader) => reader.secrets.count()), 1);
});
