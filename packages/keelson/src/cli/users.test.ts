/** The commands of `user`: the first superuser comes from here, and a password is neither seen nor an argument. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AdministeredUser, UserAdministration } from '../auth/administration.ts';
import { makeDatabase, makeSample, person, piped } from './sample.fixture.ts';

const password = 'correct horse battery';

test('an app without users says so, and nothing is asked for', async () => {
  using sample = makeSample();
  await using database = await makeDatabase();
  const environment = { DATABASE_URL: database.url };
  for (const argv of [['list'], ['deactivate', 'a@b.c'], ['create-superuser', 'a@b.c']]) {
    const refused = await sample.command(['user', ...argv], environment, person([]));
    assert.equal(refused.code, 2);
    assert.match(refused.err, /^error: sample has no users to administer\.\nhint: {2}.*services\.administration/u);
  }
});

test('a password is no argument, and where nobody can be asked it must be piped in, as one line', async () => {
  using sample = makeSample();
  const create = ['user', 'create-superuser', 'a@b.c'];
  for (const [argv, input, expected] of [
    [[...create, 'secret-word'], '', /Too many arguments/u],
    [[...create, '--password', 'secret-word'], '', /Unknown option '--password'/u],
    [create, 'secret-word', /this is no terminal\.\nhint: .*--password-stdin/u],
    [['user', 'list', '--limit', '0'], '', /whole number from 1 to 1000/u],
  ] as const) {
    const refused = await sample.command(argv, {}, piped(input));
    assert.equal(refused.code, 2, refused.err);
    assert.match(refused.err, expected);
    assert.ok(!refused.err.includes('secret-word'));
  }
});

test('on a terminal the password is asked for twice, again when they differ, and never shown', async () => {
  using sample = makeSample();
  await using database = await makeDatabase();
  const environment = { DATABASE_URL: database.url };
  const someone = person([
    ['Password for ada@example.org: ', 'something'],
    ['Once more: ', 'else'],
    ['Password for ada@example.org: ', password],
    ['Once more: ', password],
  ]);
  const { services, passwords } = usersInMemory();
  const create = ['user', 'create-superuser', 'ada@example.org', '--json'];
  const asked = await sample.command(create, environment, someone, services);
  assert.equal(asked.code, 0, asked.err);
  assert.match(asked.out, /"email": "ada@example\.org"/u);
  assert.equal(someone.seen(), 'Password for ada@example.org: \nOnce more: \nThey differ.\nPassword for ada@example.org: \nOnce more: \n');
  assert.deepEqual(passwords, [password]);
  for (const answers of [
    [['Password for ', '\u0003']],
    [
      ['Password for ', ''],
      ['Password for ', ''],
      ['Password for ', ''],
    ],
  ] as const) {
    const none = await sample.command(['user', 'set-password', 'ada@example.org'], environment, person(answers), services);
    assert.equal(none.code, 2, none.err);
    assert.match(none.err, /nothing was done/u);
  }
  assert.deepEqual(passwords, [password]);
});

function usersInMemory(): { readonly services: { readonly administration: UserAdministration }; readonly passwords: readonly string[] } {
  const passwords: string[] = [];
  const user = (email: string): AdministeredUser => ({
    id: '1',
    email,
    isActive: true,
    isSuperuser: true,
    createdAt: '2026-01-01T00:00:00.000Z',
  });
  const keep = async (email: string, given: string): Promise<AdministeredUser> => {
    passwords.push(given);
    return user(email);
  };
  const administration = {
    createSuperuser: keep,
    setPassword: keep,
    deactivate: async (email: string) => user(email),
    list: async () => [],
  };
  return { services: { administration }, passwords };
}
