/** Logging in and out, refreshing, and what each token is good for, through the whole app. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sql } from 'keelson/schema';
import { type Answered, type Call, type RunningAccounts, startAccounts } from '../calls.fixture.ts';

const WORKERS = 20;
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const ada = { email: 'ada@example.com', password: 'correct horse battery' };
const pairFields = ['access_token', 'expires_in', 'refresh_expires_in', 'refresh_token', 'token_type'];

/** An app with one user, and the calls that these tests make again and again. */
async function withAda(environment: Readonly<Record<string, string>> = {}) {
  const accounts = await startAccounts(environment);
  await accounts.call('POST', '/auth/register', { body: ada });
  const post = (url: string, given: Call): Promise<Answered> => accounts.call('POST', url, given);
  return {
    ...accounts,
    login: async (body: object = ada) => post('/auth/login', { body }),
    pair: async () => pairOf(await post('/auth/login', { body: ada })),
    refresh: async (refreshToken: string) => post('/auth/refresh', { body: { refresh_token: refreshToken } }),
    logout: async (refreshToken: string) => post('/auth/logout', { body: { refresh_token: refreshToken } }),
    me: async (token: string) => accounts.call('GET', '/users/me', { token }),
    [Symbol.asyncDispose]: () => accounts[Symbol.asyncDispose](),
  };
}

function pairOf(answer: Answered): { access: string; refresh: string } {
  assert.equal(answer.status, 200, answer.text);
  return { access: String(answer.body['access_token']), refresh: String(answer.body['refresh_token']) };
}

function assertRefused(answer: Answered, status: number, code: string): void {
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.body['error'], code);
  if (status === 401) assert.match(String(answer.headers['www-authenticate']), /^Bearer/u);
  for (const secret of [ada.password, 'password_hash', '$2b$', 'sessions', 'select ', '.ts:']) assert.ok(!answer.text.includes(secret));
}

async function setActive(accounts: Pick<RunningAccounts, 'database'>, isActive: boolean): Promise<void> {
  await accounts.database.work((unit) => unit.sql(sql`update accounts.users set is_active = ${isActive}`));
}

// INF-6 INF-9
test('a log-in answers with a pair of tokens, how long each is good, and nothing else', async () => {
  await using accounts = await withAda();
  const answer = await accounts.login();
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual(Object.keys(answer.body).toSorted(), pairFields);
  assert.equal(answer.body['token_type'], 'bearer');
  assert.equal(answer.body['expires_in'], 15 * 60);
  assert.equal(answer.body['refresh_expires_in'], 7 * 86_400);
  assert.equal(answer.headers['cache-control'], 'no-store');
  assert.equal((await accounts.me(pairOf(answer).access)).body['email'], ada.email);
});

// INF-9
test('a log-in takes the password form of OAuth 2.0, as the docs page sends it', async () => {
  await using accounts = await withAda();
  const form = { grant_type: 'password', username: ada.email, password: ada.password };
  for (const extra of [{}, { scope: '' }, { scope: 'a b', client_id: 'docs', client_secret: 'x' }]) {
    const answer = await accounts.call('POST', '/auth/login', { form: { ...form, ...extra } });
    assert.equal((await accounts.me(pairOf(answer).access)).status, 200);
  }
  for (const wrong of [
    { ...form, grant_type: 'client_credentials' },
    { username: form.username, password: form.password },
    { ...form, admin: 'true' },
  ]) {
    assertRefused(await accounts.call('POST', '/auth/login', { form: wrong }), 422, 'VALIDATION_ERROR');
  }
  assertRefused(await accounts.call('POST', '/auth/login', { form: { ...form, password: 'wrong' } }), 401, 'INVALID_CREDENTIALS');
});

test('the e-mail is found in any spelling that is the same', async () => {
  await using accounts = await withAda();
  for (const email of ['ADA@EXAMPLE.COM', ' ada@example.com ', '\uff41da@example.com']) pairOf(await accounts.login({ ...ada, email }));
});

// INF-6
test('a wrong password and an unknown e-mail are refused in the same words', async () => {
  await using accounts = await withAda();
  const wrong: readonly object[] = [
    { ...ada, password: 'correct horse batterz' },
    { ...ada, password: ` ${ada.password}` },
    { ...ada, password: ada.password.toUpperCase() },
    { ...ada, password: `${ada.password}${'x'.repeat(500)}` },
    { ...ada, email: 'bob@example.com' },
    { ...ada, email: 'no e-mail at all' },
    { ...ada, email: "' or 1=1 --" },
  ];
  const answers = await Promise.all(wrong.map((body) => accounts.login(body)));
  for (const answer of answers) {
    assertRefused(answer, 401, 'INVALID_CREDENTIALS');
    const { request_id: _id, timestamp: _at, ...told } = answer.body;
    const { request_id: _firstId, timestamp: _firstAt, ...first } = answers[0]?.body ?? {};
    assert.deepEqual(told, first);
  }
});

