/** An app with tenants: its guard reads who is calling out of a header, its handlers never name a tenant. */
import * as Type from 'typebox';
import { baseSettings } from '../config/base.ts';
import { defineSettings } from '../config/definition.ts';
import { KeelsonError } from '../errors.ts';
import { Paper, tenantA, tenantB, tenantModel } from '../work/tenants.fixture.ts';
import { defineApp } from './app.ts';
import type { Guard } from './guard.ts';
import { routeFactory } from './route-factory.ts';

const route = routeFactory<typeof tenantModel.repositories, object>();

const tenants: Readonly<Record<string, string>> = { anna: tenantA, bert: tenantB };

const caller: Guard<{ readonly tenant: string }, object> = {
  name: 'caller',
  check: ({ request }) => {
    const tenant = tenants[/^Bearer (\w+)$/u.exec(request.headers.authorization ?? '')?.[1] ?? ''];
    if (tenant === undefined) throw new KeelsonError('UNAUTHENTICATED');
    return { tenant };
  },
  identify: ({ tenant }) => ({ tenant }),
};

const Titles = Type.Object({ titles: Type.Array(Type.String()) });

/** The app; its migrations lie in a folder that the test has made. */
export const tenantsApp = (migrationsDirectory: string) =>
  defineApp({
    name: 'tenants',
    version: '1.0.0',
    model: tenantModel,
    settings: defineSettings(baseSettings),
    migrationsDirectory,
    services: () => ({}),
    session: ({ tenant }) => (tenant === undefined ? undefined : { 'app.tenant_id': tenant }),
    routes: [
      route({
        method: 'GET',
        url: '/papers',
        summary: 'Lists papers',
        guard: caller,
        responses: { 200: Titles },
        handler: async ({ database }) => {
          const rows = await database.read(({ papers }) => papers.list({}, { orderBy: 'title' }));
          return { titles: rows.map(({ title }) => title) };
        },
      }),
      route({
        method: 'POST',
        url: '/papers',
        summary: 'Adds a paper',
        guard: caller,
        body: Type.Object({ title: Type.String(), tenantId: Type.Optional(Type.String({ format: 'uuid' })) }),
        responses: { 201: Type.Object({ title: Type.String() }) },
        errors: ['FORBIDDEN'],
        handler: ({ database, body }) => database.work(({ papers }) => papers.add(new Paper(body))),
      }),
    ],
  });
