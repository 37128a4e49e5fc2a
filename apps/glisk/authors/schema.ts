/** Authors on the wire. */
import { rowSchema } from 'keelson/schema';
import * as Type from 'typebox';
import { authors } from './table.ts';

/** An author as anybody sees one. */
export const AuthorPublic = rowSchema(authors, ['id', 'walletAddress', 'twitterHandle', 'farcasterHandle', 'promptText', 'createdAt']);

/** The wallet that a path names. */
export const Wallet = Type.Object({ wallet: Type.String({ minLength: 42, maxLength: 42, pattern: '^0x[0-9a-fA-F]{40}$' }) });
