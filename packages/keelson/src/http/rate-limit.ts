/** The general limit: how many calls one address may make in a minute, counted in the memory of each process. */
import type { FastifyInstance } from 'fastify';
import type { BaseSettings } from '../config/base.ts';
import { KeelsonError } from '../errors.ts';
import { isProbe, pathOf } from './request-log.ts';

const WINDOW_MS = 60_000;
/** Addresses beyond these are forgotten, the longest unseen first. */
const ADDRESSES_MAX = 20_000;

/** Limits the calls of a server, those to unknown paths too; where the limit is off the plugin is not even loaded. */
export async function limitRate(
  server: FastifyInstance,
  { RATE_LIMIT: limit, RATE_LIMIT_PER_MINUTE: callsMax }: Pick<BaseSettings, 'RATE_LIMIT' | 'RATE_LIMIT_PER_MINUTE'>,
): Promise<void> {
  if (limit === 'off') return;
  const { fastifyRateLimit } = await import('@fastify/rate-limit');
  await server.register(fastifyRateLimit, {
    global: false,
    max: callsMax,
    timeWindow: WINDOW_MS,
    cache: ADDRESSES_MAX,
    enableDraftSpec: true,
    errorResponseBuilder: (_request, { ttl }) => new KeelsonError('RATE_LIMITED', { retryAfterS: Math.max(1, Math.ceil(ttl / 1000)) }),
  });
  const check = server.rateLimit();
  // A hook of the whole server, since the plugin's own ones would not see calls to unknown paths.
  server.addHook('onRequest', async (request, reply) => {
    // Whoever watches the service asks often, and must be answered when it is flooded.
    if (!isExempt(pathOf(request.url))) await check.call(server, request, reply);
  });
}

function isExempt(path: string): boolean {
  return isProbe(path) || path === '/metrics';
}
