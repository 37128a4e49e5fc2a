/** Deliveries as the provider sends them: blocks of logs that a contract wrote, signed. */
import { createHmac } from 'node:crypto';
import type { Hex } from 'viem';
import { encodeAbiParameters, encodeEventTopics, keccak256, numberToHex, pad, parseAbi, toHex } from 'viem/utils';
import { localContractAddress } from '../reveals/schema.ts';

/** The events of the contract, as its source has them. */
export const contractEvents = parseAbi([
  'event BatchMinted(address indexed minter, address indexed promptAuthor, uint256 indexed startTokenId, uint256 quantity, uint256 totalPaid)',
  'event PromptSet(address indexed promptAuthor, string prompt)',
]);

/** The contract whose logs the tests deliver. */
const contract = localContractAddress;

/** A log of a block, as it is delivered. */
export interface DeliveredLog {
  readonly data: string;
  readonly topics: readonly string[];
  readonly index: number;
  readonly account: { readonly address: string };
  readonly transaction: { readonly hash: string };
  readonly removed?: boolean;
}

/** An address made of a number. */
export function wallet(number: number): Hex {
  return pad(numberToHex(number), { size: 20 });
}

/** A mint of some tokens. */
export interface Mint {
  readonly first: number | bigint;
  readonly quantity: number | bigint;
  readonly author?: Hex;
  readonly minter?: Hex;
}

/** The log of a mint. */
export function mintLog(
  { first, quantity, author = wallet(1), minter = wallet(2) }: Mint,
  other: Partial<DeliveredLog> = {},
): DeliveredLog {
  const args = { minter, promptAuthor: author, startTokenId: BigInt(first) };
  const topics = encodeEventTopics({ abi: contractEvents, eventName: 'BatchMinted', args });
  const data = encodeAbiParameters([{ type: 'uint256' }, { type: 'uint256' }], [BigInt(quantity), 10n ** 17n]);
  return logOf({ topics: topics.map(String), data, place: `mint ${first}` }, other);
}

/** The log of an author's prompt. */
export function promptLog(author: Hex, prompt: string, other: Partial<DeliveredLog> = {}): DeliveredLog {
  const topics = encodeEventTopics({ abi: contractEvents, eventName: 'PromptSet', args: { promptAuthor: author } });
  const data = encodeAbiParameters([{ type: 'string' }], [prompt]);
  return logOf({ topics: topics.map(String), data, place: `prompt ${author} ${prompt.slice(0, 40)}` }, other);
}

interface Said {
  readonly topics: readonly string[];
  readonly data: string;
  readonly place: string;
}

function logOf({ topics, data, place }: Said, other: Partial<DeliveredLog>): DeliveredLog {
  return { data, topics, index: 0, account: { address: contract }, transaction: { hash: keccak256(toHex(place)) }, ...other };
}

/** A block of logs as it is delivered. @see https://www.alchemy.com/docs/reference/custom-webhook */
export function delivery(logs: readonly unknown[], { number = 100, timestamp = 1_760_000_000 } = {}): string {
  const block = { hash: keccak256(toHex(String(number))), number, timestamp, logs };
  return JSON.stringify({
    webhookId: 'wh_1',
    id: `whevt_${number}`,
    createdAt: '2026-11-20T12:00:00.000Z',
    type: 'GRAPHQL',
    event: { data: { block }, sequenceNumber: String(number) },
  });
}

/** The signature of a body, in hexadecimal digits. */
export function sign(body: string | Buffer, secret: string): string {
  return createHmac('sha256', secret).update(body).digest('hex');
}
