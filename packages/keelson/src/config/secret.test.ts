/** Which secrets are good, how they are shown, and the one that development keeps. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import * as fc from 'fast-check';
import { isKeelsonError } from '../errors.ts';
import { developmentSecret, entropyBits, maskSecret, maskUrl, secretWeakness } from './secret.ts';

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'keelson-secret-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

test('every random secret of 32 characters or more is good, in hex, base64 and base64url', () => {
  // FND-1
  fc.assert(
    fc.property(fc.constantFrom('hex', 'base64', 'base64url'), fc.integer({ min: 16, max: 96 }), (encoding, sizeBytes) => {
      const secret = randomBytes(sizeBytes).toString(encoding);
      fc.pre(secret.length >= 32);
      assert.equal(secretWeakness(secret), undefined, secret);
    }),
    { numRuns: 2_000 },
  );
});

const placeholders = [
  'changeme', 'change-me', 'CHANGE_THIS_IN_PRODUCTION_PLEASE_0123456789', 'your-secret-key-here-your-secret-key', 'your_super_secret_key_for_jwt_tokens_1',
  'dev-secret-key-change-in-production-123', 'supersecretsupersecretsupersecret1', 'my_secret_which_is_really_long_0123456789', 'insecure-0123456789-abcdefghijk-xyz',
  'this-is-an-example-key-0123456789abcdef', '<put your key of 32 characters in here>', '${SECRET_KEY}', 'placeholder-placeholder-placeholder', 'replace-with-a-real-one-0123456789abc',
  'Password123456789012345678901234567890', 'default-key-0123456789-abcdefghijklmn', 'not-a-secret-0123456789-abcdefghijkl', 'secretkey0123456789abcdefghijklmnopq',
]; // prettier-ignore

test('placeholders and first guesses are not secrets', () => {
  // FND-1
  for (const secret of placeholders) assert.match(secretWeakness(secret) ?? 'good', /placeholder/, secret);
});

test('what is shorter than 32 bytes is not a secret, counted in bytes', () => {
  // FND-1
  assert.match(secretWeakness(randomBytes(15).toString('hex')) ?? 'good', /shorter than 32 bytes/);
  assert.match(secretWeakness(randomBytes(16).toString('hex').slice(1)) ?? 'good', /shorter than 32 bytes/);
  assert.doesNotMatch(secretWeakness('ä'.repeat(16)) ?? 'good', /shorter/);
});

test('what repeats itself or runs along the alphabet is not a secret, however long', () => {
  // FND-1
  for (const secret of [
    'a'.repeat(64),
    'ab'.repeat(32),
    'keelson'.repeat(10),
    '0123456789abcdef0123456789abcdef0123456789abcdef',
    'abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz',
    'zyxwvutsrqponmlkjihgfedcba9876543210',
    `${'a'.repeat(30)}${'b'.repeat(30)}`,
    '1111111111111111111111111111111111111112',
    '12345678901234567890123456789012345678901234567',
  ]) {
    assert.match(secretWeakness(secret) ?? 'good', /repeats itself/, secret);
  }
});

test('a weakness is told without the secret', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 5, maxLength: 60 }), (secret) => {
      assert.ok(!(secretWeakness(secret) ?? '').includes(secret));
    }),
  );
});

test('entropy is 0 for nothing and for one letter, and never below 0', () => {
  assert.equal(entropyBits(''), 0);
  assert.equal(entropyBits('a'), 0);
  fc.assert(fc.property(fc.string(), (text) => assert.ok(entropyBits(text) >= 0)));
});

test('a secret is shown as four dots and whether it is long enough, nothing else', () => {
  assert.equal(maskSecret('short'), '•••• (under 32 bytes)');
  assert.equal(maskSecret('x'.repeat(32)), '•••• (32 bytes or more)');
  assert.equal(maskSecret('y'.repeat(99)), '•••• (32 bytes or more)');
});

test('a URL is shown without its password, nor a secret in its query', () => {
  assert.equal(
    maskUrl('postgresql://app:hunter2@db.example:5432/app?sslmode=require'),
    'postgresql://app:••••@db.example:5432/app?sslmode=require',
  );
  assert.equal(maskUrl('postgresql:///app?host=/run&password=hunter2'), 'postgresql:///app?host=/run&password=••••');
  assert.equal(maskUrl('postgresql://app@db/app'), 'postgresql://app@db/app');
  assert.equal(maskUrl('postgresql://:hunter2@db/app'), 'postgresql://:••••@db/app');
  assert.equal(maskUrl('postgresql://a:b@c:hunter2@db/app'), 'postgresql://a:••••@db/app');
  assert.equal(maskUrl('https://hunter2@example.com/path'), 'https://••••@example.com/path');
  assert.equal(maskUrl('https://example.com/path?token=hunter2'), 'https://example.com/path?token=••••');
  assert.equal(maskUrl('not a url hunter2'), '••••');
});

test('the development secret is made once, good, and readable by its owner alone', async (t) => {
  // FND-1
  const directory = await folder(t);
  const first = await developmentSecret(directory);
  assert.equal(secretWeakness(first), undefined);
  assert.equal(await developmentSecret(directory), first);
  const file = join(directory, '.keelson', 'secret-key');
  assert.equal((await readFile(file, 'utf8')).trim(), first);
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  assert.deepEqual(await readdir(join(directory, '.keelson')), ['secret-key']);
});

test('another folder has another secret', async (t) => {
  assert.notEqual(await developmentSecret(await folder(t)), await developmentSecret(await folder(t)));
});

test('of many starts at once all get the same secret, and nothing is left beside it', async (t) => {
  const directory = await folder(t);
  const secrets = await Promise.all(Array.from({ length: 20 }, () => developmentSecret(directory)));
  assert.equal(new Set(secrets).size, 1);
  assert.deepEqual(await readdir(join(directory, '.keelson')), ['secret-key']);
});

test('a secret that others may read is closed again', async (t) => {
  const directory = await folder(t);
  const secret = await developmentSecret(directory);
  const file = join(directory, '.keelson', 'secret-key');
  await chmod(file, 0o644);
  assert.equal(await developmentSecret(directory), secret);
  assert.equal((await stat(file)).mode & 0o777, 0o600);
});

test('a kept secret that is empty or weak is refused with what to do, and left as it is', async (t) => {
  const directory = await folder(t);
  const file = join(directory, '.keelson', 'secret-key');
  await mkdir(join(directory, '.keelson'));
  for (const kept of ['', 'hunter2']) {
    await writeFile(file, kept);
    await assert.rejects(developmentSecret(directory), (error) => {
      assert.ok(isKeelsonError(error, 'CONFIG_INVALID'));
      assert.match(error.message, /secret-key.* has no good secret in it/);
      assert.match(error.hint, /Delete it/);
      assert.doesNotMatch(error.message, /hunter2/);
      return true;
    });
    assert.equal(await readFile(file, 'utf8'), kept);
  }
});

test('a folder that cannot be written is told with what to do', async (t) => {
  const directory = await folder(t);
  await writeFile(join(directory, '.keelson'), 'a file where the folder should be');
  await assert.rejects(developmentSecret(directory), (error) => {
    assert.ok(isKeelsonError(error, 'CONFIG_INVALID'));
    assert.match(error.message, /cannot be read or written/);
    assert.match(error.hint, /set SECRET_KEY/);
    assert.ok(error.cause instanceof Error);
    return true;
  });
});
