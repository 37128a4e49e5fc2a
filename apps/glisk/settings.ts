/** The settings of GLISK: those of every app, and those of the services outside. */
import {
  baseSettings,
  choice,
  defineSettings,
  integer,
  port,
  secret,
  type SettingContext,
  type SettingsOf,
  text,
  url,
} from 'keelson/config';

/** Each setting, as it is declared. */
export type Declarations = typeof declarations;

/** A secret that only the chosen service needs. */
function needs(name: string, chosen: string) {
  return (value: string, { values }: SettingContext) =>
    value === chosen && values[name] === undefined
      ? { problem: `${chosen} needs ${name}, which is not set`, hint: `Set ${name}, or choose the other service.` }
      : undefined;
}

const address = { matches: /^0x[0-9a-fA-F]{40}$/u, words: '0x and 40 hexadecimal digits' };
const CHAIN_PARTS = ['NFT_CONTRACT_ADDRESS', 'KEEPER_PRIVATE_KEY'];

const declarations = {
  ...baseSettings,
  PROJECT_NAME: text({ description: 'The name of the app, shown in its documents.', default: 'GLISK', lengthMax: 100 }),
  PORT: port(8001),
  ALCHEMY_WEBHOOK_SECRET: secret({
    description: 'Signs the events that Alchemy sends: the signing key of the webhook.',
    requiredIn: ['staging', 'production'],
    unset: 'made of SECRET_KEY in development and test',
  }),
  STORE_DIRECTORY: text({
    description: 'Where pictures wait for their upload, and where the stand-ins keep contents and the chain. All processes must see it.',
    lengthMax: 4_096,
    unset: '.keelson beside the app',
  }),
  WORKER_BATCH_MAX: integer({ description: 'How many tokens one claim of a worker takes at most.', default: 10, min: 1, max: 1_000 }),
  OPERATOR_TOKEN: secret({
    description: 'Lets an operator retry tokens, as a bearer token.',
    strong: true,
    unset: 'none: in development this machine may, elsewhere nobody',
  }),
  IMAGE_SERVICE: choice({
    description: 'Who draws the pictures: this machine (selfhosted), or Replicate.',
    values: ['selfhosted', 'replicate'],
    default: 'selfhosted',
    check: needs('REPLICATE_API_TOKEN', 'replicate'),
  }),
  REPLICATE_API_TOKEN: secret({ description: 'The key for Replicate.', unset: 'none; needed when IMAGE_SERVICE is replicate' }),
  IPFS_SERVICE: choice({
    description: 'Where pictures and metadata are put: a store on this machine (local), or Pinata.',
    values: ['local', 'pinata'],
    default: 'local',
    check: needs('PINATA_JWT', 'pinata'),
  }),
  PINATA_JWT: secret({ description: 'The key for Pinata.', unset: 'none; needed when IPFS_SERVICE is pinata' }),
  CHAIN_RPC_URL: url({
    description: 'The node of the chain on which tokens are revealed.',
    unset: 'none (a small chain on this machine)',
    check: (_, { values }) => {
      const missing = CHAIN_PARTS.filter((name) => values[name] === undefined);
      return missing.length === 0
        ? undefined
        : { problem: `a chain needs ${missing.join(' and ')} too`, hint: 'Set them, or leave the address out.' };
    },
  }),
  NFT_CONTRACT_ADDRESS: text({
    description: 'The contract whose mints are taken, and where tokens are revealed.',
    lengthMax: 42,
    pattern: address,
    unset: 'none: that of the small chain; needed with CHAIN_RPC_URL',
  }),
  KEEPER_PRIVATE_KEY: secret({
    description: 'The key of the account that pays for reveals: 0x and 64 hexadecimal digits.',
    unset: 'none; needed with CHAIN_RPC_URL',
    check: (value) =>
      /^0x[0-9a-fA-F]{64}$/u.test(value) ? undefined : { problem: 'it is no private key', hint: 'Write 0x and 64 hexadecimal digits.' },
  }),
};

/** What GLISK reads from its environment. */
export const settings = defineSettings(declarations);

/** The values of the settings. */
export type Settings = SettingsOf<Declarations>;
