/** Where the app keeps what it remembers. */
import { type Sql, sql } from 'keelson/schema';
import { repository } from 'keelson/work';
import { authors } from '../authors/table.ts';
import { revealTransactions } from '../reveals/table.ts';
import { isStuck, tokens } from '../tokens/table.ts';
import { SystemState } from './entity.ts';
import { systemState } from './table.ts';

export class SystemStateRepository extends repository(SystemState) {
  /** What is kept under a name, or null. */
  async getState(key: string): Promise<unknown> {
    const [row] = await this.run(sql<{ readonly value: unknown }>`select state_value as value from ${systemState} where key = ${key}`);
    return row?.value ?? null;
  }

  /** Keeps any JSON value under a name, at once and in one statement, so that two who begin together do not collide. */
  async setState(key: string, value: unknown): Promise<void> {
    // In an object, so that a text is sent as JSON too.
    await this.run(sql`
      insert into ${systemState} (key, state_value, updated_at)
      values (${key}, ${{ value }}::jsonb -> 'value', now())
      on conflict (key) do update
      set state_value = excluded.state_value, updated_at = excluded.updated_at
    `);
  }

  /** What is kept under a name; what is given is kept when there is nothing, by the first of those who come at once. */
  async getOrSetState(key: string, value: unknown): Promise<unknown> {
    const [row] = await this.run(sql<{ readonly value: unknown }>`
      insert into ${systemState} (key, state_value, updated_at)
      values (${key}, ${{ value }}::jsonb -> 'value', now())
      on conflict (key) do update
      set state_value = ${systemState}.state_value
      returning state_value as value
    `);
    return row?.value;
  }

  /** Forgets what is kept under a name; without effect when there is nothing. */
  async deleteState(key: string): Promise<void> {
    await this.run(sql`delete from ${systemState} where key = ${key}`);
  }
}

/** One line of what is counted: the rows of a table, by state where it has one. */
export interface Counted {
  readonly what: 'author' | 'held' | 'reveal' | 'stuck' | 'token';
  readonly state: string | null;
  /** int8: as text. */
  readonly rows: string;
}

/** Beyond it, how many are stuck says no more. */
const STUCK_COUNT_MAX = 1_000;

/** How many rows there are of each kind and state, and how many tokens nobody has worked on for a while, in one query. */
export function selectCounts(): Sql<Counted> {
  return sql<Counted>`
    select 'token' as what, status::text as state, count(*) as rows from ${tokens} group by status
    union all
    select 'held', status::text, count(*) from ${tokens} where lease_owner is not null group by status
    union all
    select 'reveal', status::text, count(*) from ${revealTransactions} group by status
    union all
    select 'author', null, count(*) from ${authors}
    union all
    select 'stuck', null, count(*)
    from (
      select 1
      from ${tokens}
      where ${isStuck()}
      limit ${STUCK_COUNT_MAX}::int
    ) as waiting
  `;
}
