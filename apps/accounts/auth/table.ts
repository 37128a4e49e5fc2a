/** Sessions: one row for each log-in. */
import { sessionTable } from 'keelson/auth';
import { users } from '../users/table.ts';

export const sessions = sessionTable(() => users);
