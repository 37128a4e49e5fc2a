/** One worker process of the chaos suite: notes each start and end in a file at once, so that nothing is forgotten when it is killed. */
import { openSync, writeSync } from 'node:fs';
import { systemClock } from '../clock.ts';
import { createLog } from '../log.ts';
import { connectPostgres } from '../postgres/postgres.ts';
import { openDatabase } from '../work/database.ts';
import { Finish, model, type Repos } from './chaos-model.fixture.ts';
import { WorkerProcess } from './process.ts';
import { defineWorkers } from './worker.ts';

const [url = '', file = '', concurrency = '20', runMs = '8'] = process.argv.slice(2);
const notes = openSync(file, 'a');
const note = (what: 's' | 'e', tokenId: number, epoch: number): void => {
  writeSync(notes, `${what} ${tokenId} ${epoch} ${process.hrtime.bigint()}\n`);
};
// Each row of a process takes a little longer or shorter than the one before, so that ends do not come in step.
let turn = 0;

const generation = defineWorkers<Repos, undefined>(model).worker('generation', {
  claim: { from: 'tokens', in: 'detected', orderBy: 'mintTimestamp' },
  start: 'generating',
  concurrency: Number(concurrency),
  attemptsMax: 1_000,
  retry: { baseMs: 10, capMs: 100 },
  run: async (token) => {
    note('s', token.tokenId, token.leaseEpoch);
    turn = (turn + 7) % 16;
    await systemClock.sleep((Number(runMs) * (8 + turn)) / 16);
    note('e', token.tokenId, token.leaseEpoch);
  },
  done: (token, _, unit) => {
    token.markUploading();
    unit.finishes.add(new Finish({ tokenId: token.tokenId, epoch: token.leaseEpoch }));
  },
  fail: (token) => token.markFailed(),
});

const log = createLog({ level: 'warn', format: 'json', destination: openSync(`${file}.log`, 'a') });
const postgres = await connectPostgres({ url, log, poolSize: 3, connectRetryMs: 60_000 });
const database = openDatabase(model, postgres, { log });
const running = await WorkerProcess.start({
  database,
  workers: [generation],
  services: undefined,
  log,
  clock: systemClock,
  settings: { WORKER_POLL_MS: 1_000 },
});
process.stdout.write(`${running.id}\n`);
process.stdin.resume().once('end', () => {
  void running
    .drain({ waitMs: 5_000 })
    .then(() => postgres.close())
    .then(() => process.exit(0));
});
