/** Where tokens are found, and claimed by whoever works on them inside one transaction. */
import { repository } from 'keelson/work';
import { Token } from './entity.ts';

const CLAIM_DEFAULT = 10;
const LIST_DEFAULT = 100;

/** How many rows, and from where on; at most 1,000 at once. */
export interface Slice {
  readonly limit?: number;
  readonly offset?: number;
}

export class TokenRepository extends repository(Token) {
  getById(id: string): Promise<Token | null> {
    return this.find({ id });
  }

  getByTokenId(tokenId: number): Promise<Token | null> {
    return this.find({ tokenId });
  }

  /** The oldest mints that wait for a picture, locked until the transaction ends. */
  getPendingForGeneration(limit = CLAIM_DEFAULT): Promise<Token[]> {
    return this.#claimOldest('detected', limit);
  }

  /** The oldest mints whose picture waits for its upload, locked until the transaction ends. */
  getPendingForUpload(limit = CLAIM_DEFAULT): Promise<Token[]> {
    return this.#claimOldest('uploading', limit);
  }

  /** The oldest mints that wait for their reveal, locked until the transaction ends. */
  getReadyForReveal(limit = CLAIM_DEFAULT): Promise<Token[]> {
    return this.#claimOldest('ready', limit);
  }

  /** The newest mints first. */
  getByAuthor(authorId: string, { limit = LIST_DEFAULT, offset = 0 }: Slice = {}): Promise<Token[]> {
    return this.list({ authorId }, { orderBy: ['-mintTimestamp', '-id'], limit, offset });
  }

  /** The oldest mints first, as they are worked on. */
  getByStatus(status: Token['status'], { limit = LIST_DEFAULT, offset = 0 }: Slice = {}): Promise<Token[]> {
    return this.list({ status }, { orderBy: 'mintTimestamp', limit, offset });
  }

  // SKIP LOCKED gives each caller other rows; those that a worker holds by a lease are no longer locked, but taken all the same.
  #claimOldest(status: Token['status'], limit: number): Promise<Token[]> {
    return this.claim({ status, leaseOwner: null }, { orderBy: 'mintTimestamp', limit });
  }
}
