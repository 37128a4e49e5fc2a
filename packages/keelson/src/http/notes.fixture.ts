/** The app that the tests of http share: notes, and calls that fail in every way, on a real database. */
import type { FastifyInstance } from 'fastify';
import * as Type from 'typebox';
import { type Clock, systemClock } from '../clock.ts';
import { baseSettings, type BaseSettings } from '../config/base.ts';
import { defineSettings } from '../config/definition.ts';
import { loadSettings } from '../config/load.ts';
import { currentRequest, fieldsOfRequest } from '../context.ts';
import { catalogue, type ErrorCode, KeelsonError } from '../errors.ts';
import { createHealth } from '../health/health.ts';
import type { Fields, Log } from '../log.ts';
import { createdAt, jsonb, text, uuid, version } from '../schema/column.ts';
import { rowSchema } from '../schema/json-schema.ts';
import { sql } from '../schema/sql.ts';
import { table } from '../schema/table.ts';
import type { Database } from '../work/database.ts';
import { entity } from '../work/entity.ts';
import { defineModel } from '../work/model.ts';
import { repository } from '../work/repository.ts';
import { type AppDefinition, defineApp } from './app.ts';
import type { Drain } from './drain.ts';
import { everyone, type Guard } from './guard.ts';
import type { EdgeLimits } from './limits.ts';
import { routeFactory } from './route-factory.ts';
import { buildServer } from './server.ts';

const notes = table('notes', {
  id: uuid().primaryKey(),
  title: text().unique(),
  authorName: text().nullable(),
  extraData: jsonb().nullable(),
  passwordHash: text().default('a hash that never leaves'),
  createdAt: createdAt(),
  version: version(),
});

class Note extends entity(notes) {}
class NoteRepository extends repository(Note) {}

export const model = defineModel({ name: 'notes', tables: [notes], repositories: { notes: NoteRepository } });
const settings = defineSettings(baseSettings);

export interface Services {
  /** What a call of /slow waits for. */
  readonly gate: Promise<void>;
  /** Called when a call of /slow has begun. */
  readonly entered: () => void;
}

export const route = routeFactory<typeof model.repositories, Services>();

export const caller: Guard<{ readonly name: string }, Services> = {
  name: 'caller',
  security: { name: 'bearer', scheme: { type: 'http', scheme: 'bearer' } },
  check: ({ request }) => {
    const name = /^Bearer (\w+)$/u.exec(request.headers.authorization ?? '')?.[1];
    if (name === undefined) throw new KeelsonError('UNAUTHENTICATED');
    if (name === 'mallory') throw new KeelsonError('FORBIDDEN');
    return { name };
  },
  identify: ({ name }) => ({ user: name, tenant: `${name}s` }),
};

const NoteOut = Type.Object(rowSchema(notes, ['id', 'title', 'authorName', 'extraData', 'createdAt']).properties, { $id: 'Note' });
const NoteIn = Type.Object({
  title: Type.String({ minLength: 1, maxLength: 40, description: 'What it is about.' }),
  authorName: Type.Optional(Type.Union([Type.String({ maxLength: 40 }), Type.Null()])),
  extraData: Type.Optional(Type.Unknown()),
});
const NoteKey = Type.Object({ noteId: Type.String({ format: 'uuid' }) });

