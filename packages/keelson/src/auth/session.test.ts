/** Sessions on a real PostgreSQL: a refresh token is good once, and a second use ends the session for everybody. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Clock, systemClock } from '../clock.ts';
import { isKeelsonError, KeelsonError } from '../errors.ts';
import { newId } from '../id.ts';
import { uuid } from '../schema/column.ts';
import { sql } from '../schema/sql.ts';
import { table } from '../schema/table.ts';
import { testDatabase } from '../testing/database.ts';
import { defineModel } from '../work/model.ts';
import { keyRing } from './key-ring.ts';
import { sessionTable } from './session-table.ts';
import { type LiveSession, type Rotation, type RunSql, Sessions } from './session.ts';

const WORKERS = 20;
const DAY_MS = 86_400_000;
const secret = 'the secret of these tests, long enough for HS256';
const users = table('users', { id: uuid().primaryKey() });
const sessionsOfUsers = sessionTable(() => users);
const model = defineModel({ name: 'session_test', tables: [users, sessionsOfUsers], repositories: {} });
const userId = newId();
const startMs = Date.UTC(2026, 10, 20, 12);

/** A database with one user; each statement of `run` is a transaction of its own. */
async function ground() {
  const clock: Clock & { nowMs: number } = { ...systemClock, nowMs: startMs, now: () => new Date(clock.nowMs) };
  const database = await testDatabase({ model }, { poolSize: WORKERS });
  const run: RunSql = (piece) => database.work((unit) => unit.sql(piece));
  await run(sql`insert into ${users} (id) values (${userId})`);
  const rowOf = async (sessionId: string): Promise<Readonly<Record<string, unknown>> | undefined> => {
    const rows = await run<Record<string, unknown>>(
      sql`select counter, ended_at, end_reason from ${sessionsOfUsers} where id = ${sessionId}`,
    );
    return rows[0];
  };
  const sessions = (options: Partial<SessionTerms> = {}): Sessions => sessionsWith(clock, options);
  return { clock, database, run, rowOf, sessionsWith: sessions, [Symbol.asyncDispose]: () => database[Symbol.asyncDispose]() };
}

interface SessionTerms {
  readonly secrets: Parameters<typeof keyRing>[0];
  readonly idleDays: number;
  readonly absoluteDays: number;
}

function sessionsWith(clock: Clock, { secrets = { current: secret }, idleDays = 7, absoluteDays = 30 }: Partial<SessionTerms>): Sessions {
  return new Sessions({ table: sessionsOfUsers, keys: keyRing(secrets, 'refresh-token'), idleDays, absoluteDays, clock });
}

function sessionOf(rotation: Rotation): LiveSession {
  return rotation.session ?? assert.fail(`It was refused: ${rotation.refusal?.code}`);
}

function assertRefused(rotation: Rotation, code: 'TOKEN_EXPIRED' | 'TOKEN_INVALID' | 'TOKEN_REUSED'): void {
  assert.ok(isKeelsonError(rotation.refusal, code), `expected ${code}, found ${rotation.refusal?.code ?? 'a session'}`);
  assert.equal(rotation.refusal.status, 401);
}

// INF-6
test('a refresh token gives the next one, of the same session and user, and is dead after it', async () => {
  await using on = await ground();
  const sessions = on.sessionsWith();
  const begun = await sessions.begin(on.run, userId);
  assert.equal(begun.refreshExpiresInS, 7 * 86_400);
  const second = sessionOf(await sessions.rotate(on.run, begun.refreshToken));
  const third = sessionOf(await sessions.rotate(on.run, second.refreshToken));
  assert.equal(third.sessionId, begun.sessionId);
  assert.equal(third.userId, userId);
  assert.equal(new Set([begun, second, third].map(({ refreshToken }) => refreshToken)).size, 3);
  assert.deepEqual(await on.rowOf(begun.sessionId), { counter: 3, ended_at: null, end_reason: null });
});

// INF-6
test('using a dead token ends the session: the successor is refused as well, whoever has it', async () => {
  await using on = await ground();
  const sessions = on.sessionsWith();
  const begun = await sessions.begin(on.run, userId);
  const other = await sessions.begin(on.run, userId);
  const successor = sessionOf(await sessions.rotate(on.run, begun.refreshToken));
  assertRefused(await sessions.rotate(on.run, begun.refreshToken), 'TOKEN_REUSED');
  assertRefused(await sessions.rotate(on.run, successor.refreshToken), 'TOKEN_REUSED');
  assert.equal((await on.rowOf(begun.sessionId))?.['end_reason'], 'reused');
  assert.equal((await on.rowOf(begun.sessionId))?.['counter'], 2);
  // The user's other sessions go on.
  sessionOf(await sessions.rotate(on.run, other.refreshToken));
});

