/** Access tokens: what this service wrote is read, and nothing else gets through the gate. */
import assert from 'node:assert/strict';
import { createHmac, createSecretKey, generateKeyPairSync, hkdfSync } from 'node:crypto';
import { test } from 'node:test';
import { decodeProtectedHeader, SignJWT } from 'jose';
import { type Clock, systemClock } from '../clock.ts';
import { isKeelsonError } from '../errors.ts';
import { newId } from '../id.ts';
import { keyRing } from './key-ring.ts';
import { AccessTokens, type AccessTokenOptions } from './token.ts';

const secret = 'the secret of these tests, long enough for HS256';
const userId = newId();
const sessionId = newId();
const startMs = Date.UTC(2026, 10, 20, 12);

function handClock(): Clock & { nowMs: number } {
  const clock = { ...systemClock, nowMs: startMs, now: () => new Date(clock.nowMs) };
  return clock;
}

function tokensWith(options: Partial<AccessTokenOptions> = {}): AccessTokens {
  const keys = keyRing({ current: secret }, 'access-token');
  return new AccessTokens({ keys, issuer: 'accounts', audience: 'accounts', lifetimeS: 900, clock: handClock(), ...options });
}

const fits = {
  iss: 'accounts',
  aud: 'accounts',
  sub: userId,
  sid: sessionId,
  jti: newId(),
  iat: startMs / 1_000,
  exp: startMs / 1_000 + 900,
};
const key = keyRing({ current: secret }, 'access-token').current;
const fittingHeader = { alg: 'HS256', typ: 'at+jwt', kid: key.kid };

function base64url(value: unknown): string {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
}

/** A token with a right signature over whatever it is given: what is refused of it is refused for its content. */
function signedByHand(claims: unknown = fits, header: unknown = fittingHeader): string {
  const content = `${base64url(header)}.${base64url(claims)}`;
  return `${content}.${createHmac('sha256', key.key).update(content).digest('base64url')}`;
}

async function assertInvalid(token: string, tokens = tokensWith()): Promise<void> {
  await assert.rejects(tokens.verify(token), (error) => isKeelsonError(error, 'TOKEN_INVALID') && error.status === 401);
}

// INF-6
test('a token tells whose it is, of which session, and until when', async () => {
  const tokens = tokensWith();
  const { token, expiresInS } = await tokens.sign({ userId, sessionId });
  const claims = await tokens.verify(token);
  assert.equal(expiresInS, 900);
  assert.equal(claims.userId, userId);
  assert.equal(claims.sessionId, sessionId);
  assert.equal(claims.expiresAtS - claims.issuedAtS, 900);
  assert.deepEqual(decodeProtectedHeader(token), fittingHeader);
});

test('a token made by hand with the right key and the right claims is accepted, so the refusals below are for their reason', async () => {
  assert.equal((await tokensWith().verify(signedByHand())).userId, userId);
});

test('a token says nothing of the secret, and two tokens of one session differ', async () => {
  const tokens = tokensWith();
  const [first, second] = await Promise.all([tokens.sign({ userId, sessionId }), tokens.sign({ userId, sessionId })]);
  assert.notEqual(first.token, second.token);
  assert.ok(!Buffer.from(first.token, 'base64url').toString('latin1').includes(secret));
});

// INF-6
test('a token is refused when any one character of it is changed', async () => {
  const tokens = tokensWith();
  const { token } = await tokens.sign({ userId, sessionId });
  for (let at = 0; at < token.length; at += 1) {
    const changed = `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`;
    await assertInvalid(changed, tokens);
  }
});

