/** LARP manager: games, who plays in them, and what happens there. */
import { main } from 'keelson/cli';
import { defineApp } from 'keelson/http';
import { signInRoutes } from 'keelson/sign-in';
import { characterRoutes } from './characters/resource.ts';
import { combinedRoutes } from './combined/resource.ts';
import { gameRoutes } from './games/resource.ts';
import { gmRoutes } from './gms/resource.ts';
import { groupRoutes } from './groups/resource.ts';
import { model } from './model.ts';
import { playerRoutes } from './players/resource.ts';
import { plotRoutes } from './plots/resource.ts';
import { route, session, signedIn } from './route.ts';
import { seed } from './seed.ts';
import { buildServices } from './services.ts';
import { settings } from './settings.ts';
import { userResource } from './users/resource.ts';
import { userRoutes } from './users/routes.ts';

/** The app. */
export const larpManager = defineApp({
  name: 'larp-manager',
  version: '0.1.0',
  description: 'Games, who plays in them, and what happens there.',
  model,
  settings,
  migrationsDirectory: new URL('./migrations', import.meta.url),
  services: buildServices,
  seed,
  session,
  routes: [
    ...signInRoutes(route, signedIn),
    ...userRoutes,
    ...userResource,
    ...gameRoutes,
    ...gmRoutes,
    ...playerRoutes,
    ...characterRoutes,
    ...groupRoutes,
    ...plotRoutes,
    ...combinedRoutes,
  ],
});

if (import.meta.main) void main(larpManager);
