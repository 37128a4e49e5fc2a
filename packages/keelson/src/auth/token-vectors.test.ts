/** Tokens that RFC 7515, RFC 7519 and RFC 8725 refuse, each signed with the right key where that is possible: none gets in, by either algorithm. */
import assert from 'node:assert/strict';
import { createHmac, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { test } from 'node:test';
import { type Clock, systemClock } from '../clock.ts';
import { isKeelsonError } from '../errors.ts';
import { newId } from '../id.ts';
import { type KeyAlgorithm, keyRing, publicKeys, type RingKey } from './key-ring.ts';
import { AccessTokens } from './token.ts';

const secret = 'the secret of these tests, long enough for HS256';
const next = 'the next secret of these tests, as long as the other';
const nowS = Date.UTC(2026, 10, 20, 12) / 1_000;
const clock: Clock = { ...systemClock, now: () => new Date(nowS * 1_000) };
const fits = { iss: 'accounts', aud: 'accounts', sub: newId(), sid: newId(), jti: newId(), iat: nowS, exp: nowS + 900 };
const algorithms = ['HS256', 'EdDSA'] as const;

function ringOf(alg: KeyAlgorithm, current = secret, previous: readonly string[] = []) {
  return keyRing({ current, previous }, 'access-token', alg);
}

function tokensOf(alg: KeyAlgorithm, keys = ringOf(alg)): AccessTokens {
  return new AccessTokens({ keys, issuer: 'accounts', audience: 'accounts', lifetimeS: 900, clock });
}

function base64url(value: unknown): string {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
}

function signature(content: string, key: RingKey): string {
  const bytes = key.alg === 'EdDSA' ? sign(null, Buffer.from(content), key.key) : createHmac('sha256', key.key).update(content).digest();
  return bytes.toString('base64url');
}

/** A token with a right signature over whatever it is given, text or value. */
function signed(key: RingKey, header: unknown, claims: unknown): string {
  const content = `${base64url(header)}.${base64url(claims)}`;
  return `${content}.${signature(content, key)}`;
}

/** The members of an object as text, once more each, so that a reader who takes the first differs from one who takes the last. */
function twice(value: object, more: string): string {
  return `${JSON.stringify(value).slice(0, -1)},${more}}`;
}

interface Header {
  readonly alg: string;
  readonly typ: string;
  readonly kid: string;
}

/** Headers that must be refused, over claims that fit. */
function wrongHeaders(header: Header, key: RingKey): Readonly<Record<string, unknown>> {
  return {
    'alg none': { ...header, alg: 'none' },
    'alg None': { ...header, alg: 'None' },
    'alg NONE': { ...header, alg: 'NONE' },
    'alg empty': { ...header, alg: '' },
    'alg null': { ...header, alg: null },
    'alg a list': { ...header, alg: [key.alg] },
    'alg of the other family': { ...header, alg: key.alg === 'HS256' ? 'EdDSA' : 'HS256' },
    'alg in other case': { ...header, alg: key.alg.toLowerCase() },
    'alg HS384': { ...header, alg: 'HS384' },
    'alg RS256': { ...header, alg: 'RS256' },
    'alg ES256': { ...header, alg: 'ES256' },
    'alg Ed25519': { ...header, alg: 'Ed25519' },
    'alg missing': { typ: header.typ, kid: header.kid },
    'typ JWT': { ...header, typ: 'JWT' },
    'typ with a media type in front': { ...header, typ: 'application/at+jwt' },
    'typ in other case': { ...header, typ: 'AT+JWT' },
    'typ missing': { alg: header.alg, kid: header.kid },
    'cty of a nested token': { ...header, cty: 'JWT' },
    'crit of b64': { ...header, crit: ['b64'], b64: false },
    'b64 without crit': { ...header, b64: false },
    'crit unknown': { ...header, crit: ['exp'] },
    'crit empty': { ...header, crit: [] },
    'kid missing': { alg: header.alg, typ: header.typ },
    'kid unknown': { ...header, kid: 'somebody' },
    'kid a path': { ...header, kid: '../../../../dev/null' },
    'kid a path with a NUL': { ...header, kid: `${key.kid}\0/etc/passwd` },
    'kid of SQL': { ...header, kid: `x' union select 'secret` },
    'kid of the prototype': { ...header, kid: '__proto__' },
    'kid a list': { ...header, kid: [key.kid] },
    'kid with a space': { ...header, kid: `${key.kid} ` },
    jku: { ...header, jku: 'https://attacker.example/jwks.json' },
    x5u: { ...header, x5u: 'https://attacker.example/cert.pem' },
    jwk: { ...header, jwk: { kty: 'oct', k: 'AAAA' } },
    x5c: { ...header, x5c: ['MIIB'] },
    zip: { ...header, zip: 'DEF' },
    enc: { ...header, enc: 'A256GCM' },
    'members in another order': { kid: header.kid, alg: header.alg, typ: header.typ },
    'alg twice': twice(header, '"alg":"none"'),
    'kid twice': twice(header, '"kid":"somebody"'),
    'alg twice, the same': twice(header, `"alg":"${key.alg}"`),
    'white space in the JSON': ` ${JSON.stringify(header)}`,
    'a byte order mark': `\ufeff${JSON.stringify(header)}`,
    'an escaped member name': JSON.stringify(header).replace('alg', '\\u0061lg'),
    'a list': [header],
    text: 'nonsense',
    null: null,
    nothing: '',
  };
}

/** Claims that must be refused, under a header that fits. */
function wrongClaims(header: Header, key: RingKey): Readonly<Record<string, unknown>> {
  return {
    'iss wrong': { ...fits, iss: 'glisk' },
    'iss a list': { ...fits, iss: ['accounts'] },
    'iss null': { ...fits, iss: null },
    'aud wrong': { ...fits, aud: 'glisk' },
    'aud a list': { ...fits, aud: ['accounts', 'glisk'] },
    'aud in other case': { ...fits, aud: 'Accounts' },
    'exp over': { ...fits, iat: nowS - 1_000, exp: nowS - 100 },
    'exp beyond the life of tokens': { ...fits, exp: nowS + 901 },
    'exp text': { ...fits, exp: String(fits.exp) },
    'exp a fraction': { ...fits, exp: fits.exp - 0.5 },
    'exp huge': twice({ iss: fits.iss, aud: fits.aud, sub: fits.sub, sid: fits.sid, jti: fits.jti, iat: fits.iat }, '"exp":1e999'),
    'exp null': { ...fits, exp: null },
    'iat in the future': { ...fits, iat: nowS + 60, exp: nowS + 120 },
    'iat after exp': { ...fits, iat: nowS + 4, exp: nowS + 3, nbf: nowS + 60 },
    'nbf in the future': { ...fits, nbf: nowS + 60 },
    'sub twice': twice({ ...fits, sub: 7 }, '"sub":["x"]'),
    'exp twice, the last over': twice(fits, `"exp":${nowS - 100}`),
    'sub twice, the same': twice(fits, `"sub":"${fits.sub}"`),
    'sid twice, both fitting': twice(fits, `"sid":"${newId()}"`),
    'a claim of another kind': { ...fits, scope: 'admin' },
    'white space in the JSON': JSON.stringify(fits, null, 1),
    'sub of SQL': { ...fits, sub: `' or 1=1 --` },
    'sub with braces': { ...fits, sub: `{${fits.sub}}` },
    'sid missing, in the prototype': twice({ ...fits, sid: undefined }, `"__proto__":{"sid":"${fits.sid}"}`),
    'a list': [fits],
    text: 'nonsense',
    null: null,
    'a number': 7,
    nested: signed(key, header, fits),
    'deeply nested': twice(fits, `"more":${'['.repeat(200)}${']'.repeat(200)}`),
    huge: { ...fits, more: 'x'.repeat(100_000) },
    'bytes that are no UTF-8': Buffer.from([0xff, 0xfe, 0x7b, 0x7d]).toString('latin1'),
    nothing: '',
  };
}

/** Second spellings and broken forms of a token that is good. */
function wrongForms(header: Header, key: RingKey): Readonly<Record<string, string>> {
  const [h = '', c = '', s = ''] = signed(key, header, fits).split('.');
  return {
    'padding at the header': `${h}=.${c}.${s}`,
    'padding at the claims': `${h}.${c}==.${s}`,
    'padding at the signature': `${h}.${c}.${s}=`,
    'a space in front': ` ${h}.${c}.${s}`,
    'a space in the claims': `${h}.${c.slice(0, 9)} ${c.slice(9)}.${s}`,
    'a line break in the signature': `${h}.${c}.${s.slice(0, 9)}\n${s.slice(9)}`,
    'a tab at the end': `${h}.${c}.${s}\t`,
    'a NUL at the end': `${h}.${c}.${s}\0`,
    'the alphabet with slashes': `${h}.${c}.${s.slice(0, -4)}/+/+`,
    'a percent sign': `${h}.${c}.%2D${s.slice(1)}`,
    'no signature': `${h}.${c}.`,
    'no last part': `${h}.${c}`,
    'a fourth part': `${h}.${c}.${s}.${s}`,
    'five parts, like an encrypted one': `${h}.${c}.${s}.${c}.${s}`,
    'an empty part in front': `.${h}.${c}.${s}`,
    'no claims': `${h}..${signature(`${h}.`, key)}`,
    'a cut signature': `${h}.${c}.${s.slice(0, -2)}`,
    'a longer signature': `${h}.${c}.${s}AA`,
    'a signature of zeros': `${h}.${c}.${'A'.repeat(s.length)}`,
    'the signature of other claims': `${h}.${base64url({ ...fits, sub: newId() })}.${s}`,
    'the JSON serialisation': JSON.stringify({ payload: c, protected: h, signature: s }),
    'the flattened form with a header beside': JSON.stringify({ payload: c, header, signature: s }),
    'letters of another script': `${h}.${c}.${s.slice(0, -1)}\uff21`,
    'dots alone': '..',
    nothing: '',
    'ten million dots': '.'.repeat(10_000_000),
  };
}

/** Every token here must be refused; `key` is the right one. */
function vectorsFor(key: RingKey): Readonly<Record<string, string>> {
  const header: Header = { alg: key.alg, typ: 'at+jwt', kid: key.kid };
  return {
    ...Object.fromEntries(Object.entries(wrongHeaders(header, key)).map(([name, value]) => [`header: ${name}`, signed(key, value, fits)])),
    ...Object.fromEntries(Object.entries(wrongClaims(header, key)).map(([name, value]) => [`claims: ${name}`, signed(key, header, value)])),
    ...Object.fromEntries(
      Object.entries(fits).map(([name]) => [`claims: no ${name}`, signed(key, header, { ...fits, [name]: undefined })]),
    ),
    ...Object.fromEntries(Object.entries(wrongForms(header, key)).map(([name, value]) => [`form: ${name}`, value])),
  };
}

for (const alg of algorithms) {
  // INF-6
  test(`none of the tokens that the RFCs refuse is accepted where tokens are signed by ${alg}`, async () => {
    const tokens = tokensOf(alg);
    const { current } = ringOf(alg);
    // So that what follows is refused for its reason alone.
    const good = signed(current, { alg, typ: 'at+jwt', kid: current.kid }, fits);
    assert.equal((await tokens.verify(good)).userId, fits.sub);
    const vectors = Object.entries(vectorsFor(current));
    assert.ok(vectors.length > 100, String(vectors.length));
    for (const [name, token] of vectors) {
      await assert.rejects(
        tokens.verify(token),
        (error) =>
          isKeelsonError(error, name === 'claims: exp over' || name.startsWith('claims: exp twice') ? 'TOKEN_EXPIRED' : 'TOKEN_INVALID'),
        name,
      );
    }
  });

  // INF-6
  test(`after a change of the secret tokens by ${alg} of the former one are read, and only as long as it is named`, async () => {
    const { token: old } = await tokensOf(alg).sign({ userId: fits.sub, sessionId: fits.sid });
    const rotated = tokensOf(alg, ringOf(alg, next, [secret]));
    assert.equal((await rotated.verify(old)).userId, fits.sub);
    const { token: fresh } = await rotated.sign({ userId: fits.sub, sessionId: fits.sid });
    const forgetful = tokensOf(alg, ringOf(alg, next));
    assert.equal((await forgetful.verify(fresh)).userId, fits.sub);
    await assert.rejects(forgetful.verify(old), { code: 'TOKEN_INVALID' });
    await assert.rejects(tokensOf(alg).verify(fresh), { code: 'TOKEN_INVALID' });
  });
}

// INF-6
test('the public key, which everybody has, signs nothing: not as the secret of HS256, in any of its forms', async () => {
  const { current } = ringOf('EdDSA');
  const [jwk] = publicKeys(ringOf('EdDSA'));
  const pem = current.verifyingKey.export({ format: 'pem', type: 'spki' });
  const forms = [
    pem,
    pem.trim(),
    current.verifyingKey.export({ format: 'der', type: 'spki' }),
    Buffer.from(jwk?.x ?? '', 'base64url'),
    JSON.stringify(jwk),
  ];
  for (const alg of algorithms) {
    const content = `${base64url({ alg, typ: 'at+jwt', kid: current.kid })}.${base64url(fits)}`;
    for (const form of forms) {
      const token = `${content}.${createHmac('sha256', form).update(content).digest('base64url')}`;
      for (const tokens of [tokensOf('EdDSA'), tokensOf('HS256')]) await assert.rejects(tokens.verify(token), { code: 'TOKEN_INVALID' });
    }
  }
});

test('neither algorithm reads what the other signed, though both come from one secret', async () => {
  for (const [alg, other] of [algorithms, algorithms.toReversed()]) {
    if (alg === undefined || other === undefined) continue;
    const { token } = await tokensOf(alg).sign({ userId: fits.sub, sessionId: fits.sid });
    await assert.rejects(tokensOf(other).verify(token), { code: 'TOKEN_INVALID' });
  }
});

test('a key pair of somebody else signs nothing, under the name of ours too', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const { kid } = ringOf('EdDSA').current;
  const stranger: RingKey = { kid, alg: 'EdDSA', key: privateKey, verifyingKey: publicKey };
  await assert.rejects(tokensOf('EdDSA').verify(signed(stranger, { alg: 'EdDSA', typ: 'at+jwt', kid }, fits)), { code: 'TOKEN_INVALID' });
});

// INF-6
test('one secret makes one pair of keys, in every process; its public half alone is shown, and verifies', () => {
  const ring = ringOf('EdDSA', next, [secret]);
  const shown = publicKeys(ring);
  assert.deepEqual(shown, publicKeys(ringOf('EdDSA', next, [secret])));
  assert.equal(shown.length, 2);
  for (const [at, { key, kid }] of ring.all.entries()) {
    const jwk = shown[at] ?? assert.fail('A key is not shown.');
    assert.deepEqual(Object.keys(jwk).toSorted(), ['alg', 'crv', 'kid', 'kty', 'use', 'x']);
    assert.equal(jwk.kid, kid);
    const content = 'header.claims';
    assert.deepEqual(createPublicKey({ key: { kty: jwk.kty, crv: jwk.crv, x: jwk.x }, format: 'jwk' }), createPublicKey(key));
    assert.ok(signature(content, ring.current).length > 0);
  }
  assert.ok(!JSON.stringify(shown).includes('"d"'));
  assert.deepEqual(publicKeys(ringOf('HS256', next, [secret])), []);
});
