/** The model that the tests of lists share: items of games with columns of every kind, indexed or not. */
import {
  bigint,
  boolean,
  createdAt,
  date,
  doublePrecision,
  integer,
  jsonb,
  numeric,
  text,
  timestamptz,
  uuid,
  varchar,
  version,
} from '../schema/column.ts';
import { enumType } from '../schema/enum-type.ts';
import { policy, setting } from '../schema/policy.ts';
import { index, table, unique } from '../schema/table.ts';
import { sql } from '../schema/sql.ts';
import { testDatabase, type TestDatabase, type TestDatabaseOptions } from '../testing/database.ts';
import { entity } from './entity.ts';
import { listRules } from './list-rules.ts';
import { defineModel } from './model.ts';
import { repository } from './repository.ts';

const itemKind = enumType('item_kind', ['sword', 'shield', 'potion']);

export const items = table(
  'items',
  {
    id: uuid().primaryKey(),
    gameId: uuid(),
    name: varchar(256),
    code: varchar(20).unique(),
    rank: integer().nullable(),
    at: timestamptz().nullable(),
    price: numeric(10, 2),
    weight: doublePrecision(),
    big: bigint(),
    day: date(),
    kind: itemKind(),
    isOpen: boolean(),
    tags: text().array(),
    description: text(),
    data: jsonb().nullable(),
    secret: text(),
    createdAt: createdAt(),
    version: version(),
  },
  (t) => [
    index(t.gameId, t.name, t.id),
    index(t.name, t.id),
    index(t.rank, t.id),
    index(t.at, t.id),
    index(t.price, t.id),
    index(t.weight, t.id),
    index(t.big, t.id),
    index(t.day, t.id),
    index(t.kind, t.rank, t.id),
    index(t.isOpen),
    index(t.createdAt, { where: sql`${t.isOpen}` }),
    index(t.tags, { using: 'gin' }),
    index(t.secret, t.id),
  ],
);

export class Item extends entity(items) {}
class ItemRepository extends repository(Item) {}

const viewer = setting('app.game_id', 'uuid');

/** Items that only the players of their game see. */
export const hidden = table('hidden', { id: uuid().primaryKey(), gameId: uuid(), name: text(), slot: integer() }, (t) => [
  unique(t.gameId, t.slot),
  index(t.gameId, t.name, t.id),
  policy('of_my_game', { using: sql`${t.gameId} = ${viewer}` }),
]);

export class Hidden extends entity(hidden) {}
class HiddenRepository extends repository(Hidden) {}

export const itemModel = defineModel({
  name: 'item_lists',
  tables: [items, hidden],
  repositories: { items: ItemRepository, hidden: HiddenRepository },
});

const shown = ['id', 'gameId', 'name', 'code', 'rank', 'at', 'price', 'weight', 'big', 'day', 'kind', 'isOpen', 'tags', 'data'];

export const itemRules = listRules(items, { columns: shown, search: ['name', 'description'] });
export const hiddenRules = listRules(hidden, { columns: ['id', 'gameId', 'name', 'slot'], search: ['name'] });

export const gameA = '018f0000-0000-7000-8000-00000000000a';
export const gameB = '018f0000-0000-7000-8000-00000000000b';

/** A key whose place in the order is known. */
export function idOf(number: number): string {
  return `018f0000-0000-7000-8000-${number.toString(16).padStart(12, '0')}`;
}

/** Items with ties and without values, the same every time. */
export function manyItems(count: number): Item[] {
  return Array.from({ length: count }, (_, number) => {
    const spread = (number * 7919) % count;
    return new Item({
      id: idOf(spread + 1),
      gameId: number % 3 === 0 ? gameB : gameA,
      name: `Item ${String(spread % 9)}`,
      code: `C${String(number)}`,
      rank: number % 4 === 0 ? null : spread % 5,
      at: number % 5 === 0 ? null : new Date(1_700_000_000_000 + (spread % 11) * 1000),
      price: `${String((spread % 7) - 3)}.50`,
      weight: (spread % 6) / 3,
      big: 2 ** 40 + (spread % 8),
      day: `2026-01-${String((spread % 9) + 1).padStart(2, '0')}`,
      kind: itemKind.values[spread % 3] ?? 'sword',
      isOpen: number % 2 === 0,
      tags: number % 4 === 0 ? ['rare', 'old'] : ['common'],
      description: number === 5 ? '100% of_it \\ all' : 'nothing',
      data: { number },
      secret: `s${String(number)}`,
    });
  });
}

/** A clean database of the model. */
export function openItems(options: TestDatabaseOptions = {}): Promise<TestDatabase<typeof itemModel.repositories>> {
  return testDatabase({ model: itemModel }, options);
}
