/** Calls about tokens. */
import { everyone } from 'keelson/http';
import { operator, route } from '../route.ts';
import { TokenKey, TokenPage, TokenPublic, TokenQuery } from './schema.ts';

const tags = ['tokens'];

export const tokenRoutes = [
  route({
    method: 'GET',
    url: '/tokens',
    summary: 'Lists tokens',
    description: 'The newest first. Page times size may be 10,000 at most.',
    tags,
    guard: everyone,
    query: TokenQuery,
    responses: { 200: TokenPage },
    handler: ({ query, services }) => services.tokens.list(query),
  }),
  route({
    method: 'GET',
    url: '/tokens/:id',
    summary: 'Reads a token',
    tags,
    guard: everyone,
    params: TokenKey,
    responses: { 200: TokenPublic },
    errors: ['NOT_FOUND'],
    handler: ({ params, services }) => services.tokens.get(params.id),
  }),
  route({
    method: 'POST',
    url: '/tokens/:id/retry',
    summary: 'Lets a token begin anew',
    description: 'One that failed, or that is stuck in its generation. For operators.',
    tags,
    guard: operator,
    params: TokenKey,
    responses: { 200: TokenPublic },
    errors: ['NOT_FOUND', 'INVALID_STATE_TRANSITION'],
    handler: ({ params, services, log }) => services.tokens.retry(params.id, log),
  }),
];
