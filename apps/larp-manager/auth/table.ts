/** Sessions, one row for each log-in; the failed ones, counted; and what was done, written down. */
import { auditTable, sessionTable, throttleTable } from 'keelson/auth';
import { policy, sql } from 'keelson/schema';
import { isSignIn, superuserDoesAll, userId } from '../rights.ts';
import { users } from '../users/table.ts';

const signInDoesAll = policy('sign_in', { using: isSignIn });

export const sessions = sessionTable(
  () => users,
  (t) => [superuserDoesAll, signInDoesAll, policy('self', { using: sql`${t.userId} = ${userId}` })],
);
export const throttle = throttleTable();
export const auditLog = auditTable((t) => [
  superuserDoesAll,
  signInDoesAll,
  policy('self_adds', { for: 'insert', check: sql`${t.userId} = ${userId} or ${t.actorId} = ${userId}` }),
]);
