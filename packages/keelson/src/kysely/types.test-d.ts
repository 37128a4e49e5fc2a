/** What the type checker must refuse and must know of Kysely's tables: each line marked as an error fails the build when it stops being one. */
import type { Kysely, Selectable } from 'kysely';
import type { authors, everything, links, notes, tokens } from '../work/tokens.fixture.ts';
import type { KyselyTables, SnakeCase } from './tables.ts';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

type Tables = KyselyTables<{
  authors: typeof authors;
  tokens: typeof tokens;
  notes: typeof notes;
  everything: typeof everything;
  mintLinks: typeof links;
}>;

declare const db: Kysely<Tables>;

/** Says that two types are the same. */
function same<A, B>(equal: Equal<A, B>): void {
  void equal;
}

/** Names are those of the database. */
export function names(): void {
  same<keyof Tables, 'authors' | 'tokens' | 'notes' | 'everything' | 'mint_links'>(true);
  same<
    keyof Tables['tokens'],
    'id' | 'token_id' | 'author_id' | 'parent_id' | 'status' | 'mint_timestamp' | 'metadata_cid' | 'error_data' | 'created_at'
  >(true);
  same<
    SnakeCase<'characterGroupsAndTheirPlotsAndTheirPlayersAndAllThatIsBesidesThem'>,
    'character_groups_and_their_plots_and_their_players_and_all_that_is_besides_them'
  >(true);
  void db.selectFrom('tokens').select('token_id');
  // @ts-expect-error -- the name in code is not the name in the database
  void db.selectFrom('tokens').select('tokenId');
  // @ts-expect-error -- no such table
  void db.selectFrom('papers');
}

/** Values are those that statements of one's own give. */
export function values(): void {
  same<Selectable<Tables['tokens']>['mint_timestamp'], string>(true);
  same<Selectable<Tables['tokens']>['parent_id'], string | null>(true);
  same<Selectable<Tables['tokens']>['status'], 'detected' | 'generating' | 'uploading' | 'ready' | 'revealed' | 'failed'>(true);
  same<Selectable<Tables['everything']>['big'], number | null>(true);
  same<Selectable<Tables['everything']>['price'], string | null>(true);
  same<Selectable<Tables['everything']>['times'], string[] | null>(true);
  same<Selectable<Tables['everything']>['data'], unknown>(true);
}

/** What may be written. */
export function writes(): void {
  void db.insertInto('notes').values({ title: 'x' });
  void db.insertInto('tokens').values({ token_id: 1, author_id: 'a', mint_timestamp: new Date(0) });
  // @ts-expect-error -- a column without a default is missing
  void db.insertInto('notes').values({ stars: 1 });
  // @ts-expect-error -- no such state
  void db.updateTable('tokens').set({ status: 'detectd' });
  // @ts-expect-error -- a key does not change
  void db.updateTable('notes').set({ id: 'x' });
  // @ts-expect-error -- the database makes this column
  void db.updateTable('everything').set({ shout: 'X' });
  // @ts-expect-error -- null where the column takes none
  void db.updateTable('notes').set({ title: null });
}
