/** Sessions, one row for each log-in; the failed ones, counted; and what was done, written down. */
import { auditTable, sessionTable, throttleTable } from 'keelson/auth';
import { users } from '../users/table.ts';

export const sessions = sessionTable(() => users);
export const throttle = throttleTable();
export const auditLog = auditTable();
