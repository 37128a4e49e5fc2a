/** A node of an EVM chain: reveals are signed here, sent to it over JSON-RPC, and looked for until they are mined. */
import type { Clock } from 'keelson/clock';
import { isKeelsonError, KeelsonError } from 'keelson/errors';
import * as Type from 'typebox';
import {
  BaseError,
  ContractFunctionRevertedError,
  createPublicClient,
  custom,
  encodeFunctionData,
  ExecutionRevertedError,
  getAddress,
  InsufficientFundsError,
  isAddress,
  isHex,
  keccak256,
  type PublicClient,
  RpcRequestError,
  type TransactionReceipt,
  TransactionReceiptNotFoundError,
} from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { contract } from '../contract.ts';
import { callOutside, parseAnswer, refused, unavailable } from '../outside.ts';
import type {
  ChainCall,
  ChainNode,
  Reveal,
  RevealChain,
  RevealReceipt,
  RevealTransactionSent,
  RpcAnswer,
  RpcCall,
  SendCall,
} from './schema.ts';

/** How the chain is reached. */
export interface EvmChainOptions {
  /** The address of a node, or one that runs in this process. */
  readonly node: string | ChainNode;
  readonly contractAddress: string;
  /** The key of the account that may reveal. */
  readonly privateKey: string;
  readonly clock: Pick<Clock, 'sleep' | 'monotonicMs'>;
  /** Blocks, its own counted, after which a transaction is taken as settled. */
  readonly confirmations?: number;
  readonly pollMs?: number;
  /** How long `wait` waits. */
  readonly waitMs?: number;
  /** For each call to the node. */
  readonly timeoutMs?: number;
}

const SERVICE = 'The chain';
const BATCH_MAX = 50;
const ANSWER_MAX_BYTES = 4_194_304;
/** How often a transaction is signed anew because another one took its nonce. */
const NONCE_TRIES_MAX = 5;
/** Errors of JSON-RPC that say that the call itself is wrong. */
const wrongCalls = new Set([-32_700, -32_600, -32_601, -32_602]);

const rpcAnswer = Type.Union([
  Type.Object({ error: Type.Object({ code: Type.Number(), message: Type.String(), data: Type.Optional(Type.Unknown()) }) }),
  Type.Object({ result: Type.Unknown() }),
]);

/** Reveals tokens over a node. @see https://viem.sh */
export class EvmChain implements RevealChain {
  readonly #options: Required<EvmChainOptions>;
  readonly #address: `0x${string}`;
  readonly #account: ReturnType<typeof privateKeyToAccount>;
  #chainId: number | undefined;
  /** Of one process, one transaction after the other asks for its nonce. */
  #sending: Promise<undefined> = Promise.resolve(undefined);

  constructor(options: EvmChainOptions) {
    this.#options = { confirmations: 1, pollMs: 1_000, waitMs: 120_000, timeoutMs: 10_000, ...options };
    const { contractAddress, privateKey } = options;
    if (!isAddress(contractAddress, { strict: false }))
      throw new KeelsonError('CONFIG_INVALID', { message: 'The address of the contract is none.' });
    if (!isHex(privateKey) || privateKey.length !== 66)
      throw new KeelsonError('CONFIG_INVALID', { message: 'The key of the keeper must be 0x and 64 hexadecimal digits.' });
    this.#address = getAddress(contractAddress);
    this.#account = privateKeyToAccount(privateKey);
  }

  async send(reveals: readonly Reveal[], call: SendCall): Promise<RevealTransactionSent> {
    if (reveals.length === 0 || reveals.length > BATCH_MAX)
      throw refused(SERVICE, `takes 1 to ${String(BATCH_MAX)} reveals at once, not ${String(reveals.length)}`);
    const before = this.#sending;
    const over = Promise.withResolvers<undefined>();
    this.#sending = over.promise;
    try {
      await unlessAborted(before, call.signal);
      return await this.#guard(call, (client) => this.#sendInTurn(client, reveals, call));
    } finally {
      void before.then(over.resolve);
    }
  }

