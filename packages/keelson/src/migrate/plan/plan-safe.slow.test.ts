/** That what is planned for tables with rows passes the lints, on a real PostgreSQL. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lintRevisions } from '../lint/lint.ts';
import { parseRevision } from '../revision.ts';
import { useShadows } from '../trial.fixture.ts';
import { plan } from './plan.ts';

const shadows = await useShadows();

const HEADS = 'create table app.heads (id int primary key)';

interface Case {
  readonly name: string;
  /** What stands between the parentheses of `app.hats`, before and after, and what else there is. */
  readonly from: string;
  readonly to: string;
  readonly beside?: readonly [readonly string[], readonly string[]];
  /** The statements of each revision, without what the first lines say. */
  readonly says: readonly string[];
}

const cases: readonly Case[] = [
  {
    name: 'an index is built outside a transaction, in a revision of its own',
    from: 'id int primary key, size int',
    to: 'id int primary key, size int',
    beside: [[], ['create index hats_size_idx on app.hats (size) where size > 3']],
    says: [
      '-- transaction: off -- up create index concurrently hats_size_idx on app.hats (size) where (size > 3); -- down drop index concurrently app.hats_size_idx;',
    ],
  },
  {
    name: 'an index on a column that is new follows the column',
    from: 'id int primary key',
    to: 'id int primary key, size int',
    beside: [[], ['create unique index hats_size_idx on app.hats (size)']],
    says: [
      '-- up alter table app.hats add column size integer; -- down alter table app.hats drop column size;',
      '-- transaction: off -- up create unique index concurrently hats_size_idx on app.hats (size); -- down drop index concurrently app.hats_size_idx;',
    ],
  },
  {
    name: 'an index that becomes another is built beside the old one, which goes then',
    from: 'id int primary key, size int, age int',
    to: 'id int primary key, size int, age int',
    beside: [['create index hats_idx on app.hats (size)'], ['create index hats_idx on app.hats (size, age)']],
    says: [
      '-- transaction: off -- up create index concurrently hats_idx__new on app.hats (size, age); drop index concurrently app.hats_idx; alter index app.hats_idx__new rename to hats_idx; ' +
        '-- down create index concurrently hats_idx__new on app.hats (size); drop index concurrently app.hats_idx; alter index app.hats_idx__new rename to hats_idx;',
    ],
  },
  {
    name: 'a unique constraint takes an index that is built before',
    from: 'id int primary key, "the size" int',
    to: 'id int primary key, "the size" int, constraint hats_key unique nulls not distinct ("the size") include (id) deferrable initially deferred',
    says: [
      '-- transaction: off -- up create unique index concurrently hats_key on app.hats ("the size") include (id) nulls not distinct; ' +
        'alter table app.hats add constraint hats_key unique using index hats_key deferrable initially deferred; -- down alter table app.hats drop constraint hats_key;',
    ],
  },
  {
    name: 'a unique constraint that becomes another leaves no moment without one',
    from: 'id int primary key, size int, age int, constraint hats_key unique (size)',
    to: 'id int primary key, size int, age int, constraint hats_key unique (size, age)',
    says: [
      '-- transaction: off -- up create unique index concurrently hats_key__new on app.hats (size, age); ' +
        'alter table app.hats drop constraint hats_key, add constraint hats_key unique using index hats_key__new; ' +
        '-- down create unique index concurrently hats_key__new on app.hats (size); ' +
        'alter table app.hats drop constraint hats_key, add constraint hats_key unique using index hats_key__new;',
    ],
  },
  {
    name: 'a foreign key is checked after a commit',
    from: 'id int primary key, head int',
    to: 'id int primary key, head int constraint hats_head_fkey references app.heads on delete cascade',
    beside: [[HEADS], [HEADS]],
    says: [
      '-- up alter table app.hats add constraint hats_head_fkey foreign key (head) references app.heads(id) on delete cascade not valid; ' +
        '-- commit alter table app.hats validate constraint hats_head_fkey; -- down alter table app.hats drop constraint hats_head_fkey;',
    ],
  },
  {
    name: 'a foreign key to what is made unique follows it',
    from: 'id int primary key, size int',
    to: 'id int primary key, size int, constraint hats_key unique (size)',
    beside: [[HEADS], ['create table app.heads (id int primary key, size int constraint heads_size_fkey references app.hats (size))']],
    says: [
      '-- up alter table app.heads add column size integer; -- down alter table app.heads drop column size;',
      '-- transaction: off -- up create unique index concurrently hats_key on app.hats (size); alter table app.hats add constraint hats_key unique using index hats_key; ' +
        'alter table app.heads add constraint heads_size_fkey foreign key (size) references app.hats(size) not valid; ' +
        'alter table app.heads validate constraint heads_size_fkey; -- down alter table app.heads drop constraint heads_size_fkey; alter table app.hats drop constraint hats_key;',
    ],
  },
  {
    name: 'a check is tried after a commit',
    from: 'id int primary key, size int',
    to: 'id int primary key, size int constraint hats_size_check check (size > 3)',
    says: [
      '-- up alter table app.hats add constraint hats_size_check check ((size > 3)) not valid; -- commit alter table app.hats validate constraint hats_size_check; ' +
        '-- down alter table app.hats drop constraint hats_size_check;',
    ],
  },
  {
    name: 'a column becomes not null by way of a check',
    from: 'id int primary key, size int',
    to: 'id int primary key, size int not null',
    says: [
      '-- up alter table app.hats add constraint size_is_not_null check (size is not null) not valid; -- commit alter table app.hats validate constraint size_is_not_null; ' +
        '-- commit alter table app.hats alter column size set not null; alter table app.hats drop constraint size_is_not_null; -- down alter table app.hats alter column size drop not null;',
    ],
  },
  {
    name: 'a table that is new is made as a whole',
    from: 'id int primary key',
    to: 'id int primary key',
    beside: [
      [],
      [
        'create table app.heads (id int primary key, size int not null check (size > 3), hat int references app.hats)',
        'create index on app.heads (hat)',
      ],
    ],
    says: [
      '-- up create table app.heads ( id integer not null, size integer not null, hat integer, constraint heads_pkey primary key (id), ' +
        'constraint heads_size_check check ((size > 3)) ); alter table app.heads add constraint heads_hat_fkey foreign key (hat) references app.hats(id); ' +
        'create index heads_hat_idx on app.heads (hat); -- down alter table app.heads drop constraint heads_hat_fkey; drop table app.heads;',
    ],
  },
];

