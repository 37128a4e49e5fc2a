/** What the provider delivers, and what the contract says in its logs. */
import { KeelsonError } from 'keelson/errors';
import * as Type from 'typebox';
import { Check, Errors } from 'typebox/schema';

/** A delivery may be so large: about a thousand logs. */
export const DELIVERY_BYTES_MAX = 1_048_576;
/** More tokens no block of a chain can mint; more than this at once is no mint but a fault. */
const LOGS_MAX = 1_000;
const INTEGER_MAX = 2_147_483_647;
const DATA_CHARACTERS_MAX = 20_000;

const Hash = Type.String({ pattern: '^0x[0-9a-fA-F]{64}$' });

const Log = Type.Object({
  data: Type.String({ pattern: '^0x(?:[0-9a-fA-F]{2})*$', maxLength: DATA_CHARACTERS_MAX }),
  topics: Type.Array(Hash, { maxItems: 4 }),
  index: Type.Integer({ minimum: 0, maximum: INTEGER_MAX }),
  account: Type.Object({ address: Type.String({ pattern: '^0x[0-9a-fA-F]{40}$' }) }),
  transaction: Type.Object({ hash: Hash }),
  removed: Type.Optional(Type.Boolean()),
});

// A block without logs of ours comes as a sign of life, and then with nothing else in it.
const Block = Type.Object({
  number: Type.Optional(Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })),
  timestamp: Type.Optional(Type.Integer({ minimum: 0, maximum: 253_402_300_799 })),
  logs: Type.Array(Log, { maxItems: LOGS_MAX }),
});

/** @see https://www.alchemy.com/docs/reference/custom-webhook */
const Delivery = Type.Object({
  id: Type.String({ maxLength: 200 }),
  type: Type.Literal('GRAPHQL'),
  event: Type.Object({ data: Type.Object({ block: Block }) }),
});

/** A log of the contract, as it was delivered. */
export type ChainLog = Type.Static<typeof Log>;

/** A block of logs that was delivered. */
export interface Delivered {
  /** The provider's name of the delivery. */
  readonly id: string;
  readonly blockNumber: number;
  readonly blockTimestamp: Date;
  readonly logs: readonly ChainLog[];
}

/** What became of the logs of a delivery. */
export const Accepted = Type.Object(
  {
    accepted: Type.Integer({ minimum: 0, description: 'Logs that changed something.' }),
    duplicates: Type.Integer({ minimum: 0, description: 'Logs that were known before.' }),
    ignored: Type.Integer({ minimum: 0, description: 'Logs that mean nothing here: of other contracts, other events, or malformed.' }),
  },
  { $id: 'DeliveryAccepted' },
);

/**
 * Reads a delivery.
 *
 * @throws MALFORMED_REQUEST when it is no delivery of this kind, PAYLOAD_TOO_LARGE when it has too many logs
 */
export function parseDelivery(bytes: Buffer): Delivered {
  const given = parseJson(bytes);
  if (logCount(given) > LOGS_MAX) throw new KeelsonError('PAYLOAD_TOO_LARGE', { message: `A delivery has at most ${LOGS_MAX} logs.` });
  if (!Check(Delivery, given)) {
    const [, [first]] = Errors(Delivery, given);
    throw malformed(`The delivery does not fit: ${first?.instancePath ?? ''} ${first?.message ?? 'is not as it must be'}.`);
  }
  const { number, timestamp, logs } = given.event.data.block;
  if (logs.length > 0 && (number === undefined || timestamp === undefined)) {
    throw malformed('The delivery does not fit: a block with logs needs its number and timestamp.');
  }
  return { id: given.id, blockNumber: number ?? 0, blockTimestamp: new Date((timestamp ?? 0) * 1_000), logs };
}

/** The tokens that a log says were minted, one after another. */
export interface Minted {
  readonly kind: 'minted';
  readonly minter: string;
  readonly author: string;
  readonly firstTokenId: number;
  readonly quantity: number;
}

/** The prompt that an author has written. */
export interface PromptSet {
  readonly kind: 'prompt';
  readonly author: string;
  readonly prompt: string;
}

/** A log that means nothing here, and why. */
export interface Meaningless {
  readonly kind: 'meaningless';
  readonly reason: string;
}

