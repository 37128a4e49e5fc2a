/** The table of the processes that run workers: who is there, when it was last heard of, and what it serves. */
import { boolean, type Column, integer, type KeyColumn, text, timestamptz } from '../schema/column.ts';
import { sql } from '../schema/sql.ts';
import { type Table, table } from '../schema/table.ts';

/** The columns of the table of worker processes. */
export type WorkerColumns = {
  /** What `lease_owner` says in a row that is leased, and the number of the advisory lock of the process. */
  readonly id: KeyColumn<number, 'optional'>;
  readonly name: Column<string>;
  readonly host: Column<string>;
  readonly pid: Column<number>;
  /** The workers and queues that it serves. */
  readonly queues: Column<string[]>;
  /** False behind a transaction pooler, where no session keeps a lock: then its leases alone say that it lives. */
  readonly isLocked: Column<boolean>;
  readonly startedAt: Column<Date, 'optional'>;
  readonly heartbeatAt: Column<Date, 'optional'>;
  /** When it was taken for dead, or said that it ends while it still held rows; its rows are on their way back. */
  readonly lostAt: Column<Date | null, 'optional'>;
};

/** The table of worker processes; an app that has workers lists it among its tables. */
export const workers: Table<WorkerColumns> = table('workers', {
  id: integer().identity().primaryKey(),
  name: text(),
  host: text(),
  pid: integer(),
  queues: text().array(),
  isLocked: boolean(),
  startedAt: timestamptz().defaultSql(sql`now()`),
  heartbeatAt: timestamptz().defaultSql(sql`now()`),
  lostAt: timestamptz().nullable(),
});