const wrongHeaders: Readonly<Record<string, unknown>> = {
  'no algorithm': { ...fittingHeader, alg: 'none' },
  'no algorithm in other case': { ...fittingHeader, alg: 'nOnE' },
  'another hash': { ...fittingHeader, alg: 'HS512' },
  'a public-key algorithm': { ...fittingHeader, alg: 'RS256' },
  'an unknown key': { ...fittingHeader, kid: 'somebody' },
  'a key that is a path': { ...fittingHeader, kid: '../../dev/null' },
  'no key': { alg: 'HS256', typ: 'at+jwt' },
  'the type of an identity token': { ...fittingHeader, typ: 'JWT' },
  'no type': { alg: 'HS256', kid: key.kid },
  'a key of its own': { ...fittingHeader, jwk: { kty: 'oct', k: 'AAAA' } },
  'an address of keys': { ...fittingHeader, jku: 'https://keys.example/' },
  'a critical extension': { ...fittingHeader, crit: ['b64'], b64: false },
  'the same members in another order': { kid: key.kid, typ: 'at+jwt', alg: 'HS256' },
  'a list': [fittingHeader],
  'text that is not JSON': 'nonsense',
};
for (const [name, header] of Object.entries(wrongHeaders)) {
  test(`a token whose header has ${name} is refused though its signature holds`, () => assertInvalid(signedByHand(fits, header)));
}

test('a token without a signature is refused', async () => {
  const content = `${base64url({ alg: 'none', typ: 'at+jwt', kid: key.kid })}.${base64url(fits)}`;
  await assertInvalid(`${content}.`);
  await assertInvalid(content);
  const [header, claims] = signedByHand().split('.');
  await assertInvalid(`${header}.${claims}.`);
});

test('a token signed with a public-key algorithm is refused, whatever its header says', async () => {
  const { privateKey } = generateKeyPairSync('ed25519');
  const token = await new SignJWT(fits).setProtectedHeader({ ...fittingHeader, alg: 'EdDSA' }).sign(privateKey);
  await assertInvalid(token);
});

const wrongClaims: Readonly<Record<string, unknown>> = {
  'another issuer': { ...fits, iss: 'glisk' },
  'another audience': { ...fits, aud: 'glisk' },
  'a list of audiences': { ...fits, aud: ['accounts', 'glisk'] },
  'a list with its audience alone': { ...fits, aud: ['accounts'] },
  'a user that is not a UUID': { ...fits, sub: "1' or '1'='1" },
  'a number for a user': { ...fits, sub: 7 },
  'a session that is not a UUID': { ...fits, sid: '' },
  'a fraction for its end': { ...fits, exp: fits.exp + 0.5 },
  'text for its end': { ...fits, exp: String(fits.exp) },
  'a beginning in the future': { ...fits, iat: fits.iat + 60, exp: fits.exp + 30 },
  'a longer life than tokens have': { ...fits, exp: fits.exp + 1 },
  'a time before which it is not valid': { ...fits, nbf: fits.iat + 60 },
  'a list for claims': [fits],
  'text for claims': 'nonsense',
};
for (const [name, claims] of Object.entries(wrongClaims)) {
  test(`a token that has ${name} is refused though its signature holds`, () => assertInvalid(signedByHand(claims)));
}

test('a token that lacks any one claim is refused', async () => {
  for (const missing of Object.keys(fits)) {
    await assertInvalid(signedByHand(Object.fromEntries(Object.entries(fits).filter(([name]) => name !== missing))));
  }
});

test('a second spelling of a good token is refused: padding, spaces, another alphabet, left-over bits', async () => {
  const tokens = tokensWith();
  const { token } = await tokens.sign({ userId, sessionId });
  const [header = '', claims = '', signature = ''] = token.split('.');
  // The last of 43 letters carries two bits that nobody reads.
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const sibling = alphabet[alphabet.indexOf(signature.at(-1) ?? '') ^ 1] ?? '';
  const spellings = [
    `${token}=`,
    `${header}=.${claims}.${signature}`,
    `${header}.${claims}==.${signature}`,
    ` ${token}`,
    `${token}\n`,
    `${header}.${claims.slice(0, 4)} ${claims.slice(4)}.${signature}`,
    `${header}.${claims}.${signature.slice(0, -1)}${sibling}`,
    `${header}.${claims}.${signature}.`,
    `${header}.${claims}.${signature}.${signature}`,
    `.${header}.${claims}.${signature}`,
    '',
    '..',
  ];
  for (const spelling of spellings) await assertInvalid(spelling, tokens);
});

test('a huge token is refused by its length', async () => {
  await assertInvalid(signedByHand({ ...fits, more: 'x'.repeat(1_024) }));
  await assertInvalid('.'.repeat(10_000_000));
});

