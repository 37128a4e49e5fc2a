/** pg-boss in the benchmark of claims: `best` and `fetch` are its two quickest ways, `defaults` as it comes. */
import { PgBoss } from 'pg-boss';
import { type ClaimsContender, type Running, serveClaims } from '../../claims-contender.ts';

const BATCH = 1_000;
const QUEUE = 'plain';
const FILL = 10_000;

interface Payload {
  readonly sentMs?: number;
}

let boss: PgBoss;

/** Asks, runs and completes by itself, as its documentation shows for much work. */
function startFetching(handle: (payload: Payload) => Promise<void>): Running {
  let isOver = false;
  const loop = async (): Promise<void> => {
    while (!isOver) {
      const jobs = await boss.fetch<Payload>(QUEUE, { batchSize: BATCH });
      if (jobs.length === 0) return;
      await Promise.all(jobs.map(({ data }) => handle(data)));
      await boss.complete(
        QUEUE,
        jobs.map(({ id }) => id),
      );
    }
  };
  const looping = loop();
  return {
    stop: async () => {
      isOver = true;
      await looping;
    },
  };
}

const contender: ClaimsContender = {
  open: async (databaseUrl) => {
    boss = new PgBoss({ connectionString: databaseUrl, useListenNotify: true });
    boss.on('error', () => {});
    await boss.start();
    await boss.createQueue(QUEUE, { notify: true });
  },
  fill: async (count) => {
    for (let from = 1; from <= count; from += FILL)
      await boss.insert(
        QUEUE,
        Array.from({ length: Math.min(FILL, count - from + 1) }, (_, n) => ({ data: { n: from + n } })),
      );
    await boss.getDb().executeSql('vacuum (analyze) pgboss.job_common', []);
    await boss.getDb().executeSql('checkpoint', []);
  },
  start: async (mode, ran) => {
    const handle = async ({ sentMs }: Payload): Promise<void> => ran(sentMs);
    if (mode === 'fetch') return startFetching(handle);
    const options =
      mode === 'best'
        ? { batchSize: BATCH, localConcurrency: 4, burstWhenBatchFull: true, pollingIntervalSeconds: 0.5 }
        : {};
    const worker = await boss.work<Payload>(QUEUE, options, async (jobs) => {
      await Promise.all(jobs.map(({ data }) => handle(data)));
    });
    return {
      stop: async () => {
        await boss.offWork(QUEUE, { id: worker, wait: true });
      },
    };
  },
  enqueue: (sentMs) => boss.send(QUEUE, { sentMs }),
};

serveClaims(contender);
