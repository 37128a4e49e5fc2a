/** What the chain tells: mints become tokens, each once, and authors get their prompts. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { KeelsonError } from 'keelson/errors';
import type { Log } from 'keelson/log';
import { sql } from 'keelson/schema';
import type { Database, Unit } from 'keelson/work';
import { Author } from '../authors/entity.ts';
import type { Repositories } from '../model.ts';
import { Token } from '../tokens/entity.ts';
import { MintEvent } from './entity.ts';
import { type ChainLog, type Delivered, type Minted, type PromptSet, readLog } from './schema.ts';

/** What mints are taken by. */
export interface MintParts {
  readonly database: Database<Repositories>;
  /** The signing key of the webhook. */
  readonly secret: string;
  /** Logs of any other contract mean nothing here. */
  readonly contract: string;
}

/** What became of the logs of a delivery. */
export interface Outcome {
  accepted: number;
  duplicates: number;
  ignored: number;
}

interface Place {
  readonly txHash: string;
  readonly logIndex: number;
  readonly blockNumber: number;
  readonly at: Date;
}

interface Told<E> {
  readonly place: Place;
  readonly event: E;
}

interface Sorted {
  readonly minted: Told<Minted>[];
  readonly removed: Told<Minted>[];
  readonly prompts: Told<PromptSet>[];
  ignored: number;
}

interface Taking {
  readonly unit: Unit<Repositories>;
  readonly outcome: Outcome;
  readonly log: Log;
}

const SIGNATURE = /^[0-9a-fA-F]{64}$/u;
/** No block can hold so many mints. */
const TOKENS_MAX = 10_000;
const LIST_MAX = 1_000;
/** Any number that no one else locks. */
const INTAKE_LOCK = 6_711_547_114;
/** What authors are given whose prompt has not come: a mint is never dropped. */
const PROMPT_UNKNOWN = 'A quiet landscape in soft light, drawn for somebody who has said nothing yet.';
/** The code by which a token is known whose mint the chain took back. */
const MINT_REMOVED = 'MINT_REMOVED';

export class MintService {
  readonly #parts: MintParts;

  constructor(parts: MintParts) {
    this.#parts = { ...parts, contract: parts.contract.toLowerCase() };
  }

  /**
   * Lets bytes pass that were signed with the webhook's key.
   *
   * @throws UNAUTHENTICATED for any others
   */
  verify(bytes: Buffer, signature: string): void {
    const expected = createHmac('sha256', this.#parts.secret).update(bytes).digest();
    if (SIGNATURE.test(signature) && timingSafeEqual(Buffer.from(signature, 'hex'), expected)) return;
    throw new KeelsonError('UNAUTHENTICATED', {
      message: 'The signature is not that of these bytes.',
      hint: 'Sign the body as it is sent, with the key in ALCHEMY_WEBHOOK_SECRET.',
    });
  }

  /**
   * Takes a delivery, whole or not at all. What it says may be said again: it is done once.
   *
   * @throws PAYLOAD_TOO_LARGE when it mints more tokens than any block can
   */
  async take(delivery: Delivered, log: Log): Promise<Outcome> {
    const sorted = this.#sort(delivery, log);
    const { minted, removed, prompts, ignored } = sorted;
    const tokens = minted.reduce((sum, { event }) => sum + event.quantity, 0);
    if (tokens > TOKENS_MAX) throw new KeelsonError('PAYLOAD_TOO_LARGE', { message: `A delivery mints at most ${TOKENS_MAX} tokens.` });
    const outcome: Outcome = { accepted: 0, duplicates: 0, ignored };
    if (minted.length + removed.length + prompts.length === 0) return outcome;
    return this.#parts.database.work(
      async (unit) => {
        // One delivery after another: two that tell the same would otherwise both find it new.
        await unit.sql(sql`select pg_advisory_xact_lock(${INTAKE_LOCK}::bigint)`);
        const fresh: Outcome = { ...outcome };
        const taking: Taking = { unit, outcome: fresh, log };
        for (const told of removed) await takeBack(taking, told);
        for (const told of prompts) await takePrompt(taking, told);
        await unit.flush();
        await takeMints(taking, minted);
        return fresh;
      },
      { name: 'mints.take' },
    );
  }

  #sort({ id, logs, blockNumber, blockTimestamp }: Delivered, log: Log): Sorted {
    const sorted: Sorted = { minted: [], removed: [], prompts: [], ignored: 0 };
    for (const given of logs) {
      const place: Place = {
        txHash: given.transaction.hash.toLowerCase(),
        logIndex: given.index,
        blockNumber,
        at: blockTimestamp,
      };
      const reason = this.#place(sorted, place, given);
      if (reason === undefined) continue;
      sorted.ignored += 1;
      log.warn('webhook.log_ignored', { delivery: id, reason, tx_hash: place.txHash, log_index: place.logIndex });
    }
    return sorted;
  }

  /** Puts a log where it belongs, or gives the reason why it belongs nowhere. */
  #place(sorted: Sorted, place: Place, given: ChainLog): string | undefined {
    if (given.account.address.toLowerCase() !== this.#parts.contract) return 'unknown_contract';
    const event = readLog(given);
    if (event.kind === 'meaningless') return event.reason;
    if (event.kind === 'minted') (given.removed === true ? sorted.removed : sorted.minted).push({ place, event });
    else if (given.removed === true) return 'prompt_removed';
    else sorted.prompts.push({ place, event });
    return undefined;
  }
}

