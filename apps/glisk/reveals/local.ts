/** The embedded stand-in for a chain: it checks signatures and nonces, runs the contract, and mines blocks into a folder that all processes share. */
import { createHash, randomUUID } from 'node:crypto';
import { link, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Clock } from 'keelson/clock';
import type { Static, TSchema } from 'typebox';
import { Check } from 'typebox/schema';
import { type Hex, keccak256, numberToHex } from 'viem';
import {
  type Block,
  block,
  blockBody,
  CHAIN_ID,
  GAS_EACH,
  genesis,
  inputOf,
  type Mined,
  parseSent,
  receiptBody,
  RpcRefusal,
  type Transaction,
  transaction,
} from '../chain-wire.ts';
import { alreadyRevealed, lengthsDiffer, parseContractCall, uriResult } from '../contract.ts';
import { refused } from '../outside.ts';
import type { ChainNode, RpcAnswer, RpcCall } from './schema.ts';

/** What befalls a batch: it reverts when it is mined, is mined so much later, or is forgotten after it was taken. */
export type ChainTrouble = 'revert' | 'drop' | { readonly holdMs: number };

/** How the chain runs. */
export interface LocalChainOptions {
  readonly directory: string;
  readonly clock: Pick<Clock, 'now'>;
  /** Time between two blocks. */
  readonly blockMs?: number;
  /** Asked for each batch that is sent. */
  readonly trouble?: (tokenIds: readonly number[]) => ChainTrouble | undefined;
}

/** The key of the account that reveals on the embedded chain: known to all, and worth nothing anywhere else. */
export const localKeeperKey = `0x${createHash('sha256').update('the keeper of the embedded chain').digest('hex')}`;

const SERVICE = 'The embedded chain';

