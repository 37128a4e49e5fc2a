/** Tokens: what was minted, and how far its picture has come. */
import { leaseColumns, leaseIndex } from 'keelson/queue';
import {
  check,
  createdAt,
  enumType,
  index,
  integer,
  jsonb,
  references,
  type Sql,
  sql,
  table,
  timestamptz,
  uuid,
  varchar,
} from 'keelson/schema';
import { authors } from '../authors/table.ts';

/** The states of a token; what leads from one to another is in its life cycle. */
export const tokenStatus = enumType('token_status', ['detected', 'generating', 'uploading', 'ready', 'revealed', 'failed']);

/** Why a token failed: the code and the sentence, and what else is known. */
export interface TokenError {
  readonly [detail: string]: unknown;
}

export const tokens = table(
  'tokens_s0',
  {
    id: uuid().primaryKey(),
    tokenId: integer().unique(),
    authorId: references(() => authors, { onDelete: 'restrict' }),
    minterAddress: varchar(42),
    status: tokenStatus().default('detected'),
    mintTimestamp: timestamptz(),
    imageCid: varchar(255).nullable(),
    metadataCid: varchar(255).nullable(),
    errorData: jsonb<TokenError>().nullable(),
    createdAt: createdAt(),
    ...leaseColumns(),
  },
  (t) => [
    // Claims walk it from its beginning; the columns of the lease stay out of it, so that a claim need not write it.
    index(t.status, t.mintTimestamp),
    index(t.authorId),
    leaseIndex(t),
    check(sql`${t.status} not in ('ready', 'revealed') or ${t.metadataCid} is not null`),
  ],
);

/** A token that waits for longer is one that somebody should look at. */
const STUCK_AFTER_MS = 300_000;

/** Whether a token is on its way, is held by no worker, and has waited for too long. */
export function isStuck(): Sql {
  return sql`
    status in ('detected', 'generating', 'uploading', 'ready')
    -- Nothing is added before it is minted: so much of the index need not be read.
    and mint_timestamp < now() - ${STUCK_AFTER_MS}::int * interval '1 millisecond'
    and lease_owner is null
    and greatest(created_at, available_at) < now() - ${STUCK_AFTER_MS}::int * interval '1 millisecond'
  `;
}
