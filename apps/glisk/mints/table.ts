/** Mints as the chain told of them, each once. */
import { bigint, check, createdAt, index, integer, sql, table, timestamptz, unique, uuid, varchar } from 'keelson/schema';

// No foreign key: an event may come before its token, and outlive it.
export const mintEvents = table(
  'mint_events',
  {
    id: uuid().primaryKey(),
    txHash: varchar(66),
    logIndex: integer(),
    blockNumber: bigint(),
    blockTimestamp: timestamptz(),
    tokenId: integer(),
    detectedAt: createdAt(),
  },
  (t) => [unique(t.txHash, t.logIndex), index(t.blockNumber), check(sql`${t.logIndex} >= 0`), check(sql`${t.blockNumber} > 0`)],
);
