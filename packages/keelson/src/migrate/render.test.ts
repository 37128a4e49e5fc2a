/** The first revision, made from tables, run up, down and up again on a real PostgreSQL. */
import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Clock, systemClock } from '../clock.ts';
import { isKeelsonError } from '../errors.ts';
import { createdAt, integer, jsonb, references, text, timestamptz, updatedAt, uuid, varchar } from '../schema/column.ts';
import { enumType } from '../schema/enum-type.ts';
import { sql } from '../schema/sql.ts';
import { check, index, table, uniqueIndex } from '../schema/table.ts';
import { readRevisions } from './folder.ts';
import { renderFirstRevision, writeFirstRevision } from './render.ts';
import { parseRevision } from './revision.ts';
import { Migrator } from './runner.ts';
import { useFolder, useScratch } from './trial.fixture.ts';

const clock: Clock = { ...systemClock, now: () => new Date('2026-11-20T10:30:45Z') };

const status = enumType('status', ['open', "it's", 'done']);
const people = table('people', { id: uuid().primaryKey(), email: varchar(320), createdAt: createdAt(), updatedAt: updatedAt() }, (t) => [
  uniqueIndex(sql`lower(${t.email})`),
]);
const tasks = table(
  'tasks',
  {
    id: uuid().primaryKey(),
    number: integer().unique(),
    ownerId: references(() => people, { onDelete: 'cascade' }),
    status: status().default('open'),
    dueAt: timestamptz().nullable(),
    notes: text().default("-- up\n-- commit\nit's; $$"),
    data: jsonb<{ readonly a: number }>().nullable(),
  },
  (t) => [index(t.status, t.dueAt), check(sql`${t.number} > 0`)],
);
const tables = [people, tasks];

const { scratch, connection } = await useScratch();
const directory = await useFolder();

/** Every table, column, constraint, index, enum value, function and trigger of a namespace, as PostgreSQL writes them. */
async function catalog(namespace: string): Promise<string[]> {
  const { rows } = await connection.query({
    text: `
      with n as (select oid from pg_namespace where nspname = $1),
        c as (select * from pg_class where relnamespace = (select oid from n) and relname not like 'keelson_migrations%')
      select concat_ws(' ', 'column', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid))
        from c join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and c.relkind = 'r'
        left join pg_attrdef as d on d.adrelid = c.oid and d.adnum = a.attnum
      union all select concat_ws(' ', 'constraint', conname, pg_get_constraintdef(oid)) from pg_constraint where conrelid in (select oid from c)
      union all select pg_get_indexdef(oid) from c where relkind = 'i'
      union all select concat_ws(' ', 'enum', t.typname, e.enumlabel, e.enumsortorder) from pg_enum as e join pg_type as t on t.oid = e.enumtypid
        where t.typnamespace = (select oid from n)
      union all select pg_get_functiondef(oid) from pg_proc where pronamespace = (select oid from n)
      union all select pg_get_triggerdef(oid) from pg_trigger where tgrelid in (select oid from c) and not tgisinternal
      order by 1`,
    name: undefined,
    values: [namespace],
  });
  return rows.map(([line]) => line ?? '');
}

test('the first revision goes up, down to nothing, and up again to the same catalogue', async () => {
  // GLK-11, INF-4, FND-7
  for (const words of ['first', `"first" $tag$ 'app'`]) {
    const namespace = scratch.namespace(words);
    const revision = parseRevision('20261120T1030_initial.sql', renderFirstRevision({ tables, namespace, name: 'initial' }));
    const migrator = new Migrator({ connection, revisions: [revision], namespace });
    await migrator.up();
    const made = await catalog(namespace);
    assert.ok(made.length > 20, made.join('\n'));
    await connection.command(`set search_path to ${JSON.stringify(namespace).replaceAll(String.raw`\"`, '""')}`);
    await connection.command("insert into people (email) values ('a@b')");
    await connection.command('insert into tasks (number, owner_id) select 1, id from people');
    const { rows } = await connection.command('select notes, substr(id::text, 15, 1), status from tasks');
    assert.deepEqual(rows, [["-- up\n-- commit\nit's; $$", '7', 'open']]);
    await connection.command('reset search_path');
    await migrator.down({ to: 'base' });
    assert.deepEqual(await catalog(namespace), []);
    await migrator.up();
    assert.deepEqual(await catalog(namespace), made);
  }
});

test('the namespace is left to the migrator, so that an owner without the right to create schemas can run the file', () => {
  const rendered = renderFirstRevision({ tables, namespace: 'first', name: 'Initial: all!' });
  assert.match(rendered, /^-- initial all\n-- Made from the tables\./);
  assert.doesNotMatch(rendered, /create schema/);
  assert.match(rendered, /create table first\.people \(/);
});

test('a first revision is written into an empty folder under the time and the name, whole and readable', async () => {
  // INF-4, LRP-6
  const folder = join(directory, 'new', 'migrations');
  const file = await writeFirstRevision(folder, { tables, namespace: 'app', name: 'Initial schema', clock });
  assert.equal(file, join(folder, '20261120T1030_initial_schema.sql'));
  assert.deepEqual(await readdir(folder), ['20261120T1030_initial_schema.sql']);
  assert.equal((await readRevisions(folder)).length, 1);
  await assert.rejects(
    writeFirstRevision(folder, { tables, namespace: 'app', name: 'second one', clock }),
    (error) =>
      isKeelsonError(error, 'MIGRATION_INVALID') &&
      /has revisions already \(20261120T1030_initial_schema\.sql\)/.test(error.message) &&
      /keelson migrate new/.test(error.hint),
  );
  assert.equal((await readdir(folder)).length, 1);
});

test('a template of the app is used, and refused when it has no place for the statements', async () => {
  // LRP-6
  const folder = join(directory, 'templated');
  await mkdir(folder);
  await writeFile(join(folder, 'template.sql'), '-- {{name}}, reviewed by two.\n-- up\n{{up}}\n-- down\n{{down}}\n');
  const file = await writeFirstRevision(folder, { tables, namespace: 'app', name: 'initial', clock });
  assert.match(await readFile(file, 'utf8'), /^-- initial, reviewed by two\.\n-- up\ndo \$keelson\$/);
  await rm(file);
  for (const [template, message] of [
    ['-- up\n{{up}}\n-- down\nselect 1;', /template\.sql: it has no \{\{down\}\}/],
    ['{{up}}\n-- down\n{{down}}\n', /20261120T1030_initial\.sql:\d+: `-- down` stands above `-- up`/],
  ] as const) {
    await writeFile(join(folder, 'template.sql'), template);
    await assert.rejects(
      writeFirstRevision(folder, { tables, namespace: 'app', name: 'initial', clock }),
      (error) => isKeelsonError(error, 'MIGRATION_INVALID') && message.test(error.message),
    );
    assert.deepEqual(await readdir(folder), ['template.sql']);
  }
});

test('a revision without tables, without a name or for no namespace is refused', () => {
  assert.throws(
    () => renderFirstRevision({ tables: [], namespace: 'app', name: 'x' }),
    (error) => isKeelsonError(error, 'MISUSE'),
  );
  assert.throws(
    () => renderFirstRevision({ tables, namespace: 'app', name: '…' }),
    (error) => isKeelsonError(error, 'USAGE'),
  );
  assert.throws(
    () => renderFirstRevision({ tables, namespace: '$user', name: 'x' }),
    (error) => isKeelsonError(error, 'MISUSE'),
  );
});
