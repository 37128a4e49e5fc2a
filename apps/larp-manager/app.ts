/** LARP manager: games, who plays in them, and what happens there. */
import { main } from 'keelson/cli';
import { defineApp } from 'keelson/http';
import { model } from './model.ts';
import { buildServices } from './services.ts';
import { settings } from './settings.ts';

/** The app. */
export const larpManager = defineApp({
  name: 'larp-manager',
  version: '0.1.0',
  description: 'Games, who plays in them, and what happens there.',
  model,
  settings,
  migrationsDirectory: new URL('./migrations', import.meta.url),
  services: buildServices,
  routes: [],
});

if (import.meta.main) void main(larpManager);
