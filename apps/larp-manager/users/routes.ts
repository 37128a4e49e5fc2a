/** Calls about oneself, and those that add users: a password is hashed before the database is asked. */
import { registering, route, signedIn, superuser } from '../route.ts';
import { Me, UserAdded, UserCreate, UserPublic, UserUpdate } from './schema.ts';

const tags = ['users'];

export const userRoutes = [
  route({
    method: 'POST',
    url: '/auth/register',
    summary: 'Registers a user',
    description: 'Unless FEATURE_REGISTRATION is off: then superusers add users.',
    tags: ['auth'],
    guard: registering,
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
    summary: 'Who am I, and in which games?',
    tags,
    guard: signedIn,
    responses: { 200: Me },
    handler: ({ principal }) => principal,
  }),
  route({
    method: 'PATCH',
    url: '/users/me',
    summary: 'Changes my e-mail, my name or my phone',
    tags,
    guard: signedIn,
    body: UserUpdate,
    responses: { 200: UserPublic },
    errors: ['CONFLICT'],
    handler: ({ principal, body, database, services }) => services.users.update(principal.id, body, database),
  }),
  route({
    method: 'POST',
    url: '/users',
    summary: 'Makes a user',
    tags,
    guard: superuser,
    body: UserAdded,
    gives: ['Location'],
    responses: { 201: UserPublic },
    errors: ['CONFLICT'],
    handler: async ({ body: { isSuperuser = false, ...body }, services, reply }) => {
      const user = await services.users.register(body, { isSuperuser });
      reply.header('location', `${services.apiPrefix}/users/${user.id}`);
      return user;
    },
  }),
];
