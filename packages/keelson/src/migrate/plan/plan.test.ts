/** Plans on a real PostgreSQL: the files they become, letter by letter, and what is asked. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { integer, uuid, varchar } from '../../schema/column.ts';
import { renderSchema } from '../../schema/ddl.ts';
import { enumType } from '../../schema/enum-type.ts';
import { table } from '../../schema/table.ts';
import { parseRevision } from '../revision.ts';
import { useShadows } from '../trial.fixture.ts';
import { filesOf, HATS, plannerOn } from './plan.fixture.ts';
import { plan } from './plan.ts';

const shadows = await useShadows();

const planned = plannerOn(shadows);

test('the first revision reads like the tables, and a plan of nothing says so', async () => {
  // INF-4, GLK-11
  const status = enumType('status', ['new', 'worn']);
  const hats = table('hats', { id: uuid().primaryKey(), status: status().default('new'), size: integer(), label: varchar(64).nullable() });
  const target = renderSchema([hats], 'app').up;
  const [file] = filesOf(await planned('', target));
  assert.equal(file?.name, '20261120T2359_new_hats.sql');
  assert.match(file.text, /^-- new hats\n\n-- up\ndo \$keelson\$/);
  assert.match(
    file.text,
    /create type app\.status as enum \('new', 'worn'\);\n\ncreate table app\.hats \(\n {2}id uuid not null default uuidv7\(\) constraint hats_pkey primary key,\n {2}status app\.status not null default 'new',\n/,
  );
  assert.match(file.text, /-- down\n(?:.*\n)*drop table app\.hats;\n(?:.*\n)*drop function if exists app\.uuidv7\(\);\n$/);
  assert.doesNotMatch(file.text, /create schema|owner to|grant/i);
  const revisions = [parseRevision(file.name, file.text)];
  assert.deepEqual(await plan({ shadows, revisions, namespace: 'app', target, name: 'again', id: '20261121T0000' }), { kind: 'nothing' });
});

test('a column that is new becomes a revision, and its index another that builds it while others write', async () => {
  // INF-4
  const target = [
    "create table app.hats (id int primary key, colour text not null, size varchar(9) not null default 'm')",
    'create index hats_size_idx on app.hats (size)',
  ];
  const found = await planned(HATS, target);
  assert.deepEqual(
    filesOf(found).map(({ name, text }) => [name, text]),
    [
      [
        '20261120T2359_new_hats.sql',
        `-- new hats

-- up
alter table app.hats add column size varchar(9) not null default 'm';

-- down
alter table app.hats drop column size;
`,
      ],
      [
        '20261121T0000_new_hats_indexes.sql',
        `-- new hats: indexes, built while the service writes
-- transaction: off

-- up
create index concurrently hats_size_idx on app.hats (size);

-- down
drop index concurrently app.hats_size_idx;
`,
      ],
    ],
  );
  assert.deepEqual(found.kind === 'plan' && found.lines.map(({ sign, table: place, text: words }) => `${sign} ${place}: ${words}`), [
    '+ hats: index hats_size_idx: btree (size)',
    "+ hats: column size character varying(9) not null default 'm'::varchar",
  ]);
});

test('what would be dropped is asked about, with what is new beside it, and nothing is planned', async () => {
  const target = ['create table app.hats (id int primary key, hue text not null)'];
  const found = await planned(HATS, target);
  assert.deepEqual(found, {
    kind: 'questions',
    questions: [
      {
        kind: 'column',
        object: 'hats.colour',
        message: 'The column hats.colour would be dropped, with all its values; hue is new. Was it renamed, or may it go?',
        drop: '--drop hats.colour',
        renames: ['--rename hats.colour:hue'],
      },
    ],
  });
  const renamed = filesOf(await planned(HATS, target, { renames: ['hats.colour:hue'] }));
  assert.deepEqual(
    renamed.map((file) => /-- up\n(.*)\n\n-- down\n(.*)\n/.exec(file.text)?.slice(1)),
    [['alter table app.hats rename column colour to hue;', 'alter table app.hats rename column hue to colour;']],
  );
});
