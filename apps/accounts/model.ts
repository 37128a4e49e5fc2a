/** The model of accounts: its tables, and the repositories that units of work have. */
import { defineModel, repository } from 'keelson/work';
import { auditLog, sessions, throttle } from './auth/table.ts';
import { User } from './users/entity.ts';
import { users } from './users/table.ts';

const repositories = { users: repository(User) };

/** The repositories by the names that units of work give them. */
export type Repositories = typeof repositories;

/** Everything that accounts keeps, in the namespace `accounts`. */
export const model = defineModel({ name: 'accounts', tables: [users, sessions, throttle, auditLog], repositories });
