/** What the type checker must refuse of a resource, and what it must know: each line marked as an error fails the build when it stops being one. */
import * as Type from 'typebox';
import { everyone } from '../http/guard.ts';
import { boolean, integer, text, timestamptz, uuid } from '../schema/column.ts';
import { table } from '../schema/table.ts';
import { entity } from '../work/entity.ts';
import { repository } from '../work/repository.ts';
import { resourceFactory } from './resource-factory.ts';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Says that two types are the same. */
function same<A, B>(equal: Equal<A, B>): void {
  void equal;
}

const notes = table('notes', { id: uuid().primaryKey(), title: text(), stars: integer().default(0), dueAt: timestamptz().nullable() });
const others = table('others', { id: uuid().primaryKey(), isOpen: boolean() });
class Note extends entity(notes) {}
class Other extends entity(others) {}
class NoteRepository extends repository(Note) {}
class OtherRepository extends repository(Other) {}
const repositories = { notes: NoteRepository, others: OtherRepository };

const resource = resourceFactory<typeof repositories, { readonly greet: () => string }, undefined>();
const usual = { table: notes, noun: 'note', guard: everyone, create: ['title'], change: ['title'] } as const;

/** What hooks are given. */
export const hooks = resource('notes', {
  ...usual,
  entity: Note,
  extra: { create: { tags: Type.Optional(Type.Array(Type.String())) } },
  onCreate: (note, { body, unit, principal, services }) => {
    same<typeof note, Note>(true);
    same<typeof body.title, string | undefined>(true);
    same<typeof body.dueAt, Date | null | undefined>(true);
    same<typeof body.tags, string[] | undefined>(true);
    same<typeof principal, undefined>(true);
    same<typeof unit.others, OtherRepository>(true);
    services.greet();
  },
  onChange: (_note, { body }) => {
    // @ts-expect-error -- only a new row takes tags
    void body.tags;
  },
  afterCreate: (rows, { unit, principal, ...context }) => {
    same<typeof unit.others, OtherRepository>(true);
    same<typeof principal, undefined>(true);
    // @ts-expect-error -- each row has its own
    void context.body;
    for (const { entity: note, body, place } of rows) {
      same<typeof note, Note>(true);
      same<typeof body.tags, string[] | undefined>(true);
      same<typeof place, string>(true);
    }
  },
});

/** What a definition may name. */
export const definitions = [
  // @ts-expect-error -- there is no such repository
  resource('papers', { ...usual, entity: Note }),
  // @ts-expect-error -- the entity of another repository
  resource('notes', { ...usual, entity: Other }),
  // @ts-expect-error -- no column of a note
  resource('notes', { ...usual, entity: Note, create: ['isOpen'] }),
  // @ts-expect-error -- no column of a note
  resource('notes', { ...usual, entity: Note, show: ['titel'] }),
  // @ts-expect-error -- no column of a note
  resource('notes', { ...usual, entity: Note, scope: () => ({ isOpen: true }) }),
  // @ts-expect-error -- a title is a text
  resource('notes', { ...usual, entity: Note, scope: () => ({ title: 7 }) }),
  // @ts-expect-error -- there is no such call
  resource('notes', { ...usual, entity: Note, without: ['update'] }),
  resource('notes', { ...usual, entity: Note, scope: () => 'nothing', without: ['bulk'], override: { list: { summary: 'Lists all' } } }),
];
