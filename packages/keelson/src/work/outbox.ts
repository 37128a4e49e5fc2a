/** The outbox: events that are written in the same commit as what they tell of, and delivered at least once afterwards. */
import { type Column, createdAt, jsonb, type KeyColumn, text, uuid } from '../schema/column.ts';
import { index, type Table, table } from '../schema/table.ts';
import { entity } from './entity.ts';
import { repository } from './repository.ts';

/** The columns of the outbox. */
// A type and not an interface: only a type is let through as a record of columns.
export type OutboxColumns = {
  readonly id: KeyColumn<string, 'optional'>;
  readonly type: Column<string>;
  readonly payload: Column<unknown>;
  readonly createdAt: Column<Date, 'optional'>;
};

/** The table of the outbox; an app that emits lists it among its tables. */
export const outbox: Table<OutboxColumns> = table(
  'outbox',
  { id: uuid().primaryKey(), type: text(), payload: jsonb(), createdAt: createdAt() },
  (t) => [index(t.createdAt)],
);

/** An event that waits to be delivered. */
export class OutboxEvent extends entity(outbox) {}

/** The events that wait. */
export class OutboxRepository extends repository(OutboxEvent) {
  /** The oldest events that nobody else is delivering. */
  claimOldest(limit: number): Promise<OutboxEvent[]> {
    return this.claim({}, { orderBy: ['createdAt', 'id'], limit });
  }
}

/** The channel on which the outbox is said to have something new; it carries no payload. */
export function outboxChannel(namespace: string): string {
  return `${namespace}.outbox`;
}
