/** Calls about oneself. */
import { everyone } from 'keelson/http';
import { route, signedIn } from '../route.ts';
import { UserCreate, UserPublic, UserUpdate } from './schema.ts';

const tags = ['users'];

export const userRoutes = [
  route({
    method: 'POST',
    url: '/auth/register',
    summary: 'Registers a user',
    tags: ['auth'],
    guard: everyone,
    body: UserCreate,
    gives: ['Location'],
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
];
