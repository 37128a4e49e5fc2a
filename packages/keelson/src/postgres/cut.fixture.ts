/** A transaction on a connection that is cut at every possible moment. */
import assert from 'node:assert/strict';
import type { Connection } from './connection.ts';
import type { Postgres } from './postgres.ts';
import { isConnectionLost } from './sqlstate.ts';
import { type Cutter, named, openTrial, startCutter, type Trial, unnamed } from './trial.fixture.ts';

const CUTS_MAX = 100;

interface Outcome {
  readonly committed: boolean | 'unknown';
  readonly wasCut: boolean;
}

/** One transaction of two packets, as a unit of work sends it. */
async function transfer(postgres: Postgres, cutter: Cutter, key: string): Promise<Outcome> {
  let connection: Connection | undefined;
  try {
    connection = await postgres.pool.acquire(`transfer ${key}`);
    const begun = connection.command('begin');
    const loaded = connection.query(named('load', 'select balance from accounts where id = $1', '1'));
    await begun;
    const balance = Number((await loaded).rows[0]?.[0]);
    const results = [
      connection.query(named('store', 'update accounts set balance = $1 where id = 1', String(balance + 1))),
      connection.query(named('note', 'insert into transfers values ($1)', key)),
      connection.command('commit'),
    ];
    const tags = (await Promise.all(results)).map((result) => result.tag);
    assert.deepEqual(tags, ['UPDATE', 'INSERT', 'COMMIT']);
    return { committed: true, wasCut: cutter.hasCut };
  } catch (error) {
    assert.ok(isConnectionLost(error), String(error));
    const isSent = connection?.lastStatement === 'commit';
    return { committed: isSent ? 'unknown' : false, wasCut: cutter.hasCut };
  } finally {
    if (connection !== undefined) postgres.pool.release(connection);
  }
}

async function stateOf(trial: Trial): Promise<{ readonly balance: number; readonly keys: ReadonlySet<string | null | undefined> }> {
  const balance = await trial.readers.query(unnamed('select balance from accounts'));
  const keys = await trial.readers.query(unnamed('select key from transfers'));
  return { balance: Number(balance.rows[0]?.[0]), keys: new Set(keys.rows.map(([key]) => key)) };
}

/** Cuts the connection after the first, the second … message of the server, until the transaction gets through. */
export async function cutEverywhere({ pipeline }: { readonly pipeline: boolean }): Promise<void> {
  await using trial = await openTrial();
  const admin = await trial.connect();
  await admin.command('drop table if exists accounts, transfers');
  await admin.command('create table accounts (id int, balance int); create table transfers (key text); insert into accounts values (1, 0)');
  await using cutter = await startCutter(trial.url);
  await using behind = await openTrial({ url: cutter.url, poolSize: 1, connectRetryMs: 5_000, pipeline });
  let n = 0;
  for (let wasCut = true; wasCut; n += 1) {
    assert.ok(n < CUTS_MAX, 'it must get through in the end');
    const before = await stateOf(trial);
    cutter.cutAfter(n);
    const outcome = await transfer(behind, cutter, `cut ${n}`);
    ({ wasCut } = outcome);
    cutter.cutAfter(Number.POSITIVE_INFINITY);
    // The lost transaction has ended on the server once its row can be locked.
    await admin.command('select * from accounts for update');
    const now = await stateOf(trial);
    const kept = now.keys.has(`cut ${n}`);
    assert.equal(now.balance, before.balance + (kept ? 1 : 0), 'everything or nothing');
    if (outcome.committed !== 'unknown') assert.equal(kept, outcome.committed);
    assert.deepEqual([behind.pool.stats.active, behind.pool.stats.waiting], [0, 0]);
  }
  assert.ok(n > 10, 'it was cut at many places');
  await admin.command('drop table accounts, transfers');
  await admin.close();
}
