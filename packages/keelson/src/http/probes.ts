/** Probes: the health of the app under its four paths, outside the API prefix. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { BaseSettings } from '../config/base.ts';
import { KeelsonError } from '../errors.ts';
import type { Health, HealthAnswer } from '../health/health.ts';

/** Serves the probes; `details` says who may read those of the database. */
export function serveProbes(server: FastifyInstance, health: Health, details: BaseSettings['HEALTH_DETAILS']): void {
  server.get('/health/live', async (_request, reply) => send(reply, health.live()));
  server.get('/health/ready', async (_request, reply) => send(reply, await health.ready()));
  server.get('/health', async (_request, reply) => send(reply, await health.summary()));
  if (details === 'off') return;
  server.get('/health/db', async (request, reply) => {
    if (details === 'loopback' && !isOnThisMachine(request)) throw new KeelsonError('NOT_FOUND');
    return send(reply, await health.database());
  });
}

function send(reply: FastifyReply, { status, body }: HealthAnswer): FastifyReply {
  return reply.code(status).header('content-type', 'application/json; charset=utf-8').send(JSON.stringify(body));
}

/** Whether a request was made on this machine, and not through a proxy that runs on it. */
export function isOnThisMachine({ ip, socket, headers }: FastifyRequest): boolean {
  if (headers['x-forwarded-for'] !== undefined || headers.forwarded !== undefined) return false;
  return isLoopback(ip) && isLoopback(socket.remoteAddress ?? '');
}

function isLoopback(address: string): boolean {
  return address === '::1' || /^(?:::ffff:)?127\./u.test(address);
}