// INF-6
test('a token ends with its time, also when it was verified before', async () => {
  const clock = handClock();
  const tokens = tokensWith({ clock });
  const { token } = await tokens.sign({ userId, sessionId });
  clock.nowMs = startMs + 899_000;
  await tokens.verify(token);
  clock.nowMs = startMs + 904_999;
  await tokens.verify(token);
  clock.nowMs = startMs + 905_000;
  await assert.rejects(tokens.verify(token), (error) => isKeelsonError(error, 'TOKEN_EXPIRED') && error.status === 401);
});

test('without leeway a token ends on the second', async () => {
  const clock = handClock();
  const tokens = tokensWith({ clock, leewayS: 0 });
  const { token } = await tokens.sign({ userId, sessionId });
  clock.nowMs = startMs + 899_999;
  await tokens.verify(token);
  clock.nowMs = startMs + 900_000;
  await assert.rejects(tokens.verify(token), (error) => isKeelsonError(error, 'TOKEN_EXPIRED'));
});

test('a leeway above five seconds is refused', () => {
  assert.throws(
    () => tokensWith({ leewayS: 6 }),
    (error) => isKeelsonError(error, 'MISUSE'),
  );
});

test('a verified token is remembered as itself: another one with the same claims and a wrong signature is still refused', async () => {
  const tokens = tokensWith({ verifiedMax: 2 });
  const { token } = await tokens.sign({ userId, sessionId });
  assert.equal(await tokens.verify(token), await tokens.verify(token));
  await assertInvalid(`${token.slice(0, -43)}${'A'.repeat(43)}`, tokens);
});

test('only so many verified tokens are remembered, and the forgotten ones are verified again', async () => {
  const tokens = tokensWith({ verifiedMax: 2 });
  const signed = await Promise.all([1, 2, 3].map(() => tokens.sign({ userId, sessionId: newId() })));
  const first = signed[0]?.token ?? '';
  const remembered = await tokens.verify(first);
  for (const { token } of signed.slice(1)) await tokens.verify(token);
  const again = await tokens.verify(first);
  assert.notEqual(again, remembered);
  assert.deepEqual(again, remembered);
});

// INF-6
test('after a change of the secret old tokens are read and new ones signed; without the old secret they are refused', async () => {
  const next = 'the next secret of these tests, as long as the other';
  const { token: old } = await tokensWith().sign({ userId, sessionId });
  const rotated = tokensWith({ keys: keyRing({ current: next, previous: [secret] }, 'access-token') });
  assert.equal((await rotated.verify(old)).userId, userId);
  const { token: fresh } = await rotated.sign({ userId, sessionId });
  await assertInvalid(fresh, tokensWith());
  const forgetful = tokensWith({ keys: keyRing({ current: next }, 'access-token') });
  assert.equal((await forgetful.verify(fresh)).userId, userId);
  await assertInvalid(old, forgetful);
});

test('the key of refresh tokens signs no access token', async () => {
  const other = keyRing({ current: secret }, 'refresh-token');
  const { token } = await tokensWith({ keys: other }).sign({ userId, sessionId });
  await assertInvalid(token);
  const content = `${base64url(fittingHeader)}.${base64url(fits)}`;
  await assertInvalid(`${content}.${createHmac('sha256', other.current.key).update(content).digest('base64url')}`);
});

test('the secret itself is no key, and neither is one derived for something else', async () => {
  const content = `${base64url(fittingHeader)}.${base64url(fits)}`;
  const guesses = [Buffer.from(secret), Buffer.from(hkdfSync('sha256', secret, '', '', 32)), Buffer.alloc(32)];
  for (const guess of guesses) {
    await assertInvalid(`${content}.${createHmac('sha256', createSecretKey(guess)).update(content).digest('base64url')}`);
  }
});

test('a short secret makes no keys', () => {
  assert.throws(
    () => keyRing({ current: 'x'.repeat(31) }, 'access-token'),
    (error) => isKeelsonError(error, 'MISUSE') && !error.message.includes('xxx'),
  );
});

test('why a token was refused stands in the log data, and not in what the client sees', async () => {
  await assert.rejects(tokensWith().verify('nonsense'), (error) => {
    assert.ok(isKeelsonError(error, 'TOKEN_INVALID'));
    assert.equal(error.message, 'The token is not valid.');
    assert.deepEqual(error.data, { reason: 'it does not have three parts' });
    return true;
  });
});
