/** Calls for signing in and out. */
import { everyone } from 'keelson/http';
import { route } from '../route.ts';
import { Login, Refresh, TokenPair } from './schema.ts';

const tags = ['auth'];

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
    errors: ['INVALID_CREDENTIALS', 'FORBIDDEN'],
    handler: ({ body, services, log }) => {
      const email = 'username' in body ? body.username : body.email;
      return services.auth.login({ email, password: body.password }, log);
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
    handler: ({ body, services, log }) => services.auth.refresh(body.refreshToken, log),
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
];
