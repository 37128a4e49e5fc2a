/** Routes of GLISK: what they work with, and the guard of what only an operator may do. */
import { type Guard, routeFactory } from 'keelson/http';
import type { Repositories } from './model.ts';
import type { Services } from './services.ts';

/** Makes a route of this app. */
export const route = routeFactory<Repositories, Services>();

/** Lets in who has OPERATOR_TOKEN, and, in development, this machine. */
export const operator: Guard<{ readonly isOperator: true }, Services> = {
  name: 'operator',
  security: { name: 'operator', scheme: { type: 'http', scheme: 'bearer', description: 'The token of the setting OPERATOR_TOKEN.' } },
  errors: ['UNAUTHENTICATED'],
  check: ({ request, services }) => {
    const { authorization, host, origin } = request.headers;
    services.operators.authorize({ authorization, host, origin, address: request.ip });
    return { isOperator: true };
  },
};