/** The topics are the hashes of the events' signatures; a test computes them anew. */
export const topics = {
  /** `BatchMinted(address indexed minter, address indexed promptAuthor, uint256 indexed startTokenId, uint256 quantity, uint256 totalPaid)` */
  batchMinted: '0x20c0d4a5bab7118059cf1d2fd0403c4f29a05e446d435b347f90b80778374c54',
  /** `PromptSet(address indexed promptAuthor, string prompt)` */
  promptSet: '0x9837b24d449ec8303f82406c9322c6966a12c46a68ff5311215d2d7d9b2f088b',
} as const;

/** One log mints so many at the most. */
const QUANTITY_MAX = 1_000n;
const PROMPT_CHARACTERS = { min: 10, max: 500 } as const;
const WORD_DIGITS = 64;
const WORD_BYTES = 32n;

/** What a log of the contract says. Nothing is thrown: what a chain has written stays written, however often it is sent. */
export function readLog({ topics: [topic, ...indexed], data }: Pick<ChainLog, 'topics' | 'data'>): Meaningless | Minted | PromptSet {
  const event = topic?.toLowerCase();
  if (event === topics.batchMinted) return readMinted(indexed, data);
  if (event === topics.promptSet) return readPrompt(indexed, data);
  return meaningless('unknown_event');
}

function readMinted([minter, author, start]: readonly string[], data: string): Meaningless | Minted {
  const quantity = wordAt(data, 0);
  if (minter === undefined || author === undefined || start === undefined || quantity === undefined) return meaningless('malformed_log');
  const first = BigInt(start);
  if (quantity < 1n || quantity > QUANTITY_MAX) return meaningless('quantity_out_of_range');
  if (first + quantity - 1n > BigInt(INTEGER_MAX)) return meaningless('token_id_out_of_range');
  return { kind: 'minted', minter: addressIn(minter), author: addressIn(author), firstTokenId: Number(first), quantity: Number(quantity) };
}

function readPrompt([author]: readonly string[], data: string): Meaningless | PromptSet {
  const text = textAt(data, 0);
  if (author === undefined || text === undefined) return meaningless('malformed_log');
  const prompt = text.trim();
  // PostgreSQL counts characters as code points; it cannot keep NUL.
  const length = [...prompt].length;
  if (length < PROMPT_CHARACTERS.min || length > PROMPT_CHARACTERS.max || prompt.includes('\0')) return meaningless('prompt_unfit');
  return { kind: 'prompt', author: addressIn(author), prompt };
}

/** The text whose place the word says: its length in bytes, and then its UTF-8. @see https://docs.soliditylang.org/en/latest/abi-spec.html */
function textAt(data: string, word: number): string | undefined {
  const place = wordAt(data, word);
  if (place === undefined || place % WORD_BYTES !== 0n || place > BigInt(DATA_CHARACTERS_MAX)) return undefined;
  const at = Number(place / WORD_BYTES);
  const lengthBytes = wordAt(data, at);
  if (lengthBytes === undefined || lengthBytes > BigInt(DATA_CHARACTERS_MAX)) return undefined;
  const begin = 2 + (at + 1) * WORD_DIGITS;
  const bytes = Buffer.from(data.slice(begin, begin + 2 * Number(lengthBytes)), 'hex');
  if (bytes.length !== Number(lengthBytes)) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function wordAt(data: string, word: number): bigint | undefined {
  const digits = data.slice(2 + word * WORD_DIGITS, 2 + (word + 1) * WORD_DIGITS);
  return digits.length === WORD_DIGITS ? BigInt(`0x${digits}`) : undefined;
}

function addressIn(topic: string): string {
  return `0x${topic.slice(-40).toLowerCase()}`;
}

function meaningless(reason: string): Meaningless {
  return { kind: 'meaningless', reason };
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown;
  } catch (error) {
    throw malformed('The delivery is not JSON.', error);
  }
}

/** Looked at first, so that what is too much is said to be too much. */
function logCount(given: unknown): number {
  let value = given;
  for (const key of ['event', 'data', 'block', 'logs']) value = memberOf(value, key);
  return Array.isArray(value) ? value.length : 0;
}

function memberOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? Object.entries(value).find(([name]) => name === key)?.[1] : undefined;
}

function malformed(message: string, cause?: unknown): KeelsonError {
  return new KeelsonError('MALFORMED_REQUEST', { message, cause });
}
