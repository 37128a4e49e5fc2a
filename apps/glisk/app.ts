/** GLISK: pictures for tokens, from their mint to their reveal. */
import { main } from 'keelson/cli';
import { defineApp } from 'keelson/http';
import { authorRoutes } from './authors/routes.ts';
import { generation } from './images/worker.ts';
import { upload } from './ipfs/worker.ts';
import { mintRoutes } from './mints/routes.ts';
import { model } from './model.ts';
import { servePage } from './page/routes.ts';
import { reveal } from './reveals/worker.ts';
import { buildServices } from './services.ts';
import { settings } from './settings.ts';
import { systemRoutes } from './system/routes.ts';
import { tokenRoutes } from './tokens/routes.ts';
import { upkeep } from './upkeep/worker.ts';

/** The app. */
export const glisk = defineApp({
  name: 'glisk',
  version: '0.1.0',
  description: 'Pictures for tokens, from their mint to their reveal.',
  model,
  settings,
  migrationsDirectory: new URL('./migrations', import.meta.url),
  services: buildServices,
  routes: [...tokenRoutes, ...authorRoutes, ...systemRoutes, ...mintRoutes],
  workers: [generation, upload, reveal],
  jobs: upkeep,
  extend: servePage,
});

if (import.meta.main) void main(glisk);
