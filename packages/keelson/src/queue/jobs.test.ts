/** What jobs promise: made with the commit, run at least once, tried again, and never run by two at once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isKeelsonError } from '../errors.ts';
import { defineJobs } from './define-jobs.ts';
import { jobRows, Note, Numbered, openErrands, runJobs } from './jobs.fixture.ts';

const count = (done: number[], wanted: number) => {
  const { promise, resolve } = Promise.withResolvers<void>();
  return {
    promise,
    ran: (n: number): void => {
      done.push(n);
      if (done.length === wanted) resolve();
    },
  };
};

test('a job exists exactly when its unit of work was committed, and is gone once it has run', async () => {
  await using database = await openErrands();
  const done: number[] = [];
  const all = count(done, 3);
  const kinds = defineJobs<undefined>()({ add: { payload: Numbered, run: ({ n }) => all.ran(n) } });
  await using process = await runJobs(database, kinds);
  await assert.rejects(
    database.work(async (unit) => {
      await kinds.enqueue(unit, 'add', { n: 99 });
      unit.notes.add(new Note({ title: 'x' }));
      throw new RangeError('changed my mind');
    }),
    RangeError,
  );
  await database.work((unit) => kinds.enqueue(unit, 'add', { n: 1 }));
  await database.work((unit) => kinds.enqueueMany(unit, 'add', [{ n: 2 }, { n: 3 }]));
  await all.promise;
  await process.drain({ waitMs: 1_000 });
  assert.deepEqual(done, [1, 2, 3]);
  assert.deepEqual(await jobRows(database), []);
  assert.equal(process.stats[0]?.done, 3);
});

test('a payload that does not fit is refused before anything is written', async () => {
  await using database = await openErrands();
  const kinds = defineJobs<undefined>()({ add: { payload: Numbered, run: () => undefined } });
  await assert.rejects(
    database.work((unit) => kinds.enqueue(unit, 'add', { n: 1.5 })),
    (error) => isKeelsonError(error, 'VALIDATION_ERROR') && error.validationErrors?.[0]?.field === 'payload.n',
  );
  await assert.rejects(
    database.work((unit) => kinds.enqueue(unit, 'add', { n: 1 }, { queue: 'nowhere' })),
    (error) => isKeelsonError(error, 'MISUSE'),
  );
  assert.deepEqual(await jobRows(database), []);
});