const noteRoutes = [
  route({
    method: 'POST',
    url: '/notes',
    summary: 'Writes a note',
    guard: caller,
    body: NoteIn,
    responses: { 201: NoteOut },
    errors: ['CONFLICT'],
    handler: async ({ body, database, principal, reply }) => {
      const note = await database.work(({ notes: all }) => all.add(new Note({ authorName: principal.name, ...body })));
      reply.header('location', `/api/v1/notes/${note.id}`);
      return note;
    },
  }),
  route({
    method: 'GET',
    url: '/notes',
    summary: 'Lists notes',
    tags: ['notes'],
    guard: everyone,
    query: Type.Object({
      pageSize: Type.Integer({ default: 20, minimum: 1, maximum: 100 }),
      sortBy: Type.Optional(Type.Union([Type.Literal('title'), Type.Literal('createdAt')])),
      titles: Type.Optional(Type.Array(Type.String())),
    }),
    responses: { 200: Type.Object({ items: Type.Array(NoteOut), pageSize: Type.Integer() }) },
    handler: async ({ query, database }) => {
      const items = await database.read(({ notes: all }) => all.list({}, { orderBy: query.sortBy ?? 'createdAt', limit: query.pageSize }));
      return { items, pageSize: query.pageSize };
    },
  }),
  route({
    method: 'GET',
    url: '/notes/:noteId',
    summary: 'Reads a note',
    guard: everyone,
    params: NoteKey,
    responses: { 200: NoteOut },
    errors: ['NOT_FOUND'],
    handler: ({ params, database }) => database.read(({ notes: all }) => all.get(params.noteId)),
  }),
  route({
    method: 'DELETE',
    url: '/notes/:noteId',
    summary: 'Takes a note away',
    guard: caller,
    params: NoteKey,
    responses: { 204: null },
    handler: async ({ params, database }) => {
      await database.work(async ({ notes: all }) => all.remove(await all.get(params.noteId)));
    },
  }),
  route({
    method: 'POST',
    url: '/notes/broken',
    summary: 'Writes a note, then fails',
    guard: everyone,
    body: NoteIn,
    responses: { 201: NoteOut },
    handler: ({ body, database }) =>
      database.work(async ({ notes: all, flush }) => {
        all.add(new Note(body));
        await flush();
        throw new KeelsonError('CONFLICT', { message: 'It failed after the write.' });
      }),
  }),
];

const otherRoutes = [
  route({
    method: 'POST',
    url: '/sessions',
    summary: 'Logs in, by JSON or by form',
    guard: everyone,
    forms: true,
    body: Type.Union([
      Type.Object({ email: Type.String(), password: Type.String() }),
      Type.Object({ grant_type: Type.Literal('password'), username: Type.String(), password: Type.String() }),
    ]),
    responses: { 200: Type.Object({ who: Type.String() }) },
    handler: ({ body }) => ({ who: 'email' in body ? body.email : body.username }),
  }),
  route({
    method: 'POST',
    url: '/bytes',
    root: true,
    summary: 'Says what was sent, as it was sent',
    guard: everyone,
    rawBytesMax: 200_000,
    responses: { 200: Type.Object({ base64: Type.String({ maxLength: 300_000 }) }) },
    handler: ({ request }) => ({ base64: Buffer.isBuffer(request.body) ? request.body.toString('base64') : 'no bytes' }),
  }),
  route({
    method: 'GET',
    url: '/fail/:code',
    root: true,
    summary: 'Fails',
    guard: everyone,
    params: Type.Object({ code: Type.String() }),
    responses: { 204: null },
    handler: ({ params }) => {
      if (!isCode(params.code)) throw Object.assign(new TypeError('hunter2 at db.internal'), { statusCode: Number(params.code) });
      throw new KeelsonError(params.code, {
        message: 'hunter2 at db.internal',
        data: { table: 'hunter2' },
        cause: new TypeError('hunter2'),
      });
    },
  }),
  route({
    method: 'GET',
    url: '/whose',
    root: true,
    summary: 'Says for whom it runs',
    guard: caller,
    responses: { 200: Type.Record(Type.String(), Type.Unknown()) },
    handler: async ({ context, database, log }) => {
      log.info('notes.asked');
      const [row] = await database.work(({ sql: run }) =>
        run<{ user: string | null }>(sql`
          select nullif(current_setting('app.user', true), '') as user
        `),
      );
      return {
        context: { ...fieldsOfRequest(context), trace: context.trace, started_at: context.startedAt.toISOString() },
        below: currentRequest() === context,
        setting: row?.user ?? null,
      };
    },
  }),
  route({
    method: 'GET',
    url: '/slow',
    root: true,
    summary: 'Waits for the gate',
    guard: everyone,
    responses: { 200: Type.Object({ isDone: Type.Boolean() }) },
    handler: async ({ services }) => {
      services.entered();
      await services.gate;
      return { isDone: true };
    },
  }),
];

