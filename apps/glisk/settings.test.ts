/** The settings of GLISK ask for what the chosen services need, and for nothing else. */
import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { loadSettings } from 'keelson/config';
import { isKeelsonError } from 'keelson/errors';
import { settings } from './settings.ts';

const SECRET_KEY = 'Vq3n8Xw1Lr6Zt0Yb5Kc9Hd2Gf7Js4Pm6AeUx';
/** Where no `.env` lies. */
const directory = path.join(tmpdir(), 'keelson-nowhere');
const contract = `0x${'5f'.repeat(20)}`;
const keeper = `0x${'c9'.repeat(32)}`;

const load = (environment: Readonly<Record<string, string>>) =>
  loadSettings(settings, { environment: { APP_ENV: 'test', SECRET_KEY, ...environment }, directory, terminal: false }).values;

/** What is said of settings that are not valid. */
function refusalOf(environment: Readonly<Record<string, string>>): string {
  try {
    load(environment);
  } catch (error) {
    assert.ok(isKeelsonError(error, 'CONFIG_INVALID'), String(error));
    return `${error.message} ${error.detail ?? ''}`;
  }
  return assert.fail(`${JSON.stringify(environment)} was taken`);
}

// GLK-14
test('without a setting everything outside is played on this machine', () => {
  const { IMAGE_SERVICE, IPFS_SERVICE, CHAIN_RPC_URL, PORT, PROJECT_NAME } = load({});
  assert.deepEqual([IMAGE_SERVICE, IPFS_SERVICE, CHAIN_RPC_URL, PORT, PROJECT_NAME], ['selfhosted', 'local', undefined, 8001, 'GLISK']);
});

// GLK-14
test('a service that is chosen needs its key, a chain its contract and its keeper', () => {
  assert.match(refusalOf({ IMAGE_SERVICE: 'replicate' }), /REPLICATE_API_TOKEN/u);
  assert.match(refusalOf({ IPFS_SERVICE: 'pinata' }), /PINATA_JWT/u);
  assert.match(refusalOf({ CHAIN_RPC_URL: 'https://node.example' }), /NFT_CONTRACT_ADDRESS and KEEPER_PRIVATE_KEY/u);
  assert.match(refusalOf({ CHAIN_RPC_URL: 'https://node.example', KEEPER_PRIVATE_KEY: keeper }), /NFT_CONTRACT_ADDRESS/u);
  const all = load({
    IMAGE_SERVICE: 'replicate',
    REPLICATE_API_TOKEN: 'r8_token',
    IPFS_SERVICE: 'pinata',
    PINATA_JWT: 'jwt',
    CHAIN_RPC_URL: 'https://node.example',
    NFT_CONTRACT_ADDRESS: contract,
    KEEPER_PRIVATE_KEY: keeper,
  });
  assert.equal(all.NFT_CONTRACT_ADDRESS, contract);
});

// GLK-14
test('an address, a key or a token that cannot be is refused, and no secret is repeated', () => {
  assert.match(refusalOf({ NFT_CONTRACT_ADDRESS: '0x12' }), /40 hexadecimal digits/u);
  const refusal = refusalOf({ KEEPER_PRIVATE_KEY: `${keeper}ff` });
  assert.match(refusal, /KEEPER_PRIVATE_KEY/u);
  assert.ok(!refusal.includes(keeper));
  const production = { APP_ENV: 'production', ALCHEMY_WEBHOOK_SECRET: 'whsec_9f8e7d6c5b4a', CORS_ORIGINS: 'https://glisk.example' };
  load(production);
  assert.match(refusalOf({ ...production, OPERATOR_TOKEN: 'short' }), /OPERATOR_TOKEN/u);
  assert.match(refusalOf({ ...production, ALCHEMY_WEBHOOK_SECRET: '' }), /ALCHEMY_WEBHOOK_SECRET/u);
});
