/** One worker process of the test that kills processes: each run of a job adds a note, and takes a moment before it. */
import { systemClock } from '../clock.ts';
import { silentLog } from '../log.ts';
import { connectPostgres } from '../postgres/postgres.ts';
import { openDatabase } from '../work/database.ts';
import { defineJobs } from './define-jobs.ts';
import { jobsPart } from './jobs-part.ts';
import { model, Note, Numbered } from './jobs.fixture.ts';
import { WorkerProcess } from './process.ts';

const [url = ''] = process.argv.slice(2);
const postgres = await connectPostgres({ url, log: silentLog, poolSize: 4, readers: 1 });
const database = openDatabase(model, postgres, { log: silentLog });
const kinds = defineJobs<undefined>()({
  note: {
    payload: Numbered,
    attemptsMax: 100,
    run: async ({ n }, { attempt }) => {
      await systemClock.sleep(Math.abs(n) % 5);
      await database.work((unit) => unit.notes.add(new Note({ title: `${n} in attempt ${attempt}` })));
    },
  },
});
const running = await WorkerProcess.start({
  database,
  workers: [],
  jobs: jobsPart(kinds, {
    schedules: [kinds.schedule('often', { cron: '* * * * * *', kind: 'note', payload: { n: -1 }, uniqueKey: 'often' })],
  }),
  services: undefined,
  log: silentLog,
  clock: systemClock,
  settings: { WORKER_POLL_MS: 1_000 },
});
process.stdout.write(`${running.id}\n`);
process.stdin.resume().once('end', () => {
  void running.drain({ waitMs: 5_000 }).then(async () => {
    await postgres.close();
    process.exit(0);
  });
});
