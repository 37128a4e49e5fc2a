/** The model of accounts: its tables, and the repositories that units of work have. */
import { defineModel } from 'keelson/work';
import { auditLog, sessions, throttle } from './auth/table.ts';
import { UserRepository } from './users/repository.ts';
import { users } from './users/table.ts';

const repositories = { users: UserRepository };

/** The repositories by the names that units of work give them. */
export type Repositories = typeof repositories;

/** Everything that accounts keeps, in the namespace `accounts`. */
export const model = defineModel({ name: 'accounts', tables: [users, sessions, throttle, auditLog], repositories });
