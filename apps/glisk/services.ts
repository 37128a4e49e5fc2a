/** The services of GLISK, and how they are built. */
import { createHmac } from 'node:crypto';
import type { Ground } from 'keelson/http';
import { AuthorService } from './authors/service.ts';
import { MintService } from './mints/service.ts';
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
  readonly mints: MintService;
}

/** The contract of the small chain on this machine. */
const LOCAL_CONTRACT = '0x5fbdb2315678afecb367f032d93f642f64180aa3';

/** Builds the services on the ground of a starting app. */
export function buildServices({ settings, database, secretKey }: Ground<Repositories, Declarations>): Services {
  return {
    authors: new AuthorService(database),
    tokens: new TokenService(database),
    stats: new StatsService(database),
    operators: new OperatorService({ token: settings.OPERATOR_TOKEN, trustsLoopback: settings.APP_ENV === 'development' }),
    mints: new MintService({
      database,
      secret: settings.ALCHEMY_WEBHOOK_SECRET ?? createHmac('sha256', secretKey).update('glisk webhook').digest('hex'),
      contract: settings.NFT_CONTRACT_ADDRESS ?? LOCAL_CONTRACT,
    }),
  };
}