// INF-6
test('twenty refreshes of one token at once: one succeeds, and the session is ended', async () => {
  await using on = await ground();
  const sessions = on.sessionsWith();
  for (let round = 0; round < 10; round += 1) {
    const begun = await sessions.begin(on.run, userId);
    const rotations = await Promise.all(
      Array.from({ length: WORKERS }, () => on.database.work((unit) => sessions.rotate(unit.sql, begun.refreshToken))),
    );
    const successes = rotations.filter(({ session }) => session !== undefined);
    assert.equal(successes.length, 1);
    for (const rotation of rotations) if (rotation.session === undefined) assertRefused(rotation, 'TOKEN_REUSED');
    const row = await on.rowOf(begun.sessionId);
    assert.equal(row?.['counter'], 2);
    assert.equal(row['end_reason'], 'reused');
    assertRefused(await sessions.rotate(on.run, successes[0]?.session?.refreshToken ?? ''), 'TOKEN_REUSED');
  }
});

test('a refresh that is rolled back leaves its token good', async () => {
  await using on = await ground();
  const sessions = on.sessionsWith();
  const begun = await sessions.begin(on.run, userId);
  const broken = on.database.work(async (unit) => {
    sessionOf(await sessions.rotate(unit.sql, begun.refreshToken));
    throw new KeelsonError('FORBIDDEN');
  });
  await assert.rejects(broken, (error) => isKeelsonError(error, 'FORBIDDEN'));
  sessionOf(await sessions.rotate(on.run, begun.refreshToken));
});

test('a session that was ended is refused, and ending it again changes nothing', async () => {
  await using on = await ground();
  const sessions = on.sessionsWith();
  const begun = await sessions.begin(on.run, userId);
  await sessions.end(on.run, begun.refreshToken);
  const ended = await on.rowOf(begun.sessionId);
  assert.equal(ended?.['end_reason'], 'logout');
  on.clock.nowMs += 1_000;
  await sessions.end(on.run, begun.refreshToken);
  assert.deepEqual(await on.rowOf(begun.sessionId), ended);
  assertRefused(await sessions.rotate(on.run, begun.refreshToken), 'TOKEN_INVALID');
});

test('a token from before the last refresh ends the session too when it is used to log out', async () => {
  await using on = await ground();
  const sessions = on.sessionsWith();
  const begun = await sessions.begin(on.run, userId);
  const successor = sessionOf(await sessions.rotate(on.run, begun.refreshToken));
  await sessions.end(on.run, begun.refreshToken);
  assertRefused(await sessions.rotate(on.run, successor.refreshToken), 'TOKEN_INVALID');
});

// INF-6
test('without a refresh a session ends after its idle days; each refresh begins them anew', async () => {
  await using on = await ground();
  const sessions = on.sessionsWith({ idleDays: 7 });
  const begun = await sessions.begin(on.run, userId);
  on.clock.nowMs = startMs + 7 * DAY_MS - 1;
  const kept = sessionOf(await sessions.rotate(on.run, begun.refreshToken));
  on.clock.nowMs += 7 * DAY_MS;
  assertRefused(await sessions.rotate(on.run, kept.refreshToken), 'TOKEN_EXPIRED');
});

// INF-6
test('however often it is refreshed, a session ends after its absolute days', async () => {
  await using on = await ground();
  const sessions = on.sessionsWith({ idleDays: 7, absoluteDays: 10 });
  const begun = await sessions.begin(on.run, userId);
  on.clock.nowMs = startMs + 6 * DAY_MS;
  const kept = sessionOf(await sessions.rotate(on.run, begun.refreshToken));
  assert.equal(kept.refreshExpiresInS, 4 * 86_400);
  on.clock.nowMs = startMs + 10 * DAY_MS - 1_000;
  const last = sessionOf(await sessions.rotate(on.run, kept.refreshToken));
  assert.equal(last.refreshExpiresInS, 1);
  on.clock.nowMs = startMs + 10 * DAY_MS;
  assertRefused(await sessions.rotate(on.run, last.refreshToken), 'TOKEN_EXPIRED');
});

test('idle days above the absolute ones end with them', async () => {
  await using on = await ground();
  const begun = await on.sessionsWith({ idleDays: 30, absoluteDays: 1 }).begin(on.run, userId);
  assert.equal(begun.refreshExpiresInS, 86_400);
});

test('a dead token ends the session also after its time', async () => {
  await using on = await ground();
  const sessions = on.sessionsWith();
  const begun = await sessions.begin(on.run, userId);
  sessionOf(await sessions.rotate(on.run, begun.refreshToken));
  on.clock.nowMs = startMs + 40 * DAY_MS;
  assertRefused(await sessions.rotate(on.run, begun.refreshToken), 'TOKEN_REUSED');
  assert.equal((await on.rowOf(begun.sessionId))?.['end_reason'], 'reused');
});

