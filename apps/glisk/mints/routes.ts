/** The call by which the provider tells what happened on the chain. */
import { KeelsonError } from 'keelson/errors';
import type { Guard } from 'keelson/http';
import { route } from '../route.ts';
import { Accepted, DELIVERY_BYTES_MAX, parseDelivery } from './schema.ts';

const HEADER = 'x-alchemy-signature';

/** Asks for a signature before the body is read; whether it is that of the body shows when the bytes are there. */
const signed: Guard<{ readonly signature: string }> = {
  name: 'signed',
  security: {
    name: 'webhookSignature',
    scheme: { type: 'apiKey', in: 'header', name: HEADER, description: 'HMAC-SHA256 of the body as it is sent, in hexadecimal digits.' },
  },
  errors: ['UNAUTHENTICATED'],
  check: ({ request }) => {
    const signature = request.headers[HEADER];
    if (typeof signature === 'string') return { signature };
    throw new KeelsonError('UNAUTHENTICATED', { message: `The header ${HEADER} is missing.` });
  },
};

export const mintRoutes = [
  route({
    method: 'POST',
    url: '/webhooks/alchemy',
    root: true,
    summary: 'Takes what happened on the chain',
    description: 'A Custom Webhook of Alchemy over the logs of the contract. What was taken before may be sent again.',
    tags: ['webhooks'],
    guard: signed,
    rawBytesMax: DELIVERY_BYTES_MAX,
    responses: { 200: Accepted },
    errors: ['SERVICE_UNAVAILABLE'],
    handler: async ({ request, principal, services, log }) => {
      if (!Buffer.isBuffer(request.body)) throw new KeelsonError('MALFORMED_REQUEST', { message: 'The body is empty.' });
      services.mints.verify(request.body, principal.signature);
      return services.mints.take(parseDelivery(request.body), log);
    },
  }),
];
