/** Calls for signing in and out. */
import { everyone } from 'keelson/http';
import { route, signedIn } from '../route.ts';
import { KeySet, Login, Refresh, SessionId, SessionList, TokenPair } from './schema.ts';

const tags = ['auth'];
/** Far shorter than a retired key stays in SECRET_KEY_PREVIOUS. */
const KEYS_FRESH_S = 300;

export const authRoutes = [
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
      return services.auth.login({ email, password: body.password }, { address: request.ip, log });
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
    handler: ({ body, services, request, log }) => services.auth.refresh(body.refreshToken, { address: request.ip, log }),
  }),
  route({
    method: 'POST',
    url: '/auth/logout',
    summary: 'Ends the session of a refresh token',
    tags,
    guard: everyone,
    body: Refresh,
    responses: { 204: null },
    handler: ({ body, services }) => services.auth.logout(body.refreshToken),
  }),
  route({
    method: 'GET',
    url: '/users/me/sessions',
    summary: 'Lists my sessions',
    description: 'Those that live, the newest first.',
    tags,
    guard: signedIn,
    responses: { 200: SessionList },
    handler: async ({ principal, services }) => ({ items: await services.auth.listSessions(principal) }),
  }),
  route({
    method: 'DELETE',
    url: '/users/me/sessions/:id',
    summary: 'Ends one of my sessions',
    tags,
    guard: signedIn,
    params: SessionId,
    responses: { 204: null },
    errors: ['NOT_FOUND'],
    handler: ({ principal, params, services }) => services.auth.endSession(principal, params.id),
  }),
  route({
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
      return { keys: services.publicKeys };
    },
  }),
];
