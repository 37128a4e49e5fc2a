/** What the command line does with users. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { offersAdministration } from 'keelson/auth';
import { sql } from 'keelson/schema';
import { startAccounts } from '../calls.fixture.ts';

const password = 'correct horse battery';

async function started() {
  const accounts = await startAccounts();
  const { services } = accounts;
  assert.ok(offersAdministration(services));
  const login = async (email: string, given = password): Promise<{ readonly status: number; readonly token: string }> => {
    const { status, body } = await accounts.call('POST', '/auth/login', { body: { email, password: given } });
    return { status, token: String(body['access_token']) };
  };
  return {
    administration: services.administration,
    database: accounts.database,
    login,
    statusOf: async (token: string) => (await accounts.call('GET', '/users', { token })).status,
    [Symbol.asyncDispose]: () => accounts[Symbol.asyncDispose](),
  };
}

// INF-6
test('the first superuser is made from the command line, and may do what superusers may', async () => {
  await using on = await started();
  const made = await on.administration.createSuperuser(' Root@Example.com', password);
  assert.equal(made.email, 'root@example.com');
  assert.ok(made.isSuperuser && made.isActive);
  assert.match(made.createdAt, /Z$/u);
  assert.deepEqual(Object.keys(made).toSorted(), ['createdAt', 'email', 'id', 'isActive', 'isSuperuser']);
  const { token } = await on.login('root@example.com');
  assert.equal(await on.statusOf(token), 200);
  await assert.rejects(on.administration.createSuperuser('root@example.com', password), { code: 'CONFLICT' });
  await assert.rejects(on.administration.createSuperuser('other@example.com', 'password1'), { code: 'VALIDATION_ERROR' });
  await assert.rejects(on.administration.createSuperuser('no e-mail', password), { code: 'VALIDATION_ERROR' });
});

// INF-6
test('a password that is set, and a user who is deactivated, end every session and are written down', async () => {
  await using on = await started();
  const { id } = await on.administration.createSuperuser('root@example.com', password);
  const before = await on.login('root@example.com');
  await on.administration.setPassword('ROOT@example.com', 'another passphrase');
  assert.equal(await on.statusOf(before.token), 401);
  assert.equal((await on.login('root@example.com')).status, 401);
  const after = await on.login('root@example.com', 'another passphrase');
  assert.equal(await on.statusOf(after.token), 200);
  assert.equal((await on.administration.deactivate('root@example.com')).isActive, false);
  assert.equal(await on.statusOf(after.token), 401);
  assert.equal((await on.login('root@example.com', 'another passphrase')).status, 403);
  const rows = await on.database.read((reader) => reader.sql(sql`select action, user_id, actor_id from accounts.audit_log order by id`));
  assert.deepEqual(
    rows.filter((row) => row['action'] !== 'login_failed').map((row) => [row['action'], row['user_id'], row['actor_id']]),
    [
      ['password_changed', id, null],
      ['user_deactivated', id, null],
    ],
  );
  await assert.rejects(on.administration.setPassword('root@example.com', 'short'), { code: 'VALIDATION_ERROR' });
  await assert.rejects(on.administration.deactivate('nobody@example.com'), { code: 'NOT_FOUND' });
  await assert.rejects(on.administration.setPassword('nobody@example.com', password), { code: 'NOT_FOUND' });
});

test('users are listed from the oldest on, without their hashes', async () => {
  await using on = await started();
  for (const name of ['one', 'two', 'three']) await on.administration.createSuperuser(`${name}@example.com`, password);
  const emails = async (options?: Parameters<typeof on.administration.list>[0]): Promise<readonly string[]> =>
    (await on.administration.list(options)).map(({ email }) => email);
  assert.deepEqual(await emails(), ['one@example.com', 'two@example.com', 'three@example.com']);
  assert.deepEqual(await emails({ limit: 1, offset: 1 }), ['two@example.com']);
  assert.ok(!JSON.stringify(await on.administration.list()).includes('$2b$'));
});
