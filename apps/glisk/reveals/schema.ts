/** What a chain on which tokens are revealed takes and gives. */

/** A token that is to be revealed, and the address of its metadata. */
export interface Reveal {
  readonly tokenId: number;
  /** `ipfs://` and the CID. */
  readonly metadataUri: string;
}

/** A transaction of 1–50 reveals. */
export interface RevealTransactionSent {
  /** `0x` and 64 hexadecimal digits. */
  readonly txHash: string;
  /** The most that is paid for a unit of gas, as a decimal with 9 places: never a float. */
  readonly gasPriceGwei: string;
}

/** A transaction that was mined, and did what it was sent for. */
export interface RevealReceipt {
  readonly txHash: string;
  readonly blockNumber: number;
  /** What was paid for a unit of gas, as a decimal with 9 places. */
  readonly gasPriceGwei: string;
}

/** A call to the chain. */
export interface ChainCall {
  /** Ends the call, which then rejects with the signal's reason; what was sent stays sent. */
  readonly signal: AbortSignal;
}

/** A call that sends. */
export interface SendCall extends ChainCall {
  /**
   * Told the transaction after it is signed and before it goes out, so that its hash is written down first: whoever comes after a
   * crash then knows what to look for. Told again with another hash when another transaction took the nonce.
   */
  readonly onSigned?: ((transaction: RevealTransactionSent) => void | Promise<void>) | undefined;
}

/** Reveals tokens on a chain. */
export interface RevealChain {
  /**
   * Sends one transaction for all of these tokens; it is not mined yet. When the call fails after `onSigned`, the transaction may have
   * gone out all the same: look with `find` or `listRevealed` before it is sent again.
   *
   * @throws OUTSIDE_UNAVAILABLE what passes: the node is not there, the nonce was taken again and again
   * @throws OUTSIDE_REFUSED when the contract would revert, or the account cannot pay
   */
  send(reveals: readonly Reveal[], call: SendCall): Promise<RevealTransactionSent>;
  /**
   * Waits until a transaction is mined.
   *
   * @throws OUTSIDE_UNAVAILABLE when it is not mined in time: it may still be, so look with `find` before it is sent again
   * @throws OUTSIDE_REFUSED when it was mined and reverted
   */
  wait(txHash: string, call: ChainCall): Promise<RevealReceipt>;
  /**
   * Looks once; null while it is not mined.
   *
   * @throws OUTSIDE_UNAVAILABLE what passes
   * @throws OUTSIDE_REFUSED when it was mined and reverted
   */
  find(txHash: string, call: ChainCall): Promise<RevealReceipt | null>;
  /**
   * Says which of these tokens have their metadata on the chain already, whoever sent it there: after a crash between sending and writing down.
   *
   * @throws OUTSIDE_UNAVAILABLE what passes
   */
  listRevealed(reveals: readonly Reveal[], call: ChainCall): Promise<readonly Reveal[]>;
}

/** A call of JSON-RPC. @see https://ethereum.github.io/execution-apis */
export interface RpcCall {
  readonly method: string;
  readonly params?: unknown;
}

/** What a node answers: a result, or an error. */
export type RpcAnswer =
  | { readonly result: unknown }
  | { readonly error: { readonly code: number; readonly message: string; readonly data?: unknown } };

/** A node that runs in this process. */
export interface ChainNode {
  answer(call: RpcCall): Promise<RpcAnswer>;
}

/** Where the contract lies on the embedded chain; here, so that who asks for it loads nothing of the chain. */
export const localContractAddress = `0x${'61'.repeat(20)}`;
