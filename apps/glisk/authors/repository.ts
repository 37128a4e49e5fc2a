/** Where authors are found. */
import { sql } from 'keelson/schema';
import { repository } from 'keelson/work';
import { Author } from './entity.ts';

const LIST_DEFAULT = 100;

export class AuthorRepository extends repository(Author) {
  getById(id: string): Promise<Author | null> {
    return this.find({ id });
  }

  /** The author of a wallet in any case, by the index that keeps it unique. */
  async getByWallet(walletAddress: string): Promise<Author | null> {
    const [author] = await this.select(sql`where lower(wallet_address) = lower(${walletAddress})`);
    return author ?? null;
  }

  /** The authors of wallets, in any case. */
  listByWallets(wallets: readonly string[]): Promise<Author[]> {
    const lowered = wallets.map((wallet) => wallet.toLowerCase());
    return this.select(sql`where lower(wallet_address) = any(${lowered}::text[])`);
  }

  /** The newest first: keys are UUIDv7, so that their order is that of time. At most 1,000 at once. */
  listAll({ limit = LIST_DEFAULT, offset = 0 }: { readonly limit?: number; readonly offset?: number } = {}): Promise<Author[]> {
    return this.list({}, { orderBy: '-id', limit, offset });
  }
}
