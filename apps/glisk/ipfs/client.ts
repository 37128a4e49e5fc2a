/** Pinata: content that is kept in IPFS by that service, over its HTTP API. */
import { createHash } from 'node:crypto';
import { CID } from 'multiformats/cid';
import * as raw from 'multiformats/codecs/raw';
import { sha256 } from 'multiformats/hashes/sha2';
import * as Type from 'typebox';
import { callOutside, parseAnswer, refused, unavailable } from '../outside.ts';
import type { Content, ContentCall, ContentStore, StoredContent } from './schema.ts';

/** How Pinata is reached. */
export interface PinataOptions {
  readonly jwt: string;
  readonly uploadUrl?: string;
  /** The gateway that content is read from. */
  readonly gatewayUrl?: string;
  /** For a whole call, bytes included. */
  readonly timeoutMs?: number;
}

const SERVICE = 'Pinata';
const ANSWER_MAX_BYTES = 1_048_576;
const CONTENT_MAX_BYTES = 67_108_864;
const NAME_MAX = 50;

const upload = Type.Object({ data: Type.Object({ cid: Type.String({ maxLength: 128 }), size: Type.Optional(Type.Number()) }) });

/** Stores content at Pinata, on the public network. @see https://docs.pinata.cloud/api-reference/endpoint/upload-a-file */
export class PinataContents implements ContentStore {
  readonly service = 'pinata';
  readonly #options: Required<PinataOptions>;

  constructor(options: PinataOptions) {
    this.#options = {
      uploadUrl: 'https://uploads.pinata.cloud',
      gatewayUrl: 'https://gateway.pinata.cloud',
      timeoutMs: 60_000,
      ...options,
    };
  }

  async put(content: Content, call: ContentCall): Promise<StoredContent> {
    if (content.bytes.byteLength > CONTENT_MAX_BYTES)
      throw refused(SERVICE, `is given no more than ${String(CONTENT_MAX_BYTES)} bytes at once`);
    const body = new FormData();
    // The file's own name would come from a prompt: what Pinata shows is the name beside it, in plain letters.
    const name = content.name.replaceAll(/[^\w.-]/gu, '_').slice(0, NAME_MAX);
    body.set('network', 'public');
    body.set('name', name);
    body.set('file', new Blob([Uint8Array.from(content.bytes)], { type: content.mediaType }), name);
    const answer = await callOutside({
      service: SERVICE,
      url: new URL('/v3/files', this.#options.uploadUrl),
      method: 'POST',
      headers: { authorization: `Bearer ${this.#options.jwt}` },
      body,
      signal: call.signal,
      timeoutMs: this.#options.timeoutMs,
      sizeMaxBytes: ANSWER_MAX_BYTES,
    });
    const { data } = parseAnswer(SERVICE, upload, answer.bytes);
    const cid = parseCid(data.cid);
    if (cid === undefined) throw unavailable(SERVICE, 'answered with what is no CIDv1');
    if (!fits(cid, content.bytes)) throw unavailable(SERVICE, `stored other bytes than it was given: ${cid.toString()} is not their CID`);
    return { cid: cid.toString(), sizeBytes: content.bytes.byteLength };
  }

  async get(text: string, call: ContentCall): Promise<Uint8Array> {
    const cid = parseCid(text);
    if (cid === undefined) throw refused(SERVICE, 'is asked for CIDs of version 1, and this is none');
    const { bytes } = await callOutside({
      service: SERVICE,
      url: new URL(`/ipfs/${cid.toString()}`, this.#options.gatewayUrl),
      signal: call.signal,
      timeoutMs: this.#options.timeoutMs,
      sizeMaxBytes: CONTENT_MAX_BYTES,
    });
    if (!fits(cid, bytes)) throw unavailable(SERVICE, `gave other bytes for ${cid.toString()} than its own`);
    return bytes;
  }
}

function parseCid(text: string): CID | undefined {
  try {
    const cid = CID.parse(text);
    return cid.version === 1 ? cid : undefined;
  } catch {
    // Text that is no CID: who asks says whose fault that is.
    return undefined;
  }
}

/**
 * Whether bytes can be those of a CID. Content of one block names their SHA-256, which is checked; the CID of larger content depends
 * on how the store cut it into blocks, which Pinata does not say, so that it is taken as given.
 */
function fits(cid: CID, bytes: Uint8Array): boolean {
  if (cid.code !== raw.code || cid.multihash.code !== sha256.code) return true;
  return Buffer.from(cid.multihash.digest).equals(createHash('sha256').update(bytes).digest());
}
