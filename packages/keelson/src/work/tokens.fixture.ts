/** The model that the tests of the unit of work share: authors, their tokens with a life cycle, notes with a version. */
import {
  bigint,
  boolean,
  bytea,
  createdAt,
  date,
  doublePrecision,
  integer,
  jsonb,
  numeric,
  references,
  text,
  timestamptz,
  updatedAt,
  uuid,
  varchar,
  version,
} from '../schema/column.ts';
import { enumType } from '../schema/enum-type.ts';
import { lifeCycle } from '../schema/life-cycle.ts';
import { sql } from '../schema/sql.ts';
import { check, index, primaryKey, table } from '../schema/table.ts';
import { testDatabase, type TestDatabase, type TestDatabaseOptions } from '../testing/database.ts';
import { entity } from './entity.ts';
import { defineModel } from './model.ts';
import { outbox, OutboxRepository } from './outbox.ts';
import { repository } from './repository.ts';

export const authors = table('authors', {
  id: uuid().primaryKey(),
  wallet: varchar(42).unique(),
  tags: text().array().default([]),
  updatedAt: updatedAt(),
});

const tokenStatus = enumType('token_status', ['detected', 'generating', 'uploading', 'ready', 'revealed', 'failed']);

export interface TokenError {
  message: string;
  at?: number[];
}

export const tokens = table(
  'tokens',
  {
    id: uuid().primaryKey(),
    tokenId: integer().unique(),
    authorId: references(() => authors, { onDelete: 'restrict' }),
    parentId: references(() => tokens).nullable(),
    status: tokenStatus().default('detected'),
    mintTimestamp: timestamptz(),
    metadataCid: varchar(20).nullable(),
    errorData: jsonb<TokenError>().nullable(),
    createdAt: createdAt(),
  },
  (t) => [
    index(t.status, t.mintTimestamp),
    check(sql`${t.status} not in ('ready', 'revealed') or ${t.metadataCid} is not null`),
    check(sql`${t.tokenId} >= 0`),
  ],
);

const tokenLifeCycle = lifeCycle(
  tokens.status,
  {
    detected: ['generating', 'failed'],
    generating: ['uploading', 'failed'],
    uploading: ['ready', 'failed'],
    ready: ['revealed', 'failed'],
    revealed: [],
    failed: [],
  },
  { redrive: { failed: ['detected'] } },
);

export const notes = table('notes', {
  id: uuid().primaryKey(),
  title: text(),
  stars: integer().default(0),
  version: version(),
  updatedAt: updatedAt(),
});

export const everything = table('everything', {
  key: varchar(20).primaryKey(),
  big: bigint().nullable(),
  real: doublePrecision().nullable(),
  price: numeric(20, 9).nullable(),
  flag: boolean().nullable(),
  day: date().nullable(),
  at: timestamptz().nullable(),
  data: jsonb().nullable(),
  bytes: bytea().nullable(),
  ids: uuid().array().nullable(),
  times: timestamptz().array().nullable(),
  words: text().array().nullable(),
  serial: integer().defaultSql(sql`7 * 6`),
  shout: text().generated(sql`upper("key")`),
});

export const links = table('links', { leftId: uuid(), rightId: uuid(), weight: integer() }, (t) => [primaryKey(t.leftId, t.rightId)]);

export class Author extends entity(authors) {}

export class Token extends entity(tokens, tokenLifeCycle) {
  markGenerating(): void {
    this.move('generating');
  }

  markUploading(): void {
    this.move('uploading');
  }

  markReady(metadataCid: string): void {
    this.move('ready', { metadataCid });
  }

  markFailed(errorData: TokenError): void {
    this.move('failed', { errorData });
  }

  retry(): void {
    this.redrive('detected', { errorData: null });
  }
}

export class Note extends entity(notes) {}
export class Everything extends entity(everything) {}
export class Link extends entity(links) {}

class AuthorRepository extends repository(Author) {
  getByWallet(wallet: string): Promise<Author[]> {
    return this.select(sql`where lower(${authors.wallet}) = lower(${wallet})`);
  }
}

export class TokenRepository extends repository(Token) {
  getPending(limit = 10): Promise<Token[]> {
    return this.claim({ status: 'detected' }, { orderBy: 'mintTimestamp', limit });
  }
}

class NoteRepository extends repository(Note) {
  /** The titles of the notes with so many stars, set to that many for those that have fewer. */
  async raise(stars: number): Promise<string[]> {
    const rows = await this.run(
      sql<{ readonly title: string }>`update ${notes} set stars = ${stars}::int where stars < ${stars}::int returning title`,
    );
    return rows.map(({ title }) => title);
  }
}
class EverythingRepository extends repository(Everything) {}
class LinkRepository extends repository(Link) {}

export const model = defineModel({
  name: 'unit',
  tables: [tokens, authors, notes, everything, links, outbox],
  repositories: {
    authors: AuthorRepository,
    tokens: TokenRepository,
    notes: NoteRepository,
    everything: EverythingRepository,
    links: LinkRepository,
    outbox: OutboxRepository,
  },
});

/** A new author with tokens that wait, the oldest first; not added yet. */
export function authorWithTokens(count: number): { readonly author: Author; readonly tokens: readonly Token[] } {
  const author = new Author({ wallet: `0x${count}` });
  const made = Array.from(
    { length: count },
    (_, position) => new Token({ tokenId: position, authorId: author.id, mintTimestamp: new Date(1_700_000_000_000 + position) }),
  );
  return { author, tokens: made };
}

/** How the tests run their statements; the same tests run a second time one statement after another. */
export const mode = { isPipelined: true };

/** A clean database of the model, in the mode of the run. */
export function openTest(options: TestDatabaseOptions = {}): Promise<TestDatabase<typeof model.repositories>> {
  return testDatabase({ model }, { pipeline: mode.isPipelined, ...options });
}
