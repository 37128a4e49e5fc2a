/** Guessing passwords through the whole app: who guesses waits, who is guessed at does not, and both are written down. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sql } from 'keelson/schema';
import { type Answered, type RunningAccounts, startAccounts } from '../calls.fixture.ts';

const ada = { email: 'ada@example.com', password: 'correct horse battery' };
const thief = '203.0.113.7';

/** An app that counts, with one user; a log-in comes from an address. */
async function withAda(environment: Readonly<Record<string, string>> = {}) {
  const accounts = await startAccounts({ RATE_LIMIT: 'on', ...environment });
  const id = String((await accounts.call('POST', '/auth/register', { body: ada })).body['id']);
  const login = async (from: string, body: object = ada, headers: Readonly<Record<string, string>> = {}): Promise<Answered> =>
    accounts.call('POST', '/auth/login', { body, from, headers });
  return {
    ...accounts,
    id,
    login,
    guess: async (from: string, times: number, headers: Readonly<Record<string, string>> = {}) => {
      const statuses: number[] = [];
      for (let guess = 0; guess < times; guess += 1) statuses.push((await login(from, { ...ada, password: 'a guess' }, headers)).status);
      return statuses;
    },
    [Symbol.asyncDispose]: () => accounts[Symbol.asyncDispose](),
  };
}

async function auditOf({ database }: Pick<RunningAccounts, 'database'>): Promise<readonly Readonly<Record<string, unknown>>[]> {
  return database.read((reader) =>
    reader.sql(sql`select action, user_id, actor_id, session_id, address from accounts.audit_log order by id`),
  );
}

// INF-6
test('who guesses is told to wait, also with the right password then, and how long; from elsewhere its owner gets in at once', async () => {
  await using accounts = await withAda();
  assert.deepEqual(await accounts.guess(thief, 7), [401, 401, 401, 401, 401, 401, 429]);
  const refused = await accounts.login(thief);
  assert.equal(refused.status, 429);
  assert.equal(refused.body['error'], 'RATE_LIMITED');
  assert.equal(refused.headers['retry-after'], '1');
  assert.equal(refused.body['retry_after'], 1);
  assert.equal((await accounts.login('192.0.2.1')).status, 200);
  // The success elsewhere is none of the thief's.
  assert.equal((await accounts.login(thief)).status, 429);
  accounts.clock.skipMs(1_000);
  assert.equal((await accounts.login(thief)).status, 200);
  assert.deepEqual(await accounts.guess(thief, 6), [401, 401, 401, 401, 401, 401]);
});

// INF-6
test('an e-mail that nobody has is held up like any other, and every spelling of one is the same', async () => {
  await using accounts = await withAda();
  for (const spelling of ['nobody@example.com', ' NOBODY@example.com', 'NoBody@Example.com', '\uff4eobody@example.com']) {
    for (let guess = 0; guess < 2; guess += 1) await accounts.login(thief, { email: spelling, password: 'a guess' });
  }
  assert.equal((await accounts.login(thief, { email: 'nobody@example.com', password: 'a guess' })).status, 429);
  assert.equal((await accounts.login(thief)).status, 200);
});

test('an access token that was stolen does not help to guess the password', async () => {
  await using accounts = await withAda();
  const token = String((await accounts.login('192.0.2.1')).body['access_token']);
  const guess = async (): Promise<Answered> =>
    accounts.call('PUT', '/users/me/password', {
      token,
      from: thief,
      body: { current_password: 'a guess', new_password: 'another passphrase' },
    });
  const statuses: number[] = [];
  for (let round = 0; round < 7; round += 1) statuses.push((await guess()).status);
  assert.deepEqual(statuses, [401, 401, 401, 401, 401, 401, 429]);
  // A log-in at the same address is the same guess.
  assert.deepEqual(await accounts.guess(thief, 1), [429]);
});

// INF-9
test('without a proxy that is trusted the address is the one of the connection, whatever a client claims', async () => {
  await using direct = await withAda();
  for (let guess = 0; guess < 6; guess += 1) await direct.guess(thief, 1, { 'x-forwarded-for': `198.51.100.${guess}` });
  assert.equal((await direct.login(thief)).status, 429);
});

// INF-9
test('behind trusted proxies the address is the one that the outermost of them saw, and nothing before it', async () => {
  await using behind = await withAda({ TRUST_PROXY: '1' });
  const proxy = '10.0.0.1';
  // The proxy adds the address that it sees; what stands before it is the client's own invention.
  for (let guess = 0; guess < 6; guess += 1) await behind.guess(proxy, 1, { 'x-forwarded-for': `198.51.100.${guess}, ${thief}` });
  assert.equal((await behind.login(proxy, ada, { 'x-forwarded-for': `192.0.2.1, ${thief}` })).status, 429);
  assert.equal((await behind.login(proxy, ada, { 'x-forwarded-for': '192.0.2.1' })).status, 200);
});

// INF-6
test('failed log-ins, a token used twice, a changed password and a deactivated user are written down, without a secret', async () => {
  await using accounts = await withAda();
  const { id } = accounts;
  const from = '192.0.2.1';
  await accounts.login(thief, { ...ada, password: 'a guess' });
  await accounts.login(thief, { email: 'nobody@example.com', password: 'a guess' });
  const pair = (await accounts.login(from)).body;
  for (let use = 0; use < 2; use += 1)
    await accounts.call('POST', '/auth/refresh', { from: thief, body: { refresh_token: pair['refresh_token'] } });
  const token = String((await accounts.login(from)).body['access_token']);
  const change = { current_password: ada.password, new_password: 'another passphrase' };
  await accounts.call('PUT', '/users/me/password', { token, from, body: change });
  const root = { email: 'root@example.com', password: 'staple of another make' };
  const rootId = String((await accounts.call('POST', '/auth/register', { body: root })).body['id']);
  await accounts.database.work((unit) => unit.sql(sql`update accounts.users set is_superuser = true where id = ${rootId}`));
  const rootToken = String((await accounts.login(from, root)).body['access_token']);
  for (let time = 0; time < 2; time += 1)
    await accounts.call('PATCH', `/users/${id}`, { token: rootToken, from, body: { is_active: false } });
  const rows = await auditOf(accounts);
  assert.deepEqual(
    rows.map((row) => [row['action'], row['user_id'], row['actor_id'], row['address']]),
    [
      ['login_failed', id, null, thief],
      ['login_failed', null, null, thief],
      ['token_reused', id, null, thief],
      ['password_changed', id, id, from],
      ['user_deactivated', id, rootId, from],
    ],
  );
  const everything = `${JSON.stringify(rows)}${accounts.lines.join('\n')}`;
  for (const secret of ['a guess', ada.password, change.new_password, ada.email, String(pair['refresh_token']), token])
    assert.ok(!everything.includes(secret));
});