  async wait(txHash: string, call: ChainCall): Promise<RevealReceipt> {
    const { clock, pollMs, waitMs } = this.#options;
    const untilMs = clock.monotonicMs() + waitMs;
    let trouble: unknown;
    do {
      let pauseMs = pollMs;
      try {
        const receipt = await this.find(txHash, call);
        if (receipt !== null) return receipt;
      } catch (error) {
        // A node that does not answer for a while says nothing about the transaction.
        if (!isKeelsonError(error, 'OUTSIDE_UNAVAILABLE')) throw error;
        trouble = error;
        pauseMs = Math.max(pollMs, (error.retryAfterS ?? 0) * 1_000);
      }
      await clock.sleep(Math.max(1, Math.min(pauseMs, untilMs - clock.monotonicMs())), call.signal);
    } while (clock.monotonicMs() < untilMs);
    throw unavailable(SERVICE, `did not mine ${txHash} within ${String(waitMs)} ms`, trouble);
  }

  async find(txHash: string, call: ChainCall): Promise<RevealReceipt | null> {
    return this.#guard(call, async (client) => {
      const receipt = await receiptOf(client, txHash);
      if (receipt === null) return null;
      const { confirmations } = this.#options;
      if (confirmations > 1 && (await client.getBlockNumber({ cacheTime: 0 })) - receipt.blockNumber + 1n < BigInt(confirmations))
        return null;
      const blockNumber = Number(receipt.blockNumber);
      if (receipt.status === 'reverted') throw refused(SERVICE, `reverted ${txHash} in block ${String(blockNumber)}`);
      return { txHash, blockNumber, gasPriceGwei: toGwei(receipt.effectiveGasPrice) };
    });
  }

  async listRevealed(reveals: readonly Reveal[], call: ChainCall): Promise<readonly Reveal[]> {
    return this.#guard(call, async (client) => {
      const uris = await Promise.all(reveals.map(({ tokenId }) => this.#tokenUri(client, tokenId)));
      return reveals.filter((reveal, index) => uris[index] === reveal.metadataUri);
    });
  }

  async #sendInTurn(client: PublicClient, reveals: readonly Reveal[], call: SendCall): Promise<RevealTransactionSent> {
    let taken: unknown;
    for (let attempt = 0; attempt < NONCE_TRIES_MAX; attempt += 1) {
      const { raw, ...sent } = await this.#sign(client, reveals);
      await call.onSigned?.(sent);
      try {
        await client.sendRawTransaction({ serializedTransaction: raw });
        return sent;
      } catch (error) {
        const said = textOf(error);
        if (/already known|already imported/iu.test(said)) return sent;
        if (!/nonce too (?:low|high)|nonce has already|underpriced/iu.test(said)) throw error;
        taken = error;
        await this.#options.clock.sleep(this.#options.pollMs, call.signal);
      }
    }
    throw unavailable(SERVICE, `gave the nonce to another transaction ${String(NONCE_TRIES_MAX)} times`, taken);
  }

  async #sign(client: PublicClient, reveals: readonly Reveal[]): Promise<RevealTransactionSent & { readonly raw: `0x${string}` }> {
    const args = [reveals.map(({ tokenId }) => BigInt(tokenId)), reveals.map(({ metadataUri }) => metadataUri)] as const;
    const call = { abi: contract, functionName: 'revealTokens', args } as const;
    this.#chainId ??= await client.getChainId();
    const [gas, fees, nonce] = await Promise.all([
      client.estimateContractGas({ ...call, address: this.#address, account: this.#account.address }),
      client.estimateFeesPerGas(),
      client.getTransactionCount({ address: this.#account.address, blockTag: 'pending' }),
    ]);
    const { maxFeePerGas, maxPriorityFeePerGas } = fees;
    const data = encodeFunctionData(call);
    const shape = {
      type: 'eip1559',
      chainId: this.#chainId,
      to: this.#address,
      data,
      nonce,
      gas,
      maxFeePerGas,
      maxPriorityFeePerGas,
    } as const;
    const raw = await this.#account.signTransaction(shape);
    return { raw, txHash: keccak256(raw), gasPriceGwei: toGwei(maxFeePerGas) };
  }

  async #tokenUri(client: PublicClient, tokenId: number): Promise<string | undefined> {
    try {
      return await client.readContract({ abi: contract, address: this.#address, functionName: 'tokenURI', args: [BigInt(tokenId)] });
    } catch (error) {
      // ERC-721 reverts for a token that is not there.
      if (find(error, ContractFunctionRevertedError) === undefined) throw error;
      return undefined;
    }
  }

  /** Runs with a client whose every call ends with the signal, and turns what fails into errors of the catalogue. */
  async #guard<T>(call: ChainCall, act: (client: PublicClient) => Promise<T>): Promise<T> {
    call.signal.throwIfAborted();
    const request = async (asked: RpcCall): Promise<unknown> => {
      call.signal.throwIfAborted();
      const answer = await this.#ask(asked, call.signal);
      // The address of the node may hold a key: it stays out of the error.
      if ('error' in answer) throw new RpcRequestError({ body: { method: asked.method }, error: answer.error, url: SERVICE });
      return answer.result;
    };
    try {
      return await act(createPublicClient({ transport: custom({ request }, { retryCount: 0 }) }));
    } catch (error) {
      call.signal.throwIfAborted();
      throw chainError(error);
    }
  }

  async #ask(asked: RpcCall, signal: AbortSignal): Promise<RpcAnswer> {
    const { node, timeoutMs } = this.#options;
    if (typeof node !== 'string') return node.answer(asked);
    const answer = await callOutside({
      service: SERVICE,
      url: new URL(node),
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: asked.method, params: asked.params ?? [] }),
      signal,
      timeoutMs,
      sizeMaxBytes: ANSWER_MAX_BYTES,
    });
    return parseAnswer(SERVICE, rpcAnswer, answer.bytes);
  }
}

