/** E-mails: which are ones, and the one form in which each is kept. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeelsonError } from '../errors.ts';
import { emailKey, normaliseEmail, requiredEmail, unlessTaken } from './email.ts';

// INF-6
test('all spellings of an e-mail are kept in one form', () => {
  for (const spelling of ['kate@example.com', ' KATE@Example.com ', '\u212Aate@example.com', '\uFF4Bate@example.com'])
    assert.equal(normaliseEmail(spelling), 'kate@example.com');
});

// INF-6
test('what is no e-mail, or hides something, is none', () => {
  const wrong = [
    '',
    'kate',
    'kate@',
    '@example.com',
    'kate@example',
    'ka te@example.com',
    'kate@exa\u200Bmple.com',
    'ka\u00ADte@example.com',
    'kate@-a.com',
  ];
  for (const text of [...wrong, `${'a'.repeat(65)}@example.com`, `kate@${'a.'.repeat(130)}com`])
    assert.equal(normaliseEmail(text), null, text);
  assert.throws(() => requiredEmail('kate'), { code: 'VALIDATION_ERROR' });
});

test('only the refusal of the index of e-mails is told as an e-mail that is taken', async () => {
  const conflict = (constraint: string) => async (): Promise<never> => {
    throw new KeelsonError('CONFLICT', { message: 'as it was', data: { constraint } });
  };
  await assert.rejects(unlessTaken(conflict(emailKey)), { code: 'CONFLICT', message: 'The e-mail is taken.' });
  await assert.rejects(unlessTaken(conflict('users_phone_key')), { code: 'CONFLICT', message: 'as it was' });
  assert.equal(await unlessTaken(async () => 1), 1);
});
