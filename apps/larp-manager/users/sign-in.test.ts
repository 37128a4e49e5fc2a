/** Signing in to LARP manager: sessions, who is asking, and what each call's transactions carry, through the whole app. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { offersAdministration } from 'keelson/auth';
import { systemClock } from 'keelson/clock';
import { type Answered, password, signInTwoGames, startLarp } from '../calls.fixture.ts';

const ada = { email: 'ada@example.com', password, name: 'Ada', phone: '+49 30 123' };

function assertRefused(answer: Answered, status: number, code: string): void {
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.body['error'], code);
  for (const secret of [password, 'password_hash', '$2b$', 'select ', 'larp_manager.']) assert.ok(!answer.text.includes(secret));
}

// LRP-8 INF-6
test('whoever registers may sign in, is told who they are, and signs out', async () => {
  await using larp = await startLarp();
  const registered = await larp.call('POST', '/auth/register', { body: ada });
  assert.equal(registered.status, 201, registered.text);
  assert.equal(registered.headers['location'], `/api/v1/users/${String(registered.body['id'])}`);
  assert.ok(!registered.text.includes('hash'));
  assertRefused(await larp.call('POST', '/auth/register', { body: { ...ada, email: 'ADA@example.com' } }), 409, 'CONFLICT');
  const pair = await larp.login('ada@example.com');
  assert.equal(pair.status, 200, pair.text);
  assert.equal(pair.body['expires_in'], 30 * 60);
  const token = String(pair.body['access_token']);
  const me = await larp.call('GET', '/users/me', { token });
  assert.equal(me.status, 200, me.text);
  const { id: _id, created_at: _created, updated_at: _updated, ...told } = me.body;
  assert.deepEqual(told, {
    email: ada.email,
    name: 'Ada',
    phone: ada.phone,
    is_active: true,
    is_superuser: false,
    version: 1,
    gm_games: [],
    player_games: [],
  });
  const refreshed = await larp.call('POST', '/auth/refresh', { body: { refresh_token: pair.body['refresh_token'] } });
  assert.equal(refreshed.status, 200, refreshed.text);
  const sessions = await larp.call('GET', '/users/me/sessions', { token });
  assert.ok(Array.isArray(sessions.body['items']) && sessions.body['items'].length === 1, sessions.text);
  assert.equal((await larp.call('POST', '/auth/logout', { body: { refresh_token: refreshed.body['refresh_token'] } })).status, 204);
  assertRefused(await larp.call('GET', '/users/me', { token }), 401, 'TOKEN_INVALID');
});

// LRP-8
test('who is asking is found with the games that they run and play in, by one statement', async () => {
  await using larp = await startLarp();
  const { north, south, tokens } = await signInTwoGames(larp);
  const gamesOf = async (token: string): Promise<readonly unknown[]> => {
    const { body, text } = await larp.call('GET', '/users/me', { token });
    assert.ok(body['email'], text);
    return [body['gm_games'], body['player_games']];
  };
  assert.deepEqual(await gamesOf(tokens.gerd), [[north.game.id], []]);
  assert.deepEqual(await gamesOf(tokens.ann), [[south.game.id], [north.game.id]]);
  assert.deepEqual(await gamesOf(tokens.dora), [[], []]);
  larp.statements.length = 0;
  await gamesOf(tokens.ann);
  // Between the marks of its transaction, which travel with it.
  const asked = larp.statements.filter((text) => !/^(?:begin|commit)/u.test(text));
  assert.equal(asked.length, 1, asked.join('\n'));
});

// LRP-8
test('a wrong password, an unknown e-mail and too many tries are refused, and counted where policies hold', async () => {
  const now = systemClock.now();
  await using larp = await startLarp({ RATE_LIMIT: 'on' }, { ...systemClock, now: () => now });
  await larp.call('POST', '/auth/register', { body: ada });
  for (let number = 0; number < 6; number += 1) assertRefused(await larp.login(ada.email, 'not the one'), 401, 'INVALID_CREDENTIALS');
  assertRefused(await larp.login(ada.email), 429, 'RATE_LIMITED');
  assertRefused(await larp.login('nobody@example.com', 'not the one'), 401, 'INVALID_CREDENTIALS');
  const failures = larp.lines.filter((line) => line.includes('auth.login_failed'));
  assert.ok(failures.length === 7, String(failures.length));
  assert.ok(!larp.lines.join('\n').includes(ada.email));
});

// LRP-8
test('users change what is theirs, and a new password ends every other session', async () => {
  await using larp = await startLarp();
  await larp.call('POST', '/auth/register', { body: ada });
  await larp.call('POST', '/auth/register', { body: { ...ada, email: 'bob@example.com' } });
  const [token, other] = [0, 1].map(async () => String((await larp.login(ada.email)).body['access_token']));
  const mine = await token;
  const changed = await larp.call('PATCH', '/users/me', { token: mine, body: { email: ' King@Example.com', phone: null } });
  assert.equal(changed.status, 200, changed.text);
  assert.deepEqual([changed.body['email'], changed.body['phone'], changed.body['name']], ['king@example.com', null, 'Ada']);
  assertRefused(await larp.call('PATCH', '/users/me', { token: mine, body: { email: 'bob@example.com' } }), 409, 'CONFLICT');
  for (const body of [{ is_superuser: true }, { is_active: false }, { version: 7 }, { email: 'none' }, { phone: 'x' }])
    assertRefused(await larp.call('PATCH', '/users/me', { token: mine, body }), 422, 'VALIDATION_ERROR');
  const passwords = { current_password: password, new_password: 'a wholly new passphrase' };
  const set = await larp.call('PUT', '/users/me/password', { token: mine, body: passwords });
  assert.equal(set.status, 204, set.text);
  assert.equal((await larp.call('GET', '/users/me', { token: mine })).status, 200);
  assert.equal((await larp.call('GET', '/users/me', { token: (await other) ?? '' })).status, 401);
  assert.equal((await larp.login('king@example.com', 'a wholly new passphrase')).status, 200);
});

// LRP-1
test('where FEATURE_REGISTRATION is off nobody registers, and superusers add users', async () => {
  await using larp = await startLarp({ FEATURE_REGISTRATION: 'off' });
  assertRefused(await larp.call('POST', '/auth/register', { body: ada }), 403, 'FORBIDDEN');
  await larp.services.administration.createSuperuser('root@example.com', password);
  const token = String((await larp.login('root@example.com')).body['access_token']);
  const added = await larp.call('POST', '/users', { token, body: ada });
  assert.equal(added.status, 201, added.text);
  assert.equal((await larp.login(ada.email)).status, 200);
});

// LRP-8 INF-6
test('the command line makes superusers, sets passwords, shuts out and lists, where policies hold', async () => {
  await using larp = await startLarp();
  assert.ok(offersAdministration(larp.services));
  const { administration } = larp.services;
  const made = await administration.createSuperuser('root@example.com', password);
  assert.ok(made.isSuperuser);
  await larp.call('POST', '/auth/register', { body: ada });
  assert.deepEqual(
    (await administration.list()).map(({ email }) => email),
    ['root@example.com', ada.email],
  );
  const token = String((await larp.login(ada.email)).body['access_token']);
  assert.equal((await administration.deactivate('ADA@example.com')).isActive, false);
  assert.equal((await larp.call('GET', '/users/me', { token })).status, 401);
  assertRefused(await larp.login(ada.email), 403, 'FORBIDDEN');
  await administration.setPassword('root@example.com', 'another passphrase');
  assert.equal((await larp.login('root@example.com', 'another passphrase')).status, 200);
  await assert.rejects(administration.createSuperuser('root@example.com', password), { code: 'CONFLICT' });
});
