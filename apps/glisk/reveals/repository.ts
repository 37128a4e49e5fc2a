/** Where transactions that reveal tokens are found. */
import { sql } from 'keelson/schema';
import { repository } from 'keelson/work';
import { RevealTransaction } from './entity.ts';

const LIST_DEFAULT = 100;

export class RevealTransactionRepository extends repository(RevealTransaction) {
  getById(id: string): Promise<RevealTransaction | null> {
    return this.find({ id });
  }

  /** The newest transaction with a hash. */
  getByTxHash(txHash: string): Promise<RevealTransaction | null> {
    return this.find({ txHash }, { orderBy: '-id' });
  }

  /** The oldest first: keys are UUIDv7. At most 1,000 at once. */
  getByStatus(status: RevealTransaction['status'], limit = LIST_DEFAULT): Promise<RevealTransaction[]> {
    return this.list({ status }, { orderBy: 'id', limit });
  }

  /** Those under way that reveal any of these tokens, the oldest first. */
  listOpenOf(tokenIds: readonly string[]): Promise<RevealTransaction[]> {
    return this.select(sql`where status in ('pending', 'sent') and token_ids && ${tokenIds}::uuid[] order by id`);
  }

  /** Those that were not sent yet, the oldest first. */
  getPending(limit = LIST_DEFAULT): Promise<RevealTransaction[]> {
    return this.getByStatus('pending', limit);
  }
}
