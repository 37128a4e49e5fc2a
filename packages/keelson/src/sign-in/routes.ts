/** Calls for signing in and out, one's sessions, one's password, and the keys that verify access tokens. */
import { everyone, type Guard } from '../http/guard.ts';
import type { Route, RouteFactory } from '../http/route.ts';
import type { Repositories } from '../work/model.ts';
import type { SignInServices } from './guard.ts';
import type { SessionPrincipal } from './principal.ts';
import { KeySet, Login, PasswordChange, Refresh, SessionId, SessionList, TokenPair } from './schema.ts';

const tags = ['auth'];
/** Far shorter than a retired key stays in SECRET_KEY_PREVIOUS. */
const KEYS_FRESH_S = 300;

/**
 * The routes of signing in: log-in, refresh and log-out; the caller's sessions and password; the public keys. Registration is the app's own, since
 * a user is.
 */
export function signInRoutes<R extends Repositories, S extends SignInServices, P extends SessionPrincipal>(
  route: RouteFactory<R, S>,
  guard: Guard<P, S>,
): readonly Route<R, S>[] {
  return [...tokenRoutes(route), ...sessionRoutes(route, guard), passwordRoute(route, guard), keysRoute(route)];
}

function tokenRoutes<R extends Repositories, S extends SignInServices>(route: RouteFactory<R, S>): readonly Route<R, S>[] {
  return [
    route({
      method: 'POST',
      url: '/auth/login',
      summary: 'Logs in: gives a pair of tokens',
      description: 'Takes JSON, or the password form of OAuth 2.0.',
      tags,
      guard: everyone,
      forms: true,
      body: Login,
      responses: { 200: TokenPair },
      errors: ['INVALID_CREDENTIALS', 'FORBIDDEN', 'RATE_LIMITED'],
      handler: ({ body, services, request, log }) => {
        const email = 'username' in body ? body.username : body.email;
        return services.signIn.login({ email, password: body.password }, { address: request.ip, log });
      },
    }),
    route({
      method: 'POST',
      url: '/auth/refresh',
      summary: 'Exchanges a refresh token for a new pair',
      description: 'The old refresh token is dead from then on; using it again ends the session.',
      tags,
      guard: everyone,
      body: Refresh,
      responses: { 200: TokenPair },
      errors: ['TOKEN_EXPIRED', 'TOKEN_INVALID', 'TOKEN_REUSED', 'FORBIDDEN'],
      handler: ({ body, services, request, log }) => services.signIn.refresh(body.refreshToken, { address: request.ip, log }),
    }),
    route({
      method: 'POST',
      url: '/auth/logout',
      summary: 'Ends the session of a refresh token',
      tags,
      guard: everyone,
      body: Refresh,
      responses: { 204: null },
      handler: ({ body, services }) => services.signIn.logout(body.refreshToken),
    }),
  ];
}

function sessionRoutes<R extends Repositories, S extends SignInServices, P extends SessionPrincipal>(
  route: RouteFactory<R, S>,
  guard: Guard<P, S>,
): readonly Route<R, S>[] {
  return [
    route({
      method: 'GET',
      url: '/users/me/sessions',
      summary: 'Lists my sessions',
      description: 'Those that live, the newest first.',
      tags,
      guard,
      responses: { 200: SessionList },
      handler: async ({ principal, services }) => ({ items: await services.signIn.listSessions(principal) }),
    }),
    route({
      method: 'DELETE',
      url: '/users/me/sessions/:id',
      summary: 'Ends one of my sessions',
      tags,
      guard,
      params: SessionId,
      responses: { 204: null },
      errors: ['NOT_FOUND'],
      handler: ({ principal, params, services }) => services.signIn.endSession(principal, params.id),
    }),
  ];
}

function passwordRoute<R extends Repositories, S extends SignInServices, P extends SessionPrincipal>(
  route: RouteFactory<R, S>,
  guard: Guard<P, S>,
): Route<R, S> {
  return route({
    method: 'PUT',
    url: '/users/me/password',
    summary: 'Changes my password',
    description: 'Every other session ends.',
    tags: ['users'],
    guard,
    body: PasswordChange,
    responses: { 204: null },
    errors: ['INVALID_CREDENTIALS', 'RATE_LIMITED'],
    handler: ({ principal, body, services, request, log }) =>
      services.signIn.changePassword({ principal, caller: { address: request.ip, log }, ...body }),
  });
}

function keysRoute<R extends Repositories, S extends SignInServices>(route: RouteFactory<R, S>): Route<R, S> {
  return route({
    method: 'GET',
    url: '/.well-known/jwks.json',
    root: true,
    operationId: 'getPublicKeys',
    summary: 'The public keys that verify access tokens',
    description: 'Empty unless ALGORITHM is EdDSA.',
    tags,
    guard: everyone,
    responses: { 200: KeySet },
    handler: ({ services, reply }) => {
      reply.header('cache-control', `public, max-age=${KEYS_FRESH_S}`);
      return { keys: services.signIn.publicKeys };
    },
  });
}
