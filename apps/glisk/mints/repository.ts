/** Where mints are found, and known to have been seen. */
import { type Filter, repository } from 'keelson/work';
import { MintEvent } from './entity.ts';

const LIST_DEFAULT = 100;

export class MintEventRepository extends repository(MintEvent) {
  override exists(filter: Filter<MintEvent>): Promise<boolean>;
  /** Whether a log of the chain has been seen before. */
  override exists(txHash: string, logIndex: number): Promise<boolean>;
  override exists(given: Filter<MintEvent> | string, logIndex = 0): Promise<boolean> {
    return super.exists(typeof given === 'string' ? { txHash: given, logIndex } : given);
  }

  /** The mints of some blocks, both ends included, by block and log; at most 1,000 at once. */
  getByBlockRange(from: number, to: number, limit = LIST_DEFAULT): Promise<MintEvent[]> {
    return this.list({ blockNumber: { gte: from, lte: to } }, { orderBy: ['blockNumber', 'logIndex', 'id'], limit });
  }
}
