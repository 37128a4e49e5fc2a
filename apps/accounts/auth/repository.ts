/** Where it is found who is behind an access token. */
import type { AccessClaims } from 'keelson/auth';
import { sql, type Sql } from 'keelson/schema';
import { users } from '../users/table.ts';
import { sessions } from './table.ts';

/** The user behind a session that lives; times are RFC 3339 text. */
export interface CurrentUser {
  readonly id: string;
  readonly email: string;
  readonly fullName: string | null;
  readonly isActive: boolean;
  readonly isSuperuser: boolean;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly sessionId: string;
}

/** Session and user in one query; no row when the session has ended, by whatever hand. */
export function selectCurrentUser({ userId, sessionId }: AccessClaims, now: Date): Sql<CurrentUser> {
  return sql<CurrentUser>`
    select u.id, u.email, u.full_name as "fullName", u.is_active as "isActive", u.is_superuser as "isSuperuser",
      u.created_at as "createdAt", u.updated_at as "updatedAt", s.id as "sessionId"
    from ${sessions} as s
    join ${users} as u on u.id = s.user_id
    where s.id = ${sessionId}
      and s.user_id = ${userId}
      and s.ended_at is null
      and least(s.idle_expires_at, s.absolute_expires_at) > ${now}
  `;
}
