/** Passwords that everybody tries first are refused in every dress, and ones of a user's own are not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isCommonPassword, isNamedAfter } from './guess.ts';
import { commonWords } from './guess-words.ts';

const common = `
12345678 123456789 1234567890 password password1 password12 password123 Password1 Password123! P@ssw0rd P@ssword1 Passw0rd! pa$$word qwerty123 qwertyuiop
qwerty12345 1q2w3e4r 1q2w3e4r5t 1qaz2wsx zaq12wsx qazwsxedc 11111111 00000000 12121212 123123123 87654321 987654321 0987654321 iloveyou iloveyou1 sunshine
princess football baseball superman trustno1 starwars computer michelle jennifer jessica1 whatever corvette mercedes victoria liverpool chocolate butterfly
letmein1 Letmein123 welcome1 Welcome123 Welcome2024! abc12345 abcd1234 abcdefgh a1b2c3d4 asdfghjkl asdf1234 zxcvbnm1 zxcvbnm123 qwer1234 1234qwer
q1w2e3r4 qweasdzxc 123qwe123 administrator admin123 admin1234 Admin@123 changeme changeme1 password! Summer2025 Summer2025! Winter2024 Monday123 dragon12
monkey123 shadow12 master123 michael1 charlie1 jordan23 pokemon1 passwordpassword testtest test1234 Test@1234 qwertyqwerty aaaaaaaa abcabcabc 123321123321
minecraft1 samsung123 internet basketball elephant1 midnight1 11223344 147258369 159357159 password2020 Pass@123 aa123456 a12345678 12345678a
`
  .trim()
  .split(/\s+/u);

// INF-6
test('the passwords that everybody tries first are refused, with their digits, signs and capitals', () => {
  for (const password of common) assert.ok(isCommonPassword(password), password);
});

test("a password of one's own is not refused for a common word in it", () => {
  const own = [
    'correct horse battery',
    'long enough',
    'my dragon eats cold soup',
    'Tr0ub4dor&3x9',
    'dragon8473629150',
    'vaguely-plum-otter',
    '🜁🜂🜃🜄 elements',
    'xK9#mPq2vL',
    'gq7w-2m9x-ab4c',
    'пароль-не-из-списка',
    'x'.repeat(72),
  ];
  for (const password of own) assert.ok(!isCommonPassword(password), password);
});

test('a password that is little more than the e-mail of its user is refused', () => {
  const names = ['ada.lovelace@example.com'];
  for (const password of ['ada.lovelace', 'AdaLovelace1815', 'lovelace!!', 'lovelace1815', 'ada.lovelace@example.com', 'example1234'])
    assert.ok(isNamedAfter(password, names, 8), password);
  for (const password of ['ada eats cold soup', 'correct horse', 'lovelace-wrote-notes'])
    assert.ok(!isNamedAfter(password, names, 8), password);
});

test('the words are in one form, so that each can be found', () => {
  for (const word of commonWords) assert.match(word, /^[a-z0-9]{4,}$/u);
});

test('looking a password up takes no longer for one that is made to take long', () => {
  assert.ok(isCommonPassword('a'.repeat(24)));
  assert.ok(!isCommonPassword('a'.repeat(1_000_000)));
});
