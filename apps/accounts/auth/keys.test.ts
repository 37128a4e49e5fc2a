/** The public keys of accounts, and signing in with tokens that others can verify with them. */
import assert from 'node:assert/strict';
import { createPublicKey, verify } from 'node:crypto';
import { test } from 'node:test';
import { startAccounts } from '../calls.fixture.ts';

const ada = { email: 'ada@example.com', password: 'correct horse battery' };
const former = 'bT7yQ2mZ9xW4kR8vL1nC6pH3sD5gJ0fA';

async function keysOf(accounts: Awaited<ReturnType<typeof startAccounts>>): Promise<readonly Readonly<Record<string, string>>[]> {
  const answer = await accounts.call('GET', '/.well-known/jwks.json', { isRoot: true });
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.headers['cache-control'], 'public, max-age=300');
  const { keys } = answer.body;
  assert.ok(Array.isArray(keys));
  return keys.map((key: object) => Object.fromEntries(Object.entries(key).map(([name, value]) => [name, String(value)])));
}

// INF-6
test('with EdDSA a token is verified by whoever has the public key, and lets its user in', async () => {
  await using accounts = await startAccounts({ ALGORITHM: 'EdDSA', SECRET_KEY_PREVIOUS: former });
  await accounts.call('POST', '/auth/register', { body: ada });
  const token = String((await accounts.call('POST', '/auth/login', { body: ada })).body['access_token']);
  const [header = '', claims = '', signature = ''] = token.split('.');
  const keys = await keysOf(accounts);
  assert.equal(keys.length, 2);
  const named = keys.find(({ kid }) => Buffer.from(header, 'base64url').toString().includes(`"${kid}"`));
  assert.ok(named !== undefined);
  assert.deepEqual(Object.keys(named).toSorted(), ['alg', 'crv', 'kid', 'kty', 'use', 'x']);
  const publicKey = createPublicKey({ key: { kty: named['kty'] ?? '', crv: named['crv'] ?? '', x: named['x'] ?? '' }, format: 'jwk' });
  assert.ok(verify(null, Buffer.from(`${header}.${claims}`), publicKey, Buffer.from(signature, 'base64url')));
  assert.equal((await accounts.call('GET', '/users/me', { token })).body['email'], ada.email);
});

// INF-6
test('with HS256 there is no public key, so none is shown', async () => {
  await using accounts = await startAccounts({ SECRET_KEY_PREVIOUS: former });
  assert.deepEqual(await keysOf(accounts), []);
});
