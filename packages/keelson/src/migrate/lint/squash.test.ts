/** Squash on a real PostgreSQL: one revision that makes the same, taken over by databases that have the old ones, made anew in empty ones. */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { renderSchema } from '../../schema/ddl.ts';
import { uuid } from '../../schema/column.ts';
import { table } from '../../schema/table.ts';
import { readRevisions } from '../folder.ts';
import { checkLock } from '../lock-file.ts';
import { differences, readSnapshot } from '../plan/snapshot.ts';
import { Migrator } from '../runner.ts';
import { useFolder, useScratch, useShadows } from '../trial.fixture.ts';
import { namespace, refusal } from './squash.fixture.ts';
import { squash } from './squash.ts';

const shadows = await useShadows();
const { scratch } = await useScratch();

/** Of which the server of the tests makes nothing, since it has the function. */
const fallback = renderSchema([table('keys', { id: uuid().primaryKey() })], namespace)
  .up.filter((statement) => statement.startsWith('do '))
  .join('\n');
const FILES = {
  '20260101T0000_initial.sql': [
    `-- up\n${fallback}\ncreate type app.mood as enum ('glad', 'sad');`,
    'create table app.hats (id integer not null constraint hats_pkey primary key, "Odd name" text, feels app.mood);',
    '-- down\ndrop table app.hats;\ndrop type app.mood;\n',
  ].join('\n'),
  '20260102T0000_brim.sql': [
    "-- up\nalter type app.mood add value 'odd';\n-- commit",
    "alter table app.hats add column brim integer default 3, alter column feels set default 'odd';",
    'create index hats_brim_idx on app.hats (brim) where brim > 2;',
    'create view app.wide as select id from app.hats where brim > 10;',
    '-- down\nselect 1;\n',
  ].join('\n'),
};

test('many revisions become one that makes the same, and a database that has them takes it over', async () => {
  // INF-4
  const directory = await useFolder(FILES);
  const live = await scratch.connect();
  const old = await readRevisions(directory);
  await new Migrator({ connection: live, revisions: old, namespace }).up();
  await live.command('insert into app.hats (id) values (1)');
  const expected = await readSnapshot(live);
  const { file, removed } = await squash({ shadows, directory, namespace, name: 'Base of 2026' });
  assert.match(path.basename(file), /^\d{8}T\d{4}_base_of_2026\.sql$/);
  assert.deepEqual(
    removed,
    old.map((revision) => revision.file),
  );
  assert.deepEqual((await readdir(directory)).sort(), [path.basename(file), 'revisions.lock']);
  assert.match(await readFile(file, 'utf8'), /^-- replaces: 20260101T0000 20260102T0000$/m);
  assert.match(
    await readFile(file, 'utf8'),
    /^do \$keelson\$$[^]*uuidv7\(\) returns uuid[^]*^-- down$[^]*drop function if exists .*uuidv7\(\)/m,
  );
  const revisions = await readRevisions(directory);
  assert.deepEqual(await checkLock(directory, revisions), []);
  const adopted = await new Migrator({ connection: live, revisions, namespace }).up();
  assert.deepEqual(
    adopted.map(({ slug }) => slug),
    ['base_of_2026'],
  );
  assert.equal((await new Migrator({ connection: live, revisions, namespace }).status()).state, 'up_to_date');
  assert.equal((await live.command('select count(*)::text from app.hats')).rows[0]?.[0], '1');
  const shadow = await shadows.create();
  const fresh = await shadow.connect();
  const runs = await new Migrator({ connection: fresh, revisions, namespace }).up();
  assert.equal(runs.length, 1);
  assert.deepEqual(differences(await readSnapshot(fresh), expected), []);
  await shadow.drop();
});

test('less than two revisions are nothing to squash', async () => {
  assert.match(await refusal(shadows, await useFolder({})), /no revisions/);
  assert.match(
    await refusal(shadows, await useFolder({ '20260101T0000_initial.sql': FILES['20260101T0000_initial.sql'] })),
    /one revision/,
  );
});
