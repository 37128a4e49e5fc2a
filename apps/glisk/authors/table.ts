/** Authors: whose prompts pictures are made from. */
import { check, createdAt, sql, table, text, uniqueIndex, uuid, varchar } from 'keelson/schema';

export const authors = table(
  'authors',
  {
    id: uuid().primaryKey(),
    walletAddress: varchar(42),
    twitterHandle: varchar(255).nullable(),
    farcasterHandle: varchar(255).nullable(),
    promptText: text(),
    createdAt: createdAt(),
  },
  (t) => [
    // One wallet is written with and without the capitals of its checksum (ERC-55).
    uniqueIndex(sql`lower(${t.walletAddress})`, { name: 'authors_wallet_address_key' }),
    check(sql`${t.walletAddress} ~ '^0x[0-9a-fA-F]{40}$'`),
    check(sql`char_length(${t.promptText}) between 10 and 500`),
  ],
);
