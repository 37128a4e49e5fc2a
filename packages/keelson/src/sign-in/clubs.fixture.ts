/** An app of a few lines whose members sign in: what an app needs of `keelson/sign-in`, and nothing more. */
import * as Type from 'typebox';
import { auditTable } from '../auth/audit.ts';
import { sessionTable } from '../auth/session-table.ts';
import { throttleTable } from '../auth/throttle.ts';
import { baseSettings } from '../config/base.ts';
import { defineSettings } from '../config/definition.ts';
import { defineApp } from '../http/app.ts';
import { everyone } from '../http/guard.ts';
import { routeFactory } from '../http/route-factory.ts';
import { boolean, createdAt, text, uuid, varchar } from '../schema/column.ts';
import { rowSchema } from '../schema/json-schema.ts';
import { sql } from '../schema/sql.ts';
import { table } from '../schema/table.ts';
import { entity } from '../work/entity.ts';
import { defineModel } from '../work/model.ts';
import { repository } from '../work/repository.ts';
import { Administration } from './administration.ts';
import { emailIndex } from './email.ts';
import { bearer } from './guard.ts';
import { signInParts } from './parts.ts';
import { type PrincipalOf, principalQuery } from './principal.ts';
import { signInRoutes } from './routes.ts';
import { Email, Password } from './schema.ts';
import { SignIn } from './sign-in.ts';
import { UserAccounts } from './user-accounts.ts';

const users = table(
  'users',
  {
    id: uuid().primaryKey(),
    email: varchar(254),
    passwordHash: text(),
    club: text(),
    isActive: boolean().default(true),
    isSuperuser: boolean().default(false),
    createdAt: createdAt(),
  },
  (t) => [emailIndex(t)],
);
const sessions = sessionTable(() => users);
const throttle = throttleTable();
const auditLog = auditTable();

class User extends entity(users) {}

const repositories = { users: repository(User) };
const model = defineModel({ name: 'clubs', tables: [users, sessions, throttle, auditLog], repositories });

const currentUser = principalQuery({
  users,
  sessions,
  columns: ['club', 'createdAt'],
  extra: { fellows: sql<number>`(select count(*)::int from ${users} as f where f.club = u.club and f.id <> u.id)` },
});

/** Who is signed in to the clubs. */
export type Member = PrincipalOf<typeof currentUser>;

interface Services {
  readonly users: UserAccounts<User, { readonly club: string }>;
  readonly signIn: SignIn<Member>;
  readonly administration: Administration<User, { readonly club: string }>;
}

const route = routeFactory<typeof repositories, Services>();
const signedIn = bearer<Member>();
const inChess = bearer<Member>({ permission: 'chess', permits: ({ club }) => club === 'chess' });
const manages = bearer<Member>({ permission: 'everything' });
const Public = rowSchema(users, ['id', 'email', 'club', 'isActive']);

/** The app; its migrations lie in a folder that the test has made. */
export const clubsApp = (migrationsDirectory: string) =>
  defineApp({
    name: 'clubs',
    version: '1.0.0',
    model,
    settings: defineSettings(baseSettings),
    migrationsDirectory,
    services: (ground): Services => {
      const parts = signInParts<User>(ground, { name: 'clubs', tables: { users, sessions, throttle, auditLog } });
      const accounts = new UserAccounts<User, { readonly club: string }>(parts, (values, { club }) => new User({ ...values, club }));
      return {
        users: accounts,
        signIn: new SignIn({ ...parts, users: accounts, principal: currentUser }),
        administration: new Administration(parts, accounts, () => ({ club: 'all' })),
      };
    },
    routes: [
      ...signInRoutes(route, signedIn),
      route({
        method: 'POST',
        url: '/auth/register',
        summary: 'Registers',
        guard: everyone,
        body: Type.Object({ email: Email, password: Password, club: Type.String() }),
        responses: { 201: Public },
        errors: ['CONFLICT'],
        handler: ({ body, services }) => services.users.register(body),
      }),
      route({
        method: 'GET',
        url: '/users/me',
        summary: 'Who am I?',
        guard: signedIn,
        responses: { 200: Type.Object({ ...Public.properties, fellows: Type.Integer() }) },
        handler: ({ principal }) => principal,
      }),
      route({ method: 'GET', url: '/chess', summary: 'Chess', guard: inChess, responses: { 204: null }, handler: () => undefined }),
      route({
        method: 'DELETE',
        url: '/users/:id',
        summary: 'Removes',
        guard: manages,
        params: Type.Object({ id: Type.String({ format: 'uuid' }) }),
        responses: { 204: null },
        errors: ['NOT_FOUND'],
        handler: ({ principal, params, services }) => services.users.remove(principal.id, params.id),
      }),
    ],
  });
