/** Calls about authors. */
import { everyone } from 'keelson/http';
import { route } from '../route.ts';
import { AuthorPublic, Wallet } from './schema.ts';

export const authorRoutes = [
  route({
    method: 'GET',
    url: '/authors/:wallet',
    summary: 'Reads an author',
    description: 'By the wallet, in any case.',
    tags: ['authors'],
    guard: everyone,
    params: Wallet,
    responses: { 200: AuthorPublic },
    errors: ['NOT_FOUND'],
    handler: ({ params, services }) => services.authors.getByWallet(params.wallet),
  }),
];
