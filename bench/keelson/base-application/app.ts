/** The base application: settings, the database, probes, OpenAPI and migrations, and no features; the footprint benchmark weighs what is left. */
import { main } from 'keelson/cli';
import { baseSettings, defineSettings } from 'keelson/config';
import { defineApp, everyone, routeFactory } from 'keelson/http';
import { sql } from 'keelson/schema';
import { defineModel } from 'keelson/work';
import * as Type from 'typebox';

const model = defineModel({ name: 'base-application', namespace: 'base_application', tables: [], repositories: {} });
const route = routeFactory<{}, {}>();

/** The one call that there is, so that a load goes the whole way: in, to the database, and out. */
const now = route({
  method: 'GET',
  url: '/now',
  summary: 'Says what time the database has',
  guard: everyone,
  responses: { 200: Type.Object({ now: Type.String() }) },
  handler: async ({ database }) => {
    const [row] = await database.read((reader) => reader.sql<{ readonly now: string }>(sql`select clock_timestamp()::text as now`));
    return { now: row?.now ?? '' };
  },
});

/** The app. */
export const baseApplication = defineApp({
  name: 'base-application',
  version: '0.1.0',
  description: 'What every application has.',
  model,
  settings: defineSettings(baseSettings),
  migrationsDirectory: new URL('./migrations', import.meta.url),
  services: () => ({}),
  routes: [now],
});

if (import.meta.main) void main(baseApplication);
