/** Rows of GLISK for its tests: authors, and tokens in any state, the oldest mint first. */
import { silentLog } from 'keelson/log';
import { testDatabase, type TestDatabase, type TestDatabaseOptions } from 'keelson/testing';
import { Author } from './authors/entity.ts';
import { model, type Repositories } from './model.ts';
import { Token } from './tokens/entity.ts';

/** A database of GLISK. */
export type GliskDatabase = TestDatabase<Repositories>;

const FIRST_MINT_MS = 1_700_000_000_000;
const MINT_GAP_MS = 1_000;
const CID = 'bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy';

/** A clean database, as the revisions of the app make it. */
export function openGlisk(options: TestDatabaseOptions = {}): Promise<GliskDatabase> {
  const source = { model, migrationsDirectory: new URL('./migrations', import.meta.url) };
  return testDatabase(source, { log: silentLog, ...options });
}

/** The wallet of a number, with capitals as a checksum would put them. */
export function walletOf(number: number): string {
  return `0xAbC${number.toString(16).padStart(37, '0')}`;
}

/** The hash of a transaction. */
export function hashOf(number: number): string {
  return `0x${number.toString(16).padStart(64, '0')}`;
}

/** A new author; not added yet. */
export function newAuthor(number = 1): Author {
  return new Author({ walletAddress: walletOf(number), promptText: `A lighthouse at dusk, number ${number}` });
}

/** What tokens are to be made. */
export interface TokensWanted {
  readonly count: number;
  readonly status?: Token['status'];
  /** The number of the first. */
  readonly from?: number;
}

/** New tokens of an author, the oldest mint first; not added yet. */
export function newTokens(author: Pick<Author, 'id'>, { count, status = 'detected', from = 0 }: TokensWanted): Token[] {
  return Array.from({ length: count }, (_, position) => {
    const tokenId = from + position;
    return new Token({
      tokenId,
      authorId: author.id,
      minterAddress: walletOf(9),
      status,
      mintTimestamp: new Date(FIRST_MINT_MS + tokenId * MINT_GAP_MS),
      metadataCid: status === 'ready' || status === 'revealed' ? CID : null,
    });
  });
}

/** Adds an author with tokens, and gives both as they were added. */
export async function addTokens(
  database: GliskDatabase,
  wanted: TokensWanted,
): Promise<{ readonly author: Author; readonly tokens: readonly Token[] }> {
  return database.work((unit) => {
    const author = unit.authors.add(newAuthor((wanted.from ?? 0) + 1));
    return { author, tokens: unit.tokens.addMany(newTokens(author, wanted)) };
  });
}
