/** Where transactions that reveal tokens are found. */
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

  /** Those that were not sent yet, the oldest first. */
  getPending(limit = LIST_DEFAULT): Promise<RevealTransaction[]> {
    return this.getByStatus('pending', limit);
  }
}
