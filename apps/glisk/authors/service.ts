/** What is known of authors. */
import { KeelsonError } from 'keelson/errors';
import type { Database } from 'keelson/work';
import type { Repositories } from '../model.ts';
import type { Author } from './entity.ts';

export class AuthorService {
  readonly #database: Database<Repositories>;

  constructor(database: Database<Repositories>) {
    this.#database = database;
  }

  /**
   * The author of a wallet, in any case.
   *
   * @throws NOT_FOUND
   */
  async getByWallet(walletAddress: string): Promise<Author> {
    const author = await this.#database.work(({ authors }) => authors.getByWallet(walletAddress), { name: 'authors.getByWallet' });
    if (author !== null) return author;
    throw new KeelsonError('NOT_FOUND', { message: `There is no author with the wallet ${walletAddress}.` });
  }
}
