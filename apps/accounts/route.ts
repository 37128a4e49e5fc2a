/** Routes of accounts: what they work with, and the guard that says who is calling. */
import { type Guard, type Identity, routeFactory } from 'keelson/http';
import type { CurrentUser, Permission } from './auth/service.ts';
import type { Repositories } from './model.ts';
import type { Services } from './services.ts';

/** Makes a route of this app. */
export const route = routeFactory<Repositories, Services>();

const security: Guard<CurrentUser>['security'] = {
  name: 'oauth2',
  scheme: (prefix) => ({
    type: 'oauth2',
    description: 'Access tokens are JWTs, signed and checked as RFC8725 asks; they last minutes, and are renewed by refresh tokens.',
    flows: { password: { tokenUrl: `${prefix}/auth/login`, refreshUrl: `${prefix}/auth/refresh`, scopes: {} } },
  }),
};
const errors: Guard<CurrentUser>['errors'] = ['UNAUTHENTICATED', 'TOKEN_EXPIRED', 'TOKEN_INVALID', 'FORBIDDEN'];
const identify = ({ id }: CurrentUser): Identity => ({ user: id });

/** Lets in who has an access token of a session that lives, and gives the handler the user. */
export const signedIn: Guard<CurrentUser, Services> = {
  name: 'signedIn',
  security,
  errors,
  check: ({ request, services }) => services.auth.currentUser(request.headers.authorization),
  identify,
};

/** Lets in who is signed in and has a permission; superusers have all. */
export function requires(permission: Permission): Guard<CurrentUser, Services> {
  return {
    name: `requires ${permission}`,
    security,
    errors,
    check: ({ request, services }) => services.auth.permittedUser(request.headers.authorization, permission),
    identify,
  };
}
