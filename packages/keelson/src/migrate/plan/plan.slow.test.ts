/** Plans on a real PostgreSQL that take something away, and those that are refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failure, useShadows } from '../trial.fixture.ts';
import { filesOf, HATS, plannerOn } from './plan.fixture.ts';
import type { PlanRequest } from './plan.ts';

const shadows = await useShadows();

const planned = plannerOn(shadows);

test('what goes is a revision of its own, and until then new code can leave it out', async () => {
  const found = await planned(
    `${HATS}; create table app.caps (hat int references app.hats)`,
    ['create table app.hats (id int primary key, size int)'],
    {
      drops: ['hats.colour', 'caps'],
      template: '-- {{name}}\n\n-- up\n{{up}}\n\n-- down\n{{down}}\n',
    },
  );
  const files = filesOf(found);
  assert.deepEqual(
    files.map((file) => file.name),
    ['20261120T2359_new_hats.sql', '20261121T0000_new_hats_contract.sql'],
  );
  assert.match(
    files[0]?.text ?? '',
    /-- up\n(?=[^]*add column size integer;)(?=[^]*alter column colour drop not null;)(?![^]*drop table)[^]*-- down/,
  );
  assert.match(
    files[1]?.text ?? '',
    /uses it\n-- phase: contract\n\n-- up\n[^]*drop column colour;\n[^]*drop table app\.caps;\n[^]*-- down\ncreate table app\.caps/,
  );
  assert.ok(found.kind === 'plan' && found.losses.length === 2 && found.notes.length === 1, JSON.stringify(found));
});

test('rows without a value for a column that wants one stop the plan, which says the safe way', async () => {
  const error = await failure(
    planned(HATS, ['create table app.hats (id int primary key, colour text not null, size int not null)']),
    'MIGRATION_NOT_PROVED',
  );
  assert.match(error.hint, /no value for hats\.size: give it a default, or add it nullable/);
});

test('a rename or a drop that says what is not so is refused before anything is planned', async () => {
  const cases: readonly (readonly [Partial<PlanRequest>, RegExp])[] = [
    [{ renames: ['hats.colour:hue'] }, /no column hue in hats/],
    [{ renames: ['hats.colour:id', 'hats.id:id'] }, /same name/],
    [{ renames: ['schema app:b'] }, /history/],
    [{ drops: ['hats.colour'] }, /still have it/],
    [{ drops: ['caps'] }, /nothing of that name/],
  ];
  for (const [more, message] of cases) assert.match((await failure(planned(HATS, [HATS], more), 'USAGE')).message, message);
});

test('a text that becomes an array is refused, since nobody knows how', async () => {
  const error = await failure(planned(HATS, ['create table app.hats (id int primary key, colour text[] not null)']), 'PLAN_FAILED');
  assert.match(`${error.message} ${error.hint}`, /app\.hats\.colour.*text to text\[\].*using array\[colour\]/s);
});

test('a text that becomes shorter is never cut in silence: the statement says no cast of its own', async () => {
  const files = filesOf(await planned(HATS, ['create table app.hats (id text primary key, colour varchar(3) not null)']));
  assert.match(
    files[0]?.text ?? '',
    /-- up\n[^]*alter column colour type varchar\(3\);[^]*-- down\n[^]*alter column id type integer using id::integer;/,
  );
});
