/** Fastify and Drizzle as people use them: statements built at each call, JSON Schema for what comes in and goes out. */
import { eq } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { boolean, pgTable, text, timestamp, uuid, varchar } from 'drizzle-orm/pg-core';
import Fastify from 'fastify';
import type { AddressInfo } from 'node:net';
import pg from 'pg';
import { POOL_SIZE, serveHttpContender, USERS } from '../../http-contender.ts';

const users = pgTable('users', {
  id: uuid().primaryKey().defaultRandom(),
  email: varchar({ length: 255 }).notNull(),
  full_name: text().notNull(),
  is_active: boolean().notNull().default(true),
  created_at: timestamp({ withTimezone: true }).notNull().defaultNow(),
  updated_at: timestamp({ withTimezone: true }).notNull().defaultNow(),
});

const userPublic = {
  type: 'object',
  required: ['id', 'email', 'full_name', 'is_active', 'created_at', 'updated_at'],
  properties: {
    id: { type: 'string', format: 'uuid' },
    email: { type: 'string' },
    full_name: { type: 'string' },
    is_active: { type: 'boolean' },
    created_at: { type: 'string', format: 'date-time' },
    updated_at: { type: 'string', format: 'date-time' },
  },
};

const userCreate = {
  type: 'object',
  required: ['email', 'full_name'],
  additionalProperties: false,
  properties: { email: { type: 'string', format: 'email', maxLength: 255 }, full_name: { type: 'string', minLength: 1, maxLength: 255 } },
};

const userParams = { type: 'object', required: ['id'], properties: { id: { type: 'string', format: 'uuid' } } };

serveHttpContender(async (connectionString) => {
  const database = drizzle(new pg.Pool({ connectionString, max: POOL_SIZE }));
  const app = Fastify({ logger: false });
  app.get('/health', async () => ({ status: 'ok' }));
  app.get<{ Params: { id: string } }>(`${USERS}/:id`, { schema: { params: userParams, response: { 200: userPublic } } }, async (request, reply) => {
    const [user] = await database.select().from(users).where(eq(users.id, request.params.id));
    return user ?? reply.code(404).send({ message: 'no such user' });
  });
  app.post<{ Body: { email: string; full_name: string } }>(USERS, { schema: { body: userCreate, response: { 201: userPublic } } }, async (request, reply) => {
    const [user] = await database.insert(users).values(request.body).returning();
    return reply.code(201).send(user);
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  return (app.server.address() as AddressInfo).port;
});
