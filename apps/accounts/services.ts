/** The services of accounts, and how they are built. */
import type { UserAdministration } from 'keelson/auth';
import type { Ground } from 'keelson/http';
import { Administration, SignIn, signInParts } from 'keelson/sign-in';
import { auditLog, sessions, throttle } from './auth/table.ts';
import type { Repositories } from './model.ts';
import type { Declarations } from './settings.ts';
import { currentUser } from './users/repository.ts';
import { type CurrentUser, UserService } from './users/service.ts';
import { users as table } from './users/table.ts';

/** What the routes work with. */
export interface Services {
  readonly users: UserService;
  readonly signIn: SignIn<CurrentUser>;
  /** For the command line: `keelson user …`. */
  readonly administration: UserAdministration;
  readonly apiPrefix: string;
}

/** Builds the services on the ground of a starting app. */
export function buildServices(ground: Ground<Repositories, Declarations>): Services {
  const parts = signInParts(ground, { name: 'accounts', tables: { users: table, sessions, throttle, auditLog } });
  const users = new UserService(parts);
  return {
    users,
    signIn: new SignIn({ ...parts, users, principal: currentUser }),
    administration: new Administration(parts, users, () => ({})),
    apiPrefix: ground.settings.API_V1_PREFIX,
  };
}