test('a failed log-in is an event of the log, with neither the e-mail nor the password', async () => {
  await using accounts = await withAda();
  await accounts.login({ ...ada, password: 'a wrong password' });
  const events = accounts.lines.filter((line) => line.includes('auth.login_failed'));
  assert.equal(events.length, 1);
  const everything = accounts.lines.join('\n');
  for (const secret of ['a wrong password', ada.password, ada.email]) assert.ok(!everything.includes(secret));
});

const badLogins: Readonly<Record<string, { readonly payload: string; readonly status: number; readonly code: string }>> = {
  'an unknown field': { payload: JSON.stringify({ ...ada, remember: true }), status: 422, code: 'VALIDATION_ERROR' },
  'no password': { payload: JSON.stringify({ email: ada.email }), status: 422, code: 'VALIDATION_ERROR' },
  'a list for a password': { payload: JSON.stringify({ ...ada, password: [ada.password] }), status: 422, code: 'VALIDATION_ERROR' },
  'a huge password': { payload: JSON.stringify({ ...ada, password: 'x'.repeat(90_000) }), status: 422, code: 'VALIDATION_ERROR' },
  'a huge body': { payload: JSON.stringify({ ...ada, password: 'x'.repeat(900_000) }), status: 413, code: 'PAYLOAD_TOO_LARGE' },
  'a NUL character': { payload: '{"email":"ada@example.com\\u0000","password":"x"}', status: 400, code: 'MALFORMED_REQUEST' },
  'half of a surrogate pair': { payload: '{"email":"ada@example.com","password":"\\udfff"}', status: 400, code: 'MALFORMED_REQUEST' },
  'a key twice over': {
    payload: `{"email":"ada@example.com","password":"x","password":7}`,
    status: 422,
    code: 'VALIDATION_ERROR',
  },
  'a key of the prototype': {
    payload: `{"email":"ada@example.com","password":"${ada.password}","__proto__":{}}`,
    status: 400,
    code: 'MALFORMED_REQUEST',
  },
};
for (const [what, { payload, status, code }] of Object.entries(badLogins)) {
  test(`a log-in with ${what} is refused`, async () => {
    await using accounts = await withAda();
    assertRefused(await accounts.call('POST', '/auth/login', { payload }), status, code);
    assert.equal((await accounts.database.read((reader) => reader.sql(sql`select 1 from accounts.sessions`))).length, 0);
  });
}

// INF-6
test('a log-in keeps the password anew when the configured scheme is another, and only then', async () => {
  await using accounts = await withAda();
  const old = '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW';
  await accounts.database.work((unit) => unit.sql(sql`update accounts.users set password_hash = ${old}`));
  const hashOf = async (): Promise<unknown> =>
    (await accounts.database.read(({ users }) => users.find({ email: ada.email })))?.passwordHash;
  assertRefused(await accounts.login({ ...ada, password: 'U*V' }), 401, 'INVALID_CREDENTIALS');
  assert.equal(await hashOf(), old);
  pairOf(await accounts.login({ ...ada, password: 'U*U' }));
  const fresh = await hashOf();
  assert.match(String(fresh), /^\$2b\$04\$/u);
  pairOf(await accounts.login({ ...ada, password: 'U*U' }));
  assert.equal(await hashOf(), fresh);
});

test('a log-in changes nothing about the user', async () => {
  await using accounts = await withAda();
  const before = await accounts.database.read(({ users }) => users.find({ email: ada.email }));
  accounts.clock.skipMs(MINUTE_MS);
  await accounts.pair();
  assert.deepEqual(await accounts.database.read(({ users }) => users.find({ email: ada.email })), before);
});