async function receiptOf(client: PublicClient, txHash: string): Promise<TransactionReceipt | null> {
  if (!isHex(txHash)) throw refused(SERVICE, 'is asked for a hash that begins with 0x');
  try {
    return await client.getTransactionReceipt({ hash: txHash });
  } catch (error) {
    if (find(error, TransactionReceiptNotFoundError) === undefined) throw error;
    return null;
  }
}

/** Waits for what never fails, or rejects with the signal's reason. */
async function unlessAborted(awaited: Promise<undefined>, signal: AbortSignal): Promise<void> {
  const aborted = Promise.withResolvers<never>();
  const stop = (): void => aborted.reject(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  try {
    signal.throwIfAborted();
    await Promise.race([awaited, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** The error of the catalogue that tells what a failure means for whoever would try again. */
function chainError(error: unknown): KeelsonError {
  const known = find(error, KeelsonError);
  if (known !== undefined) return known;
  const reverted = find(error, ContractFunctionRevertedError);
  if (reverted !== undefined) {
    const why =
      reverted.data === undefined
        ? (reverted.reason ?? 'execution reverted')
        : `${reverted.data.errorName}(${(reverted.data.args ?? []).map(String).join(', ')})`;
    return refused('The contract', `refuses: ${why.slice(0, 200)}`, error);
  }
  if (find(error, ExecutionRevertedError) !== undefined) return refused('The contract', 'refuses the call', error);
  if (find(error, InsufficientFundsError) !== undefined || /insufficient funds/iu.test(textOf(error)))
    return refused(SERVICE, 'finds that the account of the keeper cannot pay', error);
  const said = find(error, RpcRequestError);
  if (said !== undefined && wrongCalls.has(said.code)) return refused(SERVICE, `refused the call: ${said.details.slice(0, 200)}`, error);
  return unavailable(SERVICE, `failed: ${textOf(error).slice(0, 200)}`, error);
}

type Kind<E> = abstract new (...parameters: never[]) => E;

/** The first error of a kind in the chain of causes. */
function find<E>(error: unknown, kind: Kind<E>): E | undefined {
  let at = error;
  for (let depth = 0; depth < 10 && at instanceof Error; depth += 1) {
    if (at instanceof kind) return at;
    at = at.cause;
  }
  return undefined;
}

function textOf(error: unknown): string {
  if (error instanceof BaseError) return error.details === '' ? error.shortMessage : error.details;
  return error instanceof Error ? error.message : String(error);
}

/** Wei as gwei with 9 places, without a float on the way. */
function toGwei(wei: bigint): string {
  const unit = 1_000_000_000n;
  return `${String(wei / unit)}.${String(wei % unit).padStart(9, '0')}`;
}
