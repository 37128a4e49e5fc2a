/** Keelson in the HTTP benchmark, as an app would write it; in production's settings, except that nobody logs. */
import { randomBytes } from 'node:crypto';
import { baseSettings, defineSettings } from 'keelson/config';
import { defineApp, everyone, routeFactory, startApp } from 'keelson/http';
import { boolean, createdAt, index, rowSchema, table, text, updatedAt, uuid, varchar } from 'keelson/schema';
import { defineModel, entity, repository } from 'keelson/work';
import * as Type from 'typebox';
import { POOL_SIZE, serveHttpContender } from '../http-contender.ts';

const users = table(
  'users',
  {
    id: uuid().primaryKey(),
    email: varchar(255),
    fullName: text(),
    isActive: boolean().default(true),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [index(t.email)],
);

class User extends entity(users) {}

class UserRepository extends repository(User) {}

const repositories = { users: UserRepository };

const UserPublic = rowSchema(users, ['id', 'email', 'fullName', 'isActive', 'createdAt', 'updatedAt']);

const UserCreate = Type.Object({
  email: Type.String({ format: 'email', maxLength: 255 }),
  fullName: Type.String({ minLength: 1, maxLength: 255 }),
});

const route = routeFactory<typeof repositories, object>();

const getUser = route({
  method: 'GET',
  url: '/users/:id',
  summary: 'A user by the id',
  guard: everyone,
  params: Type.Object({ id: Type.String({ format: 'uuid' }) }),
  responses: { 200: UserPublic },
  errors: ['NOT_FOUND'],
  handler: ({ database, params }) => database.read(({ users: all }) => all.get(params.id)),
});

const addUser = route({
  method: 'POST',
  url: '/users',
  summary: 'Adds a user',
  guard: everyone,
  body: UserCreate,
  responses: { 201: UserPublic },
  handler: ({ database, body }) => database.work(({ users: all }) => all.add(new User(body))),
});

const app = defineApp({
  name: 'bench',
  version: '0.1.0',
  model: defineModel({ name: 'bench', tables: [users], repositories }),
  settings: defineSettings({ ...baseSettings }),
  migrationsDirectory: new URL('./migrations', import.meta.url),
  services: () => ({}),
  routes: [getUser, addUser],
});

serveHttpContender(async (databaseUrl) => {
  const running = await startApp(app, {
    port: 0,
    environment: {
      APP_ENV: 'production',
      SECRET_KEY: randomBytes(48).toString('base64url'),
      DATABASE_URL: databaseUrl,
      DATABASE_POOL_SIZE: String(POOL_SIZE),
      MIGRATE_ON_START: 'never',
      LOG_LEVEL: 'silent',
      // On, as production demands, and never reached.
      RATE_LIMIT_PER_MINUTE: '10000000',
    },
  });
  return Number(new URL(running.url).port);
});
