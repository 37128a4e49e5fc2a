/** The audit log: who did what, when and from where; rows are added, never changed, and hold no secret. */
import { type Clock, systemClock } from '../clock.ts';
import { newId } from '../id.ts';
import { type Column, type KeyColumn, text, timestamptz, uuid } from '../schema/column.ts';
import { sql } from '../schema/sql.ts';
import { type Constraint, type Declaring, index, type Table, table } from '../schema/table.ts';
import type { RunSql } from './session.ts';

/** What is written down. */
export type AuditAction = 'login_failed' | 'password_changed' | 'token_reused' | 'user_deactivated';

/** One row. */
export interface AuditEntry {
  readonly action: AuditAction;
  /** Whom it is about; null for an e-mail that nobody has. */
  readonly userId: string | null;
  /** Who did it, when it was somebody who is signed in. */
  readonly actorId?: string | undefined;
  readonly sessionId?: string | undefined;
  /** The address of the client; none when it was done at the command line. */
  readonly address?: string | undefined;
}

/** The columns of the audit log. No column refers to another table: what was written stays when a user is removed. */
export type AuditColumns = {
  readonly id: KeyColumn<string, 'optional'>;
  readonly occurredAt: Column<Date>;
  readonly action: Column<string>;
  readonly userId: Column<string | null, 'optional', true>;
  readonly actorId: Column<string | null, 'optional', true>;
  readonly sessionId: Column<string | null, 'optional', true>;
  readonly address: Column<string | null, 'optional'>;
};

/**
 * Declares the table of the audit log. `more` says what an app adds: policies, where its other tables have some.
 *
 * @example
 * import { auditTable } from 'keelson/auth';
 * const auditLog = auditTable();
 */
export function auditTable(more: (t: Declaring<AuditColumns>) => readonly Constraint[] = () => []): Table<AuditColumns> {
  return table<AuditColumns>(
    'audit_log',
    {
      id: uuid().primaryKey(),
      occurredAt: timestamptz(),
      action: text(),
      userId: uuid().nullable(),
      actorId: uuid().nullable(),
      sessionId: uuid().nullable(),
      address: text().nullable(),
    },
    (t) => [index(t.userId, t.occurredAt), index(t.occurredAt), ...more(t)],
  );
}

/** Writes the audit log. */
export class AuditLog {
  readonly #table: Table<AuditColumns>;
  readonly #clock: Clock;

  constructor(options: { readonly table: Table<AuditColumns>; readonly clock?: Clock | undefined }) {
    this.#table = options.table;
    this.#clock = options.clock ?? systemClock;
  }

  /** Adds a row, in the transaction of what it tells. */
  async write(run: RunSql, { action, userId, actorId, sessionId, address }: AuditEntry): Promise<void> {
    await run(sql`
      insert into ${this.#table} (id, occurred_at, action, user_id, actor_id, session_id, address)
      values (${newId()}, ${this.#clock.now()}, ${action}, ${userId}, ${actorId ?? null}, ${sessionId ?? null}, ${address ?? null})
    `);
  }
}
