/** Reveals: tokens whose metadata is stored are shown on the chain, many in one transaction, each once. */
import type { Clock } from 'keelson/clock';
import { isKeelsonError, type KeelsonError } from 'keelson/errors';
import type { Log } from 'keelson/log';
import { RetryAfter } from 'keelson/queue';
import type { Database } from 'keelson/work';
import type { Repositories } from '../model.ts';
import type { Token } from '../tokens/entity.ts';
import { RevealTransaction } from './entity.ts';
import type { ChainCall, Reveal, RevealChain, RevealReceipt, RevealTransactionSent } from './schema.ts';

/** What reveals are made with. */
export interface RevealParts {
  readonly database: Database<Repositories>;
  /** Asked for when it is needed for the first time. */
  readonly chain: () => RevealChain | Promise<RevealChain>;
  readonly clock: Pick<Clock, 'now'>;
}

/** What became of a token: the transaction that shows it, or why there is none. */
export type Revealed = { readonly txHash: string } | { readonly error: Error };

/** What became of each token, by its key. */
export type Results = Map<string, Revealed>;

interface Call extends ChainCall {
  readonly chain: RevealChain;
  readonly log: Log;
}

/** An account that cannot pay is not asked again at once: somebody has to see to it. */
const UNPAID_WAIT_MS = 60_000;
/** Of a token that somebody else has revealed there is no transaction of ours. */
const ELSEWHERE = 'revealed before';

export class RevealService {
  readonly #parts: RevealParts;
  #chain: RevealChain | undefined;

  constructor(parts: RevealParts) {
    this.#parts = parts;
  }

  /**
   * Reveals tokens. What an earlier attempt sent is looked for first, and a token that the contract refuses does not keep the others
   * back.
   *
   * @throws OUTSIDE_UNAVAILABLE when it is not known yet what became of them: the next attempt looks
   * @throws WORK_POSTPONED when the chain takes no transaction of ours
   */
  async reveal(tokens: readonly Token[], call: Omit<Call, 'chain'>): Promise<Results> {
    this.#chain ??= await this.#parts.chain();
    return this.#revealOn(this.#chain, tokens, call);
  }

  async #revealOn(chain: RevealChain, tokens: readonly Token[], given: Omit<Call, 'chain'>): Promise<Results> {
    const call: Call = { ...given, chain };
    const results: Results = new Map();
    const left = new Map(tokens.map((token) => [token.id, token]));
    const settle = (ids: readonly string[], txHash: string): void => {
      for (const id of ids) if (left.delete(id)) results.set(id, { txHash });
    };
    for (const earlier of await this.#openOf([...left.keys()])) {
      const receipt = await this.#settleEarlier(earlier, call);
      if (receipt !== undefined) settle(earlier.tokenIds, receipt.txHash);
    }
    if (left.size > 0) settle(await this.#shown([...left.values()], call), ELSEWHERE);
    if (left.size > 0) await this.#send([...left.values()], results, call);
    return results;
  }

