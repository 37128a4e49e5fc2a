/** Uploads: the picture of a token, then the metadata that points to it, each under its CID. */
import type { Clock } from 'keelson/clock';
import { KeelsonError } from 'keelson/errors';
import type { Database, PlainRow } from 'keelson/work';
import type { Author } from '../authors/entity.ts';
import type { PictureStore } from '../images/schema.ts';
import type { Repositories } from '../model.ts';
import type { Token } from '../tokens/entity.ts';
import { IpfsUploadRecord } from './entity.ts';
import type { Content, ContentCall, ContentStore } from './schema.ts';

/** What uploads are made with. */
export interface UploadParts {
  readonly database: Database<Repositories>;
  readonly pictures: PictureStore;
  readonly contents: ContentStore;
  readonly clock: Pick<Clock, 'now'>;
}

/** What was uploaded of a token. */
export interface Uploaded {
  readonly imageCid: string;
  readonly metadataCid: string;
}

interface Source {
  readonly author: PlainRow<Author>;
  readonly imagePath: string;
  /** The job that drew the picture: what was uploaded before it was made is of an older one. */
  readonly jobId: string;
}

interface Put {
  readonly token: Token;
  readonly recordType: IpfsUploadRecord['recordType'];
  readonly jobId: string;
  readonly content: () => Content | Promise<Content>;
}

export class UploadService {
  readonly #parts: UploadParts;

  constructor(parts: UploadParts) {
    this.#parts = parts;
  }

  /**
   * Uploads the picture and the metadata of a token. The same content has the same CID, so that doing it twice changes nothing.
   *
   * @throws OUTSIDE_UNAVAILABLE, OUTSIDE_REFUSED
   */
  async upload(token: Token, call: ContentCall): Promise<Uploaded> {
    const { author, imagePath, jobId } = await this.#source(token);
    const imageCid = await this.#put({ token, recordType: 'image', jobId, content: () => this.#picture(token, imagePath) }, call);
    const metadata = JSON.stringify(metadataOf(token, author, imageCid));
    const content = (): Content => ({
      bytes: Buffer.from(metadata),
      name: `glisk-${token.tokenId}.json`,
      mediaType: 'application/json',
    });
    const metadataCid = await this.#put({ token, recordType: 'metadata', jobId, content }, call);
    return { imageCid, metadataCid };
  }

  #source(token: Token): Promise<Source> {
    return this.#parts.database.read(async ({ authors, imageJobs }) => {
      const [author, job] = await Promise.all([
        authors.get(token.authorId),
        imageJobs.find({ tokenId: token.id, status: 'completed' }, { orderBy: '-id' }),
      ]);
      if (job === null || job.imagePath === null) {
        throw new KeelsonError('WORK_REFUSED', { message: 'No picture was drawn for this token.', hint: 'Retry the token.' });
      }
      return { author, imagePath: job.imagePath, jobId: job.id };
    });
  }

  async #picture(token: Token, imagePath: string): Promise<Content> {
    const { bytes, mediaType } = await this.#parts.pictures.read(imagePath);
    return { bytes, mediaType, name: `glisk-${token.tokenId}.${mediaType.slice(mediaType.indexOf('/') + 1)}` };
  }

  /** Uploads one thing, unless an earlier attempt has; gives its CID. */
  async #put(put: Put, call: ContentCall): Promise<string> {
    const begun = await this.#begin(put);
    if (begun.cid !== null) return begun.cid;
    const { cid } = await this.#parts.contents.put(await put.content(), call);
    await this.#parts.database.work(
      async ({ ipfsRecords }) => {
        const record = await ipfsRecords.get(begun.recordId, { lock: true });
        if (isOpen(record)) record.markCompleted(cid, this.#parts.clock.now());
      },
      { name: 'ipfs.complete' },
    );
    return cid;
  }

  #begin({ token, recordType, jobId }: Put): Promise<{ readonly recordId: string; readonly cid: string | null }> {
    return this.#parts.database.work(
      async ({ ipfsRecords }) => {
        const [latest] = await ipfsRecords.getByToken(token.id, recordType, 1);
        // Keys are in the order of time: a record that is older than the job is of another picture.
        if (latest === undefined || latest.id < jobId || latest.status === 'failed') {
          const { id } = ipfsRecords.add(new IpfsUploadRecord({ tokenId: token.id, recordType, status: 'uploading' }));
          return { recordId: id, cid: null };
        }
        if (latest.status === 'completed') return { recordId: latest.id, cid: latest.cid };
        if (latest.status === 'uploading') latest.retry();
        latest.markUploading();
        return { recordId: latest.id, cid: null };
      },
      { name: 'ipfs.begin' },
    );
  }
}

/** Whether an upload may still end well. */
export function isOpen({ status }: Pick<IpfsUploadRecord, 'status'>): boolean {
  return status === 'pending' || status === 'uploading';
}

/** The metadata of a token. @see https://eips.ethereum.org/EIPS/eip-721 */
function metadataOf(token: Token, author: PlainRow<Author>, imageCid: string): object {
  return {
    name: `GLISK #${token.tokenId}`,
    description: author.promptText,
    image: `ipfs://${imageCid}`,
    attributes: [{ trait_type: 'Author', value: author.walletAddress }],
  };
}
