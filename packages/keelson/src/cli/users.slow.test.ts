/** Accounts from an empty database to its first superuser, by the commands alone, beside the app that runs. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { type Ended, makeDatabase, makeSample, root, startProgram, urlsOf } from './sample.fixture.ts';

const email = 'ada@example.org';
const password = 'correct horse battery';

// INF-9: nobody is there until somebody is made, and who was made may do everything until it is taken away
test('the first superuser of accounts is made by command, signs in, and is deactivated on the next request', async () => {
  await using database = await makeDatabase();
  const folder = path.join(root, 'apps/accounts');
  const environment = { DATABASE_URL: database.url, PORT: '0', SECRET_KEY: 'Vq3n8Xw1Lr6Zt0Yb5Kc9Hd2Gf7Js4Pm6AeUx' };
  const user = (argv: readonly string[], input?: string): Promise<Ended> =>
    startProgram(['app.ts', 'user', ...argv], { folder, environment, input }).ended;
  const nobody = await user(['list']);
  assert.deepEqual(nobody, { code: 0, out: '', err: 'There are no users. The first: user create-superuser <email>\n' });
  const weak = await user(['create-superuser', email, '--password-stdin'], 'password');
  assert.equal(weak.code, 1);
  assert.match(
    weak.err,
    /^error: It was refused: the password is one of those that everybody tries first\.\nhint: {2}Choose another[^]*code: {2}VALIDATION_ERROR\n$/u,
  );
  const made = await user(['create-superuser', email, '--password-stdin'], password);
  assert.equal(made.code, 0, made.err);
  const twice = await user(['create-superuser', 'ADA@example.org', '--password-stdin'], password);
  assert.equal(twice.code, 1);
  assert.match(twice.err, /code: {2}CONFLICT\n$/u);

  const started = startProgram(['app.ts', 'serve'], { folder, environment });
  try {
    const { api } = await urlsOf(started);
    const login = (given: string): Promise<Response> => {
      const headers = { 'content-type': 'application/json' };
      return fetch(`${api}/auth/login`, { method: 'POST', headers, body: JSON.stringify({ email, password: given }) });
    };
    const listUsers = async (token: string): Promise<number> => {
      const response = await fetch(`${api}/users`, { headers: { authorization: `Bearer ${token}` } });
      await response.arrayBuffer();
      return response.status;
    };
    const token = parseToken(await (await login(password)).json());
    assert.equal(await listUsers(token), 200);
    assert.equal((await user(['set-password', email, '--password-stdin'], 'another horse battery')).code, 0);
    assert.equal(await listUsers(token), 401, 'its session has ended');
    assert.equal((await login(password)).status, 401);
    const again = parseToken(await (await login('another horse battery')).json());
    assert.equal((await user(['deactivate', email])).code, 0);
    assert.equal(await listUsers(again), 401);
    const list = await user(['list']);
    assert.match(list.out, /^ada@example\.org {2}superuser {2}inactive {2}\d{4}-/u);
  } finally {
    started.child.kill('SIGTERM');
    await started.ended;
  }
});

function parseToken(body: unknown): string {
  return (body as { readonly access_token: string }).access_token;
}

// INF-9
test('a superuser is made by a password that is piped in, is listed, and can be deactivated', async () => {
  using sample = makeSample();
  await using database = await makeDatabase();
  const environment = { DATABASE_URL: database.url };
  const made = await sample.run(['user', 'create-superuser', 'ada@example.org', '--password-stdin'], environment, `${password}\n`);
  assert.deepEqual(made, { code: 0, out: '', err: 'ada@example.org was added, and may do everything.\n' });
  const [kept, list, asJson, wrong] = await Promise.all([
    sample.command(['db', 'sql', '--csv', `select title::json->>'password' from notes`], environment),
    sample.run(['user', 'list'], environment),
    sample.run(['user', 'list', '--json', '--limit', '1'], environment),
    sample.run(['user', 'create-superuser', 'nobody', '--password-stdin'], environment, password),
  ]);
  assert.equal(kept.out, `?column?\n${password}`);
  assert.equal(list.out, 'ada@example.org  superuser  active  2026-01-01T00:00:00.000Z\n');
  assert.match(asJson.out, /"is_superuser": true/u);
  assert.equal(asJson.err, 'There may be more: --offset 1\n');
  assert.equal(wrong.code, 1);
  assert.match(wrong.err, /^error: It was refused: the email is none\.\nhint: /u);
  const off = await sample.run(['user', 'deactivate', 'ada@example.org'], environment);
  assert.equal(off.err, 'ada@example.org cannot sign in any more; every session has ended.\n');
  const unknown = await sample.run(['user', 'set-password', 'eve@example.org', '--password-stdin'], environment, password);
  assert.equal(unknown.code, 1);
  assert.match(unknown.err, /code: {2}NOT_FOUND\n$/u);
  for (const { out, err } of [made, list, asJson, wrong, off, unknown]) assert.ok(!`${out}${err}`.includes(password));
});