// INF-6
test('without a token, or with something else in its place, nobody is let in', async () => {
  await using accounts = await withAda();
  const { access } = await accounts.pair();
  const headers: readonly Record<string, string>[] = [
    {},
    { authorization: '' },
    { authorization: 'Bearer' },
    { authorization: 'Bearer ' },
    { authorization: access },
    { authorization: `Basic ${Buffer.from('ada@example.com:x').toString('base64')}` },
    { authorization: `Bearer ${access} ${access}` },
    { authorization: `Token ${access}` },
    { cookie: `access_token=${access}` },
  ];
  for (const given of headers) {
    assertRefused(await accounts.call('GET', '/users/me', { headers: given }), 401, 'UNAUTHENTICATED');
    assertRefused(await accounts.call('PATCH', '/users/me', { headers: given, body: { full_name: 'x' } }), 401, 'UNAUTHENTICATED');
  }
  assertRefused(await accounts.call('GET', `/users/me?access_token=${access}`), 401, 'UNAUTHENTICATED');
  assert.equal((await accounts.call('GET', '/users/me', { headers: { authorization: `bearer  ${access}` } })).status, 200);
});

test('who is not signed in is told so before the body is looked at', async () => {
  await using accounts = await withAda();
  assertRefused(await accounts.call('PATCH', '/users/me', { payload: '{"nonsense' }), 401, 'UNAUTHENTICATED');
});

// INF-6
test('a token that was tampered with, a refresh token, and a token without signature are no access tokens', async () => {
  await using accounts = await withAda();
  const { access, refresh } = await accounts.pair();
  const [header, claims, signature = ''] = access.split('.');
  const none = Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url');
  for (const token of [
    refresh,
    `${header}.${claims}.`,
    `${none}.${claims}.`,
    `${header}.${claims}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`,
    'x',
    `${access}=`,
  ]) {
    assertRefused(await accounts.me(token), 401, 'TOKEN_INVALID');
  }
});

// INF-6
test('an access token ends after its minutes, and the refresh token gives another', async () => {
  await using accounts = await withAda();
  const { access, refresh } = await accounts.pair();
  assert.equal((await accounts.me(access)).status, 200);
  accounts.clock.skipMs(15 * MINUTE_MS + 6_000);
  assertRefused(await accounts.me(access), 401, 'TOKEN_EXPIRED');
  const next = pairOf(await accounts.refresh(refresh));
  assert.equal((await accounts.me(next.access)).status, 200);
});

// INF-6 INF-9
test('a refresh gives a new pair; the old refresh token is dead, and using it ends the session at once', async () => {
  await using accounts = await withAda();
  const first = await accounts.pair();
  const other = await accounts.pair();
  const answer = await accounts.refresh(first.refresh);
  assert.deepEqual(Object.keys(answer.body).toSorted(), pairFields);
  assert.equal(answer.headers['cache-control'], 'no-store');
  const second = pairOf(answer);
  assert.notEqual(second.refresh, first.refresh);
  assert.equal((await accounts.me(second.access)).status, 200);
  assertRefused(await accounts.refresh(first.refresh), 401, 'TOKEN_REUSED');
  assertRefused(await accounts.refresh(second.refresh), 401, 'TOKEN_REUSED');
  assertRefused(await accounts.me(second.access), 401, 'TOKEN_INVALID');
  assertRefused(await accounts.me(first.access), 401, 'TOKEN_INVALID');
  // The other session of the same user goes on.
  assert.equal((await accounts.me(other.access)).status, 200);
  const event = accounts.lines.find((line) => line.includes('auth.token_reused'));
  assert.ok(event !== undefined);
  for (const token of [first.refresh, second.refresh]) assert.ok(!accounts.lines.join('\n').includes(token));
});

// INF-6
test('twenty refreshes with one token at once: one is answered, and the session is ended', async () => {
  await using accounts = await withAda();
  const { refresh, access } = await accounts.pair();
  const answers = await Promise.all(Array.from({ length: WORKERS }, () => accounts.refresh(refresh)));
  const won = answers.filter(({ status }) => status === 200);
  assert.equal(won.length, 1);
  for (const answer of answers) if (answer.status !== 200) assertRefused(answer, 401, 'TOKEN_REUSED');
  for (const token of [access, ...won.map((answer) => pairOf(answer).access)])
    assertRefused(await accounts.me(token), 401, 'TOKEN_INVALID');
});

test('a session that nobody refreshes ends after its idle days, and in the end after its absolute ones', async () => {
  await using accounts = await withAda({ REFRESH_TOKEN_IDLE_DAYS: '2', REFRESH_TOKEN_ABSOLUTE_DAYS: '3' });
  const idle = await accounts.pair();
  let kept = await accounts.pair();
  accounts.clock.skipMs(DAY_MS);
  kept = pairOf(await accounts.refresh(kept.refresh));
  accounts.clock.skipMs(DAY_MS);
  assertRefused(await accounts.refresh(idle.refresh), 401, 'TOKEN_EXPIRED');
  kept = pairOf(await accounts.refresh(kept.refresh));
  accounts.clock.skipMs(DAY_MS);
  assertRefused(await accounts.refresh(kept.refresh), 401, 'TOKEN_EXPIRED');
});

