/** Who is asking: the query that finds the user behind an access token. */
import type { SessionTable } from '../auth/session-table.ts';
import type { AccessClaims } from '../auth/token.ts';
import { KeelsonError } from '../errors.ts';
import type { columnsOf } from '../schema/column.ts';
import { quoteName, Sql, sql } from '../schema/sql.ts';
import { type Out, tableInfo } from '../schema/table.ts';
import type { UsersTable } from './parts.ts';

/** What is known of everybody who is signed in. */
export interface SessionPrincipal {
  readonly id: string;
  readonly email: string;
  readonly isActive: boolean;
  readonly isSuperuser: boolean;
  readonly sessionId: string;
}

/** Finds who is behind an access token in one statement; no row when the session has ended, by whatever hand. */
export type SelectPrincipal<P> = (claims: AccessClaims, now: Date) => Sql<P>;

/** Who is found by such a query. */
export type PrincipalOf<T> = T extends SelectPrincipal<infer P> ? P : never;

type ColumnsOf<T> = T extends { readonly [columnsOf]: infer C } ? C : never;
/** A moment is RFC 3339 text, as in everything that is read for an answer. */
type Plain<T> = T extends Date ? string : T;

/** Where principals are found, and what is read of them. */
export interface PrincipalSource<T extends UsersTable, K, X> {
  readonly users: T;
  readonly sessions: SessionTable;
  /** The columns of the user, beside id, e-mail, isActive and isSuperuser. */
  readonly columns?: readonly K[];
  /** More to know, each an expression over the user, whom it calls `u`, with the type of its value: `sql<string[]>`. */
  readonly extra?: { readonly [P in keyof X]: Sql<X[P]> };
}

/** A principal with chosen columns. */
export type Principal<T, K extends keyof ColumnsOf<T>, X> = SessionPrincipal & {
  readonly [P in K]: Plain<Out<ColumnsOf<T>[P]>>;
} & X;

const USUAL = ['id', 'email', 'isActive', 'isSuperuser'];

/**
 * Makes the query that finds who is asking: session and user, and what else the app must know of everybody, in one statement.
 *
 * @throws MISUSE for a column that the table of users does not have
 */
export function principalQuery<T extends UsersTable, K extends keyof ColumnsOf<T> & string = never, X = unknown>({
  users,
  sessions,
  columns = [],
  extra,
}: PrincipalSource<T, K, X>): SelectPrincipal<Principal<T, K, X>> {
  const { byKey, name } = tableInfo(users);
  const own = [...new Set([...USUAL, ...columns])].map((key) => {
    const column = byKey.get(key);
    if (column === undefined) throw new KeelsonError('MISUSE', { message: `The table ${name} has no column ${key}.` });
    return `u.${quoteName(column.name)} as ${quoteName(key)}`;
  });
  const more = Object.entries<Sql>(extra ?? {}).map(([key, piece]) => sql`${piece} as ${sql.identifier(key)}`);
  // The columns as one piece: the statement is put together anew for every call.
  const selected = sql.join([new Sql([own.join(', ')], []), ...more]);
  return ({ userId, sessionId }, now) => sql<Principal<T, K, X>>`
    select ${selected}, s.id as "sessionId"
    from ${sessions} as s
    join ${users} as u on u.id = s.user_id
    where s.id = ${sessionId}
      and s.user_id = ${userId}
      and s.ended_at is null
      and least(s.idle_expires_at, s.absolute_expires_at) > ${now}
  `;
}
