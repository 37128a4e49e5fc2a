/** Users as a resource of LARP manager: what superusers do with them, whom a GM sees, and that nobody else sees anybody. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Answered, signInTwoGames, startLarp } from '../calls.fixture.ts';

function assertRefused(answer: Answered, status: number, code: string): void {
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.body['error'], code);
}

function emailsOf({ status, body, text }: Answered): readonly string[] {
  assert.equal(status, 200, text);
  assert.ok(!text.includes('hash'));
  assert.ok(Array.isArray(body['items']));
  return body['items'].map((item: unknown) => String(typeof item === 'object' && item !== null && 'email' in item ? item.email : item));
}

// LRP-15
test('superusers list users by pages, filters, search and chosen fields, and never a hash', async () => {
  await using larp = await startLarp();
  const { tokens } = await signInTwoGames(larp);
  const list = (query: string): Promise<Answered> => larp.call('GET', `/users${query}`, { token: tokens.root });
  const all = ['ann', 'bob', 'cat', 'dora', 'gerd', 'root'].map((name) => `${name}@example.com`);
  assert.deepEqual(emailsOf(await list('?sort_by=email')), all);
  assert.deepEqual(emailsOf(await list('?sort_by=email&sort_order=desc&size=2')), all.toReversed().slice(0, 2));
  assert.deepEqual(emailsOf(await list('?email=ann@example.com')), ['ann@example.com']);
  const first = await list('?sort_by=email&size=4&fields=id,email&total=true');
  assert.equal(first.body['total'], 6);
  const rest = await list(`?sort_by=email&size=4&fields=id,email&cursor=${String(first.body['next_cursor'])}`);
  assert.deepEqual([...emailsOf(first), ...emailsOf(rest)], all);
  for (const query of ['?sort_by=password_hash', '?password_hash=x', '?fields=password_hash', '?size=101'])
    assertRefused(await list(query), 422, 'VALIDATION_ERROR');
});

// LRP-15
test('only superusers list, add, change and remove users; GMs read those of their games, and everybody themselves', async () => {
  await using larp = await startLarp();
  const { users, tokens } = await signInTwoGames(larp);
  for (const token of [tokens.gerd, tokens.ann, tokens.bob, tokens.cat, tokens.dora, undefined]) {
    const [status, code] = token === undefined ? ([401, 'UNAUTHENTICATED'] as const) : ([403, 'FORBIDDEN'] as const);
    assertRefused(await larp.call('GET', '/users', { token }), status, code);
    assertRefused(
      await larp.call('POST', '/users', { token, body: { email: 'eve@example.com', password: 'a long passphrase' } }),
      status,
      code,
    );
    assertRefused(await larp.call('PATCH', `/users/${users.bob.id}`, { token, body: { is_superuser: true } }), status, code);
    assertRefused(await larp.call('DELETE', `/users/${users.dora.id}`, { token }), status, code);
  }
  const put = { token: tokens.root, body: { email: users.bob.email } };
  assertRefused(await larp.call('PUT', `/users/${users.bob.id}`, put), 405, 'METHOD_NOT_ALLOWED');
  const seen = async (token: string): Promise<readonly string[]> => {
    const answers = await Promise.all(
      Object.entries(users).map(async ([name, { id }]) =>
        (await larp.call('GET', `/users/${id}`, { token })).status === 200 ? [name] : [],
      ),
    );
    return answers.flat().toSorted((left, right) => (left < right ? -1 : 1));
  };
  assert.deepEqual(await seen(tokens.root), ['ann', 'bob', 'cat', 'dora', 'gerd', 'root']);
  assert.deepEqual(await seen(tokens.gerd), ['ann', 'bob', 'gerd']);
  assert.deepEqual(await seen(tokens.ann), ['ann', 'cat']);
  assert.deepEqual(await seen(tokens.bob), ['bob']);
  assert.deepEqual(await seen(tokens.dora), ['dora']);
});

// LRP-15
test('a superuser changes a user, under the version that was read, and shuts one out', async () => {
  await using larp = await startLarp();
  const { users, tokens } = await signInTwoGames(larp);
  const { root: token } = tokens;
  const path = `/users/${users.dora.id}`;
  const read = await larp.call('GET', path, { token });
  const etag = String(read.headers['etag']);
  const changed = await larp.call('PATCH', path, {
    token,
    body: { email: ' DORA.K@example.com', phone: '030 1' },
    headers: { 'if-match': etag },
  });
  assert.equal(changed.status, 200, changed.text);
  assert.deepEqual([changed.body['email'], changed.body['phone']], ['dora.k@example.com', '030 1']);
  assertRefused(await larp.call('PATCH', path, { token, body: { name: 'D' }, headers: { 'if-match': etag } }), 412, 'PRECONDITION_FAILED');
  assertRefused(await larp.call('PATCH', path, { token, body: { email: 'none at all' } }), 422, 'VALIDATION_ERROR');
  const taken = await larp.call('PATCH', path, { token, body: { email: 'ANN@example.com' } });
  assertRefused(taken, 409, 'CONFLICT');
  assert.equal(taken.body['message'], 'The e-mail is taken.');
  assert.equal((await larp.call('PATCH', path, { token, body: { is_active: false } })).status, 200);
  assert.equal((await larp.call('GET', '/users/me', { token: tokens.dora })).status, 401);
  assert.equal((await larp.call('PATCH', path, { token, body: { is_active: true } })).status, 200);
  assert.equal((await larp.call('GET', '/users/me', { token: tokens.dora })).status, 401);
});

// LRP-15
test('superusers cannot shut themselves out, and who takes part in a game cannot be removed', async () => {
  await using larp = await startLarp();
  const { users, tokens } = await signInTwoGames(larp);
  const { root: token } = tokens;
  for (const body of [{ is_active: false }, { is_superuser: false }])
    assertRefused(await larp.call('PATCH', `/users/${users.root.id}`, { token, body }), 403, 'FORBIDDEN');
  assertRefused(await larp.call('DELETE', `/users/${users.root.id}`, { token }), 403, 'FORBIDDEN');
  assertRefused(await larp.call('DELETE', `/users/${users.bob.id}`, { token }), 409, 'CONFLICT');
  assert.equal((await larp.call('DELETE', `/users/${users.dora.id}`, { token })).status, 204);
  assertRefused(await larp.call('GET', `/users/${users.dora.id}`, { token }), 404, 'NOT_FOUND');
  assert.equal((await larp.call('GET', '/users/me', { token: tokens.dora })).status, 401);
});