test('what is no refresh token of ours is refused', async () => {
  await using accounts = await withAda();
  const { access, refresh } = await accounts.pair();
  for (const token of ['x', access, `${refresh}x`, refresh.replace('.1.', '.2.'), '00000000-0000-7000-8000-000000000000.1.x']) {
    assertRefused(await accounts.refresh(token), 401, 'TOKEN_INVALID');
  }
  for (const body of [{}, { refresh_token: '' }, { refresh_token: 7 }, { refresh_token: refresh, more: 1 }, []]) {
    assertRefused(await accounts.call('POST', '/auth/refresh', { body }), 422, 'VALIDATION_ERROR');
  }
  pairOf(await accounts.refresh(refresh));
});

// INF-6 INF-9
test('a log-out ends the session on the next call, and is answered with 204 whatever the token is', async () => {
  await using accounts = await withAda();
  const { access, refresh } = await accounts.pair();
  const other = await accounts.pair();
  for (const token of [refresh, refresh, 'nonsense', `${refresh}x`]) {
    const answer = await accounts.logout(token);
    assert.equal(answer.status, 204);
    assert.equal(answer.text, '');
  }
  assertRefused(await accounts.me(access), 401, 'TOKEN_INVALID');
  assertRefused(await accounts.refresh(refresh), 401, 'TOKEN_INVALID');
  assert.equal((await accounts.me(other.access)).status, 200);
});

// INF-6
test('a user who is not active is let in nowhere, from the next call on, and again when active', async () => {
  await using accounts = await withAda();
  const { access, refresh } = await accounts.pair();
  await setActive(accounts, false);
  assertRefused(await accounts.me(access), 403, 'FORBIDDEN');
  assertRefused(await accounts.call('PATCH', '/users/me', { token: access, body: { full_name: 'x' } }), 403, 'FORBIDDEN');
  assertRefused(await accounts.refresh(refresh), 403, 'FORBIDDEN');
  assertRefused(await accounts.login(), 403, 'FORBIDDEN');
  assertRefused(await accounts.login({ ...ada, password: 'wrong' }), 401, 'INVALID_CREDENTIALS');
  await setActive(accounts, true);
  assert.equal((await accounts.me(access)).status, 200);
  pairOf(await accounts.refresh(refresh));
});

test('the tokens of a user who is gone are refused', async () => {
  await using accounts = await withAda();
  const { access, refresh } = await accounts.pair();
  await accounts.database.work((unit) => unit.sql(sql`delete from accounts.users`));
  assertRefused(await accounts.me(access), 401, 'TOKEN_INVALID');
  assertRefused(await accounts.refresh(refresh), 401, 'TOKEN_INVALID');
  assertRefused(await accounts.login(), 401, 'INVALID_CREDENTIALS');
});

const changes = {
  'whose password changed': sql`update accounts.users set password_hash = 'changed'`,
  'who was removed': sql`delete from accounts.users`,
};
for (const [whose, change] of Object.entries(changes)) {
  test(`nobody logs in ${whose} while the password was checked`, async () => {
    await using accounts = await withAda();
    const { promise: isHeld, resolve: held } = Promise.withResolvers<void>();
    const { promise: mayGo, resolve: go } = Promise.withResolvers<void>();
    const changed = accounts.database.work(async (unit) => {
      await unit.sql(change);
      held();
      await mayGo;
    });
    await isHeld;
    // The log-in reads the old hash, finds it right, and then waits for the row that is being changed.
    const login = accounts.login();
    await waitingForLock(accounts);
    go();
    await changed;
    assertRefused(await login, 401, 'INVALID_CREDENTIALS');
    assert.equal((await accounts.database.read((reader) => reader.sql(sql`select 1 from accounts.sessions`))).length, 0);
  });
}

/** Until some backend of this database waits for a lock of another. */
async function waitingForLock({ database }: Pick<RunningAccounts, 'database'>): Promise<void> {
  for (let round = 0; round < 10_000; round += 1) {
    const rows = await database.read((reader) =>
      reader.sql(sql`select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`),
    );
    if (rows.length > 0) return;
  }
  assert.fail('Nobody waited for a lock.');
}
