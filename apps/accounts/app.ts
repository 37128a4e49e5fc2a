/** Accounts: users, and how they sign in. */
import { main } from 'keelson/cli';
import { defineApp } from 'keelson/http';
import { signInRoutes } from 'keelson/sign-in';
import { model } from './model.ts';
import { route, signedIn } from './route.ts';
import { buildServices } from './services.ts';
import { settings } from './settings.ts';
import { userResource } from './users/resource.ts';
import { userRoutes } from './users/routes.ts';

/** The app. */
export const accounts = defineApp({
  name: 'accounts',
  version: '0.1.0',
  description: 'Users, and how they sign in.',
  model,
  settings,
  migrationsDirectory: new URL('./migrations', import.meta.url),
  services: buildServices,
  routes: [...signInRoutes(route, signedIn), ...userRoutes, ...userResource],
});

if (import.meta.main) void main(accounts);
