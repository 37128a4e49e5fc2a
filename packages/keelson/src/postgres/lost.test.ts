/** The network and the server fail at every possible moment: the process lives, and nothing is reported that did not happen. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { cutEverywhere } from './cut.fixture.ts';
import { HandClock, openTrial, startCutter, unhandledRejections, unnamed } from './trial.fixture.ts';

after(() => assert.deepEqual(unhandledRejections(), []));

test('a connection cut after the n-th message of the server, for every n', () => cutEverywhere({ pipeline: true }));

test('a server that falls silent is given up, while one that only has nothing to say is not', async () => {
  const clock = new HandClock();
  await using trial = await openTrial();
  await using cutter = await startCutter(trial.url);
  await using behind = await openTrial({ url: cutter.url, poolSize: 1, readers: 1, silentMs: 1_000, clock });
  const pass = async (): Promise<void> => {
    clock.advance(1_000);
    // The clock's sleepers have to go to sleep again.
    for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
  };
  const connection = await behind.pool.acquire('holder');
  await behind.readers.query(unnamed('select 1'));
  for (let round = 0; round < 5; round += 1) {
    // Always something under way when it is looked at, and always something else than before.
    const under = connection.query(unnamed('select 1'));
    await pass();
    await under;
  }
  assert.equal(connection.broken, false);
  cutter.freeze();
  const held = assert.rejects(connection.query(unnamed('select 1')), { message: 'The database does not answer any more.' });
  const read = assert.rejects(behind.readers.query(unnamed('select 1')), { message: 'The database does not answer any more.' });
  await pass();
  await pass();
  await held;
  await read;
  behind.pool.release(connection);
  assert.equal(behind.pool.stats.size, 0);
});
