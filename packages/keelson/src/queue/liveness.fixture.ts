/** What the tests of liveness share: a leased table beside the table of processes, processes that die, and a wait for what must come. */
import { systemClock } from '../clock.ts';
import { KeelsonError } from '../errors.ts';
import { type Log, silentLog } from '../log.ts';
import type { Connection } from '../postgres/connection.ts';
import { connectPostgres, type Postgres } from '../postgres/postgres.ts';
import { integer, text, timestamptz, uuid } from '../schema/column.ts';
import { enumType } from '../schema/enum-type.ts';
import { type Sql, sql, Statements } from '../schema/sql.ts';
import { index, table } from '../schema/table.ts';
import { testDatabase, type TestDatabase } from '../testing/database.ts';
import { entity } from '../work/entity.ts';
import { defineModel } from '../work/model.ts';
import { repository } from '../work/repository.ts';
import { LeaseHeartbeat } from './heartbeat.ts';
import { Registration, type RegistrationOptions } from './liveness.ts';
import { Sweeper, type SweeperOptions, type SweepTarget } from './sweep.ts';
import { workers } from './worker-table.ts';

const parcelState = enumType('parcel_state', ['packed', 'under_way', 'delivered', 'lost']);

export const parcels = table(
  'parcels',
  {
    id: uuid().primaryKey(),
    state: parcelState().default('packed'),
    note: text().nullable(),
    attempts: integer().default(0),
    leaseOwner: integer().nullable(),
    leaseEpoch: integer().default(0),
    leaseUntil: timestamptz().nullable(),
  },
  (t) => [index(t.leaseOwner, { where: sql`${t.leaseOwner} is not null` })],
);

class ParcelRepository extends repository(class Parcel extends entity(parcels) {}) {}

export const parcelModel = defineModel({ name: 'post', tables: [parcels, workers], repositories: { parcels: ParcelRepository } });

/** Parcels go back to be packed; after three attempts they are lost. */
const parcelTarget: SweepTarget = {
  table: 'parcels',
  stateColumn: 'state',
  back: new Map([['under_way', 'packed']]),
  attemptsMax: 3,
  failSql: sql`state = 'lost', note = 'died three times'`,
};

/** A database with parcels that ends with the block. */
export interface Trial extends AsyncDisposable {
  readonly postgres: Postgres;
  readonly log: Log;
  rows(piece: Sql): Promise<readonly (readonly (string | null)[])[]>;
  register(options?: Partial<RegistrationOptions>): Promise<Registration>;
  sweeper(options?: Partial<SweeperOptions>): Sweeper;
  heartbeat(owner: () => number, onFreed?: (table: string) => void): LeaseHeartbeat;
  /** A process on the list that holds no lock and was last heard of so long ago. */
  addDead(options?: { readonly unheardMs?: number; readonly isLocked?: boolean }): Promise<number>;
  /** Leases a new parcel; its key. */
  lease(owner: number, options?: { readonly attempts?: number; readonly leaseMs?: number }): Promise<string>;
  /** State, owner and attempts of each parcel, by key. */
  parcels(): Promise<readonly (readonly (string | null)[])[]>;
  /** Ends the server processes that a condition on pg_stat_activity names. */
  terminate(condition: Sql): Promise<number>;
}

const statements = new Statements(parcelModel.namespace, { named: false });

/** Opens a database of its own, or takes one that is there already. */
export async function openTrial({ log = silentLog, url }: { readonly log?: Log; readonly url?: string } = {}): Promise<Trial> {
  if (url !== undefined) {
    const postgres = await connectPostgres({ url, log, connectRetryMs: 0 });
    return createTrial(postgres, log, () => postgres.close());
  }
  const database: TestDatabase<(typeof parcelModel)['repositories']> = await testDatabase(
    { model: parcelModel },
    { isolation: 'database', log },
  );
  return createTrial(database.postgres, log, async () => database[Symbol.asyncDispose]());
}

function createTrial(postgres: Postgres, log: Log, end: () => Promise<void>): Trial {
  const { namespace } = parcelModel;
  const rows: Trial['rows'] = async (piece) => (await postgres.readers.query(statements.compile(piece))).rows;
  const id = async (piece: Sql): Promise<string> => (await rows(piece))[0]?.[0] ?? '';
  const common = { postgres, namespace, clock: systemClock, log };
  return {
    postgres,
    log,
    rows,
    register: (options) => Registration.open({ ...common, queues: ['delivery'], ...options }),
    sweeper: (options) => new Sweeper({ ...common, targets: [parcelTarget], ...options }),
    heartbeat: (owner, onFreed) => new LeaseHeartbeat({ ...common, target: parcelTarget, owner, onFreed, unknownMs: 50 }),
    addDead: async ({ unheardMs = 5_000, isLocked = true } = {}) =>
      Number(
        await id(sql`
          insert into ${workers} (name, host, pid, queues, is_locked, heartbeat_at)
          values ('dead', 'host', 1, '{}', ${isLocked}, now() - ${unheardMs}::int * interval '1 ms') returning id`),
      ),
    lease: (owner, { attempts = 1, leaseMs = 60_000 } = {}) =>
      id(sql`
        insert into ${parcels} (state, attempts, lease_owner, lease_epoch, lease_until)
        values ('under_way', ${attempts}, ${owner}, 1, now() + ${leaseMs}::int * interval '1 ms') returning id`),
    parcels: () => rows(sql`select state, lease_owner, attempts from ${parcels} order by id`),
    terminate: async (condition) =>
      (await rows(sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and ${condition}`)).length,
    [Symbol.asyncDispose]: end,
  };
}

const WAIT_MS_MAX = 20_000;
const LOOK_MS = 5;

/** Looks again and again until something holds; what fails meanwhile is looked at again too. */
export async function eventually(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const late = AbortSignal.timeout(WAIT_MS_MAX);
  // bounded by: WAIT_MS_MAX
  for (;;) {
    const isSo = await Promise.resolve()
      .then(holds)
      .catch(() => false);
    if (isSo) return;
    if (late.aborted) throw new KeelsonError('INTERNAL_SERVER_ERROR', { message: `It never came to this: ${what}.` });
    await systemClock.sleep(LOOK_MS);
  }
}

/** A connection of the trial's own, which ends with the block. */
export async function openConnection(trial: Trial): Promise<Connection & AsyncDisposable> {
  const connection = await trial.postgres.connect();
  return Object.assign(connection, { [Symbol.asyncDispose]: () => connection.close() });
}
