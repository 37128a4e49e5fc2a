/** What superusers do with users, and that nobody else does, through the whole app. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sql } from 'keelson/schema';
import { type Answered, startAccounts } from '../calls.fixture.ts';

const root = { email: 'root@example.com', password: 'correct horse battery' };
const ada = { email: 'ada@example.com', password: 'correct horse battery', full_name: 'Ada' };
const nobody = '019aa1c8-0000-7000-8000-000000000009';

/** An app with a superuser and a user, both signed in. */
async function withSuperuser() {
  const accounts = await startAccounts();
  const register = async (body: object): Promise<string> => String((await accounts.call('POST', '/auth/register', { body })).body['id']);
  const [rootId, adaId] = [await register(root), await register(ada)];
  await accounts.database.work((unit) => unit.sql(sql`update accounts.users set is_superuser = true where id = ${rootId}`));
  const tokenOf = async ({ email, password }: typeof root): Promise<string> =>
    String((await accounts.call('POST', '/auth/login', { body: { email, password } })).body['access_token']);
  return {
    ...accounts,
    register,
    rootId,
    adaId,
    rootToken: await tokenOf(root),
    adaToken: await tokenOf(ada),
    [Symbol.asyncDispose]: () => accounts[Symbol.asyncDispose](),
  };
}

function assertRefused(answer: Answered, status: number, code: string): void {
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.body['error'], code);
}

// INF-9
test('a superuser lists users by pages, the newest first, without their hashes', async () => {
  await using accounts = await withSuperuser();
  for (let number = 0; number < 3; number += 1) await accounts.register({ ...ada, email: `user${number}@example.com` });
  const pageOf = async (query: string): Promise<Answered> => accounts.call('GET', `/users${query}`, { token: accounts.rootToken });
  const all = await pageOf('');
  assert.equal(all.status, 200, all.text);
  const { items, ...rest } = all.body;
  assert.deepEqual(rest, { page: 1, size: 20 });
  assert.equal((await pageOf('?total=true')).body['total'], 5);
  assert.ok(Array.isArray(items) && items.length === 5);
  assert.match(JSON.stringify(items[0]), /user2@example\.com/u);
  for (const secret of ['hash', '$2b$']) assert.ok(!all.text.includes(secret));
  const second = await pageOf('?page=2&size=2');
  assert.ok(second.text.includes('user0@example.com') && second.text.includes('ada@example.com'));
  assert.ok(!second.text.includes('user1@example.com'));
  assert.deepEqual((await pageOf('?page=100&size=100')).body['items'], []);
});

// INF-9
test('a superuser finds users by cursor, sort, filters, search and chosen fields', async () => {
  await using accounts = await withSuperuser();
  for (let number = 0; number < 3; number += 1)
    await accounts.register({ ...ada, email: `user${number}@example.com`, full_name: `User ${number}` });
  const list = async (query: string): Promise<Answered> => {
    const answer = await accounts.call('GET', `/users${query}`, { token: accounts.rootToken });
    assert.equal(answer.status, 200, answer.text);
    return answer;
  };
  const emails = async (query: string): Promise<readonly string[]> => (await list(query)).text.match(/[a-z]+\d?(?=@example)/gu) ?? [];
  const newest = ['user2', 'user1', 'user0', 'ada', 'root'];
  assert.deepEqual(await emails(''), newest);
  const first = await list('?size=2');
  const cursor = encodeURIComponent(String(first.body['next_cursor']));
  assert.deepEqual(await emails(`?size=3&cursor=${cursor}`), newest.slice(2));
  assert.deepEqual(await emails('?sort_order=asc'), newest.toReversed());
  assert.deepEqual(await emails('?sort_by=email'), ['ada', 'root', 'user0', 'user1', 'user2']);
  assert.deepEqual(await emails('?sort_by=full_name&sort_order=desc&size=2'), ['user2', 'user1']);
  assert.deepEqual(await emails('?email=ada@example.com'), ['ada']);
  assert.deepEqual(await emails('?email[in]=ada@example.com,user1@example.com&search=USER'), ['user1']);
  assert.deepEqual(await emails('?full_name[null]=true'), ['root']);
  assert.equal((await emails('?created_at[gte]=2000-01-01T00:00:00Z')).length, 5);
  assert.deepEqual((await list('?email=ada@example.com&fields=full_name')).body['items'], [{ full_name: 'Ada' }]);
  for (const query of [
    'sort_by=is_active',
    'sort_by=password_hash',
    'password_hash=x',
    'fields=password_hash',
    'is_active=true',
    'search=a',
  ])
    assertRefused(await accounts.call('GET', `/users?${query}`, { token: accounts.rootToken }), 422, 'VALIDATION_ERROR');
});

