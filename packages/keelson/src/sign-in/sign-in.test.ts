/** Signing in as any app has it from the library: its own columns, what it must know of everybody, and permissions of its own. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { writeFirstRevision } from '../migrate/render.ts';
import { testApp } from '../testing/app.ts';
import { clubsApp } from './clubs.fixture.ts';

const password = 'correct horse battery';

const directory = mkdtempSync(path.join(tmpdir(), 'keelson-clubs-'));
const migrations = path.join(directory, 'migrations');
const clubs = clubsApp(migrations);

before(() => writeFirstRevision(migrations, { tables: clubs.model.tables, namespace: clubs.model.namespace, name: 'initial' }));
after(() => rmSync(directory, { recursive: true }));

async function started() {
  const app = await testApp(clubs);
  const call = async (method: 'DELETE' | 'GET' | 'POST', url: string, { token, body }: { token?: string; body?: object } = {}) => {
    const { statusCode: status, body: text } = await app.inject({
      method,
      url: `/api/v1${url}`,
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { payload: JSON.stringify(body) }),
    });
    return { status, text, body: parseBody(text) };
  };
  return {
    call,
    services: app.services,
    register: async (name: string, club: string) => {
      const made = await call('POST', '/auth/register', { body: { email: `${name}@example.com`, password, club } });
      assert.equal(made.status, 201, made.text);
      return String(made.body['id']);
    },
    login: async (name: string) =>
      String((await call('POST', '/auth/login', { body: { email: `${name}@example.com`, password } })).body['access_token']),
    [Symbol.asyncDispose]: () => app[Symbol.asyncDispose](),
  };
}

function parseBody(text: string): Readonly<Record<string, unknown>> {
  return text === '' ? {} : (JSON.parse(text) as Readonly<Record<string, unknown>>);
}

// INF-6
test('an app that says which columns it shows, and what more it must know, is told of whoever asks', async () => {
  await using running = await started();
  for (const [name, club] of [
    ['ada', 'chess'],
    ['bob', 'chess'],
    ['cat', 'go'],
  ] as const)
    await running.register(name, club);
  const me = await running.call('GET', '/users/me', { token: await running.login('ada') });
  assert.equal(me.status, 200, me.text);
  assert.deepEqual({ ...me.body, id: '' }, { id: '', email: 'ada@example.com', club: 'chess', is_active: true, fellows: 1 });
});

// LRP-8
test('a permission is what the app says it is, and superusers have what it does not say', async () => {
  await using running = await started();
  const adaId = await running.register('ada', 'chess');
  await running.register('cat', 'go');
  const [ada, cat] = [await running.login('ada'), await running.login('cat')];
  assert.equal((await running.call('GET', '/chess', { token: ada })).status, 204);
  const refused = await running.call('GET', '/chess', { token: cat });
  assert.deepEqual([refused.status, refused.body['message']], [403, 'This call needs the permission chess.']);
  assert.equal((await running.call('GET', '/chess')).status, 401);
  assert.equal((await running.call('DELETE', `/users/${adaId}`, { token: cat })).status, 403);
  const { id: rootId } = await running.services.administration.createSuperuser('root@example.com', password);
  const root = await running.login('root');
  assert.equal((await running.call('DELETE', `/users/${rootId}`, { token: root })).status, 403);
  assert.equal((await running.call('DELETE', `/users/${adaId}`, { token: root })).status, 204);
  assert.equal((await running.call('GET', '/users/me', { token: ada })).status, 401);
});

// INF-6
test('superusers change everything about others, others only what is a value; nobody is active again by an old token', async () => {
  await using running = await started();
  const adaId = await running.register('ada', 'chess');
  const { users } = running.services;
  const token = await running.login('ada');
  assert.equal((await users.update(adaId, { club: 'go', email: 'ADA.K@example.com' })).email, 'ada.k@example.com');
  await assert.rejects(users.administer({ id: adaId }, adaId, { isSuperuser: false }), { code: 'FORBIDDEN' });
  await assert.rejects(users.update(adaId, { email: 'none' }), { code: 'VALIDATION_ERROR' });
  await running.register('bob', 'go');
  await assert.rejects(users.update(adaId, { email: 'bob@example.com' }), { code: 'CONFLICT', message: 'The e-mail is taken.' });
  assert.equal((await users.administer({}, adaId, { isActive: false, club: 'chess' })).club, 'chess');
  await users.administer({}, adaId, { isActive: true });
  assert.equal((await running.call('GET', '/users/me', { token })).status, 401);
});
