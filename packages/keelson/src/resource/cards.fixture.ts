/** An app of resources for the tests: boards with cards, whose labels are kept beside them by a trigger, and who sees which boards. */
import * as Type from 'typebox';
import { baseSettings } from '../config/base.ts';
import { defineSettings } from '../config/definition.ts';
import { KeelsonError } from '../errors.ts';
import { defineApp } from '../http/app.ts';
import type { Guard } from '../http/guard.ts';
import { boolean, createdAt, integer, jsonb, references, text, timestamptz, updatedAt, uuid, varchar, version } from '../schema/column.ts';
import { ddl, qualified } from '../schema/raw-ddl.ts';
import { sql } from '../schema/sql.ts';
import { check, index, table, unique } from '../schema/table.ts';
import { entity } from '../work/entity.ts';
import { defineModel } from '../work/model.ts';
import { repository } from '../work/repository.ts';
import { resourceFactory } from './resource-factory.ts';

const boards = table('boards', { id: uuid().primaryKey(), name: varchar(80).unique() });

const cards = table(
  'cards',
  {
    id: uuid().primaryKey(),
    boardId: references(() => boards, { onDelete: 'restrict' }),
    title: varchar(80),
    notes: text().nullable(),
    points: integer().default(1),
    dueAt: timestamptz().nullable(),
    isDone: boolean().default(false),
    details: jsonb<{ readonly colour?: string }>().nullable(),
    labelNames: text().array().default([]),
    secret: text().default('never shown'),
    version: version(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [
    unique(t.boardId, t.title),
    index(t.boardId, t.createdAt, t.id),
    index(t.title, t.id),
    index(t.dueAt, t.id),
    index(t.labelNames, { using: 'gin' }),
    check(sql`${t.points} between 0 and 100`),
  ],
);

const labels = table(
  'labels',
  { id: uuid().primaryKey(), cardId: references(() => cards, { onDelete: 'restrict' }), name: text() },
  (t) => [
    ddl(sql`create function ${qualified('keep_labels')}() returns trigger language plpgsql as $$
    begin
      update ${qualified('cards')} set label_names = label_names || new.name, version = version + 1 where id = new.card_id;
      return null;
    end $$`),
    ddl(sql`create trigger labels_keep after insert on ${t} for each row execute function ${qualified('keep_labels')}()`),
  ],
);

class Board extends entity(boards) {}
class Card extends entity(cards) {}
class Label extends entity(labels) {}
class BoardRepository extends repository(Board) {}
class CardRepository extends repository(Card) {}
class LabelRepository extends repository(Label) {}

const repositories = { boards: BoardRepository, cards: CardRepository, labels: LabelRepository };

/** The model of the app. */
export const cardsModel = defineModel({ name: 'cardsapp', tables: [boards, cards, labels], repositories });

/** Boards that callers see: `Bearer root` all, `Bearer guest` none, everybody else those that their token lists. */
export interface Caller {
  readonly isRoot: boolean;
  readonly boardIds: readonly string[];
}

const caller: Guard<Caller> = {
  name: 'caller',
  security: { name: 'bearer', scheme: { type: 'http', scheme: 'bearer' } },
  check: ({ request }) => {
    const token = /^Bearer (.+)$/u.exec(request.headers.authorization ?? '')?.[1];
    if (token === undefined) throw new KeelsonError('UNAUTHENTICATED');
    return { isRoot: token === 'root', boardIds: token === 'root' || token === 'guest' ? [] : token.split(',') };
  },
};

const resource = resourceFactory<typeof repositories, object, Caller>();

const cardRoutes = resource('cards', {
  table: cards,
  entity: Card,
  noun: 'card',
  guard: caller,
  show: ['id', 'boardId', 'title', 'notes', 'points', 'dueAt', 'isDone', 'details', 'labelNames', 'version', 'createdAt', 'updatedAt'],
  create: ['boardId', 'title', 'notes', 'points', 'dueAt', 'isDone', 'details'],
  change: ['boardId', 'title', 'notes', 'points', 'dueAt', 'isDone', 'details'],
  fields: { title: Type.String({ minLength: 1, maxLength: 80 }), details: Type.Object({ colour: Type.Optional(Type.String()) }) },
  extra: {
    create: { labels: Type.Optional(Type.Array(Type.String(), { maxItems: 5 })) },
    change: { labels: Type.Optional(Type.Array(Type.String(), { maxItems: 5 })) },
  },
  search: ['title', 'notes'],
  scope: ({ isRoot, boardIds }) => (isRoot ? undefined : boardIds.length === 0 ? 'nothing' : { boardId: boardIds }),
  may: (card, { principal }) => principal.isRoot || principal.boardIds.includes(card.boardId),
  onCreate: (card, { body }) => {
    if (body.title === 'Forbidden words') throw new KeelsonError('CONFLICT', { message: 'This title is not wanted.' });
    if (body.labels?.includes('') === true)
      throw new KeelsonError('VALIDATION_ERROR', { validationErrors: [{ field: 'body.labels[0]', message: 'must say something' }] });
    card.notes ??= body.labels === undefined ? null : `labelled ${body.labels.length}`;
  },
  afterCreate: (made, { unit }) => {
    const wrong = made.find(({ body }) => body.labels?.includes('torn') === true);
    if (wrong !== undefined)
      throw new KeelsonError('VALIDATION_ERROR', { validationErrors: [{ field: `${wrong.place}.labels`, message: 'must hold' }] });
    unit.labels.addMany(made.flatMap(({ entity: card, body }) => (body.labels ?? []).map((name) => new Label({ cardId: card.id, name }))));
  },
  afterChange: (card, { body, unit }) => void unit.labels.addMany((body.labels ?? []).map((name) => new Label({ cardId: card.id, name }))),
});

const boardRoutes = resource('boards', {
  table: boards,
  entity: Board,
  noun: 'board',
  path: 'wall-boards',
  guard: caller,
  create: ['name'],
  change: ['name'],
  without: ['bulk', 'replace'],
  override: { list: { summary: 'Lists the boards on the wall' } },
});

/** The app; its migrations lie in a folder that the test has made. */
export const cardsApp = (migrationsDirectory: string) =>
  defineApp({
    name: 'cardsapp',
    version: '1.0.0',
    model: cardsModel,
    settings: defineSettings(baseSettings),
    migrationsDirectory,
    services: () => ({}),
    routes: [...cardRoutes, ...boardRoutes],
  });
