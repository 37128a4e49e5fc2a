/** Leases taken back by SQL: the rows of the dead and the late go back to where they were claimed, or end when they have failed too often. */
import { quoteText, type Sql, sql } from '../schema/sql.ts';

/** A table whose rows are leased. */
export interface SweepTarget {
  /** The name of the table in the database. */
  readonly table: string;
  /** The column of its key; `id`. */
  readonly keyColumn?: string | undefined;
  /** The SQL type of the key; `uuid`. */
  readonly keyType?: 'uuid' | 'bigint' | 'integer' | 'text' | undefined;
  readonly stateColumn?: string | undefined;
  /** From a working state to the one that its row goes back to. */
  readonly back?: ReadonlyMap<string, string> | undefined;
  /** From this many attempts on a freed row is set by `failSql` instead of going back; a number, or a column of the row. */
  readonly attemptsMax: number | Sql;
  /** What is set on a row that has used up its attempts, as in `failed_at = now()`; without it the row goes back, and who claims it fails it. */
  readonly failSql?: Sql | undefined;
}

/** How many rows one statement frees. */
export const FREE_MAX = 1_000;

/** A table of a namespace, as it stands in SQL. */
export function placeOf(namespace: string, target: SweepTarget): Sql {
  return sql`${sql.identifier(namespace)}.${sql.identifier(target.table)}`;
}

/** The key column of a table, as it stands in SQL. */
export function keyOf(target: SweepTarget): Sql {
  return sql.identifier(target.keyColumn ?? 'id');
}

/** The statements that free leased rows for which a condition holds, at most `FREE_MAX` each; those that have used up their attempts first. */
export function freeStatements(namespace: string, target: SweepTarget, condition: Sql): readonly Sql[] {
  const { failSql, attemptsMax } = target;
  const limit = typeof attemptsMax === 'number' ? sql`${attemptsMax}::int` : attemptsMax;
  const change = (settings: Sql, which: Sql): Sql => {
    const place = placeOf(namespace, target);
    const key = keyOf(target);
    // A row that somebody is finishing at this moment is left to him, and looked at again by the next sweep.
    return sql`
      update ${place} set lease_owner = null, lease_until = null${settings}
      where ${key} = any(array(
        select ${key} from ${place} where ${which} order by ${key} limit ${sql.raw(String(FREE_MAX))} for update skip locked))`;
  };
  const freed = change(stateBack(target), condition);
  return failSql === undefined ? [freed] : [change(sql`, ${failSql}`, sql`${condition} and attempts >= ${limit}`), freed];
}

function stateBack({ stateColumn, back }: SweepTarget): Sql {
  if (stateColumn === undefined || back === undefined || back.size === 0) return sql.raw('');
  const column = sql.identifier(stateColumn);
  // As literals: they take the type of the column, which may be an enum.
  const cases = [...back].map(([from, to]) => sql.raw(`when ${quoteText(from)} then ${quoteText(to)}`));
  return sql`, ${column} = case ${column} ${sql.join(cases, ' ')} else ${column} end`;
}
