/** Columns that not everybody sees: what is left of a row, and what a filter by them can find. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { everyone } from '../http/guard.ts';
import { text, uuid, version } from '../schema/column.ts';
import { index, table } from '../schema/table.ts';
import { entity } from '../work/entity.ts';
import { listRules } from '../work/list-rules.ts';
import { repository } from '../work/repository.ts';
import { planResource } from './plan.ts';
import type { ResourceDefinition } from './resource.ts';
import { listScope, Sight, withoutHidden } from './within.ts';

const notes = table('notes', { id: uuid().primaryKey(), team: text(), title: text(), mark: text().nullable(), version: version() }, (t) => [
  index(t.title, t.id),
  index(t.mark, t.id),
]);
class Note extends entity(notes) {}
class NoteRepository extends repository(Note) {}

interface Caller {
  readonly leads?: readonly string[];
}
type Notes = ResourceDefinition<{ notes: typeof NoteRepository }, object, Caller, Note, never, never>;

const definition: Notes = {
  table: notes,
  entity: Note,
  noun: 'note',
  guard: { ...everyone, check: () => ({}) },
  create: [],
  change: [],
  showWithin: { mark: ({ leads }) => (leads === undefined ? undefined : leads.length === 0 ? 'nothing' : { team: leads }) },
};
const plan = planResource('notes', definition);
const row = { id: '1', team: 'red', title: 'Hello', mark: 'x', version: 1 };
const keys = Object.keys(row);

test('a column is there for who is within its scope, and left out for everybody else', () => {
  const { mark: _, ...rest } = row;
  assert.deepEqual(Sight.of(plan, {}).show(row, keys), row);
  assert.deepEqual(Sight.of(plan, { leads: ['blue', 'red'] }).show(row, keys), row);
  for (const leads of [['blue'], []]) assert.deepEqual(Sight.of(plan, { leads }).show(row, keys), rest);
  // What decides was not read: then it is not shown.
  assert.deepEqual(Sight.of(plan, { leads: ['red'] }).show({ id: '1', mark: 'x' }, ['id', 'mark']), { id: '1' });
});

test('what decides is read beside what is wanted, and not answered', () => {
  const sight = Sight.of(plan, { leads: ['red'] });
  assert.deepEqual(sight.needed(['id', 'mark']), ['id', 'mark', 'team']);
  assert.deepEqual(sight.needed(['id']), ['id']);
  assert.equal(sight.needed(undefined), undefined);
  assert.deepEqual(sight.show({ id: '1', mark: 'x', team: 'red' }, ['id', 'mark']), { id: '1', mark: 'x' });
});

test('a filter by the column finds what the caller sees it of, within what they see at all', () => {
  const request = { size: 20, filters: [{ key: 'mark', operator: 'equal', value: 'x' }] } as const;
  const scopeOf = (leads: readonly string[] | undefined, scope?: Readonly<Record<string, unknown>> | 'nothing') =>
    listScope({ ...plan, scope: () => scope }, leads === undefined ? {} : { leads }, request);
  assert.equal(scopeOf(undefined), undefined);
  assert.deepEqual(scopeOf(undefined, { team: 'red' }), { team: 'red' });
  assert.deepEqual(scopeOf(['red', 'blue']), { team: ['red', 'blue'] });
  assert.deepEqual(scopeOf(['red'], { team: ['red', 'blue'], title: 'a' }), { team: 'red', title: 'a' });
  for (const scope of [{ team: 'blue' }, 'nothing'] as const) assert.equal(scopeOf(['red'], scope), 'nothing');
  assert.equal(scopeOf([], { team: 'red' }), 'nothing');
  assert.throws(() => scopeOf(['red'], { team: { gt: 'a' } }), { code: 'MISUSE' });
  assert.deepEqual(listScope({ ...plan, scope: () => ({ team: 'blue' }) }, { leads: [] }, { size: 20, filters: [] }), { team: 'blue' });
});

test('there is no sort by the column, and neither key nor version nor what is searched can be hidden', () => {
  const rules = listRules(notes, { columns: keys });
  assert.deepEqual([...rules.sortable.keys()], ['id', 'title', 'mark']);
  assert.deepEqual([...withoutHidden(rules, plan).sortable.keys()], ['id', 'title']);
  const hidden = (): 'nothing' => 'nothing';
  for (const showWithin of [{ id: hidden }, { version: hidden }, { title: hidden }] satisfies Notes['showWithin'][])
    assert.throws(() => planResource('notes', { ...definition, search: ['title'], showWithin }), { code: 'MISUSE' });
});
