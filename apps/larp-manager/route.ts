/** Routes and resources of LARP manager: what they work with, and the guards that say who is calling. */
import { KeelsonError } from 'keelson/errors';
import { type Guard, routeFactory, type Session } from 'keelson/http';
import { resourceFactory } from 'keelson/resource';
import { bearer } from 'keelson/sign-in';
import type { Repositories } from './model.ts';
import type { Services } from './services.ts';
import { parsePrincipal, type Principal, settingsOf } from './users/service.ts';

export type { Principal } from './users/service.ts';

/** Makes a route of this app. */
export const route = routeFactory<Repositories, Services>();

/** Makes the routes of a table of this app. */
export const resource = resourceFactory<Repositories, Services, Principal>();

/** Lets in who is signed in; what they see is said by the policies beside the tables. */
export const signedIn: Guard<Principal, Services> = bearer<Principal>();

/** Lets in superusers. */
export const superuser: Guard<Principal, Services> = bearer<Principal>({ permission: 'superuser' });

/** Lets in everybody, as long as anybody may register. */
export const registering: Guard<undefined, Services> = {
  name: 'registering',
  errors: ['FORBIDDEN'],
  check: ({ services }) => {
    if (services.isRegistrationOpen) return undefined;
    throw new KeelsonError('FORBIDDEN', { message: 'Nobody can register here.', hint: 'Ask a superuser to add you.' });
  },
};

/** Gives the transactions of a call what the policies beside the tables read; nothing where nobody is signed in. */
export const session: Session = ({ principal }) => {
  const caller = parsePrincipal(principal);
  return caller === undefined ? undefined : settingsOf(caller);
};
