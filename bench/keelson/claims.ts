/** Keelson in the benchmark of claims: its workers over domain rows, and its jobs. */
import { systemClock } from 'keelson/clock';
import { silentLog } from 'keelson/log';
import { connectPostgres, type Postgres } from 'keelson/postgres';
import { defineJobs, defineWorkers, jobsPart, WorkerProcess } from 'keelson/queue';
import { type Database, openDatabase } from 'keelson/work';
import * as Type from 'typebox';
import { type ClaimsContender, type Running, serveClaims } from '../claims-contender.ts';
import { model, type Repos } from './claims-model.ts';

const BATCH = 1_000;

let postgres: Postgres;
let database: Database<Repos>;
/** Wakes the workers of other processes after its writes, as an app's server does. */
let server: WorkerProcess | undefined;
let ran: (sentMs: number | undefined) => void = () => {};

const define = defineWorkers<Repos, undefined>(model);

const whole = define.worker('whole', {
  claim: { from: 'tokens', in: 'detected', orderBy: 'mintTimestamp' },
  start: 'generating',
  concurrency: BATCH,
  batchMax: BATCH,
  run: async () => ran(undefined),
  done: (token) => token.markUploading(),
  fail: (token) => token.markFailed(),
});

/** As `whole`, in the limits that nobody has chosen. */
const usual = define.worker('usual', {
  claim: { from: 'tokens', in: 'detected', orderBy: 'mintTimestamp' },
  start: 'generating',
  run: async () => ran(undefined),
  done: (token) => token.markUploading(),
  fail: (token) => token.markFailed(),
});

/** Claims and moves, and never ends what it has begun: only what a claim costs is left. */
const claimOnly = define.worker('claim only', {
  claim: { from: 'tokens', in: 'detected', orderBy: 'mintTimestamp' },
  start: 'generating',
  concurrency: 10_000_000,
  batchMax: BATCH,
  leaseMs: 600_000,
  timeoutMs: 600_000,
  run: () => {
    ran(undefined);
    return new Promise<void>(() => {});
  },
  done: (token) => token.markUploading(),
  fail: (token) => token.markFailed(),
});

const Payload = Type.Object({ n: Type.Optional(Type.Integer()), sentMs: Type.Optional(Type.Number()) });
const kinds = defineJobs<undefined>()({
  plain: {
    payload: Payload,
    queue: 'plain',
    concurrency: BATCH,
    run: async ({ sentMs }) => ran(sentMs),
  },
});
const usualKinds = defineJobs<undefined>()({ plain: { payload: Payload, queue: 'plain', run: async ({ sentMs }) => ran(sentMs) } });

async function startWorkers(mode: string): Promise<Running> {
  const common = { database, services: undefined, log: silentLog, clock: systemClock, settings: { WORKER_POLL_MS: 1_000 } };
  const chosen = { whole, usual, claim: claimOnly }[mode];
  const jobs =
    chosen === undefined ? jobsPart<Repos, undefined, { plain: typeof Payload }>(mode === 'best' ? kinds : usualKinds) : undefined;
  const running = await WorkerProcess.start({ ...common, workers: chosen === undefined ? [] : [chosen], jobs });
  return {
    get claims() {
      return running.stats[0];
    },
    // What never ends is given back at once.
    stop: () => running.drain({ waitMs: mode === 'claim' ? 0 : 10_000 }),
  };
}

/** In one transaction: claim, move, commit; nothing is leased. */
function startHeld(): Running {
  const over = new AbortController();
  const loop = async (): Promise<void> => {
    while (!over.signal.aborted) {
      const claimed = await database.work(async (unit) => {
        const rows = await unit.tokens.claim({ status: 'detected', leaseOwner: null }, { orderBy: 'mintTimestamp', limit: BATCH });
        for (const token of rows) token.markGenerating();
        return rows.length;
      });
      for (let row = 0; row < claimed; row += 1) ran(undefined);
      if (claimed === 0) return;
    }
  };
  const looping = loop();
  return {
    stop: async () => {
      over.abort();
      await looping;
    },
  };
}

const contender: ClaimsContender = {
  open: async (url) => {
    postgres = await connectPostgres({ url, poolSize: 8, log: silentLog });
    database = openDatabase(model, postgres, { log: silentLog });
  },
  // The tables are filled by SQL, the same for every round.
  fill: () => Promise.resolve(),
  start: (mode, ranOne) => {
    ran = ranOne;
    return mode === 'held' ? Promise.resolve(startHeld()) : startWorkers(mode);
  },
  enqueue: async (sentMs) => {
    server ??= await WorkerProcess.start({
      database,
      workers: [],
      services: undefined,
      log: silentLog,
      clock: systemClock,
      settings: { WORKER_POLL_MS: 1_000 },
    });
    await database.work((unit) => kinds.enqueue(unit, 'plain', { sentMs }));
  },
};

serveClaims(contender);
