/** Enums of the database keep step with those of the code, by revisions that a person has not written. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { makeDatabase, makeSample, type Sample } from './sample.fixture.ts';

/** Tokens with these statuses, of which the last is what a new one has. */
function program(statuses: readonly string[]): string {
  const [first, last] = [statuses.at(0), statuses.at(-1)].map((status) => JSON.stringify(status));
  return `/** The app of a test. */
import { main } from 'keelson/cli';
import { baseSettings, defineSettings } from 'keelson/config';
import { defineApp } from 'keelson/http';
import { enumType, index, integer, sql, table, uuid } from 'keelson/schema';
import { defineModel } from 'keelson/work';

const status = enumType('token_status', ${JSON.stringify(statuses)});
const tokens = table('tokens', { id: uuid().primaryKey(), number: integer(), status: status().default(${last}) }, (t) => [
  index(t.number, { where: sql\`\${t.status} = \${${first}}\` }),
]);
const app = defineApp({
  name: 'sample',
  version: '1.0.0',
  model: defineModel({ name: 'sample', tables: [tokens], repositories: {} }),
  settings: defineSettings(baseSettings),
  migrationsDirectory: new URL('./migrations', import.meta.url),
  services: () => ({}),
  routes: [],
});
if (import.meta.main) void main(app);
`;
}

interface Keelson {
  /** Runs a command; it must end with this code. */
  (argv: readonly string[], code?: number): Promise<string>;
}

function commandsOf(sample: Sample, url: string): Keelson {
  return async (argv, code = 0) => {
    const ended = await sample.run(argv, { DATABASE_URL: url });
    assert.equal(ended.code, code, `${argv.join(' ')}\n${ended.out}${ended.err}`);
    return ended.out + ended.err;
  };
}

// GLK-11 LRP-6 INF-4
test('a value that the code adds comes into the database by a revision, goes again, and is refused to go while rows hold it', async () => {
  using sample = makeSample({});
  await using database = await makeDatabase();
  const keelson = commandsOf(sample, database.url);
  const declare = (statuses: readonly string[]): void => writeFileSync(path.join(sample.folder, 'app.ts'), program(statuses));
  const labels = (): Promise<string> =>
    keelson(['db', 'sql', `select string_agg(enumlabel, ' ' order by enumsortorder) as labels from pg_enum`, '--json']);

  declare(['detected', 'ready']);
  await keelson(['migrate', 'new', 'initial']);
  await keelson(['migrate', 'up']);
  await keelson(['db', 'sql', 'insert into tokens (number) values (1)']);

  // In the middle, and what new rows have: it must be committed before it can be used.
  declare(['detected', 'generating', 'ready', 'archived']);
  await keelson(['migrate', 'new', 'more statuses']);
  const names = readdirSync(path.join(sample.folder, 'migrations')).filter((name) => name.endsWith('.sql'));
  assert.equal(names.length, 2, names.join(' '));
  for (const name of names) assert.match(name, /^\d{8}T\d{4}_(?:initial|more_statuses)\.sql$/u);
  const text = readFileSync(path.join(sample.folder, 'migrations', names.at(-1) ?? ''), 'utf8');
  assert.match(text, /^-- commit$/mu);
  await keelson(['migrate', 'up']);
  assert.match(await labels(), /"detected generating ready archived"/u);
  await keelson(['db', 'sql', 'insert into tokens (number) values (2)']);
  await keelson(['migrate', 'drift']);

  // A row holds the value that would go: nothing is lost, and it is said how many.
  const refused = await keelson(['migrate', 'down', '1'], 1);
  assert.match(refused, /MIGRATION_FAILED|archived/u);
  assert.match(refused, /\b1 row/u);
  assert.match(await keelson(['db', 'sql', 'select number, status from tokens order by number', '--json']), /"archived"/u);
  await keelson(['db', 'sql', "delete from tokens where status = 'archived'"]);
  await keelson(['migrate', 'down', '1']);
  assert.match(await labels(), /"detected ready"/u);
  await keelson(['migrate', 'up']);
  assert.match(await keelson(['db', 'sql', 'select number, status from tokens', '--json']), /"ready"/u);
  await keelson(['migrate', 'drift']);
  await keelson(['migrate', 'check']);
});
