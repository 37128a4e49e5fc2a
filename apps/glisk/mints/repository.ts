/** Where mints are found, and known to have been seen. */
import { sql } from 'keelson/schema';
import { type Filter, repository } from 'keelson/work';
import { MintEvent } from './entity.ts';

const LIST_DEFAULT = 100;

/** The place of a log in the chain: no two have the same. */
export interface LogPlace {
  readonly txHash: string;
  readonly logIndex: number;
}

export class MintEventRepository extends repository(MintEvent) {
  override exists(filter: Filter<MintEvent>): Promise<boolean>;
  /** Whether a log of the chain has been seen before. */
  override exists(txHash: string, logIndex: number): Promise<boolean>;
  override exists(given: Filter<MintEvent> | string, logIndex = 0): Promise<boolean> {
    return super.exists(typeof given === 'string' ? { txHash: given, logIndex } : given);
  }

  /** Of some logs those that have been seen before. */
  listKnown(places: readonly LogPlace[]): Promise<MintEvent[]> {
    const hashes = places.map(({ txHash }) => txHash);
    const indexes = places.map(({ logIndex }) => logIndex);
    return this.select(sql`where (tx_hash, log_index) in (select * from unnest(${hashes}::text[], ${indexes}::int[]))`);
  }

  /** The mints of some blocks, both ends included, by block and log; at most 1,000 at once. */
  getByBlockRange(from: number, to: number, limit = LIST_DEFAULT): Promise<MintEvent[]> {
    return this.list({ blockNumber: { gte: from, lte: to } }, { orderBy: ['blockNumber', 'logIndex', 'id'], limit });
  }
}
