/** Registering, asking who one is, and changing it, through the whole app. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sql } from 'keelson/schema';
import { type Answered, startAccounts } from '../calls.fixture.ts';

const ada = { email: 'ada@example.com', password: 'correct horse battery', full_name: 'Ada Lovelace' };
const UUID_7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/u;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$/u;
const publicFields = ['created_at', 'email', 'full_name', 'id', 'is_active', 'is_superuser', 'updated_at'];

function assertProblem(answer: Answered, status: number, code: string): void {
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.body['error'], code);
  assert.match(String(answer.headers['content-type']), /^application\/problem\+json/u);
  assertNothingInternal(answer);
}

function assertNothingInternal({ text }: Answered): void {
  for (const secret of [
    ada.password,
    'password_hash',
    'passwordHash',
    '$2b$',
    '$argon2',
    'users_email_key',
    'select ',
    'insert ',
    '.ts:',
    'node_modules',
  ]) {
    assert.ok(!text.includes(secret), `${secret} is in ${text}`);
  }
}

function fieldsOf(answer: Answered): string[] {
  const problems = answer.body['validation_errors'];
  assert.ok(Array.isArray(problems));
  return problems.map((problem: unknown) => {
    assert.ok(typeof problem === 'object' && problem !== null && 'field' in problem);
    return String(problem.field);
  });
}

// INF-7 INF-9
test('who registers is answered with the public side of the user and where it is, and with nothing else', async () => {
  await using accounts = await startAccounts();
  const answer = await accounts.call('POST', '/auth/register', { body: ada });
  assert.equal(answer.status, 201, answer.text);
  assert.deepEqual(Object.keys(answer.body).toSorted(), publicFields);
  const { id, created_at: createdAt, updated_at: updatedAt, ...rest } = answer.body;
  assert.deepEqual(rest, { email: 'ada@example.com', full_name: 'Ada Lovelace', is_active: true, is_superuser: false });
  assert.match(String(id), UUID_7);
  assert.match(String(createdAt), TIME);
  assert.equal(updatedAt, createdAt);
  assert.equal(answer.headers['location'], `/api/v1/users/${String(id)}`);
  assert.equal(answer.headers['cache-control'], 'no-store');
  assertNothingInternal(answer);
});

test('what is kept of a password is a hash of the configured scheme', async () => {
  for (const [scheme, prefix] of [
    ['bcrypt', '$2b$04$'],
    ['argon2id', '$argon2id$'],
  ] as const) {
    await using accounts = await startAccounts({ PASSWORD_SCHEME: scheme });
    await accounts.call('POST', '/auth/register', { body: ada });
    const user = await accounts.database.read(({ users }) => users.find({ email: ada.email }));
    assert.ok(user?.passwordHash.startsWith(prefix));
  }
});

test('a name need not be given', async () => {
  await using accounts = await startAccounts();
  const { full_name: _name, ...nameless } = ada;
  assert.equal((await accounts.call('POST', '/auth/register', { body: nameless })).body['full_name'], null);
  const other = await accounts.call('POST', '/auth/register', { body: { ...ada, email: 'b@example.com', full_name: null } });
  assert.equal(other.body['full_name'], null);
});

// INF-7
const spellings: Readonly<Record<string, string>> = {
  'in the same letters': 'kate@example.com',
  'in other case': 'KATE@Example.COM',
  'with spaces around it': '  kate@example.com\t',
  'with the Kelvin sign for its K': '\u212aate@example.com',
  'in full-width letters': '\uff4b\uff41\uff54\uff45@example.com',
  'with a byte order mark in front': '\ufeffkate@example.com',
};
for (const [how, email] of Object.entries(spellings)) {
  test(`an e-mail that is taken cannot be registered again ${how}`, async () => {
    await using accounts = await startAccounts();
    await accounts.call('POST', '/auth/register', { body: { ...ada, email: 'kate@example.com' } });
    const answer = await accounts.call('POST', '/auth/register', { body: { ...ada, email } });
    assertProblem(answer, 409, 'CONFLICT');
    assert.equal(answer.body['message'], 'The e-mail is taken.');
    assert.equal(await accounts.database.read(({ users }) => users.count()), 1);
  });
}

test('an e-mail is kept and answered in its one form', async () => {
  await using accounts = await startAccounts();
  const answer = await accounts.call('POST', '/auth/register', { body: { ...ada, email: ' \u212aATE@Example.com ' } });
  assert.equal(answer.body['email'], 'kate@example.com');
});

test('of twenty who register one e-mail at once, one is registered and the others are told that it is taken', async () => {
  await using accounts = await startAccounts();
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, number) =>
      accounts.call('POST', '/auth/register', { body: { ...ada, email: number % 2 === 0 ? 'one@example.com' : 'ONE@example.com' } }),
    ),
  );
  assert.equal(answers.filter(({ status }) => status === 201).length, 1);
  assert.equal(answers.filter(({ status }) => status === 409).length, 19);
  assert.equal(await accounts.database.read(({ users }) => users.count()), 1);
});

const noEmails: Readonly<Record<string, string>> = {
  'no at sign': 'ada.example.com',
  'nothing before the at sign': '@example.com',
  'nothing after it': 'ada@',
  'two of them': 'a@da@example.com',
  'no dot in its domain': 'ada@example',
  'a space inside': 'a da@example.com',
  'a line break inside': 'ada@example.com\nbcc: b@example.com',
  'a zero-width space': 'a\u200bda@example.com',
  'a zero-width joiner': 'ada\u200d@example.com',
  'a soft hyphen': 'a\u00adda@example.com',
  'a variation selector': 'a\ufe0fda@example.com',
  'an invisible letter': '\u3164ada@example.com',
  'a right-to-left mark': '\u202eada@example.com',
  'angle brackets': '<ada@example.com>',
  'a domain that begins with a hyphen': 'ada@-example.com',
  'a name of 65 characters': `${'a'.repeat(65)}@example.com`,
  'more than 254 characters once it is normalised': `${'\ufdfa'.repeat(30)}@example.com`,
};
for (const [what, email] of Object.entries(noEmails)) {
  test(`an e-mail with ${what} is refused`, async () => {
    await using accounts = await startAccounts();
    const answer = await accounts.call('POST', '/auth/register', { body: { ...ada, email } });
    assertProblem(answer, 422, 'VALIDATION_ERROR');
    assert.deepEqual(fieldsOf(answer), ['body.email']);
    assert.equal(await accounts.database.read(({ users }) => users.count()), 0);
  });
}

// INF-6
test('passwords that are too short, or longer than bcrypt reads, are refused and never repeated', async () => {
  await using accounts = await startAccounts();
  for (const password of ['seven77', '', 'ü'.repeat(37), 'x'.repeat(73), 'x'.repeat(2_000)]) {
    const answer = await accounts.call('POST', '/auth/register', { body: { ...ada, password } });
    assertProblem(answer, 422, 'VALIDATION_ERROR');
    assert.deepEqual(fieldsOf(answer), ['body.password']);
    assert.ok(password === '' || !answer.text.includes(password));
  }
  assert.equal((await accounts.call('POST', '/auth/register', { body: { ...ada, password: 'ü'.repeat(36) } })).status, 201);
});

// INF-6
test('a password that everybody tries first, or that is little more than the e-mail, is refused and never echoed', async () => {
  await using accounts = await startAccounts();
  for (const password of ['password123', 'Qwertyuiop1', '1q2w3e4r5t', 'ada@example.com', 'Ada.Example.1']) {
    const answer = await accounts.call('POST', '/auth/register', { body: { ...ada, password } });
    assertProblem(answer, 422, 'VALIDATION_ERROR');
    assert.deepEqual(fieldsOf(answer), ['body.password']);
    assert.ok(!answer.text.includes(password));
  }
  const token = await signedIn(accounts);
  for (const password of ['password123', 'ada@example.com']) {
    const body = { current_password: ada.password, new_password: password };
    const answer = await accounts.call('PUT', '/users/me/password', { token, body });
    assertProblem(answer, 422, 'VALIDATION_ERROR');
    assert.deepEqual(fieldsOf(answer), ['body.new_password']);
  }
});

// INF-7
test('nobody makes themselves a superuser: unknown fields are refused, each by its name', async () => {
  await using accounts = await startAccounts();
  const extras = {
    is_superuser: true,
    is_active: true,
    id: '019aa1c8-0000-7000-8000-000000000001',
    password_hash: 'x',
    isSuperuser: true,
  };
  const answer = await accounts.call('POST', '/auth/register', { body: { ...ada, ...extras } });
  assertProblem({ ...answer, text: answer.text.replaceAll('body.password_hash', '') }, 422, 'VALIDATION_ERROR');
  assert.deepEqual(
    fieldsOf(answer).toSorted(),
    Object.keys(extras)
      .map((key) => `body.${key}`)
      .toSorted(),
  );
  const polluted = await accounts.call('POST', '/auth/register', {
    payload: '{"email":"a@example.com","password":"long enough","__proto__":{"is_superuser":true}}',
  });
  assertProblem(polluted, 400, 'MALFORMED_REQUEST');
  assert.equal(await accounts.database.read(({ users }) => users.count()), 0);
});

const badBodies: Readonly<Record<string, { readonly payload: string | Buffer; readonly status: number; readonly code: string }>> = {
  'no JSON': { payload: '{"email":', status: 400, code: 'MALFORMED_REQUEST' },
  'a NUL character': { payload: '{"email":"a\\u0000@example.com","password":"long enough"}', status: 400, code: 'MALFORMED_REQUEST' },
  'a NUL character in the password': {
    payload: '{"email":"a@example.com","password":"long\\u0000enough"}',
    status: 400,
    code: 'MALFORMED_REQUEST',
  },
  'half of a surrogate pair': {
    payload: '{"email":"a@example.com","password":"long enough \\ud800"}',
    status: 400,
    code: 'MALFORMED_REQUEST',
  },
  'broken UTF-8': { payload: Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]), status: 400, code: 'MALFORMED_REQUEST' },
  'a list': { payload: '[]', status: 422, code: 'VALIDATION_ERROR' },
  null: { payload: 'null', status: 422, code: 'VALIDATION_ERROR' },
  'numbers for texts': { payload: '{"email":7,"password":8}', status: 422, code: 'VALIDATION_ERROR' },
  'objects for texts': { payload: '{"email":{"$ne":null},"password":{"$ne":null}}', status: 422, code: 'VALIDATION_ERROR' },
  nothing: { payload: '{}', status: 422, code: 'VALIDATION_ERROR' },
  'more than is taken': { payload: JSON.stringify({ ...ada, full_name: 'x'.repeat(200_000) }), status: 413, code: 'PAYLOAD_TOO_LARGE' },
  'a long name': { payload: JSON.stringify({ ...ada, full_name: 'x'.repeat(256) }), status: 422, code: 'VALIDATION_ERROR' },
  'a name of many joined characters': {
    payload: JSON.stringify({ ...ada, full_name: '👩‍👩‍👧‍👦'.repeat(100) }),
    status: 422,
    code: 'VALIDATION_ERROR',
  },
  'an empty name': { payload: JSON.stringify({ ...ada, full_name: '' }), status: 422, code: 'VALIDATION_ERROR' },
};
for (const [what, { payload, status, code }] of Object.entries(badBodies)) {
  test(`a registration that is ${what} is refused`, async () => {
    await using accounts = await startAccounts();
    assertProblem(await accounts.call('POST', '/auth/register', { payload }), status, code);
    assert.equal(await accounts.database.read(({ users }) => users.count()), 0);
  });
}

test('registering takes JSON alone', async () => {
  await using accounts = await startAccounts();
  assertProblem(
    await accounts.call('POST', '/auth/register', { form: { email: ada.email, password: ada.password } }),
    415,
    'UNSUPPORTED_MEDIA_TYPE',
  );
});

/** A user who is signed in. */
async function signedIn(accounts: Awaited<ReturnType<typeof startAccounts>>, who = ada): Promise<string> {
  await accounts.call('POST', '/auth/register', { body: who });
  const answer = await accounts.call('POST', '/auth/login', { body: { email: who.email, password: who.password } });
  return String(answer.body['access_token']);
}

