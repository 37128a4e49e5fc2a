/** CORS: web pages of listed origins may call the API from a browser. */
import type { FastifyInstance } from 'fastify';

const PREFLIGHT_AGE_S = 600;

/** Lets the listed origins in; without any the plugin is not even loaded. */
export async function allowOrigins(server: FastifyInstance, origins: readonly string[]): Promise<void> {
  if (origins.length === 0) return;
  const { fastifyCors } = await import('@fastify/cors');
  const isAny = origins.includes('*');
  await server.register(fastifyCors, {
    // With `true` the caller's own origin is answered: a browser takes no `*` together with credentials.
    origin: isAny ? true : [...origins],
    credentials: true,
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    exposedHeaders: ['etag', 'location', 'retry-after', 'x-request-id'],
    maxAge: PREFLIGHT_AGE_S,
    strictPreflight: false,
  });
}
