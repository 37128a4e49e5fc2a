/** Routes and resources of accounts: what they work with, and the guards that say who is calling. */
import { routeFactory } from 'keelson/http';
import { resourceFactory } from 'keelson/resource';
import { bearer } from 'keelson/sign-in';
import type { Repositories } from './model.ts';
import type { Services } from './services.ts';
import type { CurrentUser } from './users/service.ts';

/** Makes a route of this app. */
export const route = routeFactory<Repositories, Services>();

/** Makes the routes of a table of this app. */
export const resource = resourceFactory<Repositories, Services, CurrentUser>();

/** Lets in who is signed in. */
export const signedIn = bearer<CurrentUser>();

/** Lets in who is signed in and may do everything with users: today superusers. */
export const managesUsers = bearer<CurrentUser>({ permission: 'users:manage' });