// INF-9
test('who is signed in is told who they are, and nothing that is not public', async () => {
  await using accounts = await startAccounts();
  const token = await signedIn(accounts);
  const answer = await accounts.call('GET', '/users/me', { token });
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual(Object.keys(answer.body).toSorted(), publicFields);
  assert.equal(answer.body['email'], ada.email);
  assert.equal(answer.body['full_name'], ada.full_name);
  assert.match(String(answer.body['created_at']), TIME);
  assertNothingInternal(answer);
});

// INF-9
test('users change their name and their e-mail, and when they did so is told', async () => {
  await using accounts = await startAccounts();
  const token = await signedIn(accounts);
  accounts.clock.skipMs(60_000);
  const renamed = await accounts.call('PATCH', '/users/me', { token, body: { full_name: 'Ada King', email: ' ADA.King@example.com' } });
  assert.equal(renamed.status, 200, renamed.text);
  assert.deepEqual(Object.keys(renamed.body).toSorted(), publicFields);
  assert.equal(renamed.body['full_name'], 'Ada King');
  assert.equal(renamed.body['email'], 'ada.king@example.com');
  assert.ok(String(renamed.body['updated_at']) > String(renamed.body['created_at']));
  const { updated_at: updatedAt, ...seen } = (await accounts.call('GET', '/users/me', { token })).body;
  const { updated_at: toldAt, ...told } = renamed.body;
  assert.deepEqual(seen, told);
  assert.equal(Date.parse(String(updatedAt)), Date.parse(String(toldAt)));
  const nameless = await accounts.call('PATCH', '/users/me', { token, body: { full_name: null } });
  assert.equal(nameless.body['full_name'], null);
  assert.equal(nameless.body['email'], 'ada.king@example.com');
});

