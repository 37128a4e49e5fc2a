/** Accounts: users, and how they sign in. */
import { main } from 'keelson/cli';
import { defineApp } from 'keelson/http';
import { authRoutes } from './auth/routes.ts';
import { model } from './model.ts';
import { buildServices } from './services.ts';
import { settings } from './settings.ts';
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
  routes: [...authRoutes, ...userRoutes],
});

if (import.meta.main) void main(accounts);
