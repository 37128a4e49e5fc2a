/** Transactions that reveal tokens on the chain, up to fifty at once. */
import { bigint, check, createdAt, enumType, index, numeric, sql, table, timestamptz, uuid, varchar } from 'keelson/schema';

/** The states of a transaction. */
const revealStatus = enumType('reveal_status', ['pending', 'sent', 'confirmed', 'failed']);

export const revealTransactions = table(
  'reveal_transactions',
  {
    id: uuid().primaryKey(),
    tokenIds: uuid().array(),
    txHash: varchar(66).nullable(),
    blockNumber: bigint().nullable(),
    gasPriceGwei: numeric(20, 9).nullable(),
    status: revealStatus().default('pending'),
    createdAt: createdAt(),
    confirmedAt: timestamptz().nullable(),
  },
  (t) => [
    index(t.txHash),
    index(t.status),
    check(sql`cardinality(${t.tokenIds}) between 1 and 50`, 'reveal_transactions_token_ids_check'),
    check(sql`${t.txHash} ~ '^0x[0-9a-fA-F]{64}$'`),
  ],
);
