/** No secret passes: by the name it stands under, by what it looks like, however deep; and nothing harmless is hidden. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { isSecretKey, mask, redact, redactFields, redactText } from './redact.ts';

const jwt = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U';

const secretKeys = [
  'password', 'Password', 'PASSWORD', 'new_password', 'currentPassword', 'passwordHash', 'password_hash', 'passwd', 'pwd', 'pass',
  'passphrase', 'secret', 'SECRET_KEY', 'clientSecret', 'client-secret', 'ALCHEMY_WEBHOOK_SECRET', 'token', 'accessToken', 'access_token',
  'ACCESS-TOKEN', 'refreshtoken', 'my_accesstoken', 'tokenHash', 'token_hash', 'tokens', 'OPERATOR_TOKEN', 'id_token', 'csrf', 'xsrf-token', 'jwt',
  'PINATA_JWT', 'otp', 'authorization', 'Authorization', 'proxy-authorization', 'cookie', 'Set-Cookie', 'cookies', 'api_key', 'apiKey', 'x-api-key',
  'privateKey', 'KEEPER_PRIVATE_KEY', 'signing_key', 'credentials', 'body.password', 'headers.authorization', 'bearer',
]; // prettier-ignore

const harmlessKeys = [
  'token_id', 'tokenId', 'token_ids', 'tokenIds', 'token_status', 'tokenType', 'token_type', 'token_count', 'ACCESS_TOKEN_EXPIRE_MINUTES',
  'REFRESH_TOKEN_IDLE_DAYS', 'token_max', 'user_id', 'email', 'path', 'method', 'status', 'key', 'public', 'compass', 'bypass', 'session_id', 'author',
  'authorId', 'duration_ms', 'image_cid', 'tx_hash', 'passed', '',
]; // prettier-ignore

for (const key of secretKeys) {
  test(`what stands under "${key}" is masked, whatever it is`, () => {
    for (const value of ['hunter2-hunter2', 12_345.5, { deep: 'hunter2-hunter2' }, ['hunter2-hunter2'], Buffer.from('hunter2'), 7n]) {
      const text = JSON.stringify(redact({ [key]: value }));
      if (/tokens$/i.test(key) && typeof value === 'number') continue;
      assert.doesNotMatch(text, /hunter2|12345|7|deep/);
      assert.match(text, /••••/);
    }
  });
}

test('what stands under a harmless name is shown', () => {
  for (const key of harmlessKeys) assert.equal(isSecretKey(key), false, key);
  assert.deepEqual(redact({ token_id: 7, tokenIds: ['a', 'b'], tokens: 3, status: 'ready' }), {
    token_id: 7,
    tokenIds: ['a', 'b'],
    tokens: 3,
    status: 'ready',
  });
});

test('whether a secret is there at all is no secret', () => {
  assert.deepEqual(redact({ password: null, token: true, secret: undefined }), { password: null, token: true, secret: undefined });
});

test('pairs of a name and a value are seen: raw headers, entries, field problems, maps', () => {
  const shown = JSON.stringify(
    redact({
      raw: ['Host', 'a.example', 'Authorization', 'opaque-credential', 'Cookie', 'sid=opaque-credential'],
      entries: [['password', 'opaque-credential']],
      problems: [{ field: 'body.password', message: 'is too short', value: 'opaque-credential' }],
      settings: [{ name: 'SECRET_KEY', value: 'opaque-credential' }],
      map: new Map<unknown, unknown>([
        ['token', 'opaque-credential'],
        [{ a: 1 }, 'fine'],
        ['host', 'a.example'],
      ]),
      set: new Set(['a.example']),
    }),
  );
  assert.doesNotMatch(shown, /opaque-credential/);
  assert.match(shown, /"raw":\["Host","a.example","Authorization","••••","Cookie","••••"\]/);
  assert.match(shown, /"message":"is too short","value":"••••"/);
  assert.match(shown, /"host":"a.example"/);
  assert.match(shown, /"set":\["a.example"\]/);
});

const texts: readonly (readonly [string, string])[] = [
  [`Invalid token ${jwt}!`, 'Invalid token ••••!'],
  [`half of one: ${jwt.slice(0, 40)}`, 'half of one: ••••'],
  ['postgresql://app:hunter2@db.example:5432/app', 'postgresql://app:••••@db.example:5432/app'],
  ['postgres://app:hun/t@er2#@db.example/app is refused', 'postgres://app:••••@db.example/app is refused'],
  ['postgresql+asyncpg://app:hunter2@db.example/app', 'postgresql+asyncpg://app:••••@db.example/app'],
  ['redis://:hunter2@cache:6379', 'redis://:••••@cache:6379'],
  ['https://user:hunter2@example.com/a', 'https://user:••••@example.com/a'],
  ['https://ghp_opaque1234@github.com/a', 'https://••••@github.com/a'],
  ['Authorization: Bearer abc.def-123456', 'Authorization: ••••'],
  ['sent Bearer abcdef123456 to it', 'sent Bearer •••• to it'],
  ['sent bearer   abcdef123456', 'sent bearer ••••'],
  ['Basic dXNlcjpodW50ZXIy', 'Basic ••••'],
  ['Cookie: sid=hunter2; theme=dark', 'Cookie: ••••'],
  ['set-cookie: sid=hunter2; HttpOnly', 'set-cookie: ••••'],
  ['x-api-key: hunter2hunter2', 'x-api-key: ••••'],
  ['host=db password=hunter2 user=app', 'host=db password=•••• user=app'],
  ["host=db password='hun ter2' user=app", 'host=db password=•••• user=app'],
  ['/reset?token=hunter2hunter2&lang=de', '/reset?token=••••&lang=de'],
  ['/callback#access_token=hunter2&x=1', '/callback#access_token=••••&x=1'],
  ['{"password":"hunter2","n":1}', '{"password":"••••","n":1}'],
  ['{"password" : "hun\\"ter2", "n":1}', '{"password" : "••••", "n":1}'],
  ['{"apiKey":123456,"n":1}', '{"apiKey":"••••","n":1}'],
  ["{'client_secret': 'hunter2'}", `{'client_secret': "••••"}`],
  ['-----BEGIN RSA PRIVATE KEY-----\nMIIEhunter2\n-----END RSA PRIVATE KEY-----', mask],
  ['key: -----BEGIN PRIVATE KEY-----\nMIIEhunter2 cut off', `key: ${mask}`],
];

for (const [text, safe] of texts) {
  test(`in a text: ${safe}`, () => {
    assert.equal(redactText(text), safe);
    assert.deepEqual(redact({ note: [text] }), { note: [safe] });
    assert.equal(Object.keys(redactFields({ [text]: 1 }))[0], safe.slice(0, 128));
  });
}

test('harmless texts are left as they are', () => {
  for (const text of [
    '',
    'short',
    'Log in and send the access token as a Bearer token.',
    'The refresh token was used before; its session has ended.',
    'http://localhost:8000/users/ann@example.com',
    'postgresql://app@db.example/app',
    'mail ann@example.com about basic things',
    'wrong password',
    'https://example.com/a?page=2',
    'eyJ',
  ]) {
    assert.equal(redactText(text), text);
  }
});

test('a secret at the place where a long text is cut does not pass in half', () => {
  for (let length = 8_120; length < 8_200; length += 1) {
    const shown = redactText(`${'word '.repeat(length / 5)}${'x'.repeat(length % 5)} postgresql://app:hunter2hunter2@db/app tail`);
    assert.doesNotMatch(shown, /hunt/);
  }
  assert.doesNotMatch(redactText(`postgresql://app:${'hunter2'.repeat(3_000)}@db/app`), /hunter2/);
});

test('long texts, long lists, wide and deep objects are cut and say so', () => {
  assert.equal(redactText('x '.repeat(5_000)), `${'x '.repeat(2_048)}… (10000 characters)`);
  assert.equal(redactText('x '.repeat(2_500)), `${'x '.repeat(2_048)}… (5000 characters)`);
  const items = redact(Array.from({ length: 100 }, (_, at) => at));
  assert.ok(Array.isArray(items) && items.length === 65 && items.at(-1) === '36 more');
  const wide = redactFields(Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`key${at}`, at])));
  assert.equal(Object.keys(wide).length, 65);
  assert.equal(wide['…'], '36 more');
  let deep: unknown = 'bottom';
  for (let level = 0; level < 100; level += 1) deep = { deep };
  assert.match(JSON.stringify(redact(deep)), /\[deep\]/);
  assert.doesNotMatch(JSON.stringify(redact(deep)), /bottom/);
  const map = redact(new Map(Array.from({ length: 100 }, (_, at) => [`key${at}`, at])));
  assert.equal(Object.keys(map ?? {}).length, 64);
});

test('a line stays bounded whatever is given: many nodes, much text', () => {
  const row = Array.from({ length: 64 }, () => 'x '.repeat(2_000));
  const much = JSON.stringify(redact(Array.from({ length: 64 }, () => row)));
  assert.ok(much.length < 150_000, String(much.length));
  const nodes = JSON.stringify(redact(Array.from({ length: 64 }, () => Array.from({ length: 64 }, () => [1, 2, 3]))));
  assert.ok(nodes.length < 60_000, String(nodes.length));
  assert.match(nodes, /\[more\]/);
});

test('odd values are written as something plain', () => {
  const twice = { a: 1 };
  class Money {
    toJSON(): unknown {
      return { amount: '1.00', token: 'opaque-credential' };
    }
  }
  const unreadable = {
    get broken(): string {
      throw new RangeError('no');
    },
  };
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  assert.deepEqual(
    redact({
      first: twice,
      second: twice,
      money: new Money(),
      url: new URL('https://user:hunter2@example.com/'),
      pattern: /a+/,
      bytes: new Uint8Array(5),
      buffer: new ArrayBuffer(3),
      when: new Date('2026-11-20T10:00:00Z'),
      never: new Date(Number.NaN),
      infinite: Infinity,
      big: 12n,
      sign: Symbol('s'),
      call: redact,
      unreadable,
      revoked: revoked.proxy,
    }),
    {
      first: { a: 1 },
      second: { a: 1 },
      money: { amount: '1.00', token: mask },
      url: 'https://user:••••@example.com/',
      pattern: '/a+/',
      bytes: '[5 bytes]',
      buffer: '[3 bytes]',
      when: '2026-11-20T10:00:00.000Z',
      never: null,
      infinite: 'Infinity',
      big: '12',
      sign: 'Symbol(s)',
      call: '[function]',
      unreadable: { broken: '[unreadable]' },
      revoked: '[unreadable]',
    },
  );
});

test('a field named __proto__ changes nothing but is told', () => {
  const fields: unknown = JSON.parse('{"__proto__": {"polluted": true}, "a": 1}');
  const shown = redact(fields);
  assert.deepEqual(shown, { '[__proto__]': { polluted: true }, a: 1 });
  assert.equal(Object.getPrototypeOf(shown), Object.prototype);
});

test('a database error is told by its SQLSTATE, rule and place, without the values of the row', () => {
  const error = Object.assign(new RangeError('duplicate key value violates unique constraint "users_email_key"'), {
    name: 'error',
    severity: 'ERROR',
    code: '23505',
    detail: 'Key (email)=(ann@example.com) already exists.',
    table: 'users',
    constraint: 'users_email_key',
    column: undefined,
    hint: '',
  });
  const shown = redact(error);
  assert.deepEqual(
    { ...Object(shown), stack: undefined },
    {
      name: 'error',
      sqlstate: '23505',
      message: 'duplicate key value violates unique constraint "users_email_key"',
      table: 'users',
      constraint: 'users_email_key',
      stack: undefined,
    },
  );
  assert.doesNotMatch(JSON.stringify(shown), /ann@example/);
});

test('an error of the system keeps its code, call and address', () => {
  const error = Object.assign(new RangeError('connect ECONNREFUSED 127.0.0.1:5432'), {
    code: 'ECONNREFUSED',
    syscall: 'connect',
    address: '127.0.0.1',
    port: 5432,
  });
  assert.match(JSON.stringify(redact(error)), /"code":"ECONNREFUSED",.*"syscall":"connect","address":"127.0.0.1","port":5432/);
});

test('every cause of an error and every error of several is told; secrets in their messages are masked; a circle of causes ends', () => {
  const bottom = new TypeError('at postgresql://app:hunter2@db/app');
  const several = new AggregateError([bottom, new RangeError('password=hunter2')], 'all failed');
  const said = { code: 'DATABASE_CONNECTION_FAILED', data: { password: 'hunter2' }, detail: 'none' };
  const top = Object.assign(new RangeError('unreachable', { cause: several }), said);
  Object.assign(bottom, { cause: top });
  const shown = JSON.stringify(redact({ error: top }));
  assert.doesNotMatch(shown, /hunter2/);
  for (const part of [
    'DATABASE_CONNECTION_FAILED',
    '"detail":"none"',
    'AggregateError',
    'all failed',
    'postgresql://app:••••@db/app',
    '[circular]',
  ]) {
    assert.ok(shown.includes(part), part);
  }
});

test('however a secret is nested, it is not in the line', () => {
  const key = fc.constantFrom(...secretKeys.filter((each) => !/\.|^$/.test(each)));
  const hidden = fc.stringMatching(/^[a-z]{6}Zq9Zq9[a-z]{6}$/);
  const noise = fc.oneof(fc.string({ maxLength: 10 }), fc.integer(), fc.boolean(), fc.constant(null), fc.constant(undefined));
  const wrap = fc.constantFrom<(inner: unknown, key: string, other: unknown) => unknown>(
    (inner) => [inner],
    (inner, name, other) => ({ other, [name]: inner }),
    (inner, _, other) => [other, { inner, other }],
    (inner) => new Map([['inner', inner]]),
    (inner) => new Set([inner]),
    (inner) => Object.assign(new RangeError('refused'), { data: { inner } }),
    (inner) => new RangeError('wrapped', { cause: inner }),
    (inner) => ({ toJSON: () => ({ inner }) }),
  );
  fc.assert(
    fc.property(key, hidden, fc.array(fc.tuple(wrap, fc.string({ maxLength: 8 }), noise), { maxLength: 14 }), (name, secret, wraps) => {
      let value: unknown = { [name]: secret };
      for (const [around, other, what] of wraps) value = around(value, other, what);
      assert.ok(!JSON.stringify(redact(value)).includes('Zq9Zq9'));
    }),
    { numRuns: 500 },
  );
});

test('however a token, a URL or a header is embedded in a text, its secret is not in the line', () => {
  const before = fc.string({ maxLength: 30 }).map((text) => `${text} `);
  const after = fc.string({ maxLength: 30 }).map((text) => ` ${text}`);
  const secret = fc.stringMatching(/^[A-Za-z0-9]{3}Zq9Zq9[A-Za-z0-9]{6}$/);
  const form = fc.constantFrom<(secret: string) => string>(
    (it) => `eyJhbGciOiJIUzI1NiJ9.${it}.${it}`,
    (it) => `postgresql://app:${it}@db/app`,
    (it) => `postgresql+psycopg://app:a/b?c#${it}@db/app`,
    (it) => `amqps://app:${it}@queue`,
    (it) => `Bearer ${it}`,
    (it) => `BEARER ${it}`,
    (it) => `password=${it}`,
    (it) => `refresh_token=${it}`,
    (it) => `"secret":"${it}"`,
    (it) => JSON.stringify(JSON.stringify({ password: it })),
  );
  fc.assert(
    fc.property(before, form, secret, after, (head, write, it, tail) => {
      assert.ok(!redactText(head + write(it) + tail).includes('Zq9Zq9'));
    }),
    { numRuns: 1_000 },
  );
});

test('redaction takes any value without throwing and gives what JSON can write', () => {
  fc.assert(
    fc.property(
      fc.anything({
        withBigInt: true,
        withDate: true,
        withMap: true,
        withSet: true,
        withTypedArray: true,
        withSparseArray: true,
        withNullPrototype: true,
      }),
      (value) => {
        const text = JSON.stringify({ value: redact(value) });
        assert.equal(typeof text, 'string');
      },
    ),
    { numRuns: 500 },
  );
});

test('a hostile text of millions of characters becomes a short one', () => {
  // Cut before any pattern looks at it: each of these makes some pattern begin anew at every letter.
  for (const piece of [
    'a',
    'a.',
    '://',
    'token',
    'token=',
    '"token":',
    'eyJ',
    'eyJ.',
    'basic ',
    'bearer ',
    '-----BEGIN PRIVATE KEY-----',
    'cookie:',
    '\\"',
  ]) {
    const shown = redactText(piece.repeat(2_000_000 / piece.length));
    assert.ok(shown.length < 10_000);
  }
});

test('no more than so many names are remembered, and the answers stay right', () => {
  for (let count = 0; count < 3_000; count += 1) assert.equal(isSecretKey(`field_${count}`), false);
  assert.equal(isSecretKey('late_password'), true);
  assert.equal(isSecretKey('late_name'), false);
});
