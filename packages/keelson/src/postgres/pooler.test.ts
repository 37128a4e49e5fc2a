/** Behind PgBouncer in transaction mode: what the session cannot keep, each statement brings. */
// FND-8
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { quoteName } from '../schema/sql.ts';
import { findPooler, startTestPooler } from '../testing/pooler.ts';
import { testServer } from '../testing/server.ts';
import type { Postgres } from './postgres.ts';
import { openTrial, unhandledRejections, unnamed } from './trial.fixture.ts';

after(() => assert.deepEqual(unhandledRejections(), []));

const skip = findPooler() === undefined ? 'PgBouncer is not installed' : false;

/** A server whose own settings are not ours, behind a pooler with two connections. */
async function openPooled(statementTimeoutMs = 5_000): Promise<Postgres & AsyncDisposable> {
  await using steps = new AsyncDisposableStack();
  const { url: serverUrl } = await testServer();
  const owner = steps.use(await openTrial({ poolSize: 1 }));
  const url = new URL(serverUrl);
  const role = `keelson_pooler_${process.pid}`;
  const run = async (text: string): Promise<void> => {
    const connection = await owner.pool.acquire('test');
    await connection.command(text);
    owner.pool.release(connection);
  };
  await run(`create role ${quoteName(role)} login password 'sesame'`);
  steps.defer(() => run(`drop role ${quoteName(role)}`));
  await run(`alter role ${quoteName(role)} set timezone = 'Asia/Kathmandu'; alter role ${quoteName(role)} set datestyle = 'SQL, DMY'`);
  url.username = role;
  url.password = 'sesame';
  const pooler = steps.use(await startTestPooler({ url: url.href, poolSize: 2 }));
  const postgres = steps.use(await openTrial({ url: pooler.url, pooler: 'transaction', statementTimeoutMs }));
  const undo = steps.move();
  return { ...postgres, [Symbol.asyncDispose]: () => undo.disposeAsync() };
}

const moment = unnamed(`
  select timestamptz '2026-11-20 12:00:00+00', current_setting('TimeZone'), current_setting('lock_timeout')`);

test('times are in UTC, whatever the server is set to, in shared reads and in lone statements', { skip }, async () => {
  await using postgres = await openPooled();
  for (const result of await Promise.all([postgres.readers.query(moment), postgres.lone.run(moment, 'lone')])) {
    assert.deepEqual(result.rows, [['2026-11-20 12:00:00+00', 'UTC', '2s']]);
  }
  const bare = await postgres.connect();
  assert.equal((await bare.query(unnamed("select current_setting('TimeZone')"))).rows[0]?.[0], 'Asia/Kathmandu');
  await bare.close();
});

test('a statement that takes too long is ended, and those beside and behind it are answered', { skip }, async () => {
  await using postgres = await openPooled(100);
  const slow = [postgres.readers.query(unnamed('select pg_sleep(60)')), postgres.lone.run(unnamed('select pg_sleep(60)'), 'lone')];
  const others = Array.from({ length: 40 }, (_, number) => {
    const statement = unnamed(number % 7 === 3 ? 'select 1 / 0' : 'select $1::text', ...(number % 7 === 3 ? [] : [String(number)]));
    return number % 2 === 0 ? postgres.readers.query(statement) : postgres.lone.run(statement, 'lone');
  });
  const outcomes = await Promise.allSettled([...slow, ...others]);
  for (const late of slow) await assert.rejects(late, { code: 'DATABASE_TIMEOUT' });
  for (const [number, outcome] of outcomes.slice(slow.length).entries()) {
    if (number % 7 === 3) assert.equal(outcome.status, 'rejected');
    else assert.deepEqual(outcome.status === 'fulfilled' && outcome.value.rows, [[String(number)]]);
  }
  // The shared connections are the same as before: none was given up for what failed on it.
  assert.equal(postgres.readers.pending, 0);
  assert.deepEqual([postgres.pool.stats.active, postgres.pool.stats.waiting], [0, 0]);
});

test('what is asked for at once by many is answered to whom it belongs', { skip }, async () => {
  await using postgres = await openPooled();
  const answers = await Promise.all(
    Array.from({ length: 500 }, (_, number) => postgres.readers.query(unnamed('select $1::int', String(number)))),
  );
  assert.deepEqual(
    answers.map(({ rows }) => Number(rows[0]?.[0])),
    answers.map((_, number) => number),
  );
});
