/** The embedded stand-in for a store of content: a folder, in which content lies under its real CIDv1. */
import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { CID } from 'multiformats/cid';
import { refused } from '../outside.ts';
import type { Content, ContentCall, ContentStore, StoredContent } from './schema.ts';

const SERVICE = 'The embedded store of content';

/** Stores content on this machine, for all processes that see the folder. */
export class LocalContents implements ContentStore {
  readonly service = 'local';
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async put(content: Content, call: ContentCall): Promise<StoredContent> {
    call.signal.throwIfAborted();
    const cid = await cidOf(content.bytes);
    call.signal.throwIfAborted();
    await mkdir(this.#directory, { recursive: true });
    // Under another name first: whoever reads sees the whole content or none, also when this process dies here.
    const draft = path.join(this.#directory, `${randomUUID()}.part`);
    await writeFile(draft, content.bytes, { flush: true });
    await rename(draft, path.join(this.#directory, cid));
    return { cid, sizeBytes: content.bytes.byteLength };
  }

  async get(cid: string, call: ContentCall): Promise<Uint8Array> {
    call.signal.throwIfAborted();
    const name = parseCid(cid);
    let bytes: Uint8Array;
    try {
      bytes = await readFile(path.join(this.#directory, name), { signal: call.signal });
    } catch (error) {
      call.signal.throwIfAborted();
      throw refused(SERVICE, `does not have ${name}`, error);
    }
    if ((await cidOf(bytes)) !== name) throw refused(SERVICE, `has other bytes under ${name} than its own`);
    return bytes;
  }
}

/**
 * The CIDv1 of bytes as a file: raw leaves of 1 MiB, 1,024 links a node, so that whoever adds the same bytes by this profile gets the same.
 *
 * @see https://specs.ipfs.tech/ipips/ipip-0499/
 */
export async function cidOf(bytes: Uint8Array): Promise<string> {
  // Loaded when the first content comes: it takes longer to load than the rest of a process that only serves.
  const [{ importBytes }, { BlackHoleBlockstore }] = await Promise.all([
    import('ipfs-unixfs-importer'),
    import('blockstore-core/black-hole'),
  ]);
  const { cid } = await importBytes(bytes, new BlackHoleBlockstore(), { profile: 'unixfs-v1-2025' });
  return cid.toString();
}

/** A CID in its one written form, which is safe as the name of a file. */
function parseCid(text: string): string {
  try {
    const cid = CID.parse(text);
    if (cid.version === 1) return cid.toString();
  } catch (error) {
    throw refused(SERVICE, 'takes CIDs of version 1, and this is none', error);
  }
  throw refused(SERVICE, 'takes CIDs of version 1, and this is one of version 0');
}
