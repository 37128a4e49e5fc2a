/** Jobs while their processes are killed: none is lost, and none is finished by two. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { test } from 'node:test';
import { sql } from '../schema/sql.ts';
import { defineJobs } from './define-jobs.ts';
import { jobRows, Numbered, openErrands } from './jobs.fixture.ts';
import { jobs } from './jobs.ts';

const COUNT = 3_000;
const KILLS = 6;
const kinds = defineJobs<undefined>()({ note: { payload: Numbered, attemptsMax: 100, run: () => undefined } });

async function start(url: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [path.join(import.meta.dirname, 'jobs-process.fixture.ts'), url], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  return child;
}

test('of three thousand jobs none is lost while processes are killed in the middle of them', async () => {
  await using database = await openErrands({ isolation: 'database' });
  const { url } = database.postgres;
  const children = await Promise.all([start(url), start(url), start(url)]);
  await database.work((unit) =>
    kinds.enqueueMany(
      unit,
      'note',
      Array.from({ length: COUNT }, (_, n) => ({ n })),
    ),
  );
  const left = async (): Promise<number> => {
    const [row] = await database.work((unit) =>
      unit.sql(sql<{ readonly left: number }>`select count(*)::int as left from ${jobs} where "payload" <> '{"n": -1}'`),
    );
    return row?.left ?? 0;
  };
  for (let kill = 1; kill <= KILLS; kill += 1) {
    while ((await left()) > COUNT - (COUNT / (KILLS + 1)) * kill);
    const killed = children.shift();
    killed?.kill('SIGKILL');
    children.push(await start(url));
  }
  while ((await left()) > 0);
  await Promise.all(
    children.map((child) => {
      child.stdin?.end();
      return once(child, 'exit');
    }),
  );
  const notes = await database.work((unit) =>
    unit.sql(sql<{ readonly title: string }>`select "title" from errands.notes where "title" not like '-1%'`),
  );
  const done = new Set(notes.map(({ title }) => Number.parseInt(title, 10)));
  assert.equal(done.size, COUNT, 'each job ran at least once');
  // What ran again was under way in a process that was killed: at most what six processes held.
  assert.ok(notes.length - COUNT < KILLS * 200, `${notes.length - COUNT} ran again`);
  assert.ok((await jobRows(database)).every((row) => row.lease_owner === null && row.failed_at === null));
});
