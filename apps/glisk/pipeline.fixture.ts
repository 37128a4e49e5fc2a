/** The pipeline for its tests: the app, its webhook, and the real workers, which hurry. */
import assert from 'node:assert/strict';
import { systemClock } from 'keelson/clock';
import { silentLog } from 'keelson/log';
import { WorkerProcess } from 'keelson/queue';
import { testApp } from 'keelson/testing';
import type { Database } from 'keelson/work';
import { glisk } from './app.ts';
import { delivery, mintLog, promptLog, sign, wallet } from './mints/deliveries.fixture.ts';
import type { Repositories } from './model.ts';

const SECRET = 'whsec_of_the_tests_a1b2c3d4e5f6';
/** Whose tokens are minted. */
export const author = wallet(0xa);
/** What the author wrote. */
export const prompt = 'A lighthouse over a dark sea, <b>"quoted"</b> & \u202eturned';

/** Workers that do not wait for others to come along, since a test mints all at once, and that try again at once. */
const workers = (glisk.workers ?? []).map((worker) => {
  const { gather } = worker.calls;
  const limits = { ...worker.limits, retry: { baseMs: 1, capMs: 1 } };
  return { ...worker, limits, calls: { ...worker.calls, gather: gather && { ...gather, waitMs: 200 } } };
});

/** The app of one test, its webhook and its workers. */
export async function startPipeline() {
  await using steps = new AsyncDisposableStack();
  const app = steps.use(await testApp(glisk, { poolSize: 8, environment: { ALCHEMY_WEBHOOK_SECRET: SECRET } }));
  const { database, services } = app;
  const work = async (other: Partial<typeof services> = {}): Promise<WorkerProcess> =>
    WorkerProcess.start({
      database,
      services: { ...services, ...other },
      workers,
      log: silentLog,
      clock: systemClock,
      settings: { WORKER_POLL_MS: 1_000 },
    });
  const mint = async (first: number, quantity: number): Promise<void> => {
    const payload = delivery([promptLog(author, prompt), mintLog({ first, quantity, author })], { number: first + 100 });
    const headers = { 'content-type': 'application/json', 'x-alchemy-signature': sign(payload, SECRET) };
    assert.equal((await app.inject({ method: 'POST', url: '/webhooks/alchemy', payload, headers })).statusCode, 200);
  };
  /** Waits until no token is on its way any more. */
  const settled = async (): Promise<void> => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const look = async (): Promise<void> => {
      const waiting = await database.read(({ tokens }) => tokens.count({ status: ['detected', 'generating', 'uploading', 'ready'] }));
      if (waiting === 0) resolve();
    };
    const stop = database.onWritten(() => void look().catch(reject));
    await look();
    await promise.finally(stop);
  };
  const undo = steps.move();
  return { app, database, services, work, mint, settled, [Symbol.asyncDispose]: () => undo.disposeAsync() };
}

/** Waits for a commit after which something holds. */
export async function until(database: Database<Repositories>, holds: () => Promise<boolean>): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const look = async (): Promise<void> => {
    if (await holds()) resolve();
  };
  const stop = database.onWritten(() => void look().catch(reject));
  await look();
  await promise.finally(stop);
}

/** A pipeline that runs. */
export type Pipeline = Awaited<ReturnType<typeof startPipeline>>;