for (const { name, from, to, beside = [[], []], says } of cases) {
  test(`${name}, and the lints say nothing`, async () => {
    // INF-4
    const [earlier, later] = beside;
    const isTable = (statement: string): boolean => statement.startsWith('create table ');
    const base = [...earlier.filter(isTable), `create table app.hats (${from})`, ...earlier.filter((statement) => !isTable(statement))];
    const target = ['create schema if not exists app', `create table app.hats (${to})`, ...later];
    const revisions = [parseRevision('20261101T0000_first.sql', `-- up\n${base.join(';\n')};\n-- down\nselect 1;\n`)];
    const found = await plan({ shadows, revisions, namespace: 'app', target, name: 'new hats', id: '20261120T2359' });
    assert.ok(found.kind === 'plan', JSON.stringify(found));
    const texts = found.files.map(({ text }) =>
      text
        .replace(/^-- new hats.*/, '')
        .replaceAll(/\s+/g, ' ')
        .trim(),
    );
    assert.deepEqual(texts, says);
    assert.deepEqual([found.losses, found.notes], [[], []]);
    const findings = await lintRevisions({
      shadows,
      revisions: [...revisions, ...found.files.map(({ revision }) => revision)],
      namespace: 'app',
    });
    // That rows may be in the way of what they must be is no fault of the way.
    assert.deepEqual(
      findings.filter(({ rule }) => rule !== 'may-fail-on-rows'),
      [],
    );
  });
}

test('an index and a foreign key of a partitioned table are left as they are, since PostgreSQL has no other way for them', async () => {
  const hats = (column: string): string => `create table app.hats (id int primary key, head int${column}) partition by range (id)`;
  const revisions = [parseRevision('20261101T0000_first.sql', `-- up\n${HEADS};\n${hats('')};\n-- down\nselect 1;\n`)];
  const target = ['create schema if not exists app', HEADS, hats(' references app.heads'), 'create index hats_head_idx on app.hats (head)'];
  const found = await plan({ shadows, revisions, namespace: 'app', target, name: 'new hats', id: '20261120T2359' });
  assert.ok(found.kind === 'plan', JSON.stringify(found));
  assert.deepEqual(
    found.files.map(({ text }) => /-- up\n([^]*)\n\n-- down/.exec(text)?.[1]?.split('\n').sort()),
    [
      [
        'alter table app.hats add constraint hats_head_fkey foreign key (head) references app.heads(id);',
        'create index hats_head_idx on app.hats (head);',
      ],
    ],
  );
});

test('where the safe way does not stand the proof, the plain one is written, and it is said', async () => {
  const kinds = (values: string): string => `create type app.kind as enum (${values})`;
  const hats = [
    "create table app.hats (id int primary key, kind app.kind not null default 'tall')",
    "create index hats_kind_idx on app.hats (kind) where kind <> 'tall'",
  ];
  const base = [kinds("'tall', 'flat'"), ...hats].join(';\n');
  const revisions = [parseRevision('20261101T0000_first.sql', `-- up\n${base};\n-- down\nselect 1;\n`)];
  const target = ['create schema if not exists app', kinds("'flat', 'tall'"), ...hats];
  const found = await plan({ shadows, revisions, namespace: 'app', target, name: 'new hats', id: '20261120T2359' });
  assert.ok(found.kind === 'plan', JSON.stringify(found));
  assert.match(found.files.map(({ text }) => text).join(''), /-- up\n[^]*create index hats_kind_idx on app\.hats \(kind\)[^]*-- down/);
  assert.match(found.notes.join(), /^Written without the safe way, which does not stand the proof here: /);
});