test('pages that reach too far, and ones that are none, are refused', async () => {
  await using accounts = await withSuperuser();
  for (const query of [
    'page=0',
    'size=0',
    'size=101',
    'page=101&size=100',
    'page=x',
    'page=1&page=2',
    'page=99999999999999999999',
    'sort=id',
  ]) {
    assertRefused(await accounts.call('GET', `/users?${query}`, { token: accounts.rootToken }), 422, 'VALIDATION_ERROR');
  }
});

// INF-6 INF-9
test('who is no superuser is let into none of these calls, and who is not signed in neither', async () => {
  await using accounts = await withSuperuser();
  const { adaId, rootId, adaToken } = accounts;
  const calls = [
    ['GET', '/users'],
    ['GET', `/users/${rootId}`],
    ['GET', `/users/${adaId}`],
    ['PATCH', `/users/${adaId}`],
    ['DELETE', `/users/${rootId}`],
  ] as const;
  for (const [method, url] of calls) {
    const body = method === 'PATCH' ? { body: { is_superuser: true } } : {};
    assertRefused(await accounts.call(method, url, { token: adaToken, ...body }), 403, 'FORBIDDEN');
    assertRefused(await accounts.call(method, url, body), 401, 'UNAUTHENTICATED');
  }
  assert.equal((await accounts.call('GET', '/users/me', { token: adaToken })).body['is_superuser'], false);
});

// INF-9
test('a superuser reads, changes and removes a user', async () => {
  await using accounts = await withSuperuser();
  const { adaId, rootToken: token } = accounts;
  assert.equal((await accounts.call('GET', `/users/${adaId}`, { token })).body['email'], ada.email);
  const body = { full_name: 'Ada King', email: 'KING@example.com', is_superuser: true };
  const changed = await accounts.call('PATCH', `/users/${adaId}`, { token, body });
  assert.equal(changed.status, 200, changed.text);
  assert.equal(changed.body['full_name'], 'Ada King');
  assert.equal(changed.body['email'], 'king@example.com');
  assert.equal((await accounts.call('GET', '/users', { token: accounts.adaToken })).status, 200);
  const taken = await accounts.call('PATCH', `/users/${adaId}`, { token, body: { email: root.email } });
  assertRefused(taken, 409, 'CONFLICT');
  assert.equal(taken.body['message'], 'The e-mail is taken.');
  assertRefused(await accounts.call('PATCH', `/users/${adaId}`, { token, body: { password_hash: 'x' } }), 422, 'VALIDATION_ERROR');
  assert.equal((await accounts.call('DELETE', `/users/${adaId}`, { token })).status, 204);
  for (const method of ['GET', 'DELETE'] as const)
    assertRefused(await accounts.call(method, `/users/${adaId}`, { token }), 404, 'NOT_FOUND');
  assertRefused(await accounts.call('PATCH', `/users/${nobody}`, { token, body: {} }), 404, 'NOT_FOUND');
  assertRefused(await accounts.call('GET', '/users/nonsense', { token }), 422, 'VALIDATION_ERROR');
});

// INF-6
test('a user who is deactivated has no session left from the next call on, also after being activated again', async () => {
  await using accounts = await withSuperuser();
  const { adaId, rootToken: token, adaToken } = accounts;
  const answer = await accounts.call('PATCH', `/users/${adaId}`, { token, body: { is_active: false } });
  assert.equal(answer.body['is_active'], false);
  assert.equal((await accounts.call('GET', '/users/me', { token: adaToken })).status, 401);
  assertRefused(await accounts.call('POST', '/auth/login', { body: { email: ada.email, password: ada.password } }), 403, 'FORBIDDEN');
  await accounts.call('PATCH', `/users/${adaId}`, { token, body: { is_active: true } });
  assert.equal((await accounts.call('GET', '/users/me', { token: adaToken })).status, 401);
  assert.equal((await accounts.call('POST', '/auth/login', { body: { email: ada.email, password: ada.password } })).status, 200);
});

test('superusers cannot shut themselves out', async () => {
  await using accounts = await withSuperuser();
  const { rootId, rootToken: token } = accounts;
  for (const body of [{ is_active: false }, { is_superuser: false }])
    assertRefused(await accounts.call('PATCH', `/users/${rootId}`, { token, body }), 403, 'FORBIDDEN');
  assertRefused(await accounts.call('DELETE', `/users/${rootId}`, { token }), 403, 'FORBIDDEN');
  assert.equal((await accounts.call('PATCH', `/users/${rootId}`, { token, body: { full_name: 'Root' } })).status, 200);
});
