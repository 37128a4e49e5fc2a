/** What each reader takes, what it refuses and what it says to write instead. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  nearChoice,
  readChoice,
  readDatabaseUrl,
  readFlag,
  readHost,
  readInteger,
  readOrigin,
  readText,
  readUrl,
  shown,
  type Reading,
} from './reading.ts';

function value<T>(reading: Reading<T>): T {
  assert.ok(reading.ok, JSON.stringify(reading));
  return reading.value;
}

function refusal(reading: Reading<unknown>): string {
  assert.ok(!reading.ok, 'was taken');
  assert.match(reading.hint, /^[A-Z].*[.?]$/s, 'a hint is a sentence');
  assert.doesNotMatch(reading.problem, /\.$/, 'a problem is a clause');
  return `${reading.problem}. ${reading.hint}`;
}

test('a whole number within its limits is taken', () => {
  // INF-2
  const range = { min: -5, max: 1_000 };
  for (const [text, number] of [
    ['0', 0],
    ['-5', -5],
    ['+7', 7],
    ['1000', 1_000],
    ['007', 7],
  ] as const) {
    assert.equal(value(readInteger(text, range)), number);
  }
});

test('what JavaScript would bend into a number is refused', () => {
  // INF-2
  for (const text of ['', ' ', '1e3', '0x10', '2.7', '1_000', '5s', 'ten', 'NaN', 'Infinity', '9007199254740993', '١٢', '1 2', '--1']) {
    assert.match(
      refusal(readInteger(text, { min: 0, max: 9 })),
      /is not a whole number\. Write a whole number from 0 to 9, without a unit\./,
    );
  }
});

test('a number beyond its limits is refused with the limit', () => {
  // INF-2
  assert.match(refusal(readInteger('0', { min: 1, max: 10 })), /^0 is less than 1\. .*from 1 to 10/);
  assert.match(refusal(readInteger('11', { min: 1, max: 10 })), /^11 is more than 10\. .*from 1 to 10/);
});

test('a number comes back from its text, or is refused', () => {
  fc.assert(
    fc.property(fc.integer({ min: -1_000_000, max: 1_000_000 }), (number) => {
      const reading = readInteger(String(number), { min: -500_000, max: 500_000 });
      assert.equal(reading.ok, Math.abs(number) <= 500_000);
      if (reading.ok) assert.equal(reading.value, number);
    }),
  );
});

test('a switch has its usual spellings and no other', () => {
  for (const text of ['true', '1', 'yes', 'on', 'TRUE', 'Yes']) assert.equal(value(readFlag(text)), true);
  for (const text of ['false', '0', 'no', 'off', 'False', 'OFF']) assert.equal(value(readFlag(text)), false);
  for (const text of ['', '2', 'y', 'express:*', 'truee'])
    assert.match(refusal(readFlag(text)), /neither on nor off\. Write true or false\./);
});

test('a choice is taken in any case and given as it is declared', () => {
  const values = ['HS256', 'EdDSA'] as const;
  assert.equal(value(readChoice('eddsa', values)), 'EdDSA');
  assert.equal(value(readChoice('HS256', values)), 'HS256');
});

test('a wrong choice is told with what is possible and what was probably meant', () => {
  const values = ['debug', 'info', 'warn', 'error'] as const;
  assert.equal(
    refusal(readChoice('WARNING', values)),
    "'WARNING' is not one of debug, info, warn, error. Write one of debug, info, warn, error. Did you mean warn?",
  );
  assert.doesNotMatch(refusal(readChoice('loud', values)), /Did you mean/);
  assert.equal(nearChoice('prod', ['development', 'production']), 'production');
  assert.equal(nearChoice('p', ['development', 'production']), undefined);
});

test('a text is bounded and plain', () => {
  assert.equal(value(readText('Ünïcode ✓\nsecond line', 30)), 'Ünïcode ✓\nsecond line');
  assert.match(refusal(readText('four', 3)), /it is 4 characters long\. Write at most 3 characters\./);
  assert.match(refusal(readText('a\u0000b', 30)), /control characters/);
  assert.match(refusal(readText('a\u001B[31m', 30)), /control characters/);
});

test('a host is a name or an address alone', () => {
  for (const text of ['127.0.0.1', '0.0.0.0', '::1', '::', 'localhost', 'db.example.com', 'fe80::1%eth0'])
    assert.equal(value(readHost(text)), text);
  assert.match(refusal(readHost('127.0.0.1:8000')), /names a port too/);
  for (const text of ['http://localhost', 'a b', '', 'a/b'])
    assert.match(refusal(readHost(text)), /is not a host\. Write a host name or an IP address alone/);
});

test('an origin is taken exactly as a browser sends it', () => {
  for (const text of ['https://app.example.com', 'http://localhost:3000', 'http://[::1]:3000', '*'])
    assert.equal(value(readOrigin(text)), text);
});

test('what is nearly an origin is refused with the right one', () => {
  assert.match(refusal(readOrigin('https://app.example.com/')), /is not exactly an origin\. Write it as https:\/\/app\.example\.com\./);
  assert.match(refusal(readOrigin('https://app.example.com/path')), /Write it as https:\/\/app\.example\.com\./);
  assert.match(refusal(readOrigin('https://App.Example.com')), /Write it as https:\/\/app\.example\.com\./);
  assert.match(refusal(readOrigin('https://app.example.com:443')), /Write it as https:\/\/app\.example\.com\./);
  assert.match(refusal(readOrigin('http://user:hunter2@localhost')), /no user and no password/);
  assert.doesNotMatch(refusal(readOrigin('http://user:hunter2@localhost')), /hunter2/);
  assert.match(refusal(readOrigin('["http://localhost:3000"')), /brackets or quotes\. Write origins with commas between/);
  for (const text of ['app.example.com', 'null', 'ftp://example.com', 'https://*.example.com:x', 'file:///a']) {
    assert.match(refusal(readOrigin(text)), /is not an origin/);
  }
});

test('an HTTP address is taken, others are refused', () => {
  assert.equal(value(readUrl('https://rpc.example.com/v1?x=1')), 'https://rpc.example.com/v1?x=1');
  assert.match(refusal(readUrl('rpc.example.com')), /is not a URL/);
  assert.match(refusal(readUrl('ftp://rpc.example.com')), /begins with ftp:/);
});

test('a database URL is taken, also in the forms of Python drivers', () => {
  // LRP-1
  for (const scheme of ['postgres', 'postgresql', 'postgresql+asyncpg', 'postgresql+psycopg', 'postgresql+psycopg2', 'POSTGRESQL']) {
    assert.equal(
      value(readDatabaseUrl(`${scheme}://app:p%40w@db.example:5432/app?sslmode=require`)),
      'postgresql://app:p%40w@db.example:5432/app?sslmode=require',
    );
  }
  for (const text of [
    'postgresql://localhost',
    'postgresql://app@localhost/app',
    'postgresql:///app?host=/run/postgresql',
    'postgresql://[::1]:5432/app',
  ]) {
    assert.equal(value(readDatabaseUrl(text)), text);
  }
});

const badDatabaseUrls: readonly (readonly [string, RegExp])[] = [
  ['mysql://app:hunter2@db/app', /does not begin with postgresql:\/\//],
  ['postgresql+mysql://app:hunter2@db/app', /does not begin with postgresql:\/\//],
  ['app:hunter2@db/app', /does not begin with postgresql:\/\//],
  ['postgresql:app', /does not begin with postgresql:\/\//],
  ['postgresql://app:hunter2#@db/app', /not a URL.*Percent-encode/],
  ['postgresql://app@db/app#hunter2', /has a #/],
  ['postgresql://app:hun ter2@db/app', /space|not a URL/],
  ['postgresql://app:hunter2@db:port/app', /not a URL/],
  ['postgresql://app:hunter2@db:99999/app', /not a URL/],
  ['postgresql://app:hunter2@/app', /not a URL|names no host/],
  ['postgresql:///app', /names no host/],
  ['postgresql://app:hunter2%@db/app', /% that begins no percent-encoded/],
  ['postgresql://app:12/hunter2@db/app', /an @, but not before the host/],
  ['postgresql://app:hunter2@db/app/more', /more than a database name/],
];

for (const [text, words] of badDatabaseUrls) {
  test(`a database URL that cannot work is refused without repeating it: ${String(words)}`, () => {
    // FND-1
    const said = refusal(readDatabaseUrl(text));
    assert.match(said, words);
    assert.doesNotMatch(said, /hunter2|hun ter2/);
  });
}

test('whatever the password, what is said of a database URL does not hold it', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 20 }), fc.string({ maxLength: 20 }), (before, after) => {
      const reading = readDatabaseUrl(`postgresql://app:${before}Zq9Zq9${after}@db/app`);
      if (!reading.ok) assert.ok(!`${reading.problem} ${reading.hint}`.includes('Zq9'));
    }),
  );
});

test('a percent-encoded password is always taken', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 30 }), (password) => {
      const reading = readDatabaseUrl(`postgresql://app:${encodeURIComponent(password)}@db/app`);
      assert.ok(reading.ok);
      assert.equal(decodeURIComponent(new URL(reading.value).password), password);
    }),
  );
});

test('a text in a problem is quoted, short, without control characters and without a password', () => {
  assert.equal(shown('a\nb'), "'a?b'");
  assert.equal(shown('x'.repeat(100)), `'${'x'.repeat(60)}…'`);
  assert.equal(shown('postgresql://app:hunter2@db/app'), "'postgresql://app:••••@db/app'");
});
