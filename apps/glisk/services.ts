/** The services of GLISK, and how they are built. */
import { createHmac } from 'node:crypto';
import path from 'node:path';
import type { Clock } from 'keelson/clock';
import type { Ground } from 'keelson/http';
import { newId } from 'keelson/id';
import type { Database } from 'keelson/work';
import { AuthorService } from './authors/service.ts';
import { ReplicatePictures } from './images/client.ts';
import { LocalPictures, PictureFolder } from './images/local.ts';
import type { PictureMaker } from './images/schema.ts';
import { PictureService } from './images/service.ts';
import { PinataContents } from './ipfs/client.ts';
import { LocalContents } from './ipfs/local.ts';
import type { ContentStore } from './ipfs/schema.ts';
import { UploadService } from './ipfs/service.ts';
import { MintService } from './mints/service.ts';
import type { Repositories } from './model.ts';
import { OperatorService } from './operators/service.ts';
import { PageService } from './page/service.ts';
import { localContractAddress, type RevealChain } from './reveals/schema.ts';
import { RevealService } from './reveals/service.ts';
import type { Declarations, Settings } from './settings.ts';
import { StatsService } from './system/service.ts';
import { TokenService } from './tokens/service.ts';
import { tokenLifeCycle } from './tokens/state.ts';
import { UpkeepService } from './upkeep/service.ts';

/** What the routes and the workers work with. */
export interface Services {
  readonly authors: AuthorService;
  readonly tokens: TokenService;
  readonly stats: StatsService;
  readonly operators: OperatorService;
  readonly mints: MintService;
  /** Where pictures and metadata lie. */
  readonly contents: ContentStore;
  readonly page: PageService;
  readonly pictures: PictureService;
  readonly uploads: UploadService;
  readonly reveals: RevealService;
  readonly upkeep: UpkeepService;
}

/** Builds the services on the ground of a starting app. */
export function buildServices({ settings, database, secretKey, directory, clock }: Ground<Repositories, Declarations>): Services {
  const stats = new StatsService(database);
  const store = settings.STORE_DIRECTORY ?? path.join(directory, '.keelson');
  const contents = contentsOf(settings, store);
  const folder = new PictureFolder(path.join(store, 'pictures'), clock);
  return {
    authors: new AuthorService(database),
    tokens: new TokenService(database),
    stats,
    contents,
    pictures: new PictureService({ database, maker: makerOf(settings, clock), store: folder, clock }),
    uploads: new UploadService({ database, pictures: folder, contents, clock }),
    reveals: new RevealService({ database, chain: () => chainOf(settings, { database, store, clock }), clock }),
    upkeep: new UpkeepService({ database, pictures: folder, clock }),
    page: new PageService({ database, stats, contents, lifeCycle: tokenLifeCycle, apiPrefix: settings.API_V1_PREFIX }),
    operators: new OperatorService({ token: settings.OPERATOR_TOKEN, trustsLoopback: settings.APP_ENV === 'development' }),
    mints: new MintService({
      database,
      secret: settings.ALCHEMY_WEBHOOK_SECRET ?? createHmac('sha256', secretKey).update('glisk webhook').digest('hex'),
      contract: settings.NFT_CONTRACT_ADDRESS ?? localContractAddress,
    }),
  };
}

function contentsOf({ IPFS_SERVICE, PINATA_JWT }: Settings, store: string): ContentStore {
  // The settings ask for the key where Pinata is chosen.
  if (IPFS_SERVICE === 'pinata') return new PinataContents({ jwt: PINATA_JWT ?? '' });
  return new LocalContents(path.join(store, 'contents'));
}

function makerOf({ IMAGE_SERVICE, REPLICATE_API_TOKEN }: Settings, clock: Clock): PictureMaker {
  if (IMAGE_SERVICE === 'replicate') return new ReplicatePictures({ apiToken: REPLICATE_API_TOKEN ?? '', clock });
  return new LocalPictures({ clock });
}

interface ChainGround {
  readonly database: Database<Repositories>;
  readonly store: string;
  readonly clock: Clock;
}

/** Loaded when the first token is revealed: a process that only serves never needs what signs transactions. */
async function chainOf(settings: Settings, { database, store, clock }: ChainGround): Promise<RevealChain> {
  const { CHAIN_RPC_URL, NFT_CONTRACT_ADDRESS: contract, KEEPER_PRIVATE_KEY: privateKey } = settings;
  const { EvmChain } = await import('./reveals/client.ts');
  if (CHAIN_RPC_URL !== undefined && contract !== undefined && privateKey !== undefined)
    return new EvmChain({ node: CHAIN_RPC_URL, contractAddress: contract, privateKey, clock });
  const { LocalChain, localKeeperKey } = await import('./reveals/local.ts');
  // One chain for each database: tokens of a database that is gone would stand in the way of those with the same numbers.
  const name = await database.work(({ systemState }) => systemState.getOrSetState('embedded_chain', newId()), { name: 'reveals.chain' });
  const node = new LocalChain({ directory: path.join(store, 'chains', path.basename(String(name))), clock });
  return new EvmChain({ node, contractAddress: localContractAddress, privateKey: localKeeperKey, clock, pollMs: 100 });
}
