/** The services of GLISK, and how they are built. */
import type { Ground } from 'keelson/http';
import { AuthorService } from './authors/service.ts';
import type { Repositories } from './model.ts';
import { OperatorService } from './operators/service.ts';
import type { Declarations } from './settings.ts';
import { StatsService } from './system/service.ts';
import { TokenService } from './tokens/service.ts';

/** What the routes and the workers work with. */
export interface Services {
  readonly authors: AuthorService;
  readonly tokens: TokenService;
  readonly stats: StatsService;
  readonly operators: OperatorService;
}

/** Builds the services on the ground of a starting app. */
export function buildServices({ settings, database }: Ground<Repositories, Declarations>): Services {
  return {
    authors: new AuthorService(database),
    tokens: new TokenService(database),
    stats: new StatsService(database),
    operators: new OperatorService({ token: settings.OPERATOR_TOKEN, trustsLoopback: settings.APP_ENV === 'development' }),
  };
}