function isCode(code: string): code is ErrorCode {
  return Object.hasOwn(catalogue, code);
}

type NotesApp = AppDefinition<typeof model.repositories, Services, typeof baseSettings>;

/** The app; its migrations are made of its tables by the tests. */
export function notesApp(changes: Partial<NotesApp> = {}): NotesApp {
  return defineApp({
    name: 'notes',
    version: '1.2.3',
    description: 'Notes for tests.',
    model,
    settings,
    migrationsDirectory: new URL('./migrations.fixture/', import.meta.url),
    services: () => ({ gate: Promise.resolve(), entered: () => undefined }),
    routes: [...noteRoutes, ...otherRoutes],
    ...changes,
  });
}

/** What was logged. */
export class RecordingLog implements Log {
  readonly lines: { readonly level: string; readonly event: string; readonly fields: Fields }[];
  readonly #bound: Fields;
  readonly #listeners: Map<string, () => void>;

  constructor(lines: RecordingLog['lines'] = [], bound: Fields = {}, listeners = new Map<string, () => void>()) {
    this.lines = lines;
    this.#bound = bound;
    this.#listeners = listeners;
  }

  debug(event: string, fields?: Fields): void {
    this.#write('debug', event, fields);
  }

  info(event: string, fields?: Fields): void {
    this.#write('info', event, fields);
  }

  warn(event: string, fields?: Fields): void {
    this.#write('warn', event, fields);
  }

  error(event: string, fields?: Fields): void {
    this.#write('error', event, fields);
  }

  child(fields: Fields): Log {
    return new RecordingLog(this.lines, { ...this.#bound, ...fields }, this.#listeners);
  }

  /** The fields of the lines of an event. */
  of(event: string): Fields[] {
    return this.lines.filter((line) => line.event === event).map((line) => line.fields);
  }

  /** Resolves when the event is written next. */
  next(event: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#listeners.set(event, resolve);
    return promise;
  }

  #write(level: string, event: string, fields: Fields = {}): void {
    this.lines.push({ level, event, fields: { ...this.#bound, ...fields } });
    this.#listeners.get(event)?.();
  }
}

/** What a test may choose. */
export interface ServerChoices {
  readonly environment?: Readonly<Record<string, string>> | undefined;
  readonly app?: Partial<NotesApp> | undefined;
  readonly services?: Partial<Services> | undefined;
  readonly clock?: Clock | undefined;
  readonly drain?: Drain | undefined;
  readonly limits?: Partial<EdgeLimits> | undefined;
}

/** The server of the app over a database, with its log. */
export async function notesServer(
  database: Database<typeof model.repositories>,
  choices: ServerChoices = {},
): Promise<{ server: FastifyInstance; log: RecordingLog; close: () => Promise<void> }> {
  const log = new RecordingLog();
  const clock = choices.clock ?? systemClock;
  const { values } = loadSettings(settings, { environment: { APP_ENV: 'test', ...choices.environment }, directory: '/nowhere' });
  const base: BaseSettings = values;
  const { postgres } = database;
  const health = createHealth({
    connect: () => postgres.connect(),
    migrations: async () => 'up_to_date',
    poolStats: () => postgres.pool.stats,
    isDraining: () => choices.drain?.isDraining === true,
    version: '1.2.3',
    clock,
  });
  const services: Services = { gate: Promise.resolve(), entered: () => undefined, ...choices.services };
  const parts = {
    base,
    settings: values,
    database,
    services,
    log,
    clock,
    health,
    secretKey: 'x',
    directory: '/nowhere',
    drain: choices.drain,
    limits: choices.limits,
  };
  const server = await buildServer(notesApp(choices.app), parts);
  const close = async (): Promise<void> => {
    await server.close();
    await health.close();
  };
  return { server, log, close };
}
