/** The commands of `db` while they run: what a person who ends one is told, and what stands then. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../clock.ts';
import { silentLog } from '../log.ts';
import { withLock } from '../migrate/lock.ts';
import { connectPostgres } from '../postgres/postgres.ts';
import { makeDatabase, makeSample } from './sample.fixture.ts';

// LRP-10
test('Ctrl-C ends a reset with 130, says that nothing was dropped, and that is so', async () => {
  using sample = makeSample();
  await using database = await makeDatabase();
  const environment = { DATABASE_URL: database.url };
  await sample.command(['db', 'migrate'], environment);
  const postgres = await connectPostgres({ url: database.url, poolSize: 1, log: silentLog });
  const connection = await postgres.connect();
  try {
    await connection.command('insert into sample.notes (id) values (gen_random_uuid())');
    await withLock({ connection, namespace: 'sample', waitMs: 60_000, log: silentLog, clock: systemClock }, async () => {
      const resetting = sample.start(['db', 'reset', '--yes', new URL(database.url).pathname.slice(1)], environment);
      await resetting.said(/migration\.waiting/u);
      resetting.child.kill('SIGINT');
      const { code, err } = await resetting.ended;
      assert.equal(code, 130, err);
      assert.match(err, /Ended by SIGINT: nothing was dropped\.\n$/u);
    });
    assert.deepEqual((await connection.command('select count(*) from sample.notes')).rows, [['1']]);
  } finally {
    await connection.close();
    await postgres.close();
  }
});
