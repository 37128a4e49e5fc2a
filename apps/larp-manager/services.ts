/** The services of LARP manager, and how they are built. */
import type { Ground } from 'keelson/http';
import type { Repositories } from './model.ts';
import type { Declarations } from './settings.ts';

/** What the routes work with. */
export interface Services {
  readonly apiPrefix: string;
}

/** Builds the services on the ground of a starting app. */
export function buildServices({ settings }: Ground<Repositories, Declarations>): Services {
  return { apiPrefix: settings.API_V1_PREFIX };
}
