/** The seed: two games that look real, the same every time; run twice it doubles nothing, and it has no password of its own. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isKeelsonError } from 'keelson/errors';
import { sql } from 'keelson/schema';
import { testApp } from 'keelson/testing';
import type { Database } from 'keelson/work';
import { larpManager } from './app.ts';
import { readDetailsSchema } from './details-schema.ts';
import { compareArrays } from './id-arrays.fixture.ts';
import type { Repositories } from './model.ts';
import { viewOf } from './rows.fixture.ts';
import { seed } from './seed.ts';

const superuser = { SEED_SUPERUSER_EMAIL: 'root@example.com', SEED_SUPERUSER_PASSWORD: 'correct horse battery' };

/** One text for everything that the seed has made; times are when it was run, and passwords are salted. */
async function fingerprint(view: Database<Repositories>): Promise<string> {
  const tables = [
    'users',
    'games',
    'gms',
    'players',
    'characters',
    'character_groups',
    'plots',
    'group_characters',
    'plot_groups',
    'plot_characters',
  ];
  const parts = tables.map(
    (table) => sql`
      select md5(string_agg((to_jsonb(t) - '{created_at,updated_at,password_hash}'::text[])::text, ';' order by to_jsonb(t)::text)) as part
      from ${sql.identifier('larp_manager')}.${sql.identifier(table)} as t where to_jsonb(t)->>'email' is distinct from ${superuser.SEED_SUPERUSER_EMAIL}`,
  );
  const rows = await view.work((unit) =>
    unit.sql(sql<{ all: string }>`select string_agg(part, ' ') as all from (${sql.join(parts, ' union all ')}) as p`),
  );
  return rows[0]?.all ?? '';
}

// LRP-10
test('it makes two games with 200 characters and 40 plots and more, with names that are read, and is the same when it is run again', async () => {
  let first = '';
  {
    await using app = await testApp(larpManager, { environment: superuser });
    const view = viewOf(app.database, { isSuperuser: true });
    await seed(app);
    first = await fingerprint(view);
    await seed(app);
    assert.equal(await fingerprint(view), first);
    const [counts] = await view.work((unit) =>
      unit.sql(sql<Record<string, number>>`
        select (select count(*)::int from larp_manager.games) as games, (select count(*)::int from larp_manager.characters) as characters,
          (select count(distinct name)::int from larp_manager.characters) as names, (select count(*)::int from larp_manager.plots) as plots,
          (select count(*)::int from larp_manager.character_groups) as groups, (select count(*)::int from larp_manager.players) as players,
          (select count(*)::int from larp_manager.users where is_superuser) as superusers,
          (select count(*)::int from larp_manager.characters where cardinality(group_ids) = 0) as alone`),
    );
    assert.deepEqual(counts, { games: 2, characters: 240, names: 240, plots: 50, groups: 22, players: 180, superusers: 1, alone: 0 });
    assert.deepEqual((await compareArrays(view)).different, []);
    const [winter] = await view.read(({ characters }) => characters.list({}, { orderBy: 'name', limit: 1 }));
    assert.match(winter?.description ?? '', /^A [a-z ]+ who [^.]+, and [^.]+\.$/u);
  }
  // Another database, without the superuser: the same rows with the same keys.
  await using again = await testApp(larpManager, { isolation: 'database' });
  await seed(again);
  assert.equal(await fingerprint(viewOf(again.database, { isSuperuser: true })), first);
});

test('the details of every player fit the schema of their game', async () => {
  await using app = await testApp(larpManager);
  await seed(app);
  await viewOf(app.database, { isSuperuser: true }).work(async ({ games, players }) => {
    for (const { id, additionalDetailsSchema } of await games.list()) {
      const check = readDetailsSchema(additionalDetailsSchema, 'schema');
      for (const { additionalDetails } of await players.list({ gameId: id }, { limit: 1_000 })) {
        assert.deepEqual(check.problemsOf(additionalDetails, 'details'), []);
      }
    }
  });
});

test('nobody of the seed can sign in, but the superuser whom the settings name, whose password they must name too', async () => {
  await using app = await testApp(larpManager, { environment: superuser });
  await seed(app);
  const login = (email: string, password: string) =>
    app.inject({ method: 'POST', url: '/api/v1/auth/login', payload: { email, password } });
  assert.equal((await login('root@example.com', superuser.SEED_SUPERUSER_PASSWORD)).statusCode, 200);
  for (const password of ['none', 'correct horse battery', 'password'])
    assert.equal((await login('marlene.voss@example.com', password)).statusCode, 401);
  const without = { ...app, settings: { ...app.settings, SEED_SUPERUSER_EMAIL: 'other@example.com', SEED_SUPERUSER_PASSWORD: undefined } };
  await assert.rejects(seed(without), (error) => isKeelsonError(error, 'CONFIG_INVALID'));
});

test('what a developer has changed stays, and who has an e-mail of the seed already is taken as they are', async () => {
  await using app = await testApp(larpManager);
  const view = viewOf(app.database, { isSuperuser: true });
  const email = 'marlene.voss@example.com';
  const { id } = await app.services.users.register({ email, password: 'correct horse battery', name: 'M.' });
  await seed(app);
  assert.equal((await view.read(({ gms }) => gms.list({ userId: id }))).length, 2);
  await view.work(async ({ games }) => {
    const game = await games.find({ name: 'Last Train to Odessa' });
    assert.ok(game);
    game.name = 'Mine';
  });
  await seed(app);
  assert.deepEqual(
    (await view.read(({ games }) => games.list({}, { orderBy: 'name' }))).map(({ name }) => name),
    ['Mine', 'Winter over Falkenrath'],
  );
});
