/** What the app remembers between runs, by name. */
import { check, jsonb, sql, table, updatedAt, varchar } from 'keelson/schema';

export const systemState = table('system_state', { key: varchar(255).primaryKey(), stateValue: jsonb(), updatedAt: updatedAt() }, (t) => [
  check(sql`${t.key} ~ '^[A-Za-z0-9_]+$'`),
]);
