/** The table of the benchmark of lists: a million entries of two games, with ties and with rows without a value. */
import { index, integer, renderSchema, table, text, timestamptz, uuid, varchar } from 'keelson/schema';
import { defineModel, entity, listRules, repository } from 'keelson/work';

const entries = table(
  'entries',
  {
    id: uuid().primaryKey(),
    gameId: uuid(),
    name: varchar(256),
    score: integer(),
    rank: integer().nullable(),
    at: timestamptz(),
    description: text(),
  },
  (t) => [index(t.gameId, t.name, t.id), index(t.score, t.id), index(t.rank, t.id), index(t.at, t.id)],
);

class Entry extends entity(entries) {}

/** The model. */
export const listsModel = defineModel({
  name: 'bench_lists',
  tables: [entries],
  repositories: { entries: class EntryRepository extends repository(Entry) {} },
});

/** What lists of entries may be asked for. */
export const entryRules = listRules(entries, {
  columns: ['id', 'gameId', 'name', 'score', 'rank', 'at', 'description'],
  search: ['name', 'description'],
});

/** The game that all entries but a few are of. */
export const largeGame = '01936f2a-1111-7000-8000-000000000001';

/** DDL and rows. Nothing is in the order of another column, so that no index walks the table in its own order. */
export function listsData(count: number): readonly string[] {
  return [
    ...renderSchema(listsModel.tables, listsModel.namespace).up,
    `insert into bench_lists.entries (id, game_id, name, score, rank, at, description)
     select ('01936f2a-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, '${largeGame}',
            'Entry ' || (n::bigint * 7919 % ${count}), n::bigint * 104729 % 1000, case when n % 10 > 0 then n::bigint * 15485863 % 100000 end,
            timestamptz '2026-01-01' + n::bigint * 32452843 % ${count} * interval '1 second', 'What is told of entry ' || n
       from generate_series(1, ${count}) as n`,
    'vacuum analyze bench_lists.entries',
  ];
}