/** A chain of one contract. A block is a file that is linked into place, so that of many processes one mines it, and a dead one harms nobody. */
export class LocalChain implements ChainNode {
  readonly #options: Required<LocalChainOptions>;
  #head: Block = genesis;
  readonly #mined = new Map<string, Mined>();
  readonly #nonces = new Map<string, number>();
  readonly #uris = new Map<number, string>();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: LocalChainOptions) {
    this.#options = { blockMs: 200, trouble: () => undefined, ...options };
  }

  /** Answers one call; calls are answered one after the other. */
  async answer(call: RpcCall): Promise<RpcAnswer> {
    const turn = this.#turn.then(() => this.#answerInTurn(call));
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async #answerInTurn(call: RpcCall): Promise<RpcAnswer> {
    const params: readonly unknown[] = Array.isArray(call.params) ? call.params : [];
    await this.#catchUp();
    await this.#mine();
    try {
      return { result: await this.#run(call.method, params) };
    } catch (error) {
      if (!(error instanceof RpcRefusal)) throw error;
      const { code, message, data } = error;
      return { error: { code, message, ...(data === undefined ? {} : { data }) } };
    }
  }

  async #run(method: string, params: readonly unknown[]): Promise<unknown> {
    switch (method) {
      case 'eth_chainId':
        return numberToHex(CHAIN_ID);
      case 'eth_blockNumber':
        return numberToHex(this.#head.number);
      case 'eth_getBlockByNumber':
        return blockBody(this.#head);
      case 'eth_maxPriorityFeePerGas':
        return numberToHex(1_000_000_000n);
      case 'eth_getTransactionCount':
        return numberToHex(await this.#nextNonce(String(params[0]).toLowerCase()));
      case 'eth_estimateGas':
        return numberToHex(GAS_EACH * BigInt(this.#simulate(inputOf(params[0])).length + 1));
      case 'eth_call':
        return this.#call(inputOf(params[0]));
      case 'eth_sendRawTransaction':
        return this.#take(params[0]);
      case 'eth_getTransactionReceipt':
        return receiptBody(this.#mined.get(String(params[0])));
      default:
        throw new RpcRefusal(-32_601, `the method ${method.slice(0, 50)} does not exist`);
    }
  }

  /** Reads the blocks that others have mined. */
  async #catchUp(): Promise<void> {
    // bounded by: the number of blocks in the folder
    for (;;) {
      const found = await readFile(this.#blockFile(this.#head.number + 1), 'utf8').catch(() => undefined);
      if (found === undefined) return;
      this.#apply(parseFile(block, found));
    }
  }

  #apply(next: Block): void {
    this.#head = next;
    for (const each of next.transactions) {
      this.#mined.set(each.hash, { ...each, block: next });
      this.#nonces.set(each.from, each.nonce + 1);
      if (!each.reverts) for (const [index, tokenId] of each.tokenIds.entries()) this.#uris.set(tokenId, each.uris[index] ?? '');
    }
  }

  /** Mines what waits, when it is time for a block. */
  async #mine(): Promise<void> {
    const nowMs = this.#options.clock.now().getTime();
    if (nowMs < this.#head.timeMs + this.#options.blockMs) return;
    const waiting = await this.#waiting();
    const chosen: Transaction[] = [];
    const uris = new Set<number>();
    const nonces = new Map(this.#nonces);
    for (const each of waiting) {
      if (each.notBeforeMs > nowMs || each.nonce !== (nonces.get(each.from) ?? 0)) continue;
      nonces.set(each.from, each.nonce + 1);
      const reverts = each.reverts || each.tokenIds.some((tokenId) => this.#uris.has(tokenId) || uris.has(tokenId));
      if (!reverts) for (const tokenId of each.tokenIds) uris.add(tokenId);
      chosen.push({ ...each, reverts });
    }
    if (chosen.length === 0) return;
    const body = { number: this.#head.number + 1, parentHash: this.#head.hash, timeMs: nowMs, transactions: chosen };
    const hash = keccak256(`0x${Buffer.from(JSON.stringify(body)).toString('hex')}`);
    // Another process may have mined this number: then its block holds, and what waits still waits.
    if (await this.#place(this.#blockFile(body.number), JSON.stringify({ ...body, hash }))) await this.#forget(chosen);
    await this.#catchUp();
  }

  /** What was sent and is not mined, by account and nonce. */
  async #waiting(): Promise<readonly Transaction[]> {
    const names = await readdir(this.#folder('waiting')).catch(() => []);
    const found = await Promise.all(
      names
        .filter((name) => name.endsWith('.json'))
        .map((name) => readFile(path.join(this.#folder('waiting'), name), 'utf8').catch(() => undefined)),
    );
    const all = found.filter((each) => each !== undefined).map((each) => parseFile(transaction, each));
    const done = all.filter((each) => each.nonce < (this.#nonces.get(each.from) ?? 0));
    await this.#forget(done);
    return all.filter((each) => !done.includes(each)).toSorted((left, right) => left.nonce - right.nonce);
  }

  async #forget(gone: readonly Transaction[]): Promise<void> {
    await Promise.all(gone.map((each) => rm(this.#waitingFile(each), { force: true })));
  }

  async #nextNonce(from: string): Promise<number> {
    const taken = new Set((await this.#waiting()).filter((each) => each.from === from).map((each) => each.nonce));
    let nonce = this.#nonces.get(from) ?? 0;
    while (taken.has(nonce)) nonce += 1;
    return nonce;
  }

  /** Takes a signed transaction in. */
  async #take(raw: unknown): Promise<string> {
    const sent = await parseSent(raw);
    if (this.#mined.has(sent.hash)) throw new RpcRefusal(-32_000, 'already known');
    const mined = this.#nonces.get(sent.from) ?? 0;
    if (sent.nonce < mined) throw new RpcRefusal(-32_000, `nonce too low: next nonce ${String(mined)}, tx nonce ${String(sent.nonce)}`);
    if (sent.nonce > (await this.#nextNonce(sent.from))) throw new RpcRefusal(-32_000, `nonce too high: tx nonce ${String(sent.nonce)}`);
    const trouble = this.#options.trouble(sent.tokenIds);
    if (trouble === 'drop') return sent.hash;
    const notBeforeMs = typeof trouble === 'object' ? this.#options.clock.now().getTime() + trouble.holdMs : 0;
    const placed = await this.#place(this.#waitingFile(sent), JSON.stringify({ ...sent, notBeforeMs, reverts: trouble === 'revert' }));
    // Mined in the meantime by another process, the nonce is gone, and nobody would ever look at the file.
    await this.#catchUp();
    if (placed && (this.#mined.get(sent.hash) ?? sent.nonce >= (this.#nonces.get(sent.from) ?? 0))) return sent.hash;
    if (placed) await this.#forget([sent]);
    const other = (await this.#waiting()).find((each) => each.from === sent.from && each.nonce === sent.nonce);
    throw new RpcRefusal(-32_000, other?.hash === sent.hash ? 'already known' : 'replacement transaction underpriced');
  }

  #call(data: Hex): Hex {
    const called = parseContractCall(data);
    if (called?.name === 'tokenURI') return uriResult(this.#uris.get(called.tokenId) ?? '');
    this.#simulate(data);
    return '0x';
  }

  /** What the contract would do now: the tokens that it would reveal, or its refusal. */
  #simulate(data: Hex): readonly number[] {
    const called = parseContractCall(data);
    if (called?.name !== 'revealTokens') throw new RpcRefusal(3, 'execution reverted');
    if (called.tokenIds.length !== called.uris.length) throw new RpcRefusal(3, 'execution reverted', lengthsDiffer());
    const revealed = called.tokenIds.find((tokenId, index) => this.#uris.has(tokenId) || called.tokenIds.indexOf(tokenId) !== index);
    if (revealed !== undefined) throw new RpcRefusal(3, 'execution reverted', alreadyRevealed(revealed));
    return called.tokenIds;
  }

  /** Puts a whole file in a place where there is none; false when there is one. */
  async #place(file: string, body: string): Promise<boolean> {
    await mkdir(path.dirname(file), { recursive: true });
    const draft = `${file}.${randomUUID()}.part`;
    await writeFile(draft, body, { flush: true });
    try {
      await link(draft, file);
      return true;
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
      throw error;
    } finally {
      await rm(draft, { force: true });
    }
  }

  #folder(name: 'blocks' | 'waiting'): string {
    return path.join(this.#options.directory, name);
  }

  #blockFile(number: number): string {
    return path.join(this.#folder('blocks'), `${String(number).padStart(10, '0')}.json`);
  }

  #waitingFile(each: Pick<Transaction, 'from' | 'nonce'>): string {
    return path.join(this.#folder('waiting'), `${each.from}-${String(each.nonce)}.json`);
  }
}

function parseFile<S extends TSchema>(schema: S, body: string): Static<S> {
  const value: unknown = JSON.parse(body);
  if (!Check(schema, value)) throw refused(SERVICE, 'has a file in its folder that it did not write');
  return value;
}