/** The chain took a mint back: its tokens that nobody has begun are given up; what is under way is left to its reveal, which will fail. */
async function takeBack({ unit, outcome, log }: Taking, { place, event }: Told<Minted>): Promise<void> {
  const known = await unit.mintEvents.find({ txHash: place.txHash, logIndex: place.logIndex });
  if (known === null) {
    outcome.ignored += 1;
    log.warn('webhook.log_ignored', { reason: 'removed_and_unknown', tx_hash: place.txHash, log_index: place.logIndex });
    return;
  }
  unit.mintEvents.remove(known);
  outcome.accepted += 1;
  const range = { gte: event.firstTokenId, lt: event.firstTokenId + event.quantity };
  for (const token of await unit.tokens.list({ tokenId: range }, { limit: LIST_MAX })) {
    if (token.status !== 'detected' && token.status !== 'failed')
      log.warn('mint.removed_late', { token_id: token.tokenId, status: token.status });
    if (token.status !== 'detected') continue;
    token.markFailed({ code: MINT_REMOVED, message: 'The chain took the mint back.' });
  }
}

/** The newest prompt holds, in the order of the chain and not of the deliveries. */
async function takePrompt({ unit, outcome }: Taking, { place, event }: Told<PromptSet>): Promise<void> {
  const key = `prompt_${event.author}`;
  const seen = parsePosition(await unit.systemState.getState(key));
  const position = [place.blockNumber, place.logIndex] as const;
  if (seen !== undefined && (seen[0] > position[0] || (seen[0] === position[0] && seen[1] >= position[1]))) {
    outcome.duplicates += 1;
    return;
  }
  await unit.systemState.setState(key, position);
  const author = await unit.authors.getByWallet(event.author);
  if (author === null) unit.authors.add(new Author({ walletAddress: event.author, promptText: event.prompt }));
  else author.promptText = event.prompt;
  // The next prompt of this delivery may be of the same author.
  await unit.flush();
  outcome.accepted += 1;
}

async function takeMints(taking: Taking, told: readonly Told<Minted>[]): Promise<void> {
  const fresh = await unknownOf(taking, told);
  if (fresh.length === 0) return;
  const { unit, outcome, log } = taking;
  const authors = await authorsOf(unit, new Set(fresh.map(({ event }) => event.author)));
  const known = await tokensOf(
    unit,
    fresh.flatMap(({ event }) => idsOf(event)),
  );
  for (const { place, event } of fresh) {
    const { txHash, logIndex, blockNumber, at } = place;
    unit.mintEvents.add(new MintEvent({ txHash, logIndex, blockNumber, blockTimestamp: at, tokenId: event.firstTokenId }));
    const authorId = authors.get(event.author) ?? '';
    for (const tokenId of idsOf(event)) {
      const token = known.get(tokenId);
      if (token === undefined) {
        const added = new Token({ tokenId, authorId, minterAddress: event.minter, mintTimestamp: at });
        known.set(tokenId, unit.tokens.add(added));
      } else if (token.status === 'failed' && token.errorData?.['code'] === MINT_REMOVED) {
        token.retry();
        Object.assign(token, { authorId, minterAddress: event.minter, mintTimestamp: at });
      } else log.warn('mint.token_known', { token_id: tokenId, tx_hash: txHash });
    }
    outcome.accepted += 1;
  }
}

/** The logs that were never seen, each once. */
async function unknownOf({ unit, outcome }: Taking, told: readonly Told<Minted>[]): Promise<Told<Minted>[]> {
  if (told.length === 0) return [];
  const rows = await unit.mintEvents.listKnown(told.map(({ place }) => place));
  const seen = new Set(rows.map(({ txHash, logIndex }) => `${txHash}/${logIndex}`));
  return told.filter(({ place }) => {
    const name = `${place.txHash}/${place.logIndex}`;
    if (seen.has(name)) outcome.duplicates += 1;
    else {
      seen.add(name);
      return true;
    }
    return false;
  });
}

/** The keys of authors by their wallets; those who are not known yet are added. */
async function authorsOf(unit: Unit<Repositories>, wallets: ReadonlySet<string>): Promise<Map<string, string>> {
  const known = await unit.authors.listByWallets([...wallets]);
  const ids = new Map(known.map(({ walletAddress, id }) => [walletAddress.toLowerCase(), id]));
  for (const walletAddress of wallets) {
    if (ids.has(walletAddress)) continue;
    ids.set(walletAddress, unit.authors.add(new Author({ walletAddress, promptText: PROMPT_UNKNOWN })).id);
  }
  return ids;
}

/** The tokens that are there already, by their numbers. */
async function tokensOf(unit: Unit<Repositories>, tokenIds: readonly number[]): Promise<Map<number, Token>> {
  const known = new Map<number, Token>();
  for (let at = 0; at < tokenIds.length; at += LIST_MAX) {
    const some = await unit.tokens.list({ tokenId: tokenIds.slice(at, at + LIST_MAX) }, { limit: LIST_MAX });
    for (const token of some) known.set(token.tokenId, token);
  }
  return known;
}

function idsOf({ firstTokenId, quantity }: Minted): number[] {
  return Array.from({ length: quantity }, (_, at) => firstTokenId + at);
}

function parsePosition(value: unknown): readonly [number, number] | undefined {
  return Array.isArray(value) ? [Number(value[0]), Number(value[1])] : undefined;
}
