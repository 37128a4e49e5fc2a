/** Calls about how the whole stands. */
import { everyone } from 'keelson/http';
import { route } from '../route.ts';
import { StatsPublic } from './schema.ts';

export const systemRoutes = [
  route({
    method: 'GET',
    url: '/stats',
    summary: 'How many tokens are in which state',
    tags: ['system'],
    guard: everyone,
    responses: { 200: StatsPublic },
    handler: ({ services }) => services.stats.read(),
  }),
];
