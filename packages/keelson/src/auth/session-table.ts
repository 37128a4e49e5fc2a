/** The table of sessions, which an app lists among its own, beside its users. */
import { type Column, createdAt, integer, type KeyColumn, type Reference, references, text, timestamptz, uuid } from '../schema/column.ts';
import { sql } from '../schema/sql.ts';
import { check, type Constraint, type Declaring, index, type Table, table } from '../schema/table.ts';

/** The columns of the table of sessions; `F` names the table of users. */
export type SessionColumns<F> = {
  readonly id: KeyColumn<string, 'optional'>;
  readonly userId: Reference<F>;
  /** How many refresh tokens the session has had: only the latest is good. */
  readonly counter: Column<number, 'optional'>;
  readonly createdAt: Column<Date, 'optional'>;
  readonly refreshedAt: Column<Date>;
  readonly idleExpiresAt: Column<Date>;
  readonly absoluteExpiresAt: Column<Date>;
  readonly endedAt: Column<Date | null, 'optional'>;
  readonly endReason: Column<string | null, 'optional'>;
};

/** Any table of sessions. */
export type SessionTable = Table<SessionColumns<() => void>>;

/**
 * Declares the table of sessions; its rows go with their user. `more` says what an app adds: policies, where its other tables have some.
 *
 * @example
 * import { sessionTable } from 'keelson/auth';
 * import { table, uuid } from 'keelson/schema';
 * const users = table('users', { id: uuid().primaryKey() });
 * const sessions = sessionTable(() => users);
 */
export function sessionTable<F extends () => void>(
  users: F,
  more: (t: Declaring<SessionColumns<F>>) => readonly Constraint[] = () => [],
): Table<SessionColumns<F>> {
  return table<SessionColumns<F>>(
    'sessions',
    {
      id: uuid().primaryKey(),
      userId: references(users, { onDelete: 'cascade' }),
      counter: integer().default(1),
      createdAt: createdAt(),
      refreshedAt: timestamptz(),
      idleExpiresAt: timestamptz(),
      absoluteExpiresAt: timestamptz(),
      endedAt: timestamptz().nullable(),
      endReason: text().nullable(),
    },
    (t) => [index(t.userId), check(sql`(${t.endedAt} is null) = (${t.endReason} is null)`), ...more(t)],
  );
}
