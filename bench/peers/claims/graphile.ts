/** graphile-worker in the benchmark of claims: `best` is as its own perfTest is set, `defaults` as it comes. */
import { Logger, makeWorkerUtils, run, type WorkerUtils } from 'graphile-worker';
import pg from 'pg';
import { type ClaimsContender, serveClaims } from '../../claims-contender.ts';

const silent = new Logger(() => () => {});
const FILL = 10_000;

let url: string;
let utils: WorkerUtils;

const contender: ClaimsContender = {
  open: async (databaseUrl) => {
    url = databaseUrl;
    utils = await makeWorkerUtils({ connectionString: url, logger: silent });
    await utils.migrate();
  },
  fill: async (count) => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    for (let from = 1; from <= count; from += FILL) {
      await client.query(
        `select count(*) from graphile_worker.add_jobs(array(
           select ('plain', json_build_object('n', n), null, null, null, null, null, null)::graphile_worker.job_spec
           from generate_series($1::int, $2::int) as n))`,
        [from, Math.min(count, from + FILL - 1)],
      );
    }
    await client.query('vacuum (analyze) graphile_worker._private_jobs');
    await client.query('checkpoint');
    await client.end();
  },
  start: async (mode, ran) => {
    const best = {
      concurrency: 24,
      maxPoolSize: 26,
      preset: { worker: { localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 } },
    };
    const taskList = { plain: async (payload: unknown) => ran((payload as { sentMs?: number }).sentMs) };
    const runner = await run({
      connectionString: url,
      taskList,
      logger: silent,
      noHandleSignals: true,
      ...(mode === 'best' ? best : {}),
    });
    return { stop: () => runner.stop() };
  },
  enqueue: (sentMs) => utils.addJob('plain', { sentMs }),
};

serveClaims(contender);
