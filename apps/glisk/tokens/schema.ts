/** Tokens on the wire; what their workers keep for themselves is in none of them. */
import { rowSchema } from 'keelson/schema';
import * as Type from 'typebox';
import { tokens, tokenStatus } from './table.ts';

const PAGE_ROWS_MAX = 100;
const ROWS_MAX = 10_000;

/** A token as anybody sees one. */
export const TokenPublic = rowSchema(tokens, [
  'id',
  'tokenId',
  'authorId',
  'minterAddress',
  'status',
  'mintTimestamp',
  'imageCid',
  'metadataCid',
  'errorData',
  'attempts',
  'createdAt',
]);

/** The token that a path names, by its key. */
export const TokenKey = Type.Object({ id: Type.String({ format: 'uuid' }) });

/** A page of a list; how far it may reach is said by the service. */
export const TokenQuery = Type.Object({
  page: Type.Integer({ minimum: 1, maximum: ROWS_MAX, default: 1 }),
  size: Type.Integer({ minimum: 1, maximum: PAGE_ROWS_MAX, default: 20 }),
  status: Type.Optional(Type.Enum(tokenStatus.values)),
  authorId: Type.Optional(Type.String({ format: 'uuid' })),
});

/** A page of tokens. */
export const TokenPage = Type.Object({
  items: Type.Array(TokenPublic, { maxItems: PAGE_ROWS_MAX }),
  page: Type.Integer(),
  size: Type.Integer(),
  total: Type.Integer(),
});