test('a change that changes nothing answers with the user as it was', async () => {
  await using accounts = await startAccounts();
  const token = await signedIn(accounts);
  const before = (await accounts.call('GET', '/users/me', { token })).body;
  const answer = await accounts.call('PATCH', '/users/me', { token, body: {} });
  assert.equal(answer.status, 200);
  assert.equal(answer.body['id'], before['id']);
  assert.deepEqual((await accounts.call('GET', '/users/me', { token })).body, before);
});

test('nobody changes to an e-mail that is taken, in any spelling, or to what is none', async () => {
  await using accounts = await startAccounts();
  await accounts.call('POST', '/auth/register', { body: { ...ada, email: 'kate@example.com' } });
  const token = await signedIn(accounts);
  for (const email of Object.values(spellings)) {
    const answer = await accounts.call('PATCH', '/users/me', { token, body: { email } });
    assertProblem(answer, 409, 'CONFLICT');
    assert.equal(answer.body['message'], 'The e-mail is taken.');
  }
  for (const email of Object.values(noEmails)) {
    assertProblem(await accounts.call('PATCH', '/users/me', { token, body: { email } }), 422, 'VALIDATION_ERROR');
  }
  assert.equal((await accounts.call('GET', '/users/me', { token })).body['email'], ada.email);
  assert.equal((await accounts.call('PATCH', '/users/me', { token, body: { email: 'ADA@example.com' } })).status, 200);
});

// INF-7
test('users cannot change what is not theirs to change', async () => {
  await using accounts = await startAccounts();
  const token = await signedIn(accounts);
  for (const [field, value] of Object.entries({
    is_superuser: true,
    is_active: false,
    password: 'another one',
    password_hash: 'x',
    id: 'x',
    created_at: 'x',
  })) {
    const answer = await accounts.call('PATCH', '/users/me', { token, body: { [field]: value } });
    assert.equal(answer.status, 422);
    assert.deepEqual(fieldsOf(answer), [`body.${field}`]);
  }
  assert.equal((await accounts.call('GET', '/users/me', { token })).body['is_superuser'], false);
});

test('the database itself refuses a second user with the same e-mail in another spelling', async () => {
  await using accounts = await startAccounts();
  await accounts.call('POST', '/auth/register', { body: { ...ada, email: 'kate@example.com' } });
  for (const email of ['KATE@example.com', '\u212aate@example.com', '\uff4bate@EXAMPLE.com']) {
    await assert.rejects(
      accounts.database.work((unit) => unit.sql(sql`insert into accounts.users (email, password_hash) values (${email}, 'x')`)),
      { code: 'CONFLICT' },
    );
  }
});
