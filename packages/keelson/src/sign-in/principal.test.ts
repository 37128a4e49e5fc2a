/** The query that finds who is asking: which columns it reads, and which it never does. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sessionTable } from '../auth/session-table.ts';
import { boolean, createdAt, text, uuid, varchar } from '../schema/column.ts';
import { sql, Statements } from '../schema/sql.ts';
import { table } from '../schema/table.ts';
import { type PrincipalOf, principalQuery } from './principal.ts';

const users = table('users', {
  id: uuid().primaryKey(),
  email: varchar(254),
  passwordHash: text(),
  isActive: boolean(),
  isSuperuser: boolean(),
  fullName: text().nullable(),
  createdAt: createdAt(),
});
const sessions = sessionTable(() => users);
const claims = {
  userId: '019aa1c8-0000-7000-8000-000000000001',
  sessionId: '019aa1c8-0000-7000-8000-000000000002',
  tokenId: 'jti',
  issuedAtS: 0,
  expiresAtS: 1,
};

function same<T>(value: T): T {
  return value;
}

test('id, e-mail and rights are read, with the columns and expressions that were named, and no other column', () => {
  const query = principalQuery({
    users,
    sessions,
    columns: ['fullName', 'createdAt'],
    extra: { games: sql<readonly string[]>`array[${'a'}]` },
  });
  const { text: statement, values } = new Statements('app').compile(query(claims, new Date(0)));
  assert.match(statement, /u\."full_name" as "fullName", u\."created_at" as "createdAt", array\[\$1\] as "games", s\.id as "sessionId"/u);
  assert.ok(!statement.includes('password'));
  assert.deepEqual(values, ['a', claims.sessionId, claims.userId, '1970-01-01T00:00:00.000Z']);
});

test('what is known of a principal is typed: the named columns, moments as text, and nothing that was not named', () => {
  const query = principalQuery({ users, sessions, columns: ['fullName', 'createdAt'], extra: { games: sql<number>`1` } });
  const known: PrincipalOf<typeof query> = {
    id: 'id',
    sessionId: 'sid',
    email: 'a@example.com',
    isActive: true,
    isSuperuser: false,
    fullName: null,
    createdAt: '1970-01-01T00:00:00.000Z',
    games: 1,
  };
  same<string | null>(known.fullName);
  same<number>(known.games);
  same<string>(known.createdAt);
  const bare = principalQuery({ users, sessions });
  const nobody: Partial<PrincipalOf<typeof bare>> = {};
  // @ts-expect-error a column that was not named is not there
  assert.equal(nobody.fullName, undefined);
});

test('a column that the table does not have is refused', () => {
  // @ts-expect-error there is no such column
  assert.throws(() => principalQuery({ users, sessions, columns: ['shoeSize'] }), { code: 'MISUSE' });
});
