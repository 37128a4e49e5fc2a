/** Leases: the columns by which a row of any table is claimed, held for a time, and finished only by who holds it. */
import { integer, timestamptz } from '../schema/column.ts';
import { sql } from '../schema/sql.ts';
import { type Constraint, type Handle, index } from '../schema/table.ts';

/** What the columns of a lease are on an entity. */
export interface Leased {
  /** How often the row was claimed since it last moved on. */
  attempts: number;
  /** Not claimed before this; the beginning of time means at once. */
  availableAt: Date;
  /** The number of the process that holds it. */
  leaseOwner: number | null;
  /** Counts the claims: what an older claim finishes is not written. */
  leaseEpoch: number;
  leaseUntil: Date | null;
}

/** A moment that is always past, the same for the program and for the database: `now()` of either would not be. */
const AT_ONCE = new Date(0);

/**
 * The columns of a lease, to be spread into a table that workers claim from.
 *
 * @example
 * import { leaseColumns, leaseIndex } from 'keelson/queue';
 * import { enumType, index, table, timestamptz, uuid } from 'keelson/schema';
 * const mailState = enumType('mail_state', ['written', 'sent', 'failed']);
 * const mails = table(
 *   'mails',
 *   { id: uuid().primaryKey(), state: mailState().default('written'), writtenAt: timestamptz(), ...leaseColumns() },
 *   (t) => [index(t.state, t.writtenAt), leaseIndex(t)],
 * );
 */
export function leaseColumns() {
  return {
    attempts: integer().default(0),
    availableAt: timestamptz().default(AT_ONCE),
    leaseOwner: integer().nullable(),
    leaseEpoch: integer().default(0),
    leaseUntil: timestamptz().nullable(),
  };
}

/** The index by which the rows of a dead process are found; it holds only the rows that are held. */
export function leaseIndex(t: { readonly leaseOwner: Handle }): Constraint {
  return index(t.leaseOwner, { where: sql`${t.leaseOwner} is not null` });
}
