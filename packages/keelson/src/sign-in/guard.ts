/** The guard of calls that ask for an access token. */
import { KeelsonError } from '../errors.ts';
import type { Guard } from '../http/guard.ts';
import type { SessionPrincipal } from './principal.ts';
import type { SignIn } from './sign-in.ts';

/** The services of an app that signs in by this. */
export interface SignInServices<P extends SessionPrincipal = SessionPrincipal> {
  readonly signIn: SignIn<P>;
}

/** What a call asks for beside an access token. */
export interface Permission<P> {
  /** Its name, for whoever lacks it: `users:manage`. */
  readonly permission: string;
  /** Who has it; superusers when it is not said. */
  readonly permits?: (principal: P) => boolean;
}

/**
 * The guard that lets in who has an access token of a session that lives, and gives the handler the user; with a permission, only those who have it.
 *
 * @example
 * import { bearer, type SessionPrincipal } from 'keelson/sign-in';
 * export const signedIn = bearer<SessionPrincipal>();
 * export const manages = bearer<SessionPrincipal>({ permission: 'users:manage' });
 */
export function bearer<P extends SessionPrincipal>(asked?: Permission<P>): Guard<P, SignInServices<P>> {
  return {
    name: asked === undefined ? 'signedIn' : `requires ${asked.permission}`,
    security: {
      name: 'oauth2',
      scheme: (prefix) => ({
        type: 'oauth2',
        description: 'Access tokens are JWTs, signed and checked as RFC8725 asks; they last minutes, and are renewed by refresh tokens.',
        flows: { password: { tokenUrl: `${prefix}/auth/login`, refreshUrl: `${prefix}/auth/refresh`, scopes: {} } },
      }),
    },
    errors: ['UNAUTHENTICATED', 'TOKEN_EXPIRED', 'TOKEN_INVALID', 'FORBIDDEN'],
    check: async ({ request, services }) => {
      const principal = await services.signIn.currentUser(request.headers.authorization);
      if (asked !== undefined) refuseUnpermitted(principal, asked);
      return principal;
    },
    identify: ({ id }) => ({ user: id }),
  };
}

function refuseUnpermitted<P extends SessionPrincipal>(principal: P, { permission, permits = isSuperuser }: Permission<P>): void {
  if (!permits(principal)) throw new KeelsonError('FORBIDDEN', { message: `This call needs the permission ${permission}.` });
}

function isSuperuser({ isSuperuser: is }: SessionPrincipal): boolean {
  return is;
}