  #openOf(tokenIds: readonly string[]): Promise<RevealTransaction[]> {
    return this.#parts.database.work(({ revealTxs }) => revealTxs.listOpenOf(tokenIds), { name: 'reveals.open' });
  }

  /** What became of a transaction that an attempt has left behind; undefined when it showed nothing, and never will. */
  async #settleEarlier({ id, status, txHash }: RevealTransaction, call: Call): Promise<RevealReceipt | undefined> {
    // It was never signed: nobody can have sent it.
    if (status === 'pending' || txHash === null) return this.#giveUp(id);
    call.log.info('reveal.resumed', { tx_hash: txHash });
    try {
      const receipt = (await call.chain.find(txHash, call)) ?? (await this.#waitOnceMore(txHash, call));
      // Sent anew it can do no harm: the contract shows each token once.
      if (receipt === null) return await this.#giveUp(id);
      await this.#confirm(id, receipt);
      return receipt;
    } catch (error) {
      if (!isKeelsonError(error, 'OUTSIDE_REFUSED')) throw error;
      return this.#giveUp(id);
    }
  }

  /** Waits for a transaction; null when the node answers and does not have it. */
  async #waitOnceMore(txHash: string, call: Call): Promise<RevealReceipt | null> {
    try {
      return await call.chain.wait(txHash, call);
    } catch (error) {
      if (!isKeelsonError(error, 'OUTSIDE_UNAVAILABLE')) throw error;
      return call.chain.find(txHash, call);
    }
  }

  /** The keys of the tokens that the chain shows already. */
  async #shown(tokens: readonly Token[], call: Call): Promise<string[]> {
    const shown = await call.chain.listRevealed(tokens.map(revealOf), call);
    const numbers = new Set(shown.map(({ tokenId }) => tokenId));
    return tokens.filter(({ tokenId }) => numbers.has(tokenId)).map(({ id }) => id);
  }

  async #send(tokens: readonly Token[], results: Results, call: Call): Promise<void> {
    const id = await this.#begin(tokens);
    let txHash: string;
    try {
      ({ txHash } = await call.chain.send(tokens.map(revealOf), { ...call, onSigned: (sent) => this.#sign(id, sent) }));
    } catch (error) {
      // What was signed may be on its way: the next attempt looks. What was refused is not.
      if (!isKeelsonError(error, 'OUTSIDE_REFUSED')) throw error;
      await this.#giveUp(id);
      if (error.data?.['service'] !== 'The contract') throw unpaid(error, call.log);
      return this.#sendApart(tokens, results, { call, error });
    }
    try {
      const receipt = await call.chain.wait(txHash, call);
      await this.#confirm(id, receipt);
      for (const token of tokens) results.set(token.id, { txHash: receipt.txHash });
    } catch (error) {
      if (!isKeelsonError(error, 'OUTSIDE_REFUSED')) throw error;
      await this.#giveUp(id);
      await this.#sendApart(tokens, results, { call, error });
    }
  }

  /** The contract refused some of these tokens and does not say which in a way that all contracts share: they are halved until it shows. */
  async #sendApart(tokens: readonly Token[], results: Results, { call, error }: { call: Call; error: KeelsonError }): Promise<void> {
    const [only, second] = tokens;
    if (second === undefined) {
      if (only === undefined) return;
      // A transaction that was given up may have been mined after all.
      const [shown] = await this.#shown([only], call);
      results.set(only.id, shown === undefined ? { error } : { txHash: ELSEWHERE });
      return;
    }
    call.log.warn('reveal.refused', { tokens: tokens.length, error });
    const middle = Math.ceil(tokens.length / 2);
    await this.#send(tokens.slice(0, middle), results, call);
    await this.#send(tokens.slice(middle), results, call);
  }

  async #begin(tokens: readonly Token[]): Promise<string> {
    const transaction = new RevealTransaction({ tokenIds: tokens.map(({ id }) => id) });
    await this.#parts.database.work(({ revealTxs }) => revealTxs.add(transaction), { name: 'reveals.begin' });
    return transaction.id;
  }

  /** Writes the hash down before the transaction goes out. */
  async #sign(id: string, { txHash, gasPriceGwei }: RevealTransactionSent): Promise<void> {
    await this.#change(id, (transaction) => {
      if (transaction.status === 'pending') transaction.markSent(txHash, gasPriceGwei);
      else Object.assign(transaction, { txHash, gasPriceGwei });
    });
  }

  #confirm(id: string, { blockNumber, gasPriceGwei }: RevealReceipt): Promise<void> {
    const confirmedAt = this.#parts.clock.now();
    return this.#change(id, (transaction) => {
      if (transaction.status === 'sent') transaction.markConfirmed({ blockNumber, gasPriceGwei, confirmedAt });
    });
  }

  async #giveUp(id: string): Promise<undefined> {
    await this.#change(id, (transaction) => {
      if (transaction.status === 'pending' || transaction.status === 'sent') transaction.markFailed();
    });
    return undefined;
  }

  /** Two processes may come to the same transaction: it is changed by one after the other. */
  #change(id: string, change: (transaction: RevealTransaction) => void): Promise<void> {
    return this.#parts.database.work(async ({ revealTxs }) => change(await revealTxs.get(id, { lock: true })), { name: 'reveals.change' });
  }
}

function revealOf({ tokenId, metadataCid }: Token): Reveal {
  return { tokenId, metadataUri: `ipfs://${metadataCid ?? ''}` };
}

function unpaid(error: KeelsonError, log: Log): RetryAfter {
  log.error('reveal.not_taken', { error });
  return new RetryAfter(UNPAID_WAIT_MS, { message: error.message, cause: error });
}
