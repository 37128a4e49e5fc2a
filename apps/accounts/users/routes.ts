/** Calls about users. */
import { everyone } from 'keelson/http';
import { managesUsers, route, signedIn } from '../route.ts';
import { Page, UserAdministered, UserCreate, UserId, UserPage, UserPublic, UserUpdate } from './schema.ts';

const tags = ['users'];

export const userRoutes = [
  route({
    method: 'POST',
    url: '/auth/register',
    summary: 'Registers a user',
    tags: ['auth'],
    guard: everyone,
    body: UserCreate,
    responses: { 201: UserPublic },
    errors: ['CONFLICT'],
    handler: async ({ body, services, reply }) => {
      const user = await services.users.register(body);
      reply.header('location', `${services.apiPrefix}/users/${user.id}`);
      return user;
    },
  }),
  route({
    method: 'GET',
    url: '/users/me',
    summary: 'Who am I?',
    tags,
    guard: signedIn,
    responses: { 200: UserPublic },
    handler: ({ principal }) => principal,
  }),
  route({
    method: 'PATCH',
    url: '/users/me',
    summary: 'Changes my e-mail or my name',
    tags,
    guard: signedIn,
    body: UserUpdate,
    responses: { 200: UserPublic },
    errors: ['CONFLICT'],
    handler: ({ principal, body, services }) => services.users.update(principal.id, body),
  }),
  route({
    method: 'GET',
    url: '/users',
    summary: 'Lists users',
    description: 'The newest first. Page times size may be 10,000 at most.',
    tags,
    guard: managesUsers,
    query: Page,
    responses: { 200: UserPage },
    handler: ({ query, services }) => services.users.list(query),
  }),
  route({
    method: 'GET',
    url: '/users/:id',
    summary: 'Reads a user',
    tags,
    guard: managesUsers,
    params: UserId,
    responses: { 200: UserPublic },
    errors: ['NOT_FOUND'],
    handler: ({ params, services }) => services.users.get(params.id),
  }),
  route({
    method: 'PATCH',
    url: '/users/:id',
    summary: 'Changes a user',
    description: 'Taking the right to sign in ends every session of the user.',
    tags,
    guard: managesUsers,
    params: UserId,
    body: UserAdministered,
    responses: { 200: UserPublic },
    errors: ['NOT_FOUND', 'CONFLICT'],
    handler: ({ principal, params, body, services, request }) =>
      services.users.administer({ id: principal.id, address: request.ip }, params.id, body),
  }),
  route({
    method: 'DELETE',
    url: '/users/:id',
    summary: 'Removes a user',
    description: 'The sessions go too.',
    tags,
    guard: managesUsers,
    params: UserId,
    responses: { 204: null },
    errors: ['NOT_FOUND'],
    handler: ({ principal, params, services }) => services.users.remove(principal.id, params.id),
  }),
];
