/** Drift on a real PostgreSQL: what was done by hand is told, what others did beside the app is not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRevision } from '../revision.ts';
import { Migrator } from '../runner.ts';
import { useScratch, useShadows } from '../trial.fixture.ts';
import { drift } from './drift.ts';

const shadows = await useShadows();
const { connection: live } = await useScratch();

const namespace = 'app';
const revisions = [
  parseRevision(
    '20260101T0000_a.sql',
    '-- up\ncreate extension if not exists citext schema public;\ncreate table hats (id int primary key, size int);\n-- down\ndrop table hats;\n',
  ),
  parseRevision('20260102T0000_b.sql', '-- up\nalter table hats add colour text;\n-- down\nalter table hats drop colour;\n'),
];

test('a database that its revisions made does not differ, also while some are pending', async () => {
  // INF-10
  const first = revisions.slice(0, 1);
  await new Migrator({ connection: live, revisions: first, namespace }).up();
  assert.deepEqual(await drift({ live, shadows, revisions, namespace }), []);
  await new Migrator({ connection: live, revisions, namespace }).up();
  assert.deepEqual(await drift({ live, shadows, revisions, namespace }), []);
});

test('what others have in other schemas, and in public, is theirs', async () => {
  await live.command('create schema other; create table other.things (id int); create table public.theirs (id int)');
  assert.deepEqual(await drift({ live, shadows, revisions, namespace }), []);
});

test('what was done by hand is told in sentences', async () => {
  await live.command(
    'create index hats_by_hand on app.hats (size); alter table app.hats alter column colour set not null; drop extension citext',
  );
  const found = await drift({ live, shadows, revisions, namespace });
  assert.equal(found.length, 3, found.join('\n'));
  assert.ok(
    found.some((sentence) => /app\.hats_by_hand should not be there/.test(sentence)),
    found.join('\n'),
  );
  assert.ok(
    found.some((sentence) => /column app\.hats\.colour/.test(sentence)),
    found.join('\n'),
  );
  assert.ok(
    found.some((sentence) => /extension citext is missing/.test(sentence)),
    found.join('\n'),
  );
});

test('a history that contradicts the files is told first', async () => {
  const edited = [
    revisions[0],
    parseRevision('20260102T0000_b.sql', '-- up\nalter table hats add colour varchar;\n-- down\nalter table hats drop colour;\n'),
  ];
  const found = await drift({ live, shadows, revisions: edited.filter((revision) => revision !== undefined), namespace });
  assert.match(found[0] ?? '', /20260102T0000_b\.sql was changed/);
});
