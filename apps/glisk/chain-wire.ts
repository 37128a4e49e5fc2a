/** The embedded chain's blocks and transactions: what they hold, and how JSON-RPC shows them. */
import * as Type from 'typebox';
import { type Hex, isHex, keccak256, numberToHex, parseTransaction, recoverTransactionAddress } from 'viem';
import { parseContractCall } from './contract.ts';
import { localContractAddress } from './reveals/schema.ts';

/** As development chains are numbered. */
export const CHAIN_ID = 31_337;
/** The same in every block; not a round number, so that whoever rounds is found out. */
const BASE_FEE_WEI = 1_000_000_007n;
/** Gas of a reveal, and of a transaction before its first. */
export const GAS_EACH = 50_000n;

const text = Type.String();
/** A transaction as it waits, and as it was mined. */
export const transaction = Type.Object({
  hash: text,
  from: text,
  nonce: Type.Integer(),
  priceWei: text,
  tokenIds: Type.Array(Type.Integer()),
  uris: Type.Array(text),
  /** While it waits: from when on it may be mined. */
  notBeforeMs: Type.Number(),
  /** While it waits: whatever the contract says; when it was mined: what happened. */
  reverts: Type.Boolean(),
});
/** A block as it lies in its file. */
export const block = Type.Object({
  number: Type.Integer(),
  hash: text,
  parentHash: text,
  timeMs: Type.Number(),
  transactions: Type.Array(transaction),
});
/** The same as types. */
export type Transaction = Type.Static<typeof transaction>;
export type Block = Type.Static<typeof block>;

/** The block before the first. */
export const genesis: Block = { number: 0, hash: keccak256('0x00'), parentHash: `0x${'0'.repeat(64)}`, timeMs: 0, transactions: [] };

/** A transaction with its block. */
export type Mined = Transaction & { readonly block: Block };

/** A refusal on its way to an answer. */
export class RpcRefusal extends Error {
  readonly code: number;
  readonly data: Hex | undefined;

  constructor(code: number, message: string, data?: Hex) {
    super(message);
    this.code = code;
    this.data = data;
  }
}

/** A signed transaction as it is sent: who signed it, and what it asks of the contract. */
export async function parseSent(raw: unknown): Promise<Transaction> {
  try {
    if (!isHex(raw)) throw new RpcRefusal(-32_602, 'a transaction is hexadecimal');
    const { chainId, to, nonce, data, maxFeePerGas, maxPriorityFeePerGas } = parseTransaction(raw);
    if (chainId !== CHAIN_ID)
      throw new RpcRefusal(-32_000, `invalid chain id for signer: have ${String(chainId)} want ${String(CHAIN_ID)}`);
    const called = to?.toLowerCase() === localContractAddress ? parseContractCall(data ?? '0x') : undefined;
    if (called?.name !== 'revealTokens') throw new RpcRefusal(-32_000, 'this chain takes calls of revealTokens only');
    const price = BASE_FEE_WEI + (maxPriorityFeePerGas ?? 0n);
    if (maxFeePerGas === undefined || maxFeePerGas < BASE_FEE_WEI)
      throw new RpcRefusal(-32_000, 'max fee per gas less than block base fee');
    // A type that no client of ours signs is refused by the recovery.
    const from = (await recoverTransactionAddress({ serializedTransaction: raw as `0x02${string}` })).toLowerCase();
    const priceWei = String(price < maxFeePerGas ? price : maxFeePerGas);
    const { tokenIds, uris } = called;
    return {
      hash: keccak256(raw),
      from,
      nonce: nonce ?? 0,
      priceWei,
      tokenIds: [...tokenIds],
      uris: [...uris],
      notBeforeMs: 0,
      reverts: false,
    };
  } catch (error) {
    if (error instanceof RpcRefusal) throw error;
    throw new RpcRefusal(-32_000, 'rlp: the transaction cannot be decoded');
  }
}

/** The bytes that a call hands to the contract. */
export function inputOf(asked: unknown): Hex {
  if (typeof asked !== 'object' || asked === null) throw new RpcRefusal(-32_602, 'missing the call object');
  const data = 'data' in asked ? asked.data : 'input' in asked ? asked.input : '0x';
  if (!isHex(data)) throw new RpcRefusal(-32_602, 'data is hexadecimal');
  return data;
}

/** A block for `eth_getBlockByNumber`. */
export function blockBody(head: Block): Readonly<Record<string, unknown>> {
  const { number, hash, parentHash, timeMs, transactions } = head;
  return {
    number: numberToHex(number),
    hash,
    parentHash,
    timestamp: numberToHex(Math.floor(timeMs / 1_000)),
    baseFeePerGas: numberToHex(BASE_FEE_WEI),
    gasLimit: numberToHex(30_000_000),
    gasUsed: numberToHex(transactions.reduce((sum, each) => sum + gasUsed(each), 0n)),
    transactions: transactions.map((each) => each.hash),
  };
}

/** A receipt for `eth_getTransactionReceipt`; null while there is none. */
export function receiptBody(mined: Mined | undefined): Readonly<Record<string, unknown>> | null {
  if (mined === undefined) return null;
  return {
    transactionHash: mined.hash,
    transactionIndex: numberToHex(mined.block.transactions.findIndex((each) => each.hash === mined.hash)),
    blockNumber: numberToHex(mined.block.number),
    blockHash: mined.block.hash,
    from: mined.from,
    to: localContractAddress,
    contractAddress: null,
    effectiveGasPrice: numberToHex(BigInt(mined.priceWei)),
    gasUsed: numberToHex(gasUsed(mined)),
    cumulativeGasUsed: numberToHex(gasUsed(mined)),
    logs: [],
    logsBloom: `0x${'0'.repeat(512)}`,
    status: mined.reverts ? '0x0' : '0x1',
    type: '0x2',
  };
}

function gasUsed(mined: Transaction): bigint {
  return GAS_EACH * BigInt(mined.tokenIds.length + 1);
}
