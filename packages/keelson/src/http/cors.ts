/** CORS: web pages of listed origins may call the API from a browser. */
import type { FastifyInstance } from 'fastify';

const PREFLIGHT_AGE_S = 600;

/** Lets the listed origins in; without any the plugin is not even loaded. */
export async function allowOrigins(server: FastifyInstance, origins: readonly string[]): Promise<void> {
  if (origins.length === 0) return;
  const { fastifyCors } = await import('@fastify/cors');
  const listed = new Set(origins);
  const isAny = listed.has('*');
  await server.register(fastifyCors, {
    // The caller's own origin is answered, or nothing: a browser takes no `*` together with credentials.
    origin: (origin, answer) => answer(null, origin !== undefined && (isAny || listed.has(origin)) ? origin : false),
    credentials: true,
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    exposedHeaders: ['etag', 'location', 'ratelimit-limit', 'ratelimit-remaining', 'ratelimit-reset', 'retry-after', 'x-request-id'],
    maxAge: PREFLIGHT_AGE_S,
    strictPreflight: false,
  });
}
