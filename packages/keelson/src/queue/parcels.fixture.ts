/** The model that the tests of workers share: parcels that are packed, then sent, in a table with a lease. */
import { integer, jsonb, timestamptz, uuid } from '../schema/column.ts';
import { enumType } from '../schema/enum-type.ts';
import { lifeCycle } from '../schema/life-cycle.ts';
import { index, table } from '../schema/table.ts';
import { type Log, silentLog } from '../log.ts';
import { type Clock, systemClock } from '../clock.ts';
import type { Database } from '../work/database.ts';
import { entity } from '../work/entity.ts';
import { defineModel } from '../work/model.ts';
import { repository } from '../work/repository.ts';
import { leaseColumns, leaseIndex } from './lease.ts';
import { WorkerProcess } from './process.ts';
import { defineWorkers, type Worker } from './worker.ts';
import { workers } from './worker-table.ts';

const parcelState = enumType('parcel_state', ['ordered', 'packing', 'packed', 'sent', 'failed']);

export const parcels = table(
  'parcels',
  {
    id: uuid().primaryKey(),
    number: integer(),
    state: parcelState().default('ordered'),
    orderedAt: timestamptz(),
    /** Counts what was done to it: more than once for one move would be a double finish. */
    finishes: integer().default(0),
    trouble: jsonb<{ readonly code: string; readonly attempts: number }>().nullable(),
    ...leaseColumns(),
  },
  (t) => [index(t.state, t.orderedAt), leaseIndex(t)],
);

const cycle = lifeCycle(
  parcels.state,
  { ordered: ['packing', 'failed'], packing: ['packed', 'failed'], packed: ['sent', 'failed'], sent: [], failed: [] },
  { redrive: { packing: ['ordered'], failed: ['ordered'] } },
);

export class Parcel extends entity(parcels, cycle) {
  markPacked(): void {
    this.move('packed', { finishes: this.finishes + 1 });
  }

  markSent(): void {
    this.move('sent', { finishes: this.finishes + 1 });
  }

  markFailed(code: string): void {
    this.move('failed', { trouble: { code, attempts: this.attempts } });
  }

  retry(): void {
    this.redrive('ordered', { trouble: null });
  }
}

class ParcelRepository extends repository(Parcel) {}

export const model = defineModel({ name: 'post', tables: [parcels, workers], repositories: { parcels: ParcelRepository } });

export type Repos = typeof model.repositories;
export type Services = Readonly<Record<string, never>>;
export type ParcelWorker = Worker<Repos, Services>;

export const post = defineWorkers<Repos, Services>(model);

/** Adds parcels, the first ordered first. */
export async function order(database: Database<Repos>, count: number): Promise<readonly string[]> {
  const made = Array.from({ length: count }, (_, number) => new Parcel({ number, orderedAt: new Date(1_700_000_000_000 + number) }));
  await database.work((unit) => void unit.parcels.addMany(made));
  return made.map(({ id }) => id);
}

/** Starts a process with these workers. */
export function startProcess(
  database: Database<Repos>,
  list: readonly ParcelWorker[],
  options: { readonly log?: Log; readonly clock?: Clock; readonly pollMs?: number } = {},
): Promise<WorkerProcess> {
  const { log = silentLog, clock = systemClock, pollMs = 1_000 } = options;
  return WorkerProcess.start({ database, workers: list, services: {}, log, clock, settings: { WORKER_POLL_MS: pollMs } });
}

/** Waits until so many parcels are in a state. */
export async function until(database: Database<Repos>, state: Parcel['state'], count: number): Promise<void> {
  // bounded by: the time-out of the test
  while ((await database.work((unit) => unit.parcels.count({ state }))) < count) await systemClock.sleep(5);
}
