/** A chain for a test: a folder of its own, and clients of the embedded chain in this process or over HTTP. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { systemClock } from 'keelson/clock';
import { type Behaviour, type FakeService, json, type Seen, startService } from '../outside.fixture.ts';
import { EvmChain, type EvmChainOptions } from './client.ts';
import { LocalChain, type LocalChainOptions, localKeeperKey } from './local.ts';
import { localContractAddress, type Reveal, type RpcCall } from './schema.ts';

/** A folder in which chains of several processes may run. */
export interface ChainPlace extends AsyncDisposable {
  readonly directory: string;
  /** A chain as one process has it; its blocks come at once unless it is told otherwise. */
  open(options?: Partial<LocalChainOptions>): LocalChain;
}

/** Makes a folder for chains. */
export async function chainPlace(): Promise<ChainPlace> {
  const directory = await mkdtemp(path.join(tmpdir(), 'glisk-chain-'));
  return {
    directory,
    open: (options = {}) => new LocalChain({ directory, clock: systemClock, blockMs: 0, ...options }),
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true }),
  };
}

/** A client that does not wait long. */
export function clientOf(node: EvmChainOptions['node'], more: Partial<EvmChainOptions> = {}): EvmChain {
  const options = { contractAddress: localContractAddress, privateKey: localKeeperKey, clock: systemClock, pollMs: 1, waitMs: 30_000 };
  return new EvmChain({ node, ...options, ...more });
}

/** Reveals of tokens. */
export function revealsOf(...tokenIds: readonly number[]): readonly Reveal[] {
  return tokenIds.map((tokenId) => ({ tokenId, metadataUri: `ipfs://metadata-${String(tokenId)}` }));
}

/** A call as it arrived at a node. */
function parseCall(seen: Seen): RpcCall {
  return JSON.parse(String(seen.body)) as RpcCall;
}

/** A node that speaks JSON-RPC over HTTP in front of an embedded chain; some calls may be answered otherwise. */
export async function startNode(
  chain: LocalChain,
  instead: (call: RpcCall, index: number) => Behaviour | undefined = () => undefined,
): Promise<FakeService> {
  return startService((seen, index) => {
    const call = parseCall(seen);
    return (
      instead(call, index) ??
      (async (response) => {
        await json({ jsonrpc: '2.0', id: 1, ...(await chain.answer(call)) })(response, seen);
      })
    );
  });
}
