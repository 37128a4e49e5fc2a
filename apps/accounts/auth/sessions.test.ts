/** Changing one's password, seeing one's sessions and ending them, through the whole app. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Answered, startAccounts } from '../calls.fixture.ts';

const ada = { email: 'ada@example.com', password: 'correct horse battery' };
const bob = { email: 'bob@example.com', password: 'staple of another make' };
const fresh = 'a wholly new passphrase';

/** An app with two users, and the calls that these tests make again and again. */
async function withUsers() {
  const accounts = await startAccounts();
  for (const body of [ada, bob]) await accounts.call('POST', '/auth/register', { body });
  const login = async (body: object): Promise<Answered> => accounts.call('POST', '/auth/login', { body });
  return {
    ...accounts,
    login,
    pair: async (who: object = ada) => {
      const answer = await login(who);
      assert.equal(answer.status, 200, answer.text);
      return { access: String(answer.body['access_token']), refresh: String(answer.body['refresh_token']) };
    },
    change: async (token: string, body: object) => accounts.call('PUT', '/users/me/password', { token, body }),
    sessions: async (token: string) => itemsOf(await accounts.call('GET', '/users/me/sessions', { token })),
    statusOf: async (token: string) => (await accounts.call('GET', '/users/me', { token })).status,
    [Symbol.asyncDispose]: () => accounts[Symbol.asyncDispose](),
  };
}

function itemsOf(answer: Answered): readonly Readonly<Record<string, unknown>>[] {
  assert.equal(answer.status, 200, answer.text);
  const { items } = answer.body;
  assert.ok(Array.isArray(items));
  return items.map((item: unknown) => ({ ...(typeof item === 'object' ? item : {}) }));
}

function assertRefused(answer: Answered, status: number, code: string): void {
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.body['error'], code);
  for (const secret of [ada.password, bob.password, fresh, '$2b$']) assert.ok(!answer.text.includes(secret));
}

// INF-6 INF-9
test('a changed password is the one that logs in, and every other session is over on its next call', async () => {
  await using accounts = await withUsers();
  const [mine, other, bobs] = [await accounts.pair(), await accounts.pair(), await accounts.pair(bob)];
  const answer = await accounts.change(mine.access, { current_password: ada.password, new_password: fresh });
  assert.equal(answer.status, 204, answer.text);
  assert.equal(answer.text, '');
  assert.equal(await accounts.statusOf(mine.access), 200);
  assert.equal(await accounts.statusOf(other.access), 401);
  assert.equal(await accounts.statusOf(bobs.access), 200);
  const refreshed = await accounts.call('POST', '/auth/refresh', { body: { refresh_token: other.refresh } });
  assertRefused(refreshed, 401, 'TOKEN_INVALID');
  assertRefused(await accounts.login(ada), 401, 'INVALID_CREDENTIALS');
  await accounts.pair({ ...ada, password: fresh });
});

// INF-6
test('nobody changes a password without knowing the current one, or to one that may not be used', async () => {
  await using accounts = await withUsers();
  const { access } = await accounts.pair();
  const other = await accounts.pair();
  assertRefused(await accounts.change(access, { current_password: 'not the one', new_password: fresh }), 401, 'INVALID_CREDENTIALS');
  for (const wrong of ['short', 'x'.repeat(73), '']) {
    assertRefused(await accounts.change(access, { current_password: ada.password, new_password: wrong }), 422, 'VALIDATION_ERROR');
  }
  for (const body of [{ new_password: fresh }, { current_password: ada.password }, {}]) {
    assertRefused(await accounts.change(access, body), 422, 'VALIDATION_ERROR');
  }
  const anonymous = await accounts.call('PUT', '/users/me/password', { body: { current_password: ada.password, new_password: fresh } });
  assertRefused(anonymous, 401, 'UNAUTHENTICATED');
  // Nothing of it has changed anything.
  assert.equal(await accounts.statusOf(other.access), 200);
  await accounts.pair();
});

test('of two changes of a password at once one is made, and the other is told that its current password is none', async () => {
  await using accounts = await withUsers();
  const { access } = await accounts.pair();
  const answers = await Promise.all(
    ['the first of the two', 'the second of the two'].map((password) =>
      accounts.change(access, { current_password: ada.password, new_password: password }),
    ),
  );
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([204, 401]));
});

// INF-9
test('users see their own sessions that live, the newest first, and which of them asks', async () => {
  await using accounts = await withUsers();
  const [first, second] = [await accounts.pair(), await accounts.pair()];
  await accounts.pair(bob);
  const listed = await accounts.sessions(first.access);
  assert.deepEqual(
    listed.map((session) => session['is_current']),
    [false, true],
  );
  assert.deepEqual(Object.keys(listed[0] ?? {}).toSorted(), ['created_at', 'expires_at', 'id', 'is_current', 'refreshed_at']);
  await accounts.call('POST', '/auth/logout', { body: { refresh_token: second.refresh } });
  assert.equal((await accounts.sessions(first.access)).length, 1);
  accounts.clock.skipMs(8 * 86_400_000);
  const later = await accounts.pair();
  assert.equal((await accounts.sessions(later.access)).length, 1);
});

// INF-6 INF-9
test('a session that its user ends is over on its next call; those of others cannot be ended', async () => {
  await using accounts = await withUsers();
  const [first, second, bobs] = [await accounts.pair(), await accounts.pair(), await accounts.pair(bob)];
  const idOf = async (token: string): Promise<string> =>
    String((await accounts.sessions(token)).find((session) => session['is_current'] === true)?.['id']);
  const end = async (token: string, id: string): Promise<Answered> => accounts.call('DELETE', `/users/me/sessions/${id}`, { token });
  const secondId = await idOf(second.access);
  assert.equal((await end(first.access, secondId)).status, 204);
  assert.equal(await accounts.statusOf(second.access), 401);
  assertRefused(await end(first.access, secondId), 404, 'NOT_FOUND');
  assertRefused(await end(first.access, await idOf(bobs.access)), 404, 'NOT_FOUND');
  assert.equal(await accounts.statusOf(bobs.access), 200);
  assertRefused(await end(first.access, 'nonsense'), 422, 'VALIDATION_ERROR');
  assert.equal((await end(first.access, await idOf(first.access))).status, 204);
  assert.equal(await accounts.statusOf(first.access), 401);
});
