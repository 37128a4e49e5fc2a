/** Accounts behind PgBouncer in transaction mode: two processes, migrations past it, and many who sign in at once. */
// FND-8
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLog } from 'keelson/log';
import { connectPostgres } from 'keelson/postgres';
import { findPooler, startTestPooler } from 'keelson/testing';
import { type Answer, ask, command, emptyDatabase, serve, type Served } from './processes.fixture.ts';

const skip = findPooler() === undefined ? 'PgBouncer is not installed' : false;

const USERS = 12;
const ROUNDS = 5;

/** Registers, signs in, looks, changes and renews; gives how many answers there were. */
async function live(served: readonly Served[], number: number): Promise<number> {
  const [one, other] = number % 2 === 0 ? served : served.toReversed();
  assert.ok(one !== undefined && other !== undefined);
  const person = { email: `user${number}@example.com`, password: 'correct horse battery' };
  assert.equal((await ask(one, { method: 'POST', path: '/api/v1/auth/register', body: person })).status, 201);
  const signedIn = await ask(other, { method: 'POST', path: '/api/v1/auth/login', body: person });
  assert.equal(signedIn.status, 200, JSON.stringify(signedIn.body));
  let { access_token: access, refresh_token: refresh } = signedIn.body;
  let answers = 2;
  for (let round = 0; round < ROUNDS; round += 1) {
    const token: string = String(access);
    const seen: readonly Answer[] = await Promise.all(
      [one, other].map((each) => ask(each, { method: 'GET', path: '/api/v1/users/me', token })),
    );
    assert.deepEqual(
      seen.map(({ status, body }) => [status, body['email']]),
      [
        [200, person.email],
        [200, person.email],
      ],
    );
    const renewed: Answer = await ask(round % 2 === 0 ? one : other, {
      method: 'POST',
      path: '/api/v1/auth/refresh',
      body: { refresh_token: String(refresh) },
    });
    assert.equal(renewed.status, 200, JSON.stringify(renewed.body));
    ({ access_token: access, refresh_token: refresh } = renewed.body);
    answers += 3;
  }
  return answers;
}

/** What is found on the connections to the server by whoever comes next: named statements, and how the settings stand. */
async function leftBehind(url: string): Promise<ReadonlySet<string>> {
  const postgres = await connectPostgres({ url, pooler: 'transaction', log: silentLog });
  const text = `
    select (select count(*) from pg_prepared_statements) || ' ' || current_setting('statement_timeout') || ' ' ||
      current_setting('TimeZone'), pg_sleep(0.02)::text`;
  const connections = await Promise.all(Array.from({ length: 6 }, () => postgres.connect()));
  const results = await Promise.all(connections.map((connection) => connection.query({ text, name: undefined, values: [] })));
  for (const connection of connections) await connection.close();
  await postgres.close();
  return new Set(results.map(({ rows }) => rows[0]?.[0] ?? ''));
}

test('the whole app works through a pooler of three connections, and migrates past it', { skip }, async () => {
  await using database = await emptyDatabase('pooled');
  await using pooler = await startTestPooler({ url: database.url, poolSize: 3 });
  const environment = { DIRECT_DATABASE_URL: database.url, DATABASE_POOLER: 'transaction', DATABASE_POOL_SIZE: '10' };
  await using first = await serve(pooler.url, environment);
  await using second = await serve(pooler.url, environment);
  const answers = await Promise.all(Array.from({ length: USERS }, (_, number) => live([first, second], number)));
  assert.deepEqual(new Set(answers), new Set([2 + 3 * ROUNDS]));
  for (const served of [first, second]) {
    const health = await ask(served, { method: 'GET', path: '/health/db' });
    assert.deepEqual([health.status, health.body['migration_status']], [200, 'up_to_date']);
    assert.equal((await ask(served, { method: 'GET', path: '/health/ready' })).status, 200);
    assert.doesNotMatch(served.printed(), /prepared statement|SQLSTATE|"level":"error"/u);
  }
  // As on a connection that nobody has used yet.
  assert.deepEqual(await leftBehind(pooler.url), await leftBehind(database.url));
});

test('without a way past the pooler nothing is migrated, and the start says what is missing', { skip }, async () => {
  await using database = await emptyDatabase('pooled_astray');
  await using pooler = await startTestPooler({ url: database.url, poolSize: 3 });
  await assert.rejects(serve(pooler.url, { DATABASE_POOLER: 'transaction' }), /DIRECT_DATABASE_URL/u);
  const made = "select count(*) from pg_namespace where nspname = 'accounts'";
  assert.deepEqual(await command(database.url, made), [['0']]);
  assert.deepEqual(await command(database.url, "select count(*) from pg_locks where locktype = 'advisory'"), [['0']]);
});