test('a token that is changed in any way is refused without asking the database', async () => {
  await using on = await ground();
  const sessions = on.sessionsWith();
  const { refreshToken } = await sessions.begin(on.run, userId);
  const unasked: RunSql = () => assert.fail('The database was asked.');
  for (let at = 0; at < refreshToken.length; at += 1) {
    const changed = `${refreshToken.slice(0, at)}${refreshToken[at] === '0' ? '1' : '0'}${refreshToken.slice(at + 1)}`;
    assertRefused(await sessions.rotate(unasked, changed), 'TOKEN_INVALID');
    await sessions.end(unasked, changed);
  }
  const [id, counter, signature = ''] = refreshToken.split('.');
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const sibling = alphabet[alphabet.indexOf(signature.at(-1) ?? '') ^ 1] ?? '';
  const spellings = [
    '',
    'nonsense',
    ` ${refreshToken}`,
    `${refreshToken}\n`,
    `${refreshToken}=`,
    refreshToken.toUpperCase(),
    `${id}.0${counter}.${signature}`,
    `${id}.${counter}.${signature.slice(0, -1)}${sibling}`,
    `${id}.99999999999.${signature}`,
    'x'.repeat(10_000_000),
  ];
  for (const spelling of spellings) assertRefused(await sessions.rotate(unasked, spelling), 'TOKEN_INVALID');
});

test('a token of a session that is gone is refused', async () => {
  await using on = await ground();
  const sessions = on.sessionsWith();
  const begun = await sessions.begin(on.run, userId);
  await on.run(sql`delete from ${sessionsOfUsers} where id = ${begun.sessionId}`);
  assertRefused(await sessions.rotate(on.run, begun.refreshToken), 'TOKEN_INVALID');
  await sessions.end(on.run, begun.refreshToken);
});

// INF-6
test('after a change of the secret old tokens are taken and give new ones; without the old secret they are refused', async () => {
  await using on = await ground();
  const next = 'the next secret of these tests, as long as the other';
  const begun = await on.sessionsWith().begin(on.run, userId);
  const rotated = sessionOf(await on.sessionsWith({ secrets: { current: next, previous: [secret] } }).rotate(on.run, begun.refreshToken));
  assertRefused(await on.sessionsWith().rotate(on.run, rotated.refreshToken), 'TOKEN_INVALID');
  sessionOf(await on.sessionsWith({ secrets: { current: next } }).rotate(on.run, rotated.refreshToken));
});

test('nothing in the table is a refresh token, or enough to make one', async () => {
  await using on = await ground();
  const begun = await on.sessionsWith().begin(on.run, userId);
  const [row] = await on.run<Record<string, unknown>>(
    sql`select to_jsonb(s) as whole from ${sessionsOfUsers} as s where id = ${begun.sessionId}`,
  );
  const signature = begun.refreshToken.split('.')[2] ?? assert.fail('It has no signature.');
  assert.ok(!JSON.stringify(row).includes(signature));
});

test('a session is forgotten a month after its absolute end, when its user begins another; others are not', async () => {
  await using on = await ground();
  const sessions = on.sessionsWith({ absoluteDays: 10 });
  const other = newId();
  await on.run(sql`insert into ${users} (id) values (${other})`);
  const [old, others] = [await sessions.begin(on.run, userId), await sessions.begin(on.run, other)];
  on.clock.nowMs = startMs + 40 * DAY_MS;
  const kept = await sessions.begin(on.run, userId);
  assert.ok((await on.rowOf(old.sessionId)) !== undefined);
  on.clock.nowMs += 1;
  await sessions.begin(on.run, userId);
  assert.equal(await on.rowOf(old.sessionId), undefined);
  for (const { sessionId } of [kept, others]) assert.ok((await on.rowOf(sessionId)) !== undefined);
});

// INF-6
test('the sessions of a user are listed and ended, one or all but one, and those of others are not touched', async () => {
  await using on = await ground();
  const sessions = on.sessionsWith();
  const other = newId();
  await on.run(sql`insert into ${users} (id) values (${other})`);
  const begun = [await sessions.begin(on.run, userId), await sessions.begin(on.run, userId), await sessions.begin(on.run, userId)];
  const others = await sessions.begin(on.run, other);
  const listed = async (): Promise<readonly string[]> => (await sessions.list(on.run, userId)).map(({ id }) => id);
  const [first, second, third] = begun.map(({ sessionId }) => sessionId);
  assert.deepEqual(await listed(), [third, second, first]);
  assert.equal(await sessions.endOne(on.run, { userId, sessionId: others.sessionId }), false);
  assert.equal(await sessions.endOne(on.run, { userId, sessionId: second ?? '' }), true);
  assert.equal(await sessions.endOne(on.run, { userId, sessionId: second ?? '' }), false);
  assert.deepEqual(await listed(), [third, first]);
  await sessions.endAll(on.run, { userId, reason: 'password_changed', except: first });
  assert.deepEqual(await listed(), [first]);
  assert.equal((await on.rowOf(third ?? ''))?.['end_reason'], 'password_changed');
  assert.equal((await on.rowOf(second ?? ''))?.['end_reason'], 'ended_by_user');
  await sessions.endAll(on.run, { userId, reason: 'deactivated' });
  assert.deepEqual(await listed(), []);
  assert.deepEqual(
    (await sessions.list(on.run, other)).map(({ id }) => id),
    [others.sessionId],
  );
});

test('the sessions go with their user', async () => {
  await using on = await ground();
  const gone = newId();
  await on.run(sql`insert into ${users} (id) values (${gone})`);
  const begun = await on.sessionsWith().begin(on.run, gone);
  await on.run(sql`delete from ${users} where id = ${gone}`);
  assert.equal(await on.rowOf(begun.sessionId), undefined);
});
