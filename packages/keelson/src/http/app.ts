/** An app: its name, settings, model, services and routes in one value; nothing runs until it is started. */
import type { FastifyInstance } from 'fastify';
import type { Clock } from '../clock.ts';
import type { BaseSettings } from '../config/base.ts';
import type { Declarations, SettingsOf } from '../config/declaration.ts';
import type { SettingsDefinition } from '../config/definition.ts';
import type { Log } from '../log.ts';
import type { ProcessPart } from '../queue/part.ts';
import type { Worker } from '../queue/worker.ts';
import type { Database } from '../work/database.ts';
import type { Model, Repositories } from '../work/model.ts';
import type { Route, Session } from './route.ts';

/** What an app's services are built on. */
export interface Ground<R extends Repositories, D extends Declarations> {
  readonly settings: SettingsOf<D>;
  readonly database: Database<R>;
  readonly log: Log;
  readonly clock: Clock;
  /** `SECRET_KEY`; in development and test, where it is not set, one that was made and kept in `.keelson`. */
  readonly secretKey: string;
  /** Where the app lies: `.env` and `.keelson` are here. */
  readonly directory: string;
}

/** The ground and what was built on it. */
export interface Standing<R extends Repositories, S, D extends Declarations> extends Ground<R, D> {
  readonly services: S;
}

/** An app as it is written. */
export interface AppDefinition<R extends Repositories, S, D extends Declarations> {
  /** Lower case, as in `accounts`: for `/health`, the OpenAPI document and error messages. */
  readonly name: string;
  readonly version: string;
  /** For the OpenAPI document. */
  readonly description?: string | undefined;
  readonly model: Model<R>;
  readonly settings: SettingsDefinition<D>;
  /** The folder of the SQL revisions: a path, or a `file:` URL (`new URL('./migrations', import.meta.url)`). */
  readonly migrationsDirectory: string | URL;
  /** Builds what the routes work with. */
  readonly services: (ground: Ground<R, D>) => S | Promise<S>;
  readonly routes: readonly Route<R, S>[];
  /** What is done with rows that wait: `node app.ts worker` runs them, and so does the server where `WORKERS_IN_SERVER` is on. */
  readonly workers?: readonly Worker<R, S>[] | undefined;
  /** What is queued beside rows, and what the clock queues: `jobsPart(jobs, { schedules })`. It runs where the workers do. */
  readonly jobs?: ProcessPart<R, S> | undefined;
  /** The transaction-local settings of each call's database, for row-level security; asked after the guard. */
  readonly session?: Session | undefined;
  /** Adds what is not a route of ours to the server: Fastify plugins, hooks, plain Fastify routes. */
  readonly extend?: ((server: FastifyInstance, standing: Standing<R, S, D>) => void | Promise<void>) | undefined;
  /** Runs after the services are built and before the first call is taken. */
  readonly onStart?: ((standing: Standing<R, S, D>) => void | Promise<void>) | undefined;
  /** Runs after the last call was answered and before the database is left. */
  readonly onStop?: ((standing: Standing<R, S, D>) => void | Promise<void>) | undefined;
  /** Fills the database with what a developer wants to find there: `keelson db seed`. Run twice, it must not double what it made. */
  readonly seed?: ((standing: Standing<R, S, D>) => Promise<void>) | undefined;
}

/** How the command line knows an app among what a module exports; the same in every copy of this package. */
const appMark: unique symbol = Symbol.for('keelson.app');

/** An app, ready to be started. */
export type App<R extends Repositories, S, D extends Declarations> = AppDefinition<R, S, D>;

/**
 * Declares an app; its settings hold at least `baseSettings`.
 *
 * @example
 * import { baseSettings, defineSettings } from 'keelson/config';
 * import { defineApp } from 'keelson/http';
 * import { defineModel } from 'keelson/work';
 * export const app = defineApp({
 *   name: 'notes', version: '1.0.0', model: defineModel({ name: 'notes', tables: [], repositories: {} }),
 *   settings: defineSettings({ ...baseSettings }), migrationsDirectory: new URL('./migrations', import.meta.url),
 *   services: () => ({}), routes: [],
 * });
 */
export function defineApp<R extends Repositories, S, D extends Declarations>(
  definition: AppDefinition<R, S, D> & (SettingsOf<D> extends BaseSettings ? unknown : { readonly settings: 'needs ...baseSettings' }),
): App<R, S, D> {
  return { ...definition, [appMark]: true };
}

/** Whether a value was made by `defineApp`, by whichever copy of this package. */
export function isApp(value: unknown): value is App<Repositories, unknown, Declarations> {
  return typeof value === 'object' && value !== null && appMark in value;
}
